// The handle of an open named stream. Every call finds the stored value anew, so that changes by other
// programs are seen and open streams take no memory.
import { Errno } from "../../../linux/errno.ts";
import type { MaybePromise } from "../../../port/port.ts";
import { FileAttribute } from "../../../wire/fscc/attributes.ts";
import { andThen } from "../../and-then.ts";
import {
  type Count,
  type DirectoryEntry,
  type DirectoryStream,
  type Failure,
  type FileHandle,
  FileKind,
  type FileNode,
  type FileStat,
  isFailure,
} from "../store.ts";
import { ChangesUnderWay } from "../changes-under-way.ts";
import type { TransferBuffer } from "../transfer-buffer.ts";
import { throughGate } from "./stream-gate.ts";
import { maxStreamBytes, type StreamForm } from "./stored-stream.ts";
import { createStream, removeStream, truncateStream, writeStreamAt, zeroStream } from "./stream-change.ts";
import { measureStream, readStreamAt } from "./stream-content.ts";

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
  streamName: StreamName;
  protected readonly node: FileNode;
  protected readonly form: StreamForm;
  private readonly isWriteThrough: boolean;
  private readonly changes = new ChangesUnderWay();

  /** `node` is the file that the stream belongs to; the caller closes it. */
  constructor(
    node: FileNode,
    streamName: StreamName,
    form: StreamForm,
    canWrite: boolean,
    isWriteThrough: boolean,
  ) {
    this.node = node;
    this.form = form;
    this.streamName = streamName;
    this.canWrite = canWrite;
    this.isWriteThrough = isWriteThrough;
  }

  get changing(): Promise<void> | undefined {
    return this.changes.end;
  }

  /** Creates the stream; -EEXIST if it exists. */
  create(): MaybePromise<0 | Failure> {
    return this.streamName.run(() => createStream(this.node.values, this.streamName.key, this.form));
  }

  /** Removes the stream; -ENODATA if it does not exist. */
  remove(): MaybePromise<0 | Failure> {
    return this.streamName.run(() => removeStream(this.node.values, this.streamName.key));
  }

  read(buffer: TransferBuffer, at: number, length: number, offset: number): MaybePromise<Count | Failure> {
    const { node, streamName, form } = this;
    const read = streamName.run(() =>
      readStreamAt(node.values, streamName.key, form, buffer, at, length, offset),
    );
    return andThen(read, (count) => (count === -Errno.ENODATA ? GONE : count));
  }

  write(buffer: TransferBuffer, at: number, length: number, offset: number): MaybePromise<Count | Failure> {
    const { values } = this.node;
    if (offset + length > maxStreamBytes(values, this.form)) return -Errno.ENOSPC;
    return this.change(length, (key) => writeStreamAt(values, key, this.form, buffer, at, length, offset));
  }

  /** Returns the file's attributes with the kind and the sizes of the stream; [MS-FSA] 2.1.5.12. */
  stat(): MaybePromise<FileStat | Failure> {
    return andThen(this.node.refresh(), (stat) => {
      if (typeof stat === "number") return stat;
      return andThen(this.measure(), (size) => {
        if (isFailure(size)) return size;
        return {
          ...stat,
          kind: FileKind.FILE,
          attributes: stat.attributes & ~FileAttribute.DIRECTORY,
          size,
          allocated: allocatedFor(size),
        };
      });
    });
  }

  /** The stream's size in bytes. */
  protected measure(): MaybePromise<Count | Failure> {
    const { node, streamName, form } = this;
    const measured = streamName.run(() => measureStream(node.values, streamName.key, form));
    return andThen(measured, (stream) => {
      if (typeof stream === "number") return stream === -Errno.ENODATA ? GONE : stream;
      return stream.size;
    });
  }

  truncate(size: number): MaybePromise<0 | Failure> {
    const { values } = this.node;
    if (size > maxStreamBytes(values, this.form)) return -Errno.ENOSPC;
    return this.change(0, (key) => truncateStream(values, key, this.form, size));
  }

  /** Reserves nothing; returns -ENOSPC for a size that could never be written. */
  allocate(size: number): 0 | Failure {
    return size > maxStreamBytes(this.node.values, this.form) ? -Errno.ENOSPC : 0;
  }

  /** Returns the number of bytes zeroed within the stream, possibly fewer than asked. */
  zeroRange(offset: number, length: number): MaybePromise<Count | Failure> {
    const { values } = this.node;
    return this.change(0, (key) => zeroStream(values, key, this.form, offset, length));
  }

  /** Syncs the file, with its attributes, and the stream's value where that is not one of them. */
  flush(): MaybePromise<0 | Failure> {
    const { large } = this.node.values;
    const flushed = large === undefined ? 0 : large.flush(this.streamName.key);
    return andThen(flushed, (result) =>
      result < 0 && result !== -Errno.ENODATA ? result : this.flushFile(),
    );
  }

  private flushFile(): MaybePromise<0 | Failure> {
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

  protected change<T extends number>(
    bytes: number,
    change: (key: string) => MaybePromise<T | Failure>,
  ): MaybePromise<T | Failure> {
    const { node, streamName } = this;
    const changed = streamName.run(() => throughGate(node, bytes, () => change(streamName.key)));
    return andThen(this.changes.track(changed), (result) => {
      if (result < 0) return result === -Errno.ENODATA ? GONE : result;
      return this.isWriteThrough
        ? andThen(this.flush(), (flushed) => (flushed < 0 ? flushed : result))
        : result;
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
