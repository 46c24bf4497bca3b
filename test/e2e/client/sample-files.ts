// Files for transfers: random, sparse and whole trees, and digests to compare them by.
import {
  closeSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  statSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { randomBytes } from "node:crypto";
import { join } from "node:path";

const PART = 16 * 1024 * 1024;

/** A file of random bytes. */
export function writeRandomFile(path: string, size: number): void {
  const file = openSync(path, "w");
  for (let at = 0; at < size; at += PART) writeSync(file, randomBytes(Math.min(PART, size - at)));
  closeSync(file);
}

/** SHA-256 of a file's content, in hex. */
export function digestFile(path: string): string {
  const hasher = new Bun.CryptoHasher("sha256");
  const buffer = new Uint8Array(PART);
  const file = openSync(path, "r");
  for (;;) {
    const count = readSync(file, buffer);
    if (count === 0) break;
    hasher.update(buffer.subarray(0, count));
  }
  closeSync(file);
  return hasher.digest("hex");
}

const SAMPLE = 64 * 1024;

/** Where a sparse file of `size` bytes has data: at both ends and on both sides of 2^31 and 2^32. */
function sampleOffsets(size: number): number[] {
  const places = [0, 2 ** 31 - SAMPLE / 2, 2 ** 32 - SAMPLE / 2, size - SAMPLE];
  return places.filter((offset) => offset >= 0 && offset + SAMPLE <= size);
}

/** A file of holes with random data at the places that `digestSamples` looks at. */
export function writeSparseFile(path: string, size: number): void {
  const file = openSync(path, "w");
  ftruncateSync(file, size);
  for (const offset of sampleOffsets(size)) writeSync(file, randomBytes(SAMPLE), 0, SAMPLE, offset);
  closeSync(file);
}

/** Digests of a file's sampled places, and of some between them, from its bytes in sequence. */
export class SampleDigest {
  private position = 0;
  private readonly windows: readonly { readonly from: number; readonly hasher: Bun.CryptoHasher }[];

  /** `size` is what the file should have: it says where to look. */
  constructor(size: number) {
    const between = Array.from({ length: 16 }, (_, index) => Math.floor((size / 16) * index));
    this.windows = [...sampleOffsets(size), ...between].map((from) => ({
      from,
      hasher: new Bun.CryptoHasher("sha256"),
    }));
  }

  /** Takes the next bytes. */
  update(chunk: Uint8Array): void {
    const end = this.position + chunk.length;
    for (const { from, hasher } of this.windows) {
      const start = Math.max(from, this.position);
      const stop = Math.min(from + SAMPLE, end);
      if (start < stop) hasher.update(chunk.subarray(start - this.position, stop - this.position));
    }
    this.position = end;
  }

  /** Feeds the windows that begin at `from`, and no other. */
  take(from: number, bytes: Uint8Array): void {
    for (const window of this.windows) if (window.from === from) window.hasher.update(bytes);
  }

  get offsets(): readonly number[] {
    return this.windows.map(({ from }) => from);
  }

  /** The size and all digests, in one line. */
  finish(size = this.position): string {
    return `${size} ${this.windows.map(({ hasher }) => hasher.digest("hex").slice(0, 16)).join(" ")}`;
  }
}

/** Size and digests of the sampled places of a file on disk. */
export function digestSamples(path: string): string {
  const { size } = statSync(path);
  const digest = new SampleDigest(size);
  const buffer = new Uint8Array(SAMPLE);
  const file = openSync(path, "r");
  for (const offset of new Set(digest.offsets)) {
    const count = readSync(file, buffer, 0, SAMPLE, offset);
    digest.take(offset, buffer.subarray(0, count));
  }
  closeSync(file);
  return digest.finish(size);
}

/** A tree of `files` small files, 20 a folder, folders nested by threes. */
export function writeTree(root: string, files: number): void {
  mkdirSync(root, { recursive: true });
  for (let index = 0; index < files; index++) {
    const folder = Math.floor(index / 20);
    const path = join(root, `branch ${folder % 3}`, `twig ${folder}`);
    mkdirSync(path, { recursive: true });
    writeFileSync(join(path, `leaf ${index}.txt`), randomBytes(index * 13));
  }
}

/** Every file and folder below `root`, with the files' digests, sorted. */
export function describeTree(root: string): string[] {
  const lines: string[] = [];
  const walk = (path: string, name: string): void => {
    for (const entry of readdirSync(path, { withFileTypes: true })) {
      const below = `${name}/${entry.name}`;
      if (entry.isDirectory()) {
        lines.push(below);
        walk(join(path, entry.name), below);
      } else {
        const hash = new Bun.CryptoHasher("sha256").update(readFileSync(join(path, entry.name)));
        lines.push(`${below} ${hash.digest("hex")}`);
      }
    }
  };
  walk(root, "");
  return lines.sort();
}
