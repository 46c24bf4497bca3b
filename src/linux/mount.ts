// Unmounting, and writing a file system's cached data; umount2(2), syncfs(2).
import { cString, sys } from "./libc.ts";
import { Syscall } from "./syscall-numbers.ts";

/** Flags of umount2(2). */
export const Unmount = { DETACH: 2, NOFOLLOW: 8 } as const;

/**
 * Waits until all data is on the disk. Returns 0 or -errno: -EBUSY while something there is open, -EPERM
 * without CAP_SYS_ADMIN, -EINVAL where nothing is mounted.
 */
export function unmount(path: string, flags: number): number {
  const name = cString(path);
  return name < 0 ? name : sys(Syscall.umount2, name, flags);
}

/** Writes all cached data of a descriptor's file system. Returns 0 or -errno. */
export function syncFileSystem(fd: number): number {
  return sys(Syscall.syncfs, fd);
}
