// Extended attributes of a descriptor's object; xattr(7). O_PATH descriptors go by /proc/self/fd, which the f-calls
// refuse.
import { Scratch, addressOf, cString, sys } from "./libc.ts";
import { procPath } from "./open.ts";
import { Syscall } from "./syscall-numbers.ts";

/** XATTR_ flags of setxattr. */
export const XattrFlag = { CREATE: 1, REPLACE: 2 } as const;

/** Fetches into `out`: the value's length, or -errno: ENODATA, EOPNOTSUPP, ERANGE when `out` is too small. */
export function getXattr(fd: number, name: string, out: Scratch): number {
  const path = cString(procPath(fd), 0);
  const attribute = cString(name, 1);
  if (attribute < 0) return attribute;
  return sys(Syscall.getxattr, path, attribute, out.address, out.bytes.length);
}

/** The same by path below a directory descriptor (a single name); a symlink is not followed. */
export function getXattrPath(path: number, name: string, out: Scratch): number {
  const attribute = cString(name, 1);
  if (attribute < 0) return attribute;
  return sys(Syscall.lgetxattr, path, attribute, out.address, out.bytes.length);
}

/** 0 or -errno; `flags` of XattrFlag. */
export function setXattr(fd: number, name: string, value: Uint8Array, flags = 0): number {
  const path = cString(procPath(fd), 0);
  const attribute = cString(name, 1);
  if (attribute < 0) return attribute;
  return sys(Syscall.setxattr, path, attribute, addressOf(value), value.length, flags);
}

/** 0 or -errno: ENODATA when there is none of that name. */
export function removeXattr(fd: number, name: string): number {
  const path = cString(procPath(fd), 0);
  const attribute = cString(name, 1);
  if (attribute < 0) return attribute;
  return sys(Syscall.removexattr, path, attribute);
}

// XATTR_LIST_MAX: no file system may answer more.
const list = new Scratch(65_536);
const decoder = new TextDecoder("utf-8");

/** Names of all extended attributes that the caller may see, or -errno. */
export function listXattrs(fd: number): string[] | number {
  const length = sys(Syscall.listxattr, cString(procPath(fd), 0), list.address, list.bytes.length);
  if (length < 0) return length;
  if (length === 0) return [];
  return decoder.decode(list.bytes.subarray(0, length - 1)).split("\0");
}
