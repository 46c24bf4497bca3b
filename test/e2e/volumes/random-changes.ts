// Random changes to a small tree by several clients at once, with a model in memory of what every file must
// be. The same seed gives the same changes. Changes that run at once are to different files, or to different
// parts of one, so their order does not matter.
import { expect } from "bun:test";
import { CreateDisposition, CreateOption } from "../../../src/wire/command/create.ts";
import { Access } from "../../../src/wire/security/access.ts";
import { FileAttribute } from "../../../src/wire/fscc/attributes.ts";
import { Fsctl } from "../../../src/wire/fscc/fsctl.ts";
import { FileInfoClass } from "../../../src/wire/fscc/info-class.ts";
import type { FileId } from "../../../src/wire/file-id.ts";
import { statusName } from "../../../src/wire/status.ts";
import { readAll, readAttributes, setAttributes, setBasic } from "../client/attribute-calls.ts";
import { copyCall, pair, resumeKey } from "../client/fsctl-calls.ts";
import type { Call } from "../client/raw-calls.ts";
import {
  closeFile,
  deleteCall,
  ioctlCall,
  listDirectory,
  type Mount,
  openFile,
  readFile,
  renameCall,
  setInfoCall,
  writeFile,
} from "../client/raw-files.ts";
import { queryStreamsOf } from "../client/stream-calls.ts";

const ALL = { desiredAccess: Access.MAXIMUM_ALLOWED };
const FOLDERS = ["", "one\\", "two\\"];
const NAMES = ["a", "b", "c", "d", "e", "f", "g", "h"];
const STREAMS = ["s1", "s2", "s3"];
const KEYS = ["K1", "K2", "K3"];
const AT_ONCE = 5;

class ModelFile {
  data: Uint8Array = new Uint8Array();
  streams = new Map<string, Uint8Array>();
  attributes = new Map<string, string>();
  isHidden = false;
}

type Change = (mount: Mount, name: string, file: ModelFile) => Promise<void>;

export class RandomChanges {
  private readonly mounts: readonly Mount[];
  private readonly files = new Map<string, ModelFile>();
  private state: number;
  /** One line for each change, for the message of a failure. */
  readonly story: string[] = [];

  constructor(mounts: readonly Mount[], seed: number) {
    this.mounts = mounts;
    this.state = seed;
  }

  /** Makes the directories. */
  async begin(): Promise<void> {
    const { client } = this.mounts[0] as Mount;
    await client.awaitCredits(8);
    for (const folder of FOLDERS.slice(1)) {
      const made = await openFile(this.mounts[0] as Mount, folder.slice(0, -1), {
        ...ALL,
        createDisposition: CreateDisposition.CREATE,
        createOptions: CreateOption.DIRECTORY_FILE,
      });
      await closeFile(this.mounts[0] as Mount, made.fileId);
    }
  }

  /** Makes several changes to different files at once. */
  async round(): Promise<void> {
    const busy = new Set<string>();
    const changes: Promise<void>[] = [];
    for (let i = 0; i < AT_ONCE; i++) {
      const name = this.name(busy);
      if (name === undefined) continue;
      busy.add(name);
      changes.push(this.change(this.mounts[i % this.mounts.length] as Mount, name, busy));
    }
    await Promise.all(changes);
  }

  /** Changes one file's data, streams, extended attributes and HIDDEN at once: no change may undo another. */
  async roundOnOne(): Promise<void> {
    const [name, file] = this.pick([...this.files]) ?? [];
    if (name === undefined || file === undefined) return;
    const changes = [
      this.write("", file.data, (data) => (file.data = data)),
      ...this.some(STREAMS, (stream) => {
        const old = file.streams.get(stream) ?? new Uint8Array();
        return this.write(`:${stream}`, old, (data) => file.streams.set(stream, data));
      }),
      ...this.some(KEYS, (key) => this.setAttribute(key)),
      this.hide(),
    ];
    await Promise.all(
      changes.map((change, i) => change(this.mounts[i % this.mounts.length] as Mount, name, file)),
    );
  }

