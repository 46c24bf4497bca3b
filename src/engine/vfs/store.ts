// The interfaces that a file store implements for the engine. A call returns its result or a negative errno
// (`Failure`), and a promise of that only where it has to wait: what is in memory is returned synchronously.
import type { Credentials, MaybePromise } from "../../port/port.ts";
import type { NumberOf } from "../../wire/status.ts";
import type { SecurityDescriptor } from "../../wire/security/security-descriptor.ts";
import type { PosixAcl } from "../security/posix-acl.ts";
import type { AppleEntry } from "../../wire/fscc/directory-entry.ts";
import type { AppleFacts, ListOptions } from "./listed.ts";
import type { TransferBuffer } from "./transfer-buffer.ts";
import type { NamedValues } from "./value-store.ts";

/** A negative errno: -ENOENT and so on. */
export type Failure = NumberOf<"errno">;

/** A number of bytes or entries; not negative. */
export type Count = NumberOf<"count">;

/** True for a negative errno; `result` may also be a number of another kind, which is never negative. */
export function isFailure(result: number): result is Failure {
  return result < 0;
}

/** DFS_LINK: only in listings, no look-up returns one. */
export const FileKind = { FILE: 0, DIRECTORY: 1, SYMLINK: 2, OTHER: 3, DFS_LINK: 4 } as const;
export type FileKind = (typeof FileKind)[keyof typeof FileKind];

/** Times are seconds since 1970, which may be negative, and nanoseconds. Sizes are in bytes. */
export interface FileStat {
  kind: FileKind;
  /** Permission bits, 07777. */
  mode: number;
  /** S_IFMT bits: they say which kind of special file an OTHER is. */
  format: number;
  uid: number;
  gid: number;
  links: number;
  /** 0 for a directory. */
  size: number;
  /** Bytes allocated on disk; 0 for an empty file and for a directory. */
  allocated: number;
  /** dev_t as one number (major * 2^20 + minor). Device and inode identify the file. */
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
  /** Birth time; the earliest of the other times on file systems that store none. */
  birthSeconds: number;
  birthNanoseconds: number;
  /** FILE_ATTRIBUTE bits: stored ones plus derived ones (DIRECTORY, HIDDEN for dot files); never NORMAL. */
  attributes: number;
  /** Immutable, append-only or a mount point: the kernel lets nobody remove its name. */
  isPinned?: boolean;
  /** Of a listed entry: size of the extended attributes, as `attributesSize` counts them, or `apple`. */
  eaSize?: number;
  apple?: AppleFacts;
}

/** The result of resolving a path. */
export interface Found {
  /** On-disk path relative to the share's root: no leading slash, `/` between components, "" for the root. */
  readonly path: string;
  /**
   * The last component as the client spelled it, in on-disk form: of another case than in `path` where the
   * look-up ignored it. A rename of the case alone takes its new name from here.
   */
  readonly name: string;
  /** Undefined where all components but the last exist. */
  readonly node: FileNode | undefined;
  /** `node.access()` as of the look-up, where the caller asked for it and the store knows it. */
  readonly rights?: number | undefined;
}

export interface OpenMode {
  readonly read: boolean;
  readonly write: boolean;
  /** Write every byte through to the disk before answering (FILE_WRITE_THROUGH). */
  readonly writeThrough: boolean;
}

/** A change of an object's owner and rights. In `uid` and `gid`, -1 leaves the value unchanged. */
export interface SecurityChange {
  readonly uid: number;
  readonly gid: number;
  /** Undefined leaves it unchanged. */
  readonly acl: PosixAcl | undefined;
  /** A directory's default ACL; null removes it, undefined leaves it unchanged. */
  readonly inherited: PosixAcl | null | undefined;
  /**
   * Stored with the object, valid while the rights on disk stay the same; undefined removes the stored one.
   */
  readonly descriptor: SecurityDescriptor | undefined;
}

export interface PosixRights {
  /** The access ACL; where the object has none, the equivalent of its mode. */
  readonly access: PosixAcl;
  /** A directory's default ACL. */
  readonly inherited: PosixAcl | undefined;
}

/**
 * Owner and rights of an object, as security descriptor and as POSIX ACL. The calls run with the server's
 * rights: the caller has checked access before.
 */
