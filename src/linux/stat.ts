// statx, fstatfs and faccessat2; statx(2), statfs(2), access(2), linux/stat.h.
import { Scratch, cString, sys } from "./libc.ts";
import { At } from "./open.ts";
import { Syscall } from "./syscall-numbers.ts";

/** STATX_ mask bits. */
export const StatxMask = { BASIC: 0x7ff, BTIME: 0x800, MNT_ID: 0x1000 } as const;
const WANTED = StatxMask.BASIC | StatxMask.BTIME | StatxMask.MNT_ID;

/** STATX_ATTR_ bits. */
export const StatxAttribute = {
  COMPRESSED: 0x4,
  IMMUTABLE: 0x10,
  APPEND: 0x20,
  ENCRYPTED: 0x800,
  MOUNT_ROOT: 0x2000,
} as const;

/** S_IFMT and its values. */
export const ModeType = {
  MASK: 0o170000,
  FIFO: 0o010000,
  CHARACTER: 0o020000,
  DIRECTORY: 0o040000,
  BLOCK: 0o060000,
  REGULAR: 0o100000,
  SYMLINK: 0o120000,
  SOCKET: 0o140000,
} as const;

/** Offsets in struct statx. */
export const STATX_OFFSETS = {
  mask: 0,
  blksize: 4,
  attributes: 8,
  nlink: 16,
  uid: 20,
  gid: 24,
  mode: 28,
  ino: 32,
  size: 40,
  blocks: 48,
  atime: 64,
  btime: 80,
  ctime: 96,
  mtime: 112,
  rdevMajor: 128,
  rdevMinor: 132,
  devMajor: 136,
  devMinor: 140,
  mntId: 144,
} as const;
export const STATX_SIZE = 256;

/** The result of statx. `size` in bytes, `blocks` of 512 bytes; the birth time is valid if `hasBirth`. */
export interface Statx {
  /** File type and permission bits. */
  mode: number;
  links: number;
  uid: number;
  gid: number;
  size: number;
  blocks: number;
  inodeLow: number;
  inodeHigh: number;
  deviceMajor: number;
  deviceMinor: number;
  mountId: number;
  attributes: number;
  accessSeconds: number;
  accessNanoseconds: number;
  modifySeconds: number;
  modifyNanoseconds: number;
  changeSeconds: number;
  changeNanoseconds: number;
  hasBirth: boolean;
  birthSeconds: number;
  birthNanoseconds: number;
}

/** A record for `statAt` and `statFd` to fill. */
export function emptyStatx(): Statx {
  return {
    mode: 0,
    links: 0,
    uid: 0,
    gid: 0,
    size: 0,
    blocks: 0,
    inodeLow: 0,
    inodeHigh: 0,
    deviceMajor: 0,
    deviceMinor: 0,
    mountId: 0,
    attributes: 0,
    accessSeconds: 0,
    accessNanoseconds: 0,
    modifySeconds: 0,
    modifyNanoseconds: 0,
    changeSeconds: 0,
    changeNanoseconds: 0,
    hasBirth: false,
    birthSeconds: 0,
    birthNanoseconds: 0,
  };
}

const room = new Scratch(STATX_SIZE);
const empty = new Scratch(8);

function u64(offset: number): number {
  return room.view.getUint32(offset, true) + room.view.getUint32(offset + 4, true) * 0x1_0000_0000;
}

function i64(offset: number): number {
  return room.view.getUint32(offset, true) + room.view.getInt32(offset + 4, true) * 0x1_0000_0000;
}

function parse(out: Statx): void {
  const view = room.view;
  const at = STATX_OFFSETS;
  out.attributes = view.getUint32(at.attributes, true);
  out.links = view.getUint32(at.nlink, true);
  out.uid = view.getUint32(at.uid, true);
  out.gid = view.getUint32(at.gid, true);
  out.mode = view.getUint16(at.mode, true);
  out.inodeLow = view.getUint32(at.ino, true);
  out.inodeHigh = view.getUint32(at.ino + 4, true);
  out.size = u64(at.size);
  out.blocks = u64(at.blocks);
  out.accessSeconds = i64(at.atime);
  out.accessNanoseconds = view.getUint32(at.atime + 8, true);
  out.hasBirth = (view.getUint32(at.mask, true) & StatxMask.BTIME) !== 0;
  out.birthSeconds = i64(at.btime);
  out.birthNanoseconds = view.getUint32(at.btime + 8, true);
  out.changeSeconds = i64(at.ctime);
  out.changeNanoseconds = view.getUint32(at.ctime + 8, true);
  out.modifySeconds = i64(at.mtime);
  out.modifyNanoseconds = view.getUint32(at.mtime + 8, true);
  out.deviceMajor = view.getUint32(at.devMajor, true);
  out.deviceMinor = view.getUint32(at.devMinor, true);
  out.mountId = u64(at.mntId);
}

