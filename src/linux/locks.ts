// File locks that other programs see: flock(2), and fcntl(2) locks of an open file description (OFD).
import { Scratch, sys } from "./libc.ts";
import { Syscall } from "./syscall-numbers.ts";

/** Operations of flock(2). */
export const FlockOperation = { SHARED: 1, EXCLUSIVE: 2, NONBLOCK: 4, UNLOCK: 8 } as const;

/**
 * Locks or unlocks a whole file. Returns 0 or -errno; with NONBLOCK -EWOULDBLOCK when another holds the lock.
 */
export function flockFd(fd: number, operation: number): number {
  return sys(Syscall.flock, fd, operation);
}

/** l_type of struct flock. */
export const LockType = { READ: 0, WRITE: 1, UNLOCK: 2 } as const;

/** Offsets in struct flock of a 64-bit kernel. */
export const FLOCK_OFFSETS = { type: 0, whence: 2, start: 8, len: 16, pid: 24 } as const;
export const FLOCK_SIZE = 32;

const F_OFD_GETLK = 36;
const F_OFD_SETLK = 37;
const room = new Scratch(FLOCK_SIZE);

function fill(type: number, start: number | bigint, length: number | bigint): void {
  const { view } = room;
  view.setInt16(FLOCK_OFFSETS.type, type, true);
  view.setInt16(FLOCK_OFFSETS.whence, 0, true);
  view.setBigInt64(FLOCK_OFFSETS.start, BigInt(start), true);
  view.setBigInt64(FLOCK_OFFSETS.len, BigInt(length), true);
  // The kernel requires l_pid 0 for OFD locks.
  view.setInt32(FLOCK_OFFSETS.pid, 0, true);
}

/**
 * Sets or releases a byte-range lock without waiting; length 0 means up to the end of the file. Returns 0 or
 * -errno (-EAGAIN: another holds a conflicting lock).
 */
export function lockRange(fd: number, type: number, start: number | bigint, length: number | bigint): number {
  fill(type, start, length);
  return sys(Syscall.fcntl, fd, F_OFD_SETLK, room.address);
}

/** Returns 1 if `lockRange` would succeed, 0 if another's lock conflicts, or -errno. */
export function testRange(fd: number, type: number, start: number, length: number): number {
  fill(type, start, length);
  const result = sys(Syscall.fcntl, fd, F_OFD_GETLK, room.address);
  if (result < 0) return result;
  return room.view.getInt16(FLOCK_OFFSETS.type, true) === LockType.UNLOCK ? 1 : 0;
}