  private some<T>(list: readonly T[], change: (one: T) => Change): Change[] {
    return list.filter(() => this.random(2) === 0).map(change);
  }

  /** Compares every file, as a client sees it, with the model. */
  async verify(mount: Mount): Promise<void> {
    for (const folder of FOLDERS) {
      const { fileId } = await openFile(mount, folder.slice(0, -1), {
        ...ALL,
        createOptions: CreateOption.DIRECTORY_FILE,
      });
      const found = (await listDirectory(mount, fileId)).map(({ name }) => name);
      await closeFile(mount, fileId);
      const expected = NAMES.filter((name) => this.files.has(folder + name));
      expect(found.filter((name) => NAMES.includes(name)).sort()).toEqual(expected);
    }
    for (const [name, file] of this.files) await this.verifyFile(mount, name, file);
  }

  private async verifyFile(mount: Mount, name: string, file: ModelFile): Promise<void> {
    const { fileId } = await openFile(mount, name, ALL);
    expect(await contentOf(mount, name), name).toBe(hash(file.data));
    const { streams } = await queryStreamsOf(mount, fileId);
    const found = streams.map((stream) => stream.name).filter((stream) => stream !== "::$DATA");
    expect(found.sort(), name).toEqual([...file.streams.keys()].sort().map((stream) => `:${stream}:$DATA`));
    for (const [stream, data] of file.streams) {
      expect(await contentOf(mount, `${name}:${stream}`), `${name}:${stream}`).toBe(hash(data));
    }
    const attributes = await readAttributes(mount, fileId, { flags: 0 });
    expect(typeof attributes === "number" ? {} : attributes, name).toEqual(
      Object.fromEntries(file.attributes),
    );
    const isHidden = ((await readAll(mount, fileId)).attributes & FileAttribute.HIDDEN) !== 0;
    expect(isHidden, name).toBe(file.isHidden);
    await closeFile(mount, fileId);
  }

  private random(below: number): number {
    this.state ^= this.state << 13;
    this.state ^= this.state >>> 17;
    this.state ^= this.state << 5;
    return (this.state >>> 0) % below;
  }

  private pick<T>(list: readonly T[]): T {
    return list[this.random(list.length)] as T;
  }

  private name(busy: ReadonlySet<string>): string | undefined {
    const name = this.pick(FOLDERS) + this.pick(NAMES);
    return busy.has(name) ? undefined : name;
  }

  private bytes(large: boolean): Uint8Array {
    const bytes = new Uint8Array(1 + this.random(large && this.random(4) === 0 ? 90_000 : 3000));
    return bytes
      .fill(1 + this.random(255), 0, bytes.length - 1)
      .fill(1 + this.random(255), bytes.length >> 1);
  }

  private change(mount: Mount, name: string, busy: Set<string>): Promise<void> {
    const file = this.files.get(name);
    if (file === undefined || this.random(12) === 0) return this.make(mount, name);
    const pickChange = this.pick<() => Change>([
      () => this.write("", file.data, (data) => (file.data = data)),
      () => this.write("", file.data, (data) => (file.data = data)),
      () => this.resize("", file.data, (data) => (file.data = data)),
      () => this.zero(),
      () => this.writeStream(file),
      () => this.writeStream(file),
      () => this.resizeStream(file),
      () => this.removeStream(file),
      () => this.renameStream(file),
      () => this.setAttribute(),
      () => this.setAttribute(),
      () => this.hide(),
      () => this.copy(busy),
      () => this.move(busy),
      () => this.move(busy),
      () => this.remove(),
    ]);
    return pickChange()(mount, name, file);
  }

  private tell(line: string): void {
    this.story.push(line);
  }

