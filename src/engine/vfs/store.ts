// What a file store answers to the engine: interfaces only. A failure is a negative errno number, as the kernel
// gives it; anything else is the answer. A call returns `T | Promise<T>`: the cached case is synchronous.
import type { Credentials, MaybePromise } from "../../port/port.ts";
import type { NumberOf } from "../../wire/status.ts";
import type { SecurityDescriptor } from "../../wire/security/security-descriptor.ts";
import type { PosixAcl } from "../security/posix-acl.ts";

/** A negative errno: -ENOENT and so on. */
export type Failure = NumberOf<"errno">;

/** How many bytes or entries; not negative. */
export type Count = NumberOf<"count">;

/** True for a failure. `result` is a failure or a number of another kind, which is never negative. */
export function isFailure(result: number): result is Failure {
  return result < 0;
}

export const FileKind = { FILE: 0, DIRECTORY: 1, SYMLINK: 2, OTHER: 3 } as const;
export type FileKind = (typeof FileKind)[keyof typeof FileKind];

/** Times are seconds since 1970 (may be negative) with nanoseconds apart; sizes are bytes. */
export interface FileStat {
  kind: FileKind;
  /** Permission bits, 07777. */
  mode: number;
  /** S_IFMT bits: what OTHER does not tell. */
  format: number;
  uid: number;
  gid: number;
  links: number;
  /** 0 for a directory. */
  size: number;
  /** Bytes allocated on disk; 0 for an empty file and for a directory. */
  allocated: number;
  /** dev_t as one number. With the inode it names the file. */
  device: number;
  inodeLow: number;
  inodeHigh: number;
  accessSeconds: number;
  accessNanoseconds: number;
  modifySeconds: number;
  modifyNanoseconds: number;
  /** ctime: any change of data or attributes. */
  changeSeconds: number;
  changeNanoseconds: number;
  /** Birth time; the oldest of the others where the file system keeps none. */
  birthSeconds: number;
  birthNanoseconds: number;
  /** FILE_ATTRIBUTE bits: stored ones, with DIRECTORY, HIDDEN for dot files and so on; never NORMAL. */
  attributes: number;
}

/** The result of resolving a path. `path` is the name on disk, as found, relative to the share's root. */
export interface Found {
  /** On-disk path without leading slash, `/` between components, "" for the root. */
  readonly path: string;
  /**
   * The last component as the client asked for it, in its on-disk form: other than in `path` where case was
   * folded, and the new name when a rename changes case alone.
   */
  readonly name: string;
  /** The object, or undefined where only the last component does not exist. */
  readonly node: FileNode | undefined;
}

export interface OpenMode {
  readonly read: boolean;
  readonly write: boolean;
  /** Write every byte through to the disk before answering (FILE_WRITE_THROUGH). */
  readonly writeThrough: boolean;
}

/**
 * Named values kept with an object: extended attributes of the disk, or what stands in for them where it has none.
 * Names are whole (`user.DOSATTRIB`, `security.NTACL`). Everything is done as the server: who may is decided before.
 */
export interface NamedValues {
  /** No value can be longer; a disk may take less. 65,536 for extended attributes, 16 MiB where a sidecar has them. */
  readonly maxValueBytes: number;
  /** The value, a copy; -ENODATA where there is none, -EOPNOTSUPP where none can be kept. */
  get(name: string): MaybePromise<Uint8Array | Failure>;
  /** Creates or replaces; -ENOSPC, -E2BIG or -ERANGE where it is too large for the disk. */
  set(name: string, value: Uint8Array): MaybePromise<0 | Failure>;
  /** -ENODATA where there is none. */
  remove(name: string): MaybePromise<0 | Failure>;
  /** All names; empty where none can be kept. */
  list(): MaybePromise<readonly string[] | Failure>;
  /** Where a value goes that its own place has no room for; `get`, `remove` and `list` find it there. */
  readonly overflow?: ValueOverflow;
}

export interface ValueOverflow {
  /** No value can be longer. */
  readonly maxBytes: number;
  /** As `NamedValues.set`, but where that has no room the value is kept elsewhere, whole. */
  set(name: string, value: Uint8Array): MaybePromise<0 | Failure>;
}

