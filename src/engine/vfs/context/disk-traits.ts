// What a disk can store besides file data; determined once for each disk that a share spans.
import { Errno } from "../../../linux/errno.ts";
import { currentMounts } from "../../../linux/mountinfo.ts";
import { FileSystemMagic, emptyStatx, statFd, statfsFd } from "../../../linux/stat.ts";
import { Scratch } from "../../../linux/libc.ts";
import { getXattr } from "../../../linux/xattr.ts";
import { deviceOf } from "../format/file-stat.ts";
import { ACCESS_ACL } from "../../security/posix-acl.ts";
import type { ShareContext } from "./share-context.ts";
import type { TimeChange } from "../store.ts";

/** `false` means that the disk has refused it. */
export interface DiskTraits {
  /** f_type of statfs. */
  readonly type: number;
  /** Inode numbers last as long as the file; not on FAT nor on FUSE. */
  readonly hasStableInodes: boolean;
  /**
   * The disk itself opens a file by another spelling or a short name: the FAT family, also on FUSE, and HFS+.
   */
  readonly hasAliases: boolean;
  /**
   * False where all files have the owner that was given at mount time: the FAT family, and NTFS by ntfs-3g
   * without its options `permissions` and `acl`.
   */
  readonly keepsOwners: boolean;
  /** A change of the access or the modification time alone may be ignored, as many FUSE file systems do. */
  readonly setsTimesTogether: boolean;
  /** Extended attributes of the `user.` namespace, and of all other namespaces. */
  hasUserXattrs: boolean;
  hasOtherXattrs: boolean;
  /** Attributes by the FAT_IOCTL_ calls; these cannot set the creation time. */
  hasFatAttributes: boolean;
  /** Attributes and creation time by system.ntfs_attrib_be and system.ntfs_crtime_be. */
  hasNtfsAttributes: boolean;
}

const MAX_DISKS = 64;
export const NTFS3_MAGIC = 0x7366_746e;
export const NTFS_ATTRIBUTES_XATTR = "system.ntfs_attrib_be";

const known = new WeakMap<ShareContext, Map<number, DiskTraits>>();
const room = new Scratch(64);
const facts = emptyStatx();

/** The traits of the disk `device`; determined by means of `fd`, an object on it, at the first call. */
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
  const isFatOnFuse = isUserSpace && !hasNtfs && isOnBlocks(fd);
  // ntfs-3g has an ACL for every file with its option `acl`, and for none with `permissions` alone.
  const isNtfsOfOneOwner = hasNtfs && isUserSpace && getXattr(fd, ACCESS_ACL, room) === -Errno.ENODATA;
  return {
    type,
    hasStableInodes: !isFat && !isUserSpace,
    hasAliases: isFat || type === FileSystemMagic.HFSPLUS || isFatOnFuse,
    keepsOwners: !isFat && !isFatOnFuse && !isNtfsOfOneOwner,
    setsTimesTogether: isUserSpace,
    hasUserXattrs: supportsXattr(fd, "user.DOSATTRIB"),
    hasOtherXattrs: supportsXattr(fd, "security.NTACL"),
    hasFatAttributes: isFat,
    hasNtfsAttributes: hasNtfs,
  };
}

/**
 * True for a FUSE file system on a block device (exFAT, FAT), false for one over other files or a network.
 */
function isOnBlocks(fd: number): boolean {
  if (statFd(fd, facts) < 0) return false;
  const { mountId } = facts;
  return currentMounts().some((mount) => mount.mountId === mountId && mount.fileSystem === "fuseblk");
}

/** The FAT family has no hard links; on FUSE it is recognized by `hasAliases`. */
export function hasHardLinks({ type, hasAliases }: DiskTraits): boolean {
  return type !== FileSystemMagic.MSDOS && type !== FileSystemMagic.EXFAT && !hasAliases;
}

/** Any error but EOPNOTSUPP may concern this one object only. */
function supportsXattr(fd: number, name: string): boolean {
  return getXattr(fd, name, room) !== -Errno.EOPNOTSUPP;
}

/**
 * Adds the unchanged one of access and modification time where the disk would ignore a change of the other
 * alone.
 */
export function withBothTimes(context: ShareContext, fd: number, times: TimeChange): TimeChange {
  const { access, modify, birth } = times;
  if ((access === undefined) === (modify === undefined) || statFd(fd, facts) < 0) return times;
  if (!traitsOf(context, deviceOf(facts), fd).setsTimesTogether) return times;
  // traitsOf may have used the record.
  if (statFd(fd, facts) < 0) return times;
  return {
    access: access ?? { seconds: facts.accessSeconds, nanoseconds: facts.accessNanoseconds },
    modify: modify ?? { seconds: facts.modifySeconds, nanoseconds: facts.modifyNanoseconds },
    birth,
  };
}

/** True where the disk stores values of that name in extended attributes. */
export function storesXattr(traits: DiskTraits, name: string): boolean {
  return name.startsWith("user.") ? traits.hasUserXattrs : traits.hasOtherXattrs;
}

/** Notes that the disk has refused an extended attribute of that name. */
export function noteXattrRefused(traits: DiskTraits, name: string): void {
  if (name.startsWith("user.")) traits.hasUserXattrs = false;
  else traits.hasOtherXattrs = false;
}

/** True where the disk lacks extended attributes, so that values go into a sidecar. */
export function needsSidecar(traits: DiskTraits): boolean {
  return !traits.hasUserXattrs || !traits.hasOtherXattrs;
}
