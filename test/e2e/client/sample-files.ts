// Files for transfer tests: random files, sparse files and trees, and digests to compare them.
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

/** Writes a file of random bytes. */
export function writeRandomFile(path: string, size: number): void {
  const file = openSync(path, "w");
  for (let at = 0; at < size; at += PART) writeSync(file, randomBytes(Math.min(PART, size - at)));
  closeSync(file);
}

/** Returns the SHA-256 of a file's content in hex. */
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

/** Offsets of the data in a sparse file of `size` bytes: at both ends and across 2^31 and 2^32. */
function sampleOffsets(size: number): number[] {
  const places = [0, 2 ** 31 - SAMPLE / 2, 2 ** 32 - SAMPLE / 2, size - SAMPLE];
  return places.filter((offset) => offset >= 0 && offset + SAMPLE <= size);
}

/** Writes a sparse file with random data at the offsets that `digestSamples` reads. */
export function writeSparseFile(path: string, size: number): void {
  const file = openSync(path, "w");
  ftruncateSync(file, size);
  for (const offset of sampleOffsets(size)) writeSync(file, randomBytes(SAMPLE), 0, SAMPLE, offset);
  closeSync(file);
}

/** Digests of a file's sampled parts and of 16 evenly spaced others, computed from its bytes in sequence. */
export class SampleDigest {
  private position = 0;
  private readonly windows: readonly { readonly from: number; readonly hasher: Bun.CryptoHasher }[];

  /** `size` is the expected size of the file; the sampled offsets depend on it. */
  constructor(size: number) {
    const between = Array.from({ length: 16 }, (_, index) => Math.floor((size / 16) * index));
    this.windows = [...sampleOffsets(size), ...between].map((from) => ({
      from,
      hasher: new Bun.CryptoHasher("sha256"),
    }));
  }

  /** Adds the next bytes of the file. */
  update(chunk: Uint8Array): void {
    const end = this.position + chunk.length;
    for (const { from, hasher } of this.windows) {
      const start = Math.max(from, this.position);
      const stop = Math.min(from + SAMPLE, end);
      if (start < stop) hasher.update(chunk.subarray(start - this.position, stop - this.position));
    }
    this.position = end;
  }

  /** Adds bytes only to the windows that begin at `from`. */
  take(from: number, bytes: Uint8Array): void {
    for (const window of this.windows) if (window.from === from) window.hasher.update(bytes);
  }

  get offsets(): readonly number[] {
    return this.windows.map(({ from }) => from);
  }

  /** Returns the size and all digests in one line. */
  finish(size = this.position): string {
    return `${size} ${this.windows.map(({ hasher }) => hasher.digest("hex").slice(0, 16)).join(" ")}`;
  }
}

/** The line of SampleDigest for a file on disk. */
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

/** Writes a tree of `files` small files, 20 to a folder, the folders below three branches. */
export function writeTree(root: string, files: number): void {
  mkdirSync(root, { recursive: true });
  for (let index = 0; index < files; index++) {
    const folder = Math.floor(index / 20);
    const path = join(root, `branch ${folder % 3}`, `twig ${folder}`);
    mkdirSync(path, { recursive: true });
    writeFileSync(join(path, `leaf ${index}.txt`), randomBytes(index * 13));
  }
}

/** Lists every file (with its SHA-256) and folder below `root`, sorted. */
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
