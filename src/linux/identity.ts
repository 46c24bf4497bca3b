// The identity a thread accesses files with: setfsuid(2), setresgid(2) and setgroups(2) as bare system calls.
// libc's setgroups would change every thread of the process, those of the runtime included.
import { Errno } from "./errno.ts";
import { Scratch, sys } from "./libc.ts";
import { Syscall } from "./syscall-numbers.ts";

// NGROUPS_MAX.
const MAX_GROUPS = 65_536;
const SMALL = 256;
/** (uid_t)-1 and (gid_t)-1. */
const NO_ID = 0xffff_ffff;
const groupRoom = new Scratch(SMALL * 4);

export function effectiveUid(): number {
  return sys(Syscall.geteuid);
}

export function effectiveGid(): number {
  return sys(Syscall.getegid);
}

/** Supplementary groups of this thread, or -errno. */
export function currentGroups(): number[] | number {
  const room = new Scratch(MAX_GROUPS * 4);
  const count = sys(Syscall.getgroups, MAX_GROUPS, room.address);
  if (count < 0) return count;
  const groups: number[] = [];
  for (let i = 0; i < count; i++) groups.push(room.view.getUint32(i * 4, true));
  return groups;
}

/** Sets this thread's supplementary groups. Returns 0 or -errno: -EINVAL above NGROUPS_MAX, -EPERM. */
export function setThreadGroups(groups: readonly number[]): number {
  if (groups.length > MAX_GROUPS) return -Errno.EINVAL;
  const room = groups.length <= SMALL ? groupRoom : new Scratch(groups.length * 4);
  for (let i = 0; i < groups.length; i++) room.view.setUint32(i * 4, groups[i] ?? 0, true);
  return sys(Syscall.setgroups, groups.length, room.address);
}

/** Whether the kernel took the id. setfsuid(2) reports no errors, so a second call reads the id back. */
export function setThreadFsuid(uid: number): boolean {
  sys(Syscall.setfsuid, uid);
  return sys(Syscall.setfsuid, -1) === uid;
}

/**
 * Sets this thread's effective gid, which the fsgid follows, and leaves the real and the saved one. Unlike
 * setfsgid(2), setresgid(2) reports errors. Returns 0 or -errno: -EPERM; -EINVAL for what is no gid or is not
 * in the user namespace.
 */
export function setThreadGid(gid: number): number {
  // (gid_t)-1 would leave the group as it is.
  if (!(gid >= 0 && gid < NO_ID)) return -Errno.EINVAL;
  return sys(Syscall.setresgid, -1, gid, -1);
}
