// DOS attributes of FAT and exFAT files: ioctl(2) on a file or directory opened for reading;
// linux/msdos_fs.h.
import { Scratch, sys } from "./libc.ts";
import { Syscall } from "./syscall-numbers.ts";

// _IOR('r', 0x10, __u32) and _IOW('r', 0x11, __u32): the same on x86-64 and arm64.
export const FAT_IOCTL_GET_ATTRIBUTES = 0x8004_7210;
export const FAT_IOCTL_SET_ATTRIBUTES = 0x4004_7211;

const room = new Scratch(4);

/**
 * Returns ATTR_ bits (equal to the FILE_ATTRIBUTE_ bits), or -errno: -ENOTTY when the file system has none.
 */
export function getFatAttributes(fd: number): number {
  const result = sys(Syscall.ioctl, fd, FAT_IOCTL_GET_ATTRIBUTES, room.address);
  return result < 0 ? result : room.view.getUint32(0, true);
}

/** Returns 0 or -errno: -EINVAL for the root directory of a FAT disk, which has no attributes. */
export function setFatAttributes(fd: number, attributes: number): number {
  room.view.setUint32(0, attributes, true);
  return sys(Syscall.ioctl, fd, FAT_IOCTL_SET_ATTRIBUTES, room.address);
}