  private async make(mount: Mount, name: string): Promise<void> {
    this.tell(`make ${name}${this.files.has(name) ? " anew" : ""}`);
    const file = new ModelFile();
    // Overwriting keeps extended attributes, as smbd does.
    file.attributes = this.files.get(name)?.attributes ?? file.attributes;
    file.isHidden = true;
    this.files.set(name, file);
    const options = { ...ALL, createDisposition: CreateDisposition.OVERWRITE_IF };
    const opened = await openFile(mount, name, { ...options, fileAttributes: FileAttribute.HIDDEN });
    await closeFile(mount, opened.fileId);
  }

  private write(stream: string, old: Uint8Array, take: (data: Uint8Array) => void): Change {
    const piece = this.bytes(stream === "");
    const offset = this.random(Math.min(old.length, 120_000) + (stream === "" ? 5000 : 100));
    const data = new Uint8Array(Math.max(old.length, offset + piece.length));
    data.set(old);
    data.set(piece, offset);
    take(data);
    return (mount, name) => {
      this.tell(`write ${name}${stream} ${offset} ${piece.length}`);
      const createDisposition = CreateDisposition.OPEN_IF;
      return withFile(mount, name + stream, createDisposition, async (fileId) => {
        expect(await writeFile(mount, fileId, offset, piece)).toBe(piece.length);
      });
    };
  }

  private resize(stream: string, old: Uint8Array, take: (data: Uint8Array) => void): Change {
    const size = this.random(Math.max(1, old.length * 2));
    const data = new Uint8Array(size);
    data.set(old.subarray(0, size));
    take(data);
    const buffer = pair(BigInt(size), 0n).subarray(0, 8);
    return (mount, name) => {
      this.tell(`resize ${name}${stream} ${size}`);
      return withFile(mount, name + stream, CreateDisposition.OPEN, (fileId) =>
        demand(mount, "resize", setInfoCall(mount, fileId, FileInfoClass.END_OF_FILE, buffer)),
      );
    };
  }

  private zero(): Change {
    return (mount, name, file) => {
      const from = this.random(file.data.length + 1);
      const to = from + this.random(file.data.length + 1);
      this.tell(`zero ${name} ${from} ${to}`);
      file.data = file.data.slice().fill(0, from, Math.min(to, file.data.length));
      const range = pair(BigInt(from), BigInt(to));
      return withFile(mount, name, CreateDisposition.OPEN, (fileId) =>
        demand(mount, "zero", ioctlCall(mount, Fsctl.SET_ZERO_DATA, range, fileId)),
      );
    };
  }

  private writeStream(file: ModelFile): Change {
    const stream = this.pick(STREAMS);
    const old = file.streams.get(stream) ?? new Uint8Array();
    return this.write(`:${stream}`, old, (data) => file.streams.set(stream, data));
  }

  private resizeStream(file: ModelFile): Change {
    const [stream, data] = this.pick([...file.streams]) ?? [];
    if (stream === undefined || data === undefined) return nothing;
    return this.resize(`:${stream}`, data, (changed) => file.streams.set(stream, changed));
  }

  private removeStream(file: ModelFile): Change {
    const stream = this.pick([...file.streams.keys()]);
    if (stream === undefined) return nothing;
    file.streams.delete(stream);
    return (mount, name) => {
      this.tell(`remove ${name}:${stream}`);
      return withFile(mount, `${name}:${stream}`, CreateDisposition.OPEN, (fileId) =>
        demand(mount, "remove stream", deleteCall(mount, fileId)),
      );
    };
  }

  private renameStream(file: ModelFile): Change {
    const stream = this.pick([...file.streams.keys()]);
    const free = STREAMS.find((one) => !file.streams.has(one));
    if (stream === undefined || free === undefined) return nothing;
    file.streams.set(free, file.streams.get(stream) ?? new Uint8Array());
    file.streams.delete(stream);
    return (mount, name) => {
      this.tell(`rename ${name}:${stream} :${free}`);
      return withFile(mount, `${name}:${stream}`, CreateDisposition.OPEN, (fileId) =>
        demand(mount, "rename stream", renameCall(mount, fileId, `:${free}`, false)),
      );
    };
  }

