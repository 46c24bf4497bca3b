// FileSystemAttributes of FileFsAttributeInformation ([MS-FSCC] 2.5.1). Only abilities that clients can use
// on this server are listed.
import { FileSystemMagic } from "../../../linux/stat.ts";
import type { ShareGrant } from "../../../port/port.ts";
import { FsAttribute } from "../../../wire/fscc/fs-information.ts";
import { type DiskTraits, hasHardLinks } from "../context/disk-traits.ts";

/** The facts that the abilities of a volume depend on. */
export interface AbilityFacts {
  readonly grant: ShareGrant;
  readonly traits: DiskTraits;
  /** The file system is mounted read-only. */
  readonly isReadOnly: boolean;
  /** The file system supports reflinks. */
  readonly sharesBlocks: boolean;
  /** Quotas are enabled on the file system. */
  readonly hasQuotas: boolean;
}

const always = (): boolean => true;

function isFat({ traits }: AbilityFacts): boolean {
  return traits.type === FileSystemMagic.MSDOS || traits.type === FileSystemMagic.EXFAT;
}

/** FAT, exFAT and HFS+ have no sparse files. */
function keepsHoles(facts: AbilityFacts): boolean {
  return !isFat(facts) && facts.traits.type !== FileSystemMagic.HFSPLUS;
}

/** Windows shows and edits security descriptors if this is set; FAT stores none. */
function keepsRights(facts: AbilityFacts): boolean {
  return !isFat(facts) && facts.grant.security.canChange;
}

// Streams and extended attributes do not depend on the file system: without xattrs, the sidecar stores them.
const rows: readonly (readonly [bit: number, holds: (facts: AbilityFacts) => boolean])[] = [
  [FsAttribute.CASE_SENSITIVE_SEARCH, always],
  [FsAttribute.CASE_PRESERVED_NAMES, always],
  [FsAttribute.UNICODE_ON_DISK, always],
  [FsAttribute.PERSISTENT_ACLS, keepsRights],
  [FsAttribute.VOLUME_QUOTAS, (facts) => facts.hasQuotas],
  [FsAttribute.SUPPORTS_SPARSE_FILES, keepsHoles],
  [FsAttribute.SUPPORTS_POSIX_UNLINK_RENAME, always],
  [FsAttribute.NAMED_STREAMS, (facts) => facts.grant.streams],
  [FsAttribute.READ_ONLY_VOLUME, (facts) => facts.grant.readOnly || facts.isReadOnly],
  [FsAttribute.SUPPORTS_HARD_LINKS, ({ traits }) => hasHardLinks(traits)],
  [FsAttribute.SUPPORTS_EXTENDED_ATTRIBUTES, (facts) => facts.grant.eaSupport],
  [FsAttribute.SUPPORTS_BLOCK_REFCOUNTING, (facts) => facts.sharesBlocks],
];

/** Returns FileSystemAttributes of a volume. */
export function abilitiesOf(facts: AbilityFacts): number {
  let bits = facts.grant.space.fakeAbilities;
  for (const [bit, holds] of rows) if (holds(facts)) bits |= bit;
  return bits >>> 0;
}
