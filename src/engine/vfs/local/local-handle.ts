// Open data of a file, or an open directory, on a descriptor of its own.
import { fsync, ftruncate } from "node:fs";
import { Errno } from "../../../linux/errno.ts";
import { Falloc, allocate, truncateFd } from "../../../linux/io.ts";
import { LockType, lockRange } from "../../../linux/locks.ts";
import { setNoAccessTime } from "../../../linux/open.ts";
import { emptyStatx, statFd } from "../../../linux/stat.ts";
import type { MaybePromise } from "../../../port/port.ts";
import type { OperationArgs, OperationName, OperationResult } from "../disk/operations.ts";
import { LocalDirectoryStream } from "./directory-stream.ts";
import type { MountedVolume } from "../volume/mounted-volume.ts";
import { Pending, PendingOnBoth } from "../volume/pending.ts";
import type { ShareDisk } from "./share-disk.ts";
import type { Count, DirectoryStream, Failure, FileHandle, FileStat, OpenMode } from "../store.ts";
import type { ListOptions } from "../listed.ts";
import { ChangesUnderWay } from "../changes-under-way.ts";
import type { TransferBuffer } from "../transfer-buffer.ts";
import { type OpenData, readFile, viaPool, writeFile } from "./transfer.ts";

/** The largest size that ftruncate of node:fs takes. */
const MAX_POOL_SIZE = 2 ** 52 - 1;
/** Size changes up to this many bytes are made on the event loop; freeing or zeroing more may take long. */
const MAX_DIRECT_TRUNCATE_BYTES = 1_048_576;
/** Larger allocations are made by a worker: FAT takes seconds for a large file. */
const MAX_DIRECT_ALLOCATION_BYTES = 67_108_864;

const LOCK_TYPES = { nothing: LockType.UNLOCK, shared: LockType.READ, exclusive: LockType.WRITE } as const;

const statx = emptyStatx();

export class LocalHandle implements FileHandle, OpenData {
  readonly canWrite: boolean;
  readonly disk: ShareDisk;
  readonly volume: MountedVolume;
  readonly fd: number;
  private path: string;
  private readonly isWriteThrough: boolean;
  readonly pending = new Pending();
  private readonly changes = new ChangesUnderWay();
  private isClosed = false;

  /** Takes over `fd`, on `volume`. `path` is the on-disk path at the time of opening. */
  constructor(disk: ShareDisk, volume: MountedVolume, fd: number, path: string, mode: OpenMode) {
    this.disk = disk;
    this.volume = volume;
    this.fd = fd;
    this.path = path;
    this.isWriteThrough = mode.writeThrough;
    this.canWrite = mode.write;
    disk.root.retain();
  }

  get changing(): Promise<void> | undefined {
    return this.changes.end;
  }

  read(buffer: TransferBuffer, at: number, length: number, offset: number): MaybePromise<Count | Failure> {
    if (this.isClosed) return -Errno.EBADF;
    return readFile(this, buffer, at, length, offset);
  }

  write(buffer: TransferBuffer, at: number, length: number, offset: number): MaybePromise<Count | Failure> {
    if (this.isClosed) return -Errno.EBADF;
    // A write-through descriptor is O_DSYNC: every write waits for the disk.
    return this.changes.track(writeFile(this, buffer, at, length, offset, !this.isWriteThrough));
  }

  stat(): MaybePromise<FileStat | Failure> {
    if (this.isClosed) return -Errno.EBADF;
    return this.disk.runOn(this.volume, this.pending, "stat", [this.fd, this.path]);
  }

  truncate(size: number): MaybePromise<0 | Failure> {
    if (this.isClosed) return -Errno.EBADF;
    if (size > MAX_POOL_SIZE || !this.volume.isResponsive(performance.now())) {
      return this.changes.track(this.runLong("truncate", [this.fd, size]));
    }
    const failure = statFd(this.fd, statx);
    if (failure < 0) return failure;
    const isSmall = statx.size === size || Math.abs(statx.size - size) <= MAX_DIRECT_TRUNCATE_BYTES;
    if (isSmall) return truncateFd(this.fd, size);
    return this.changes.track(
      viaPool(
        this,
        (done) => ftruncate(this.fd, size, done),
        () => this.runLong("truncate", [this.fd, size]),
      ),
    );
  }