/** What is to become of an object's owner and rights. */
export interface SecurityChange {
  /** -1: as it is. */
  readonly uid: number;
  readonly gid: number;
  /** Undefined: as it is. */
  readonly acl: PosixAcl | undefined;
  /** A directory's default list; null: none; undefined: as it is. */
  readonly inherited: PosixAcl | null | undefined;
  /** Kept beside the object and bound to the rights on disk; undefined: none is kept any longer. */
  readonly descriptor: SecurityDescriptor | undefined;
}

export interface PosixRights {
  /** Where there is no list, what the mode says. */
  readonly access: PosixAcl;
  /** A directory's default list. */
  readonly inherited: PosixAcl | undefined;
}

/** Owner and rights of an object, as descriptors and as POSIX has them. Done as the server: who may is decided before. */
export interface ObjectSecurity {
  /** The descriptor kept, if it still belongs to the rights on disk; -ENODATA where there is none. */
  readDescriptor(): MaybePromise<SecurityDescriptor | Failure>;
  readRights(): MaybePromise<PosixRights | Failure>;
  /** -ENOSPC, -E2BIG or -ERANGE where the disk has no room for the descriptor; the rights may be changed by then. */
  write(change: SecurityChange): MaybePromise<0 | Failure>;
}

/** A resolved object, held by an O_PATH descriptor; reads and writes need `open`. Must be closed. */
export interface FileNode {
  readonly values: NamedValues;
  /** Undefined for what has no rights of its own. */
  readonly security?: ObjectSecurity;
  /** As of the lookup; `refresh` takes it anew. */
  readonly stat: FileStat;
  /** Device and inode as one string: the key of the open table. */
  readonly identity: string;
  refresh(): MaybePromise<FileStat | Failure>;
  /** Opens the data of this very object (no second path walk). A directory opens for `list`. */
  open(mode: OpenMode): MaybePromise<FileHandle | Failure>;
  /**
   * Rights of the store's user on this object by POSIX: bits 4 read, 2 write, 1 execute, as access(2) says them,
   * from mode, owner and groups. Never a promise.
   */
  access(): number;
  setTimes(times: TimeChange): MaybePromise<0 | Failure>;
  setMode(mode: number): MaybePromise<0 | Failure>;
  /** The target of a symlink, as it stands; absent where the store follows them all. */
  readLink?(): MaybePromise<string | Failure>;
  /** Major and minor number of what a device file stands for. */
  deviceNumbers?(): MaybePromise<readonly number[] | Failure>;
  /** Stores FILE_ATTRIBUTE bits; -EOPNOTSUPP where the store cannot keep them. */
  setAttributes(attributes: number): MaybePromise<0 | Failure>;
  /** Marks the file as sparse, or no longer; -EOPNOTSUPP where the store cannot keep that. */
  setSparse(isSparse: boolean): MaybePromise<0 | Failure>;
  /** The object has another on-disk path now. */
  renamed?(path: string): void;
  close(): void;
}

/** Undefined: leave as it is. */
export interface TimeChange {
  readonly access?: { readonly seconds: number; readonly nanoseconds: number } | undefined;
  readonly modify?: { readonly seconds: number; readonly nanoseconds: number } | undefined;
  readonly birth?: { readonly seconds: number; readonly nanoseconds: number } | undefined;
}

