// Opening, reopening through /proc/self/fd, duplicating and closing descriptors; open(2), openat2(2).
// Some O_ flags differ between arm64 (arch/arm64/include/uapi/asm/fcntl.h) and asm-generic/fcntl.h.
import { Errno } from "./errno.ts";
import { Scratch, cString, sys } from "./libc.ts";
import { type Architecture, Syscall, architecture } from "./syscall-numbers.ts";

/** O_ flags by architecture. */
export function openFlags(of: Architecture) {
  const arm = of === "arm64";
  return {
    RDONLY: 0,
    WRONLY: 1,
    RDWR: 2,
    CREAT: 0o100,
    EXCL: 0o200,
    NOCTTY: 0o400,
    TRUNC: 0o1000,
    APPEND: 0o2000,
    NONBLOCK: 0o4000,
    DSYNC: 0o10000,
    DIRECT: arm ? 0o200000 : 0o40000,
    LARGEFILE: arm ? 0o400000 : 0o100000,
    DIRECTORY: arm ? 0o40000 : 0o200000,
    NOFOLLOW: arm ? 0o100000 : 0o400000,
    NOATIME: 0o1000000,
    CLOEXEC: 0o2000000,
    SYNC: 0o4010000,
    PATH: 0o10000000,
    TMPFILE: 0o20000000 | (arm ? 0o40000 : 0o200000),
  } as const;
}

/** O_ flags of this machine. */
export const Open = openFlags(architecture);

/** RESOLVE_ flags of openat2(2), linux/openat2.h. */
export const Resolve = {
  NO_XDEV: 0x01,
  NO_MAGICLINKS: 0x02,
  NO_SYMLINKS: 0x04,
  BENEATH: 0x08,
  IN_ROOT: 0x10,
  CACHED: 0x20,
} as const;

export const AT_FDCWD = -100;

/** AT_ flags of linux/fcntl.h. */
export const At = {
  SYMLINK_NOFOLLOW: 0x100,
  EACCESS: 0x200,
  REMOVEDIR: 0x200,
  SYMLINK_FOLLOW: 0x400,
  NO_AUTOMOUNT: 0x800,
  EMPTY_PATH: 0x1000,
} as const;

// struct open_how: u64 flags, u64 mode, u64 resolve.
export const OPEN_HOW_SIZE = 24;
const how = new Scratch(OPEN_HOW_SIZE);

/** openat(2), which does not confine the path: for paths that the server chose itself. */
export function openAt(directory: number, path: string, flags: number, mode = 0): number {
  const name = cString(path);
  if (name < 0) return name;
  return sys(Syscall.openat, directory, name, flags | Open.CLOEXEC, mode);
}

/**
 * openat2(2). Returns a descriptor or -errno: -ENOSYS on kernels before 5.6; -EAGAIN after a concurrent
 * rename, or when RESOLVE_CACHED is given and the path is not cached.
 */
export function openAt2(
  directory: number,
  path: string,
  flags: number,
  mode: number,
  resolve: number,
): number {
  const name = cString(path);
  if (name < 0) return name;
  const view = how.view;
  view.setUint32(0, flags | Open.CLOEXEC, true);
  view.setUint32(8, mode, true);
  view.setUint32(16, resolve, true);
  return sys(Syscall.openat2, directory, name, how.address, OPEN_HOW_SIZE);
}

let supported: boolean | undefined;

/** Whether openat2 works: an old kernel, an emulator or a seccomp filter fails it with ENOSYS or EPERM. */
export function hasOpenAt2(): boolean {
  if (supported !== undefined) return supported;
  const fd = openAt2(AT_FDCWD, "/", Open.PATH | Open.DIRECTORY, 0, 0);
  if (fd >= 0) closeFd(fd);
  supported = fd !== -Errno.ENOSYS && fd !== -Errno.EPERM;
  return supported;
}

/** The /proc path through which a descriptor's object can be reopened or changed. */
export function procPath(fd: number): string {
  return `/proc/self/fd/${fd}`;
}

/** Opens a descriptor's object (O_PATH too) again with other flags; -ENOENT when /proc is not mounted. */
export function reopen(fd: number, flags: number): number {
  return openAt(AT_FDCWD, procPath(fd), flags);
}

/** close(2), to be called exactly once: Linux closes the descriptor even when this returns -errno. */
export function closeFd(fd: number): number {
  return sys(Syscall.close, fd);
}

const F_DUPFD_CLOEXEC = 1030;

/** Returns a second descriptor (3 or higher, close-on-exec) of the same open file description, or -errno. */
export function duplicateFd(fd: number): number {
  return sys(Syscall.fcntl, fd, F_DUPFD_CLOEXEC, 3);
}

/** Makes `to` another number of what `fd` is, in the place of what it was. Returns `to` or -errno. */
export function replaceFd(fd: number, to: number): number {
  return sys(Syscall.dup3, fd, to, 0);
}

// fcntl(2); O_NOATIME is the same on x86-64 and arm64.
const F_SETFL = 4;
const O_NOATIME = 0o1000000;

/**
 * Turns O_NOATIME on or off, and every other status flag off. Returns 0 or -errno (-EPERM: the caller does
 * not own the file).
 */
export function setNoAccessTime(fd: number, keeps: boolean): number {
  return sys(Syscall.fcntl, fd, F_SETFL, keeps ? O_NOATIME : 0);
}