  allocate(size: number): MaybePromise<0 | Failure> {
    if (this.isClosed) return -Errno.EBADF;
    if (size === 0) return 0;
    if (size > MAX_DIRECT_ALLOCATION_BYTES || !this.volume.isResponsive(performance.now())) {
      return this.runLong("allocate", [this.fd, size]);
    }
    return allocate(this.fd, Falloc.KEEP_SIZE, 0, size);
  }

  flush(): MaybePromise<0 | Failure> {
    if (this.isClosed) return -Errno.EBADF;
    return viaPool(
      this,
      (done) => fsync(this.fd, done),
      () => this.runLong("sync", [this.fd]),
    );
  }

  lockRange(
    kind: "nothing" | "shared" | "exclusive",
    offset: bigint,
    length: bigint,
  ): MaybePromise<0 | Failure> {
    if (this.isClosed) return -Errno.EBADF;
    const type = LOCK_TYPES[kind];
    // Local file systems have their locks in memory.
    if (!this.volume.isRemote) return lockRange(this.fd, type, offset, length);
    return this.volume.callInWorker(this.disk, this.pending, "lockRange", [this.fd, type, offset, length]);
  }

  zeroRange(offset: number, length: number, frees: boolean): MaybePromise<Count | Failure> {
    return this.changes.track(this.runLong("zeroRange", [this.fd, offset, length, frees]));
  }

  allocatedRanges(offset: number, length: number, limit: number): MaybePromise<number[] | Failure> {
    return this.runLong("allocatedRanges", [this.fd, offset, length, limit]);
  }

  copyFrom(source: FileHandle, from: number, offset: number, length: number): MaybePromise<Count | Failure> {
    if (!(source instanceof LocalHandle)) return -Errno.EOPNOTSUPP;
    if (source.isClosed) return -Errno.EBADF;
    const both = new PendingOnBoth(this.pending, source.pending);
    return this.changes.track(this.runLong("copyRange", [source.fd, from, this.fd, offset, length], both));
  }

  cloneFrom(source: FileHandle, from: number, offset: number, length: number): MaybePromise<0 | Failure> {
    if (!(source instanceof LocalHandle)) return -Errno.EOPNOTSUPP;
    if (source.isClosed) return -Errno.EBADF;
    const both = new PendingOnBoth(this.pending, source.pending);
    return this.changes.track(this.runLong("cloneRange", [source.fd, from, this.fd, offset, length], both));
  }

  keepAccessTime(isKept: boolean): void {
    if (!this.isClosed) setNoAccessTime(this.fd, isKept);
  }

  list(options: ListOptions = {}): DirectoryStream {
    return new LocalDirectoryStream(
      this.disk,
      this.volume,
      this.isClosed ? -1 : this.fd,
      this.pending,
      this.path,
      options,
    );
  }

  /** Runs an operation that moves or frees data, which takes long on every disk: always in a worker. */
  private runLong<K extends OperationName>(
    name: K,
    args: OperationArgs<K>,
    pending: Pending = this.pending,
  ): MaybePromise<OperationResult<K> | Failure> {
    if (this.isClosed) return -Errno.EBADF;
    return this.volume.callInWorker(this.disk, pending, name, args);
  }

  renamed(path: string): void {
    this.path = path;
  }

  /** Closes the descriptor when the last operation under way has ended; its failure is unknown then. */
  close(): MaybePromise<0 | Failure> {
    if (this.isClosed) return 0;
    this.isClosed = true;
    if (this.pending.isIdle) return this.release();
    this.pending.afterAll(() => void this.release());
    return 0;
  }

  private release(): MaybePromise<0 | Failure> {
    const closed = this.disk.closeFd(this.volume, this.fd);
    this.disk.root.release();
    return closed;
  }
}
