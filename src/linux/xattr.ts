// Extended attributes of a descriptor's object; xattr(7). The calls go through /proc/self/fd, because
// fgetxattr and its like refuse O_PATH descriptors.
import { Errno } from "./errno.ts";
import { Scratch, addressOf, cString, sys } from "./libc.ts";
import { procPath } from "./open.ts";
import { Syscall } from "./syscall-numbers.ts";

/** XATTR_ flags of setxattr. */
export const XattrFlag = { CREATE: 1, REPLACE: 2 } as const;

/**
 * Reads a value into `out`. Returns its length or -errno: -ENODATA when there is none, -EOPNOTSUPP, -ERANGE
 * when `out` is too small.
 */
export function getXattr(fd: number, name: string, out: Scratch): number {
  const path = cString(procPath(fd), 0);
  const attribute = cString(name, 1);
  if (attribute < 0) return attribute;
  return firstInSmallRoom(out.bytes.length, (size) =>
    sys(Syscall.getxattr, path, attribute, out.address, size),
  );
}

/** Writes a value; `flags` of XattrFlag. Returns 0 or -errno. */
export function setXattr(fd: number, name: string, value: Uint8Array, flags = 0): number {
  const path = cString(procPath(fd), 0);
  const attribute = cString(name, 1);
  if (attribute < 0) return attribute;
  return sys(Syscall.setxattr, path, attribute, addressOf(value), value.length, flags);
}

/** Removes a value. Returns 0 or -errno: -ENODATA when there is none of that name. */
export function removeXattr(fd: number, name: string): number {
  const path = cString(procPath(fd), 0);
  const attribute = cString(name, 1);
  if (attribute < 0) return attribute;
  return sys(Syscall.removexattr, path, attribute);
}

const SMALL_BYTES = 512;

/**
 * Calls `read` with the size of a small buffer, and with `size` where that is too small: the kernel
 * allocates, and for a value zeroes, as many bytes as the caller has room for before it looks. 64 KiB take it
 * 1 to 3 µs.
 */
export function firstInSmallRoom(size: number, read: (size: number) => number): number {
  if (size <= SMALL_BYTES) return read(size);
  const length = read(SMALL_BYTES);
  return length === -Errno.ERANGE ? read(size) : length;
}

// XATTR_LIST_MAX: the kernel returns no longer list.
const list = new Scratch(65_536);
const decoder = new TextDecoder("utf-8");

/** Returns the names of all extended attributes that the caller may see, or -errno. */
export function listXattrs(fd: number): string[] | number {
  const path = cString(procPath(fd), 0);
  const length = firstInSmallRoom(list.bytes.length, (size) =>
    sys(Syscall.listxattr, path, list.address, size),
  );
  if (length < 0) return length;
  if (length === 0) return [];
  return decoder.decode(list.bytes.subarray(0, length - 1)).split("\0");
}