  private setAttribute(key: string = this.pick(KEYS)): Change {
    const text = this.random(4) === 0 ? "" : "x".repeat(1 + this.random(200)) + String(this.random(1000));
    return (mount, name, { attributes }) => {
      this.tell(`attribute ${name} ${key} ${text.length}`);
      if (text === "") attributes.delete(key);
      else attributes.set(key, text);
      return withFile(mount, name, CreateDisposition.OPEN, async (fileId) => {
        expect(statusName(await setAttributes(mount, fileId, { [key]: text }))).toBe("STATUS_SUCCESS");
      });
    };
  }

  private hide(): Change {
    return (mount, name, file) => {
      file.isHidden = !file.isHidden;
      this.tell(`hide ${name} ${file.isHidden}`);
      const attributes = file.isHidden ? FileAttribute.HIDDEN : FileAttribute.NORMAL;
      return withFile(mount, name, CreateDisposition.OPEN, async (fileId) => {
        expect(statusName(await setBasic(mount, fileId, { attributes }))).toBe("STATUS_SUCCESS");
      });
    };
  }

  private copy(busy: Set<string>): Change {
    const from = this.name(busy);
    const source = from === undefined ? undefined : this.files.get(from);
    if (from === undefined || source === undefined || source.data.length === 0) return nothing;
    busy.add(from);
    const sourceOffset = this.random(source.data.length);
    const length = 1 + this.random(source.data.length - sourceOffset);
    const targetOffset = this.random(10_000);
    return (mount, name, file) => {
      this.tell(`copy ${from} ${sourceOffset} ${length} to ${name} ${targetOffset}`);
      const data = new Uint8Array(Math.max(file.data.length, targetOffset + length));
      data.set(file.data);
      data.set(source.data.subarray(sourceOffset, sourceOffset + length), targetOffset);
      file.data = data;
      return withFile(mount, from, CreateDisposition.OPEN, (sourceId) =>
        withFile(mount, name, CreateDisposition.OPEN, async (fileId) => {
          const key = await resumeKey(mount, sourceId);
          await demand(mount, "copy", copyCall(mount, fileId, key, [{ sourceOffset, targetOffset, length }]));
        }),
      );
    };
  }

  private move(busy: Set<string>): Change {
    const to = this.name(busy);
    if (to === undefined) return nothing;
    busy.add(to);
    return (mount, name, file) => {
      const isTaken = this.files.has(to);
      this.tell(`move ${name} ${to}${isTaken ? " over it" : ""}`);
      this.files.delete(name);
      this.files.set(to, file);
      return withFile(mount, name, CreateDisposition.OPEN, (fileId) =>
        demand(mount, "move", renameCall(mount, fileId, to, isTaken)),
      );
    };
  }

  private remove(): Change {
    return (mount, name) => {
      this.tell(`remove ${name}`);
      this.files.delete(name);
      return withFile(mount, name, CreateDisposition.OPEN, (fileId) =>
        demand(mount, "remove", deleteCall(mount, fileId)),
      );
    };
  }
}

const nothing: Change = () => Promise.resolve();

async function demand(mount: Mount, what: string, call: Call): Promise<void> {
  await mount.client.demand(what, call);
}

async function withFile(
  mount: Mount,
  name: string,
  createDisposition: CreateDisposition,
  action: (fileId: FileId) => Promise<void>,
): Promise<void> {
  const { fileId } = await openFile(mount, name, { ...ALL, createDisposition });
  await action(fileId);
  await closeFile(mount, fileId);
}

async function contentOf(mount: Mount, name: string): Promise<string> {
  const { fileId, file } = await openFile(mount, name, ALL);
  const data = file.size === 0 ? new Uint8Array() : await readFile(mount, fileId, 0, file.size);
  await closeFile(mount, fileId);
  return hash(data);
}

function hash(bytes: Uint8Array): string {
  return `${bytes.length} ${Bun.hash(bytes).toString(16)}`;
}