/** statx of a NUL-terminated name at an address, such as `DirentReader.nameAddress`. Returns 0 or -errno. */
export function statAddress(directory: number, name: number, flags: number, out: Statx): number {
  const result = sys(Syscall.statx, directory, name, flags | At.NO_AUTOMOUNT, WANTED, room.address);
  if (result === 0) parse(out);
  return result;
}

/** statx of a path; a symlink as the last component is not followed. Returns 0 or -errno. */
export function statAt(directory: number, path: string, out: Statx): number {
  const name = cString(path);
  if (name < 0) return name;
  return statAddress(directory, name, At.SYMLINK_NOFOLLOW, out);
}

/** statx of a descriptor (O_PATH too). Returns 0 or -errno. */
export function statFd(fd: number, out: Statx): number {
  return statAddress(fd, empty.address, At.EMPTY_PATH, out);
}

// AT_STATX_DONT_SYNC.
const DONT_SYNC = 0x4000;

/** `statFd` from the kernel's cached values: no request to a network or FUSE server. */
export function statFdCached(fd: number, out: Statx): number {
  return statAddress(fd, empty.address, At.EMPTY_PATH | DONT_SYNC, out);
}

/** Returns the major and minor number of the device that a device node stands for (stx_rdev), or -errno. */
export function deviceNumbersOf(fd: number): [number, number] | number {
  const flags = At.EMPTY_PATH | At.NO_AUTOMOUNT;
  const result = sys(Syscall.statx, fd, empty.address, flags, WANTED, room.address);
  if (result < 0) return result;
  const { rdevMajor, rdevMinor } = STATX_OFFSETS;
  return [room.view.getUint32(rdevMajor, true), room.view.getUint32(rdevMinor, true)];
}

/** Mode bits of faccessat2: X_OK, W_OK, R_OK. */
export const Access = { EXECUTE: 1, WRITE: 2, READ: 4 } as const;

/**
 * Checks `wanted` (bits of `Access`) on a descriptor's object against the thread's fsuid, groups and
 * capabilities, with ACLs and read-only mounts. Returns 0 or -errno: -EACCES, -EROFS, -ENOSYS on kernels
 * before 5.8.
 */
export function accessFd(fd: number, wanted: number): number {
  return sys(Syscall.faccessat2, fd, empty.address, wanted, At.EMPTY_PATH | At.EACCESS);
}

/** Offsets in struct statfs of a 64-bit kernel. */
export const STATFS_OFFSETS = {
  type: 0,
  bsize: 8,
  blocks: 16,
  bfree: 24,
  bavail: 32,
  files: 40,
  ffree: 48,
  fsid: 56,
  namelen: 64,
  frsize: 72,
  flags: 80,
} as const;
export const STATFS_SIZE = 120;

/** f_type of file systems that need special treatment; linux/magic.h and the file systems' own headers. */
export const FileSystemMagic = {
  EXT4: 0xef53,
  F2FS: 0xf2f52010,
  MSDOS: 0x4d44,
  EXFAT: 0x2011bab0,
  TMPFS: 0x01021994,
  OVERLAY: 0x794c7630,
  NINEP: 0x01021997,
  FUSE: 0x65735546,
  HFSPLUS: 0x482b,
  BTRFS: 0x9123683e,
  XFS: 0x58465342,
} as const;

/** ST_ flags in f_flags. */
export const StatfsFlag = { RDONLY: 1 } as const;

export interface Statfs {
  type: number;
  /** Unit of `blocks`, `free` and `available`, in bytes. */
  blockBytes: number;
  blocks: number;
  free: number;
  available: number;
  /** Inodes; 0 when the file system allocates them on demand. */
  files: number;
  freeFiles: number;
  fsidLow: number;
  fsidHigh: number;
  maxNameBytes: number;
  flags: number;
}

const statfsRoom = new Scratch(STATFS_SIZE);

function statfs64(offset: number): number {
  const view = statfsRoom.view;
  return view.getUint32(offset, true) + view.getUint32(offset + 4, true) * 0x1_0000_0000;
}

/** fstatfs of a descriptor (O_PATH too). Returns the record or -errno. */
export function statfsFd(fd: number): Statfs | number {
  const result = sys(Syscall.fstatfs, fd, statfsRoom.address);
  if (result < 0) return result;
  const at = STATFS_OFFSETS;
  const view = statfsRoom.view;
  return {
    type: view.getUint32(at.type, true),
    blockBytes: statfs64(at.frsize) || statfs64(at.bsize),
    blocks: statfs64(at.blocks),
    free: statfs64(at.bfree),
    available: statfs64(at.bavail),
    files: statfs64(at.files),
    freeFiles: statfs64(at.ffree),
    fsidLow: view.getUint32(at.fsid, true),
    fsidHigh: view.getUint32(at.fsid + 4, true),
    maxNameBytes: statfs64(at.namelen),
    flags: view.getUint32(at.flags, true),
  };
}