/** Open data of a file, or an open directory. */
export interface FileHandle {
  /** Opened for writing. */
  readonly canWrite: boolean;
  /**
   * Reads into `bytes[at, at + length)`; the number of bytes read, 0 at the end of the file. A number at once
   * when the page cache has it, a promise when a disk must be asked.
   */
  read(bytes: Uint8Array, at: number, length: number, offset: number): MaybePromise<Count | Failure>;
  /** Writes all `length` bytes or fails; `bytes` must not change until then. The number written, or a failure. */
  write(bytes: Uint8Array, at: number, length: number, offset: number): MaybePromise<Count | Failure>;
  /** fstat on the open data. */
  stat(): MaybePromise<FileStat | Failure>;
  truncate(size: number): MaybePromise<0 | Failure>;
  /** Reserves blocks for `size` bytes without changing the file's size. */
  allocate(size: number): MaybePromise<0 | Failure>;
  flush(): MaybePromise<0 | Failure>;
  /**
   * Sets or ends a lock that programs on the server see, over `length` bytes (0: to the end): -EAGAIN where one of
   * them has another; -EBADF where the handle lacks the access. Undefined for what has no such locks.
   */
  lockRange?(kind: "nothing" | "shared" | "exclusive", offset: bigint, length: bigint): 0 | Failure;
  /**
   * Makes [offset, offset + length) zeros, no further than the file's end, which stays; with `frees` the blocks
   * are given back where the disk can. The number of bytes zeroed, perhaps fewer than asked, 0 at the end: the
   * caller goes in steps.
   */
  zeroRange?(offset: number, length: number, frees: boolean): MaybePromise<Count | Failure>;
  /** Where [offset, offset + length) has blocks: offset and length by turns, at most `limit` ranges. */
  allocatedRanges?(offset: number, length: number, limit: number): MaybePromise<number[] | Failure>;
  /**
   * Copies data of `source` here without it passing through the server: bytes copied, perhaps fewer than asked, 0
   * at the source's end; -EXDEV or -EOPNOTSUPP where it must be read and written. The caller goes in steps.
   */
  copyFrom?(source: FileHandle, from: number, offset: number, length: number): MaybePromise<Count | Failure>;
  /** Lets both files share the blocks of whole clusters, FICLONERANGE; -EOPNOTSUPP or -EXDEV where the disk cannot. */
  cloneFrom?(source: FileHandle, from: number, offset: number, length: number): MaybePromise<0 | Failure>;
  /** Reading leaves the access time as it is, or no longer. Undefined for what has no such switch. */
  keepAccessTime?(keeps: boolean): void;
  /** A new enumeration of this directory, from its start. */
  list(): DirectoryStream;
  /** The object has another on-disk path now. */
  renamed?(path: string): void;
  close(): void;
}

/** An entry of a listing. The object is reused by the next call: keep nothing of it. */
export interface DirectoryEntry {
  /** The name as clients see it. */
  name: string;
  /** For who lists to fill in: the listing itself leaves it alone. */
  shortName?: string;
  /** The same. */
  eaSize?: number;
  /** Valid after `withStat`. */
  stat: FileStat;
}

/** An enumeration in progress. `.` and `..` come first, from every directory, the root included. */
export interface DirectoryStream {
  /**
   * The next entry whose name `matches`, with its stat taken; undefined at the end. An entry that vanished
   * between the two is passed over. Vetoed names never appear.
   */
  next(matches: (name: string) => boolean): MaybePromise<DirectoryEntry | undefined | Failure>;
  /** Makes the last answer come again: it did not fit the client's buffer. */
  unread(): void;
  restart(): void;
  close(): void;
}

export interface VolumeInfo {
  readonly totalBytes: number;
  /** Free for the store's user. */
  readonly availableBytes: number;
  readonly freeBytes: number;
  /** The unit of allocation, a multiple of the sector. */
  readonly blockBytes: number;
  readonly logicalSectorBytes: number;
  readonly physicalSectorBytes: number;
  /** A disk that turns, or one that nothing is known of. */
  readonly hasSeekPenalty: boolean;
  readonly takesTrim: boolean;
  /** `NTFS` unless told otherwise: clients behave by it. */
  readonly fileSystemName: string;
  /** FILE_FS attribute bits of [MS-FSCC] 2.5.1 that hold for this volume. */
  readonly attributes: number;
  readonly maxComponentLength: number;
  readonly serial: number;
  /** Inodes there are and inodes that are free; 0 where the file system makes them as needed. */
  readonly files?: number;
  readonly freeFiles?: number;
  readonly createdSeconds: number;
}

/** What became of a file that a client deleted: the on-disk path that it has now, undefined where it is gone. */
export interface Discarded {
  readonly movedTo: string | undefined;
}

/** What has no data of its own. */
export type SpecialFile =
  { readonly kind: "symlink"; readonly target: string } | { readonly kind: "fifo" | "socket" };

/** One earlier state of a share. */
export interface Snapshot {
  readonly store: FileStore;
  /** The snapshot's own directory; it replaces the share's directory in the paths of its files. */
  readonly path: string;
}

