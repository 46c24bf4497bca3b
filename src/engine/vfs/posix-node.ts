// A resolved object, held by an O_PATH descriptor: no later rename or swap of names can turn it into another.
import { Errno } from "../../linux/errno.ts";
import { setModeFd, setTimesFd } from "../../linux/names.ts";
import { Open, closeFd, openAt, reopen } from "../../linux/open.ts";
import { Access, accessFd, emptyStatx, statFd } from "../../linux/stat.ts";
import { FileAttribute, SETTABLE_ATTRIBUTES, STORED_ATTRIBUTES } from "../../wire/fscc/attributes.ts";
import {
  emptyStat,
  fillStat,
  identityOf,
  isDotName,
  storeAttributes,
  storedAttributes,
} from "./attributes.ts";
import { ExtendedAttributes } from "./extended-attributes.ts";
import { splitPath } from "./names.ts";
import { PosixHandle } from "./posix-handle.ts";
import type { ShareContext } from "./share-context.ts";
import {
  type Failure,
  FileKind,
  type FileNode,
  type FileStat,
  type NamedValues,
  type OpenMode,
  type TimeChange,
} from "./store.ts";

const statx = emptyStatx();
// What the store has no place for outside the extended attribute; ARCHIVE is let go.
const KEPT_ONLY_STORED = SETTABLE_ATTRIBUTES & ~(FileAttribute.READONLY | FileAttribute.ARCHIVE);

export class PosixNode implements FileNode {
  readonly fd: number;
  readonly path: string;
  readonly identity: string;
  readonly values: NamedValues;
  private readonly context: ShareContext;
  private current: FileStat;
  private isClosed = false;

  private constructor(context: ShareContext, fd: number, path: string, identity: string, stat: FileStat) {
    this.context = context;
    this.fd = fd;
    this.path = path;
    this.identity = identity;
    this.current = stat;
    this.values = new ExtendedAttributes(fd);
  }

  /** Takes over `fd`, also when it fails. `path` is the on-disk path it was opened by. */
  static take(context: ShareContext, fd: number, path: string): PosixNode | Failure {
    const failure = statFd(fd, statx);
    if (failure < 0) {
      closeFd(fd);
      return failure;
    }
    const identity = identityOf(statx);
    const stored = context.grant.storeDosAttributes ? storedAttributes(fd) : undefined;
    const stat = fillStat(emptyStat(), statx, stored, splitPath(path).name, context.grant);
    return new PosixNode(context, fd, path, identity, stat);
  }

  get stat(): FileStat {
    return this.current;
  }

  refresh(): FileStat | Failure {
    if (this.isClosed) return -Errno.EBADF;
    const failure = statFd(this.fd, statx);
    if (failure < 0) return failure;
    const { grant } = this.context;
    const stored = grant.storeDosAttributes ? storedAttributes(this.fd) : undefined;
    this.current = fillStat(emptyStat(), statx, stored, splitPath(this.path).name, grant);
    return this.current;
  }

  open(mode: OpenMode): PosixHandle | Failure {
    if (this.isClosed) return -Errno.EBADF;
    const { kind } = this.current;
    // Opening a FIFO or a device would wait for, or act on, whatever is behind it.
    if (kind !== FileKind.FILE && kind !== FileKind.DIRECTORY) return -Errno.EACCES;
    if (mode.write && this.context.grant.readOnly) return -Errno.EROFS;
    const flags = kind === FileKind.DIRECTORY ? Open.RDONLY | Open.DIRECTORY : openFlagsOf(mode);
    const fd = this.context.asUser(() => this.openAgain(flags));
    if (fd < 0) return fd;
    return new PosixHandle(this.context, fd, this.path, this.current.device, mode);
  }

  access(): number {
    if (this.isClosed) return 0;
    const rights = this.context.asUser(() => this.askAccess());
    return rights < 0 ? 0 : rights;
  }

  setTimes(times: TimeChange): 0 | Failure {
    const refusal = this.refuseChange();
    if (refusal < 0) return refusal;
    const { access, modify, birth } = times;
    if (access !== undefined || modify !== undefined) {
      const set = () =>
        setTimesFd(
          this.fd,
          access?.seconds,
          access?.nanoseconds ?? 0,
          modify?.seconds,
          modify?.nanoseconds ?? 0,
        );
      const failure = this.asWriter(set);
      if (failure < 0) return failure;
    }
    return birth === undefined ? 0 : this.setBirth(birth.seconds, birth.nanoseconds);
  }

  setMode(mode: number): 0 | Failure {
    const refusal = this.refuseChange();
    if (refusal < 0) return refusal;
    return this.context.asUser(() => setModeFd(this.fd, mode & 0o7777));
  }

  setAttributes(attributes: number): 0 | Failure {
    const refusal = this.refuseChange();
    if (refusal < 0) return refusal;
    const stat = this.refresh();
    if (typeof stat === "number") return stat;
    const bits = (attributes & SETTABLE_ATTRIBUTES) | (stat.attributes & FileAttribute.SPARSE_FILE);
    if (this.context.grant.storeDosAttributes) {
      const failure = this.store(bits, stat);
      if (failure === 0) return this.makeWritable(bits, stat);
      if (failure !== -Errno.EOPNOTSUPP && failure !== -Errno.ENOSPC) return failure;
    }
    return this.keepInMode(bits, stat);
  }