export interface ObjectSecurity {
  /** Returns the stored descriptor; -ENODATA where there is none or the rights on disk have changed since. */
  readDescriptor(): MaybePromise<SecurityDescriptor | Failure>;
  readRights(): MaybePromise<PosixRights | Failure>;
  /**
   * -ENOSPC, -E2BIG or -ERANGE where the disk has no room for the descriptor; owner and rights may have
   * changed then.
   */
  write(change: SecurityChange): MaybePromise<0 | Failure>;
}

/** A resolved object, held by an O_PATH descriptor; reads and writes need `open`. Must be closed. */
export interface FileNode {
  readonly values: NamedValues;
  /** Undefined for an object without rights of its own. */
  readonly security?: ObjectSecurity;
  /** As of the look-up or the last `refresh`. */
  readonly stat: FileStat;
  /** Device and inode as one string, in a snapshot with its time: the key of the open table. */
  readonly identity: string;
  refresh(): MaybePromise<FileStat | Failure>;
  /** Opens the data of this object, without a second path walk; a directory for `list`. */
  open(mode: OpenMode): MaybePromise<FileHandle | Failure>;
  /** The POSIX rights of the store's user: 4 read, 2 write, 1 execute, OWNERLESS. */
  access(): number;
  setTimes(times: TimeChange): MaybePromise<0 | Failure>;
  setMode(mode: number): MaybePromise<0 | Failure>;
  /** Returns the target of a symlink, unresolved; -EINVAL for other objects. */
  readLink?(): MaybePromise<string | Failure>;
  /** Returns major and minor number of a device file. */
  deviceNumbers?(): MaybePromise<readonly number[] | Failure>;
  /** Stores FILE_ATTRIBUTE bits; -EOPNOTSUPP where they cannot be stored. */
  setAttributes(attributes: number): MaybePromise<0 | Failure>;
  /** Sets FILE_ATTRIBUTE_ARCHIVE and keeps the other attributes, in one disk operation. */
  markForArchive(): MaybePromise<0 | Failure>;
  /** Sets or clears FILE_ATTRIBUTE_SPARSE_FILE; -EOPNOTSUPP where it cannot be stored. */
  setSparse(isSparse: boolean): MaybePromise<0 | Failure>;
  /**
   * After `close`: resolves when the blocks of a large removed file are free. Undefined where nothing waits.
   */
  readonly closing?: Promise<void> | undefined;
  /** The caller reports the object's new on-disk path. */
  renamed?(path: string): void;
  close(): void;
}

/** Undefined leaves a time unchanged. */
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
   * Settles when the changes of the data that are under way have ended or timed out; undefined where none
   * are. Also after `close`.
   */
  readonly changing: Promise<void> | undefined;
  /**
   * Reads into `buffer.bytes[at, at + length)` and returns the number of bytes read, 0 at the end of the
   * file. A promise only where the page cache does not have the data.
   */
  read(buffer: TransferBuffer, at: number, length: number, offset: number): MaybePromise<Count | Failure>;
  /**
   * Writes all bytes and returns `length`, or fails. The bytes must not change before the result is there.
   */
  write(buffer: TransferBuffer, at: number, length: number, offset: number): MaybePromise<Count | Failure>;
  /** fstat on the open data. */
  stat(): MaybePromise<FileStat | Failure>;
  truncate(size: number): MaybePromise<0 | Failure>;
  /** Reserves blocks for `size` bytes without changing the file's size. */
  allocate(size: number): MaybePromise<0 | Failure>;
  flush(): MaybePromise<0 | Failure>;
  /**
   * Sets or releases a POSIX lock for local programs to see, over `length` bytes (0: to the end of the file).
   * -EAGAIN where another program's lock conflicts; -EBADF where the handle lacks the access. Undefined
   * without such locks.
   */
  lockRange?(
    kind: "nothing" | "shared" | "exclusive",
    offset: bigint,
    length: bigint,
  ): MaybePromise<0 | Failure>;
  /**
   * Zeros [offset, offset + length) up to the end of the file, which keeps its size; with `frees` also frees
   * the blocks where the file system can. Returns the number of bytes zeroed, possibly fewer than asked, 0 at
   * the end: the caller repeats it.
   */
  zeroRange?(offset: number, length: number, frees: boolean): MaybePromise<Count | Failure>;
  /**
   * Returns the allocated ranges of [offset, offset + length), offset and length in turn; at most `limit`
   * ranges.
   */
  allocatedRanges?(offset: number, length: number, limit: number): MaybePromise<number[] | Failure>;
  /**
   * Copies data of `source` in the kernel, copy_file_range(2). Returns the number of bytes copied, possibly
   * fewer than asked, 0 at the source's end: the caller repeats it. -EXDEV or -EOPNOTSUPP where the caller
   * must read and write.
   */
  copyFrom?(source: FileHandle, from: number, offset: number, length: number): MaybePromise<Count | Failure>;
  /**
   * Shares the blocks of whole clusters between the files, FICLONERANGE; -EOPNOTSUPP or -EXDEV where that
   * fails.
   */
  cloneFrom?(source: FileHandle, from: number, offset: number, length: number): MaybePromise<0 | Failure>;
  /** Switches O_NOATIME: with true, reads leave the access time unchanged. Absent without such a switch. */
  keepAccessTime?(isKept: boolean): void;
  /** Starts to enumerate this directory. */
  list(options?: ListOptions): DirectoryStream;
  /** The caller reports the object's new on-disk path. */
  renamed?(path: string): void;
  /**
   * Fails where the file system stores data only now (NFS, FUSE) and cannot. A promise only where it has to
   * wait for that; the caller need not.
   */
  close(): MaybePromise<0 | Failure>;
}

