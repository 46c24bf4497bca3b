// Space and abilities of the file system behind a share; [MS-FSCC] 2.5.1, 2.5.4, 2.5.8, 2.5.9.
import { Errno } from "../../linux/errno.ts";
import { Scratch } from "../../linux/libc.ts";
import { FileSystemMagic, StatfsFlag, emptyStatx, statFd, statfsFd } from "../../linux/stat.ts";
import { getXattr } from "../../linux/xattr.ts";
import { deviceOf } from "./attributes.ts";
import { sharesBlocks } from "./copying.ts";
import { DOS_ATTRIBUTES_XATTR, MAX_DOS_ATTRIBUTES_BYTES } from "./dos-attributes.ts";
import type { ShareContext } from "./share-context.ts";
import type { Failure, VolumeInfo } from "./store.ts";

/** FileSystemAttributes of [MS-FSCC] 2.5.1, those that can hold here. */
export const VolumeAttribute = {
  CASE_SENSITIVE_SEARCH: 0x0000_0001,
  CASE_PRESERVED_NAMES: 0x0000_0002,
  UNICODE_ON_DISK: 0x0000_0004,
  PERSISTENT_ACLS: 0x0000_0008,
  SUPPORTS_SPARSE_FILES: 0x0000_0040,
  SUPPORTS_POSIX_UNLINK_RENAME: 0x0000_0400,
  NAMED_STREAMS: 0x0004_0000,
  SUPPORTS_EXTENDED_ATTRIBUTES: 0x0080_0000,
  READ_ONLY_VOLUME: 0x0008_0000,
  SUPPORTS_BLOCK_REFCOUNTING: 0x0800_0000,
} as const;

/** File systems that give every byte of a file a block. */
const withoutHoles: ReadonlySet<number> = new Set([
  FileSystemMagic.MSDOS,
  FileSystemMagic.EXFAT,
  FileSystemMagic.HFSPLUS,
]);

const MAX_COMPONENT_UNITS = 255;
const statx = emptyStatx();
const room = new Scratch(MAX_DOS_ATTRIBUTES_BYTES);

/** The volume that a descriptor's object lies on, with the share's root for its date. */
export function volumeOf(context: ShareContext, fd: number): VolumeInfo | Failure {
  const facts = statfsFd(fd);
  if (typeof facts === "number") return facts;
  const failure = statFd(fd, statx);
  if (failure < 0) return failure;
  const device = deviceOf(statx);
  let attributes: number =
    VolumeAttribute.CASE_SENSITIVE_SEARCH |
    VolumeAttribute.CASE_PRESERVED_NAMES |
    VolumeAttribute.UNICODE_ON_DISK |
    VolumeAttribute.SUPPORTS_POSIX_UNLINK_RENAME;
  if (!withoutHoles.has(facts.type)) attributes |= VolumeAttribute.SUPPORTS_SPARSE_FILES;
  if (sharesBlocks(fd, facts.type)) attributes |= VolumeAttribute.SUPPORTS_BLOCK_REFCOUNTING;
  // Windows shows and changes rights where this is set, and FAT keeps none.
  const keepsRights = facts.type !== FileSystemMagic.MSDOS && facts.type !== FileSystemMagic.EXFAT;
  if (keepsRights && context.grant.security.canChange) attributes |= VolumeAttribute.PERSISTENT_ACLS;
  const hasValues = keepsValues(fd);
  if (context.grant.eaSupport && hasValues) attributes |= VolumeAttribute.SUPPORTS_EXTENDED_ATTRIBUTES;
  if (context.grant.streams && hasValues) attributes |= VolumeAttribute.NAMED_STREAMS;
  if (context.grant.readOnly || (facts.flags & StatfsFlag.RDONLY) !== 0) {
    attributes |= VolumeAttribute.READ_ONLY_VOLUME;
  }
  return {
    totalBytes: facts.blocks * facts.blockBytes,
    availableBytes: facts.available * facts.blockBytes,
    freeBytes: facts.free * facts.blockBytes,
    blockBytes: facts.blockBytes,
    fileSystemName: "NTFS",
    attributes,
    maxComponentLength: MAX_COMPONENT_UNITS,
    serial: ((facts.fsidLow ^ facts.fsidHigh) >>> 0 || device) >>> 0,
    createdSeconds: rootBirth(context),
  };
}

function keepsValues(fd: number): boolean {
  return getXattr(fd, DOS_ATTRIBUTES_XATTR, room) !== -Errno.EOPNOTSUPP;
}

function rootBirth(context: ShareContext): number {
  if (statFd(context.rootFd, statx) < 0) return 0;
  return statx.hasBirth ? statx.birthSeconds : Math.min(statx.modifySeconds, statx.changeSeconds);
}
