// Attributes as FAT and exFAT keep them, by ioctl(2) on a file or directory opened for reading; linux/msdos_fs.h.
import { Scratch, sys } from "./libc.ts";
import { Syscall } from "./syscall-numbers.ts";

// _IOR('r', 0x10, __u32) and _IOW('r', 0x11, __u32): the same on x86-64 and arm64.
export const FAT_IOCTL_GET_ATTRIBUTES = 0x8004_7210;
export const FAT_IOCTL_SET_ATTRIBUTES = 0x4004_7211;

const room = new Scratch(4);

/** ATTR_ bits (as FILE_ATTRIBUTE_ of the same meaning), or -errno: ENOTTY where the file system has none. */
export function getFatAttributes(fd: number): number {
  const result = sys(Syscall.ioctl, fd, FAT_IOCTL_GET_ATTRIBUTES, room.address);
  return result < 0 ? result : room.view.getUint32(0, true);
}

/** 0 or -errno: EINVAL for the root of a FAT disk, which has none. */
export function setFatAttributes(fd: number, attributes: number): number {
  room.view.setUint32(0, attributes, true);
  return sys(Syscall.ioctl, fd, FAT_IOCTL_SET_ATTRIBUTES, room.address);
}
