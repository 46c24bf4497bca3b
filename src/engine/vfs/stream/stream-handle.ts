// The handle of an open named stream. Every read loads the stored value, every write replaces it. Nothing is
// cached in between, so that changes by other programs are seen and open streams take no memory.
import { Errno } from "../../../linux/errno.ts";
import type { MaybePromise } from "../../../port/port.ts";
import { FileAttribute } from "../../../wire/fscc/attributes.ts";
import { andThen } from "../../and-then.ts";
import {
  type DirectoryEntry,
  type DirectoryStream,
  type Failure,
  type FileHandle,
  FileKind,
  type FileNode,
  type FileStat,
} from "../store.ts";
import { throughGate } from "./stream-gate.ts";
import {
  changeStream,
  createStream,
  maxStreamBytes,
  readStream,
  removeStream,
  type StreamForm,
} from "./stored-stream.ts";

/** NTFS allocates small streams in units of this size. */
const ALLOCATION_UNIT_BYTES = 8;
/** The stream was removed while open: together with its file's data, or by another program. */
const GONE = -Errno.ESTALE;

/**
 * The name and stored value of an open stream, shared by all its opens: a rename changes it for all of them.
 */
export class StreamName {
  /** As clients see it, without colon and type. */
  name: string;
  /** The named value that stores it. */
  key: string;
  private last: Promise<unknown> | undefined;

  constructor(name: string, key: string) {
    this.name = name;
    this.key = key;
  }

  /**
   * Runs steps one after the other: a read-modify-write of the value must not be interleaved with another.
   */
  run<T>(step: () => MaybePromise<T>): MaybePromise<T> {
    const outcome = this.last === undefined ? step() : this.last.then(step);
    if (!(outcome instanceof Promise)) return outcome;
    const settled = outcome
      .catch(() => undefined)
      .then(() => {
        if (this.last === settled) this.last = undefined;
      });
    this.last = settled;
    return outcome;
  }
}

export class StreamHandle implements FileHandle {
  readonly canWrite: boolean;
  /** Replaced by the object that earlier opens of the stream share. */
  place: StreamName;
  private readonly node: FileNode;
  private readonly form: StreamForm;
  private readonly isWriteThrough: boolean;

  /** `node` is the file that the stream belongs to; the caller closes it. */
  constructor(
    node: FileNode,
    place: StreamName,
    form: StreamForm,
    canWrite: boolean,
    isWriteThrough: boolean,
  ) {
    this.node = node;
    this.form = form;
    this.place = place;
    this.canWrite = canWrite;
    this.isWriteThrough = isWriteThrough;
  }

  /** Creates the stream; -EEXIST if it exists. */
  create(): MaybePromise<0 | Failure> {
    return this.place.run(() => createStream(this.node.values, this.place.key, this.form));
  }

  /** Removes the stream; -ENODATA if it does not exist. */
  remove(): MaybePromise<0 | Failure> {
    return this.place.run(() => removeStream(this.node.values, this.place.key));
  }

  private load(): MaybePromise<Uint8Array | Failure> {
    return andThen(
      this.place.run(() => readStream(this.node.values, this.place.key, this.form)),
      (data) => (data === -Errno.ENODATA ? GONE : data),
    );
  }

  read(bytes: Uint8Array, at: number, length: number, offset: number): MaybePromise<number> {
    return andThen(this.load(), (data) => {
      if (typeof data === "number") return data;
      if (offset >= data.length) return 0;
      const part = data.subarray(offset, offset + length);
      bytes.set(part, at);
      return part.length;
    });
  }

  write(bytes: Uint8Array, at: number, length: number, offset: number): MaybePromise<number> {
    const end = offset + length;
    if (end > maxStreamBytes(this.node.values, this.form)) return -Errno.ENOSPC;
    const changed = this.change((data) => {
      const larger = new Uint8Array(Math.max(data.length, end));
      larger.set(data);
      larger.set(bytes.subarray(at, at + length), offset);
      return larger;
    });
    return andThen(changed, (result) => (result < 0 ? result : length));
  }

  /** Returns the file's attributes with the kind and the sizes of the stream; [MS-FSA] 2.1.5.12. */
  stat(): MaybePromise<FileStat | Failure> {
    return andThen(this.node.refresh(), (stat) => {
      if (typeof stat === "number") return stat;
      return andThen(this.load(), (data) => {
        if (typeof data === "number") return data;
        return {
          ...stat,
          kind: FileKind.FILE,
          attributes: stat.attributes & ~FileAttribute.DIRECTORY,
          size: data.length,
          allocated: allocatedFor(data.length),
        };
      });
    });
  }

  truncate(size: number): MaybePromise<0 | Failure> {
    if (size > maxStreamBytes(this.node.values, this.form)) return -Errno.ENOSPC;
    return this.change((data) => {
      if (size === data.length) return data;
      if (size < data.length) return data.slice(0, size);
      const larger = new Uint8Array(size);
      larger.set(data);
      return larger;
    });
  }

  /** Reserves nothing; returns -ENOSPC for a size that could never be written. */
  allocate(size: number): 0 | Failure {
    return size > maxStreamBytes(this.node.values, this.form) ? -Errno.ENOSPC : 0;
  }

  /** Writes zeros: a value cannot have holes. Returns the number of bytes zeroed within the stream. */
  zeroRange(offset: number, length: number): MaybePromise<number | Failure> {
    let count = 0;
    const changed = this.change((data) => {
      count = Math.max(0, Math.min(length, data.length - offset));
      return count === 0 ? data : data.slice().fill(0, offset, offset + count);
    });
    return andThen(changed, (result) => (result < 0 ? result : count));
  }

  flush(): MaybePromise<0 | Failure> {
    const isDirectory = this.node.stat.kind === FileKind.DIRECTORY;
    // A user who may change a stream can open the file itself for reading or for writing.
    const modes = [
      { read: true, write: false, writeThrough: false },
      { read: false, write: !isDirectory, writeThrough: false },
    ] as const;
    return andThen(this.node.open(modes[0]), (readable) =>
      typeof readable === "object"
        ? syncAndClose(readable)
        : andThen(this.node.open(modes[1]), (handle) =>
            typeof handle === "number" ? handle : syncAndClose(handle),
          ),
    );
  }

  list(): DirectoryStream {
    return NO_DIRECTORY;
  }

  /** Nothing to close: the descriptor belongs to the node. */
  close(): 0 {
    return 0;
  }

  private change(change: (data: Uint8Array) => Uint8Array | Failure): MaybePromise<0 | Failure> {
    const { node, place, form } = this;
    const changed = place.run(() =>
      throughGate(node, () => changeStream(node.values, place.key, form, change)),
    );
    return andThen(changed, (result) => {
      if (result < 0) return result === -Errno.ENODATA ? GONE : result;
      return this.isWriteThrough ? this.flush() : 0;
    });
  }
}

function syncAndClose(handle: FileHandle): MaybePromise<0 | Failure> {
  return andThen(handle.flush(), (result) => {
    handle.close();
    return result;
  });
}

/** Returns the allocation size to report for a stream of `size` bytes. */
export function allocatedFor(size: number): number {
  return Math.ceil(size / ALLOCATION_UNIT_BYTES) * ALLOCATION_UNIT_BYTES;
}

const NO_DIRECTORY: DirectoryStream = {
  next: (): DirectoryEntry | undefined | Failure => -Errno.ENOTDIR,
  unread: () => undefined,
  restart: () => undefined,
  close: () => undefined,
};