/** An entry of a listing. The next call reuses the object. */
export interface DirectoryEntry {
  /** The name as clients see it. */
  name: string;
  stat: FileStat;
  // Filled in by the caller of `next`.
  shortName?: string;
  eaSize?: number;
  apple?: AppleEntry | undefined;
  hidesFileId?: boolean;
}

/** Names were skipped that do not match, and the caller may give way. */
export const SKIPPED = "skipped";
export type NextEntry = DirectoryEntry | undefined | Failure | typeof SKIPPED;

/** An enumeration in progress. `.` and `..` come first in every directory, the root included. */
export interface DirectoryStream {
  /**
   * Returns the next entry whose name `matches`, with its stat; undefined at the end. Skips vetoed names, and
   * entries that are removed before their stat is taken. SKIPPED after about a millisecond without a match.
   */
  next(matches: (name: string) => boolean): MaybePromise<NextEntry>;
  /** `next` returns the last entry again: it did not fit into the client's buffer. */
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
  /** True for a rotating disk, and where the kernel does not say. */
  readonly hasSeekPenalty: boolean;
  readonly takesTrim: boolean;
  /** `NTFS` unless configured otherwise: clients change their behaviour with it. */
  readonly fileSystemName: string;
  /** FileSystemAttributes of [MS-FSCC] 2.5.1. */
  readonly attributes: number;
  readonly maxComponentLength: number;
  readonly serial: number;
  /** Total and free inodes; 0 on file systems that create them as needed. */
  readonly files?: number;
  readonly freeFiles?: number;
  readonly createdSeconds: number;
}

export interface Discarded {
  /** The file's on-disk path in the recycle bin; undefined where it was removed. */
  readonly movedTo: string | undefined;
}

/** A special file without data. */
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
  /**
   * Returns the times of all snapshots, in seconds since 1970; -EOPNOTSUPP where the share has no snapshots
   * set up.
   */
  times(): MaybePromise<number[] | Failure>;
  /** Returns the snapshot of that second; -ENOENT where there is none. */
  at(seconds: number): MaybePromise<Snapshot | Failure>;
  close(): void;
}

