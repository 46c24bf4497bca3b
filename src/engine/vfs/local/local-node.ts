// A resolved object, held by an O_PATH descriptor: it stays the same object whatever is renamed or swapped
// later.
import { close } from "node:fs";
import { Errno } from "../../../linux/errno.ts";
import { emptyStatx, statFd } from "../../../linux/stat.ts";
import type { MaybePromise } from "../../../port/port.ts";
import type { OperationArgs, OperationName, OperationResult } from "../disk/operations.ts";
import { snapshotSecondsOf } from "../snapshot/share-snapshots.ts";
import { andThen } from "../../and-then.ts";
import type { MountedVolume } from "../volume/mounted-volume.ts";
import { type NodeFacts, nodeAccess } from "../disk/node.ts";
import { Pending } from "../volume/pending.ts";
import { LocalHandle } from "./local-handle.ts";
import { NodeSecurity, NodeValues } from "./node-metadata.ts";
import type { TransferBuffer } from "../transfer-buffer.ts";
import type { ShareDisk } from "./share-disk.ts";
import {
  type Failure,
  FileKind,
  type FileNode,
  type FileStat,
  type ObjectSecurity,
  type OpenMode,
  type TimeChange,
} from "../store.ts";
import type { NamedValues } from "../value-store.ts";

/** Bytes from which the last close of a removed file takes longer than the thread pool's hand-over. */
const LARGE_BYTES = 16_777_216;
const facts = emptyStatx();

function isLargeRemoved(fd: number): boolean {
  return statFd(fd, facts) === 0 && facts.links === 0 && facts.size >= LARGE_BYTES;
}

export class LocalNode implements FileNode {
  readonly fd: number;
  path: string;
  readonly identity: string;
  private readonly disk: ShareDisk;
  /** The identity that disk operations compare; without a snapshot's time. */
  private readonly diskIdentity: string;
  private readonly volume: MountedVolume;
  private readonly pending = new Pending();
  private current: FileStat;
  private rights: number;
  private readonly areAttributes: boolean;
  isClosed = false;
  closing: Promise<void> | undefined;

  /** Takes over `fd`. `path` is the on-disk path it was opened by. */
  constructor(disk: ShareDisk, fd: number, path: string, facts: NodeFacts) {
    const { stat } = facts;
    this.disk = disk;
    this.fd = fd;
    this.path = path;
    this.diskIdentity = `${stat.device}:${stat.inodeHigh}:${stat.inodeLow}`;
    const snapshot = snapshotSecondsOf(disk.context.grant);
    this.identity = snapshot === undefined ? this.diskIdentity : `${this.diskIdentity}@${snapshot}`;
    this.current = stat;
    this.rights = facts.rights;
    this.areAttributes = facts.areAttributes;
    this.volume = disk.root.volumeOf(stat.device);
    disk.root.retain();
  }

  get stat(): FileStat {
    return this.current;
  }

  get values(): NamedValues {
    return new NodeValues(this, this.areAttributes);
  }

  get security(): ObjectSecurity {
    return new NodeSecurity(this);
  }

  refresh(): MaybePromise<FileStat | Failure> {
    if (this.isClosed) return -Errno.EBADF;
    return andThen(this.run("describe", this.fd, this.path), (facts) => {
      if (typeof facts === "number") return facts;
      this.rights = facts.rights;
      this.current = facts.stat;
      return facts.stat;
    });
  }

  open(mode: OpenMode): MaybePromise<LocalHandle | Failure> {
    if (this.isClosed) return -Errno.EBADF;
    const { kind } = this.current;
    // Opening a FIFO waits for its other end, and opening a device may act on it.
    if (kind !== FileKind.FILE && kind !== FileKind.DIRECTORY) return -Errno.EACCES;
    if (mode.write && this.disk.context.grant.readOnly) return -Errno.EROFS;
    return andThen(this.run("open", this.fd, this.path, this.diskIdentity, kind, mode), (fd) =>
      fd < 0 ? fd : new LocalHandle(this.disk, this.volume, fd, this.path, mode),
    );
  }