  setSparse(isSparse: boolean): 0 | Failure {
    const refusal = this.refuseChange();
    if (refusal < 0) return refusal;
    const stat = this.refresh();
    if (typeof stat === "number") return stat;
    const others = storedBits(stat, this.path) & ~FileAttribute.SPARSE_FILE;
    if (!this.context.grant.storeDosAttributes) return -Errno.EOPNOTSUPP;
    return this.store(others | (isSparse ? FileAttribute.SPARSE_FILE : 0), stat);
  }

  close(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    closeFd(this.fd);
  }

  private store(bits: number, stat: FileStat): 0 | Failure {
    const { mode, birthSeconds, birthNanoseconds } = stat;
    return this.asWriter(() => storeAttributes(this.fd, mode, bits, birthSeconds, birthNanoseconds));
  }

  private refuseChange(): 0 | Failure {
    if (this.isClosed) return -Errno.EBADF;
    return this.context.grant.readOnly ? -Errno.EROFS : 0;
  }

  /** The name is opened once more where /proc is missing, and must still name this object. */
  private openAgain(flags: number): number {
    const fd = reopen(this.fd, flags);
    if (fd !== -Errno.ENOENT) return fd;
    const { parent, name } = splitPath(this.path);
    const directory = this.context.openDirectoryPath(parent);
    if (directory < 0) return directory;
    const other = openAt(directory, name === "" ? "." : name, flags | Open.NOFOLLOW);
    closeFd(directory);
    if (other < 0) return other;
    if (statFd(other, statx) === 0 && identityOf(statx) === this.identity) return other;
    closeFd(other);
    return -Errno.ENOENT;
  }

  private askAccess(): number {
    let rights = 0;
    const both = accessFd(this.fd, Access.READ | Access.WRITE);
    if (both === -Errno.ENOSYS || both === -Errno.EPERM) return this.accessByMode();
    if (both === 0) rights = Access.READ | Access.WRITE;
    else if (accessFd(this.fd, Access.READ) === 0) rights = Access.READ;
    else if (accessFd(this.fd, Access.WRITE) === 0) rights = Access.WRITE;
    return accessFd(this.fd, Access.EXECUTE) === 0 ? rights | Access.EXECUTE : rights;
  }

  /** By owner, group and mode alone, as path_resolution(7) tells it. */
  private accessByMode(): number {
    const { mode, uid, gid, kind } = this.current;
    const user = this.context.identity;
    if (user.uid === 0) return kind === FileKind.DIRECTORY || (mode & 0o111) !== 0 ? 7 : 6;
    if (user.uid === uid) return (mode >> 6) & 7;
    return user.gid === gid || user.groups.includes(gid) ? (mode >> 3) & 7 : mode & 7;
  }

  /**
   * Does `action` as the user, and where POSIX wants the owner but Windows would be content with the right to
   * write, as the server.
   */
  private asWriter(action: () => number): 0 | Failure {
    const failure = this.context.asUser(action);
    if (failure !== -Errno.EPERM && failure !== -Errno.EACCES) return failure;
    const { identity } = this.context;
    if (!identity.isSwitching) return failure;
    const mayWrite = this.current.uid === identity.uid || (this.access() & Access.WRITE) !== 0;
    return mayWrite ? action() : failure;
  }

  /** Where nothing keeps a birth time, it stays what the file system says. */
  private setBirth(seconds: number, nanoseconds: number): 0 | Failure {
    if (!this.context.grant.storeDosAttributes) return 0;
    const stat = this.refresh();
    if (typeof stat === "number") return stat;
    const failure = this.asWriter(() =>
      storeAttributes(this.fd, stat.mode, storedBits(stat, this.path), seconds, nanoseconds),
    );
    return failure === -Errno.EOPNOTSUPP ? 0 : failure;
  }

  /** READONLY taken away must also let the file be written: a mode without the owner's write bit gets it. */
  private makeWritable(bits: number, stat: FileStat): 0 | Failure {
    if (stat.kind !== FileKind.FILE || (bits & FileAttribute.READONLY) !== 0) return 0;
    if ((stat.attributes & FileAttribute.READONLY) === 0 || (stat.mode & 0o200) !== 0) return 0;
    return this.setMode(stat.mode | 0o200);
  }

  /** Without extended attributes: READONLY is the write bits of the mode, the rest cannot be kept. */
  private keepInMode(bits: number, stat: FileStat): 0 | Failure {
    const inherent = stat.attributes & KEPT_ONLY_STORED;
    if ((bits & KEPT_ONLY_STORED & ~inherent) !== 0) return -Errno.EOPNOTSUPP;
    if (stat.kind !== FileKind.FILE) return 0;
    const isReadOnly = (bits & FileAttribute.READONLY) !== 0;
    const { grant } = this.context;
    const mode = isReadOnly ? stat.mode & ~0o222 : stat.mode | 0o200 | (0o022 & grant.createMask);
    const changes = isReadOnly ? (stat.mode & 0o222) !== 0 : (stat.mode & 0o200) === 0;
    return changes ? this.setMode(mode) : 0;
  }
}

/** The bits to store for a file as it is: what its name alone makes HIDDEN is not stored. */
function storedBits(stat: FileStat, path: string): number {
  const bits = stat.attributes & STORED_ATTRIBUTES;
  return isDotName(splitPath(path).name) ? bits & ~FileAttribute.HIDDEN : bits;
}

function openFlagsOf(mode: OpenMode): number {
  const flags = mode.write ? (mode.read ? Open.RDWR : Open.WRONLY) : Open.RDONLY;
  return flags | Open.NOCTTY | (mode.writeThrough ? Open.DSYNC : 0);
}