/** The earlier states of a share. */
export interface Snapshots {
  /** The times of all snapshots, in seconds since 1970; -EOPNOTSUPP where the share has none to look for. */
  times(): MaybePromise<number[] | Failure>;
  /** The snapshot of that second; -ENOENT where there is none. */
  at(seconds: number): MaybePromise<Snapshot | Failure>;
  close(): void;
}

/** The files of one share for one user. */
export interface FileStore {
  /**
   * Resolves a path below the share's root; `components` as the client sent them (validated by path.ts). Case
   * is folded unless the share says otherwise, reserved characters are mapped, symlinks follow the share's
   * policy and never leave it.
   * Failures: -ENOENT or -ENOTDIR where a parent is missing or no directory (a missing last component is
   * `node: undefined`), -ENOKEY for a last component that is vetoed, -EILSEQ for what can be no name, -EACCES,
   * -ELOOP or -EXDEV for a link that may not be followed, -ENAMETOOLONG, -EIO.
   */
  lookup(components: readonly string[]): MaybePromise<Found | Failure>;
  /** A name in another normal form (NFC, NFD) is found where none is spelled as asked: the client is a Mac. */
  findsAnyForm: boolean;
  /** Creates the file that `found` lacks, O_EXCL; -EEXIST when somebody was faster. `permissions` before masks; all where absent. */
  createFile(
    found: Found,
    mode: OpenMode,
    attributes: number,
    permissions?: number,
  ): MaybePromise<{ node: FileNode; handle: FileHandle } | Failure>;
  createDirectory(found: Found, attributes: number, permissions?: number): MaybePromise<FileNode | Failure>;
  /**
   * Removes the name `path` if it still names the object `identity` (another one there: -ENOENT).
   * A directory that is not empty: -ENOTEMPTY.
   */
  remove(path: string, identity: string, isDirectory: boolean): MaybePromise<0 | Failure>;
  /** Deletes a file for a client: to the share's recycle bin where it has one, for good else. */
  discard(path: string, identity: string): MaybePromise<Discarded | Failure>;
  /** True when the directory has no entry visible or hidden (vetoed names count). */
  isEmpty(node: FileNode): MaybePromise<boolean | Failure>;
  /**
   * Renames `from` (if it still names `identity`) to the last component of `to`; -EEXIST where that is taken, without
   * `replace` or by another object than `to` tells of.
   */
  rename(
    from: string,
    identity: string,
    to: Found,
    replace: boolean,
  ): MaybePromise<{ path: string } | Failure>;
  /** A second name for `node`; -EEXIST as in `rename`. */
  link(node: FileNode, to: Found, replace: boolean): MaybePromise<0 | Failure>;
  /** Puts a symlink, FIFO or socket in the place of the empty file `path` if that still is `identity`. */
  replaceBySpecial?(path: string, identity: string, special: SpecialFile): MaybePromise<FileNode | Failure>;
  /** Space and abilities of the file system that `node` lies on. */
  volume(node: FileNode): MaybePromise<VolumeInfo | Failure>;
  /** The client's view of an on-disk path: components joined by backslashes. */
  clientPath(path: string): string;
  /** The short name (8.3) beside a name as clients see it; "" where there is none. */
  shortNameOf?(name: string): string;
  /** Earlier states of the share. Closed together with this store. */
  snapshots?(): Snapshots;
  /** The same files by POSIX names: see posix-view.ts. Closed together with this store. */
  posixView?(): FileStore;
  /**
   * Whether the user may know of `path` (on disk, relative to `directory`), where it may list `directory`: no name
   * on the way is vetoed, and the directory that holds the last one can be listed.
   */
  seesBelow(directory: string, path: string): boolean;
  /** Calls `action` when the disk behind the store has gone: unmounted, unplugged, or another mounted in its place. */
  onLoss(action: () => void): void;
  /** From here on files are reached as another user of the machine, or with other groups. */
  setCredentials?(credentials: Credentials | null): void;
  close(): void;
}

/** Beyond it a double is no longer exact; no file system of Linux has larger files. */
export const MAX_FILE_OFFSET = 2 ** 53 - 2 ** 24;