  access(): number {
    if (this.isClosed) return 0;
    // access(2) would ask the network or the FUSE process: the rights are those of the look-up or the last
    // refresh.
    if (this.volume.isRemote && this.rights >= 0) return this.rights;
    return nodeAccess(this.disk.context, this.fd, this.current);
  }

  readLink(): MaybePromise<string | Failure> {
    if (this.isClosed) return -Errno.EBADF;
    return this.current.kind === FileKind.SYMLINK ? this.run("readLink", this.fd) : -Errno.EINVAL;
  }

  deviceNumbers(): MaybePromise<readonly number[] | Failure> {
    if (this.isClosed) return -Errno.EBADF;
    return this.run("deviceNumbers", this.fd);
  }

  setTimes(times: TimeChange): MaybePromise<0 | Failure> {
    const refusal = this.refuseChange();
    return refusal < 0 ? refusal : this.run("setTimes", this.fd, this.path, times);
  }

  setMode(mode: number): MaybePromise<0 | Failure> {
    const refusal = this.refuseChange();
    return refusal < 0 ? refusal : this.run("setMode", this.fd, mode);
  }

  setAttributes(attributes: number): MaybePromise<0 | Failure> {
    const refusal = this.refuseChange();
    return refusal < 0 ? refusal : this.run("setAttributes", this.fd, this.path, attributes);
  }

  markForArchive(): MaybePromise<0 | Failure> {
    const refusal = this.refuseChange();
    return refusal < 0 ? refusal : this.run("markForArchive", this.fd, this.path);
  }

  setSparse(isSparse: boolean): MaybePromise<0 | Failure> {
    const refusal = this.refuseChange();
    return refusal < 0 ? refusal : this.run("setSparse", this.fd, this.path, isSparse);
  }

  /**
   * Runs an operation on this object, whose descriptor stays open until the operation has ended. -EBADF once
   * it is closed, as for the next step of a change that nobody waits for any more: another client's file may
   * have the number of the descriptor by then.
   */
  run<K extends OperationName>(
    name: K,
    ...args: OperationArgs<K>
  ): MaybePromise<OperationResult<K> | Failure> {
    return this.isClosed ? -Errno.EBADF : this.disk.runOn(this.volume, this.pending, name, args);
  }

  runNow<K extends OperationName>(name: K, ...args: OperationArgs<K>): OperationResult<K> | Failure {
    return this.isClosed ? -Errno.EBADF : this.disk.runNow(this.volume, name, args);
  }

  runInWorker<K extends OperationName>(
    name: K,
    args: OperationArgs<K>,
    buffer?: TransferBuffer,
  ): MaybePromise<OperationResult<K> | Failure> {
    return this.isClosed
      ? -Errno.EBADF
      : this.disk.runInWorker(this.volume, this.pending, name, args, buffer);
  }

  renamed(path: string): void {
    this.path = path;
  }

  /** Closes the descriptor when the last operation under way has ended. */
  close(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    if (this.pending.isIdle) this.release();
    else this.pending.afterAll(() => this.release());
  }

  private release(): void {
    const end = (): void => {
      this.disk.root.release();
    };
    const isFile = this.current.kind === FileKind.FILE;
    if (this.volume.isRemote || !isFile || !isLargeRemoved(this.fd)) {
      void this.disk.closeFd(this.volume, this.fd);
      end();
      return;
    }
    // Frees blocks and cached pages, which has taken 0.8 s for 4 GiB.
    this.closing = new Promise<void>((resolve) => close(this.fd, () => resolve())).then(end);
  }

  private refuseChange(): 0 | Failure {
    if (this.isClosed) return -Errno.EBADF;
    return this.disk.context.grant.readOnly ? -Errno.EROFS : 0;
  }
}