/** The files of one share for one user. */
export interface FileStore {
  /**
   * Resolves a path below the share's root; `components` as the client sent them, after client-path.ts.
   * Ignores case unless the share is case-sensitive, maps reserved characters, follows symlinks by its policy
   * and never leaves the share. `asksRights` asks for `Found.rights`. Failures: -ENOENT where a parent is
   * missing, -ENOTDIR where it is no directory (a missing last component gives `node: undefined`), -ENOKEY
   * for a vetoed last component, -EILSEQ for an invalid name, -EACCES, -ELOOP or -EXDEV for a link that may
   * not be followed, -EREMOTE for a path at or through a DFS link, -ENAMETOOLONG, -EIO.
   */
  lookup(components: readonly string[], asksRights?: boolean): MaybePromise<Found | Failure>;
  /** Returns the DFS link at which a look-up of the path ends; undefined where there is none. */
  dfsLink?(
    components: readonly string[],
  ): MaybePromise<{ readonly depth: number; readonly target: string } | undefined | Failure>;
  // The client is a Mac: look-ups accept names in other Unicode normal forms (NFC, NFD), too, and a rename
  // that replaces a file replaces its AppleDouble file.
  isForMac: boolean;
  /**
   * Creates the file that `found` lacks, O_EXCL; -EEXIST where it exists by now. `permissions` are mode bits
   * before the share's masks, all bits where absent.
   */
  createFile(
    found: Found,
    mode: OpenMode,
    attributes: number,
    permissions?: number,
  ): MaybePromise<{ node: FileNode; handle: FileHandle } | Failure>;
  createDirectory(found: Found, attributes: number, permissions?: number): MaybePromise<FileNode | Failure>;
  /**
   * Removes `path`; -ENOENT where it no longer names the object `identity`, -ENOTEMPTY for a directory with
   * entries.
   */
  remove(path: string, identity: string, isDirectory: boolean): MaybePromise<0 | Failure>;
  /** Moves a file to the share's recycle bin; removes it where the share has none that takes it. */
  discard(path: string, identity: string): MaybePromise<Discarded | Failure>;
  /** True where the directory has no entries, visible, hidden or vetoed. */
  isEmpty(node: FileNode): MaybePromise<boolean | Failure>;
  /**
   * Renames `from`, if it still names `identity`, to `to`. -EEXIST where the new name exists and `replace` is
   * false, or where it names another object than `to.node`.
   */
  rename(
    from: string,
    identity: string,
    to: Found,
    replace: boolean,
  ): MaybePromise<{ path: string } | Failure>;
  /** Creates a hard link to `node`; -EEXIST as in `rename`. */
  link(node: FileNode, to: Found, replace: boolean): MaybePromise<0 | Failure>;
  /** Replaces the empty file `path`, if it still is `identity`, by a symlink, FIFO or socket. */
  replaceBySpecial?(path: string, identity: string, special: SpecialFile): MaybePromise<FileNode | Failure>;
  /** Returns space and abilities of the file system that `node` lies on. */
  volume(node: FileNode): MaybePromise<VolumeInfo | Failure>;
  /** Returns an on-disk path as clients see it: client names joined by backslashes. */
  clientPath(path: string): string;
  /** Returns an on-disk path as `lookup` takes it. */
  componentsOf(path: string): string[];
  /** Returns the 8.3 name of a file by its name as clients see it; "" where there is none. */
  shortNameOf?(name: string): string;
  /** Earlier states of the share. Closed together with this store. */
  snapshots?(): Snapshots;
  /** The same files for the SMB3 POSIX extensions: see context/posix-view.ts. Closed with this store. */
  posixView?(): FileStore;
  /**
   * True where a user who may list `directory` may learn of a change at `path` (on disk, relative to
   * `directory`): no component is vetoed, the last is no hidden AppleDouble file, and the user may list its
   * directory. Undefined where that is unknown: its directory has gone, or the disk does not answer.
   */
  seesBelow(directory: string, path: string): MaybePromise<boolean | undefined>;
  /**
   * Calls `action` when the store's disk is unmounted, unplugged or covered by another mount, or the share's
   * directory is removed or replaced.
   */
  onLoss(action: () => void): void;
  /** Later calls run as this user, with these groups. */
  setCredentials?(credentials: Credentials | null): void;
  /** Later calls change nothing on disk, except the data of files that are open for writing. */
  makeReadOnly?(): void;
  close(): void;
}

/** Bit of `FileNode.access`: the user may read and write, and the disk keeps no owners. */
export const OWNERLESS = 8;
/** The server refuses offsets beyond this: doubles are exact up to 2^53 only. */
export const MAX_FILE_OFFSET = 2 ** 53 - 2 ** 24;
