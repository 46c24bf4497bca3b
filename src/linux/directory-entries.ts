// Names and metadata: rename, link, unlink, mkdir, symlink, times, mode and owner; rename(2), linkat(2),
// utimensat(2). Names are relative to a directory descriptor; a caller that must not follow symlinks passes a
// single component.
import { Errno } from "./errno.ts";
import { Scratch, cString, sys } from "./libc.ts";
import { AT_FDCWD, At, procPath } from "./open.ts";
import { decodeName } from "./name-bytes.ts";
import { Syscall } from "./syscall-numbers.ts";

export const RENAME_NOREPLACE = 1;

/**
 * renameat2(2); renameat(2) without flags, which every kernel has. Returns 0 or -errno; -EINVAL or -ENOSYS
 * when `flags` are not supported.
 */
export function renameAt(
  fromDirectory: number,
  from: string,
  toDirectory: number,
  to: string,
  flags: number,
): number {
  const a = cString(from, 0);
  if (a < 0) return a;
  const b = cString(to, 1);
  if (b < 0) return b;
  if (flags === 0) return sys(Syscall.renameat, fromDirectory, a, toDirectory, b);
  return sys(Syscall.renameat2, fromDirectory, a, toDirectory, b, flags);
}

/** linkat(2): gives `from` a second name; a symlink is linked itself, not followed. Returns 0 or -errno. */
export function linkAt(fromDirectory: number, from: string, toDirectory: number, to: string): number {
  const a = cString(from, 0);
  if (a < 0) return a;
  const b = cString(to, 1);
  if (b < 0) return b;
  return sys(Syscall.linkat, fromDirectory, a, toDirectory, b, 0);
}

/**
 * Links a descriptor's object, through /proc: AT_EMPTY_PATH needs CAP_DAC_READ_SEARCH. Returns 0 or -errno.
 */
export function linkFd(fd: number, directory: number, name: string): number {
  const a = cString(procPath(fd), 0);
  if (a < 0) return a;
  const b = cString(name, 1);
  if (b < 0) return b;
  return sys(Syscall.linkat, AT_FDCWD, a, directory, b, At.SYMLINK_FOLLOW);
}

/** unlinkat(2). Returns 0 or -errno: -EISDIR or -ENOTDIR when the object is of the other kind. */
export function unlinkAt(directory: number, name: string, isDirectory: boolean): number {
  const a = cString(name);
  if (a < 0) return a;
  return sys(Syscall.unlinkat, directory, a, isDirectory ? At.REMOVEDIR : 0);
}

export function makeDirectoryAt(directory: number, name: string, mode: number): number {
  const a = cString(name);
  if (a < 0) return a;
  return sys(Syscall.mkdirat, directory, a, mode);
}

export function symlinkAt(target: string, directory: number, name: string): number {
  const a = cString(target, 0);
  if (a < 0) return a;
  const b = cString(name, 1);
  if (b < 0) return b;
  return sys(Syscall.symlinkat, a, directory, b);
}

/** mknodat(2) for FIFOs and sockets, which have no device number; `mode` includes the S_IFMT bits. */
export function makeNodeAt(directory: number, name: string, mode: number): number {
  const a = cString(name);
  return a < 0 ? a : sys(Syscall.mknodat, directory, a, mode, 0);
}

const linkRoom = new Scratch(4096);
const linkDecoder = new TextDecoder("utf-8", { fatal: true });

/**
 * Returns the target of a symlink or -errno; -EILSEQ when it is not UTF-8. With the name "" `directory` is an
 * O_PATH descriptor of the symlink itself.
 */
export function readLinkAt(directory: number, name: string): string | number {
  const a = cString(name);
  if (a < 0) return a;
  const length = sys(Syscall.readlinkat, directory, a, linkRoom.address, linkRoom.bytes.length);
  if (length < 0) return length;
  try {
    return linkDecoder.decode(linkRoom.bytes.subarray(0, length));
  } catch {
    return -Errno.EILSEQ;
  }
}

/**
 * Returns the current absolute path of a descriptor's object, or -errno. The kernel appends ` (deleted)` when
 * the name was removed.
 */
export function readProcLink(fd: number): string | number {
  const length = sys(
    Syscall.readlinkat,
    AT_FDCWD,
    cString(procPath(fd)),
    linkRoom.address,
    linkRoom.bytes.length,
  );
  return length < 0 ? length : decodeName(linkRoom.bytes.subarray(0, length));
}

const UTIME_OMIT = 0x3fff_fffe;
// Two struct timespec: access time, modification time.
export const TIMESPEC_SIZE = 16;
const times = new Scratch(2 * TIMESPEC_SIZE);

function setTimespec(at: number, seconds: number | undefined, nanoseconds: number): void {
  const whole = seconds ?? 0;
  times.view.setUint32(at, whole >>> 0, true);
  times.view.setInt32(at + 4, Math.floor(whole / 0x1_0000_0000), true);
  times.view.setUint32(at + 8, seconds === undefined ? UTIME_OMIT : nanoseconds, true);
  times.view.setUint32(at + 12, 0, true);
}

/** Sets times of a descriptor's object (O_PATH too); undefined seconds keep a time. Returns 0 or -errno. */
export function setTimesFd(
  fd: number,
  accessSeconds: number | undefined,
  accessNanoseconds: number,
  modifySeconds: number | undefined,
  modifyNanoseconds: number,
): number {
  setTimespec(0, accessSeconds, accessNanoseconds);
  setTimespec(TIMESPEC_SIZE, modifySeconds, modifyNanoseconds);
  const a = cString(procPath(fd));
  return sys(Syscall.utimensat, AT_FDCWD, a, times.address, 0);
}

/** chmod of a descriptor's object, through /proc because fchmod refuses O_PATH. Returns 0 or -errno. */
export function setModeFd(fd: number, mode: number): number {
  return sys(Syscall.fchmodat, AT_FDCWD, cString(procPath(fd)), mode);
}

/** chown of a descriptor's object (O_PATH too); -1 leaves an id unchanged. Returns 0 or -errno. */
export function setOwnerFd(fd: number, uid: number, gid: number): number {
  const a = cString("");
  return sys(Syscall.fchownat, fd, a, uid, gid, At.EMPTY_PATH);
}
