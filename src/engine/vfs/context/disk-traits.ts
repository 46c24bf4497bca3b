// What a disk can keep beside a file's data, found out once for each disk that a share spans.
import { Errno } from "../../../linux/errno.ts";
import { currentMounts } from "../../../linux/mountinfo.ts";
import { FileSystemMagic, emptyStatx, statFd, statfsFd } from "../../../linux/stat.ts";
import { Scratch } from "../../../linux/libc.ts";
import { getXattr } from "../../../linux/xattr.ts";
import { deviceOf } from "../format/file-stat.ts";
import type { ShareContext } from "./share-context.ts";
import type { TimeChange } from "../store.ts";

/** What is false was tried and refused. */
export interface DiskTraits {
  /** f_type of statfs. */
  readonly type: number;
  /** Inode numbers last as long as the file: not so on FAT, nor in user space. */
  readonly hasStableInodes: boolean;
  /** Another spelling or a short name may open a file: the FAT family, in user space too, and HFS+. */
  readonly hasAliases: boolean;
  /** A change of one of access and modification time alone may be ignored: so do many in user space. */
  readonly setsTimesTogether: boolean;
  /** Extended attributes of the `user.` space, and of all other spaces. */
  hasUserXattrs: boolean;
  hasOtherXattrs: boolean;
  /** Attributes by FAT_IOCTL_; the creation time is not settable there. */
  hasFatAttributes: boolean;
  /** Attributes and creation time by system.ntfs_attrib and its like; undefined: not asked yet. */
  hasNtfsAttributes: boolean;
}

const MAX_DISKS = 64;
export const NTFS3_MAGIC = 0x7366_746e;
export const NTFS_ATTRIBUTES_XATTR = "system.ntfs_attrib_be";

const known = new WeakMap<ShareContext, Map<number, DiskTraits>>();
const room = new Scratch(64);
const facts = emptyStatx();

/** The traits of the disk `device`, asked of `fd` (an object on it) when it is not known yet. */
export function traitsOf(context: ShareContext, device: number, fd: number): DiskTraits {
  let disks = known.get(context);
  if (disks === undefined) known.set(context, (disks = new Map()));
  const there = disks.get(device);
  if (there !== undefined) return there;
  const traits = askDisk(fd);
  if (disks.size >= MAX_DISKS) disks.clear();
  disks.set(device, traits);
  return traits;
}

function askDisk(fd: number): DiskTraits {
  const space = statfsFd(fd);
  const type = typeof space === "number" ? 0 : space.type;
  const isFat = type === FileSystemMagic.MSDOS || type === FileSystemMagic.EXFAT;
  const isUserSpace = type === FileSystemMagic.FUSE;
  const mayBeNtfs = isUserSpace || type === NTFS3_MAGIC;
  const hasNtfs = mayBeNtfs && getXattr(fd, NTFS_ATTRIBUTES_XATTR, room) === 4;
  return {
    type,
    hasStableInodes: !isFat && !isUserSpace,
    hasAliases: isFat || type === FileSystemMagic.HFSPLUS || (isUserSpace && !hasNtfs && isOnBlocks(fd)),
    setsTimesTogether: isUserSpace,
    hasUserXattrs: supportsXattr(fd, "user.DOSATTRIB"),
    hasOtherXattrs: supportsXattr(fd, "security.NTACL"),
    hasFatAttributes: isFat,
    hasNtfsAttributes:
      (isUserSpace || type === NTFS3_MAGIC) && getXattr(fd, NTFS_ATTRIBUTES_XATTR, room) === 4,
  };
}

/** Whether a file system in user space is a disk's (exFAT, FAT), and not another's files or a network. */
function isOnBlocks(fd: number): boolean {
  if (statFd(fd, facts) < 0) return false;
  const { mountId } = facts;
  return currentMounts().some((mount) => mount.mountId === mountId && mount.fileSystem === "fuseblk");
}

/** A disk of the FAT family has none; in user space it is one that finds names without regard to case. */
export function hasHardLinks({ type, hasAliases }: DiskTraits): boolean {
  return type !== FileSystemMagic.MSDOS && type !== FileSystemMagic.EXFAT && !hasAliases;
}

/** Anything but "not here" may be about this one object. */
function supportsXattr(fd: number, name: string): boolean {
  return getXattr(fd, name, room) !== -Errno.EOPNOTSUPP;
}

/** The times to set, one that is to stay among them where the disk would ignore the other alone. */
export function withBothTimes(context: ShareContext, fd: number, times: TimeChange): TimeChange {
  const { access, modify, birth } = times;
  if ((access === undefined) === (modify === undefined) || statFd(fd, facts) < 0) return times;
  if (!traitsOf(context, deviceOf(facts), fd).setsTimesTogether) return times;
  // keepingOf may have used the record.
  if (statFd(fd, facts) < 0) return times;
  return {
    access: access ?? { seconds: facts.accessSeconds, nanoseconds: facts.accessNanoseconds },
    modify: modify ?? { seconds: facts.modifySeconds, nanoseconds: facts.modifyNanoseconds },
    birth,
  };
}

/** Whether values of that name have the disk's own place. */
export function storesXattr(traits: DiskTraits, name: string): boolean {
  return name.startsWith("user.") ? traits.hasUserXattrs : traits.hasOtherXattrs;
}

/** Notes that the disk has refused one of that name after all. */
export function noteXattrRefused(traits: DiskTraits, name: string): void {
  if (name.startsWith("user.")) traits.hasUserXattrs = false;
  else traits.hasOtherXattrs = false;
}

/** Whether anything at all is kept in a sidecar there. */
export function needsSidecar(traits: DiskTraits): boolean {
  return !traits.hasUserXattrs || !traits.hasOtherXattrs;
}
