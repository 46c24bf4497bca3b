// Block cloning (reflinks) by FICLONERANGE, ioctl_ficlonerange(2).
import { Scratch, sys } from "./libc.ts";
import { Syscall } from "./syscall-numbers.ts";

/** _IOW(0x94, 13, struct file_clone_range), the same number on x86-64 and arm64. */
const FICLONERANGE = 0x4020_940d;

// struct file_clone_range: s64 src_fd, u64 src_offset, src_length, dest_offset.
export const FILE_CLONE_RANGE_SIZE = 32;
const range = new Scratch(FILE_CLONE_RANGE_SIZE);

/**
 * Makes `length` bytes (0: up to the source's end) of `to` share the blocks of `from`. Returns 0 or -errno:
 * -EXDEV or -EOPNOTSUPP when the file systems cannot do it, -EINVAL when the range is not aligned to blocks
 * or passes the source's end.
 */
export function cloneRange(
  from: number,
  fromOffset: number,
  to: number,
  toOffset: number,
  length: number,
): number {
  const { view } = range;
  view.setBigInt64(0, BigInt(from), true);
  view.setBigUint64(8, BigInt(fromOffset), true);
  view.setBigUint64(16, BigInt(length), true);
  view.setBigUint64(24, BigInt(toOffset), true);
  return sys(Syscall.ioctl, to, FICLONERANGE, range.address);
}

/** _IOR('X', 126, struct xfs_fsop_geom), the number and layout of xfs_fs.h since Linux 5.2. */
const XFS_IOC_FSGEOMETRY = 0x8100_587e;
const XFS_GEOMETRY_SIZE = 256;
const XFS_GEOMETRY_FLAGS = 92;
const XFS_GEOMETRY_REFLINK = 1 << 20;
const geometry = new Scratch(XFS_GEOMETRY_SIZE);

/** Whether the XFS file system of a descriptor (not O_PATH) was made with reflink support. */
export function hasXfsReflinks(fd: number): boolean {
  if (sys(Syscall.ioctl, fd, XFS_IOC_FSGEOMETRY, geometry.address) < 0) return false;
  return (geometry.view.getUint32(XFS_GEOMETRY_FLAGS, true) & XFS_GEOMETRY_REFLINK) !== 0;
}
