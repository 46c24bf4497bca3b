// What FileFsAttributeInformation says of a file system, a row an ability; [MS-FSCC] 2.5.1. A bit stands here once
// clients can use what it promises.
import { FileSystemMagic } from "../../../linux/stat.ts";
import type { ShareGrant } from "../../../port/port.ts";
import { FsAttribute } from "../../../wire/fscc/fs-information.ts";
import { type DiskTraits, hasHardLinks } from "../context/disk-traits.ts";

/** What the abilities of a volume depend on. */
export interface AbilityFacts {
  readonly grant: ShareGrant;
  readonly traits: DiskTraits;
  /** The file system is mounted read-only. */
  readonly isReadOnly: boolean;
  /** Blocks can belong to more than one file. */
  readonly sharesBlocks: boolean;
  /** The kernel keeps quotas there. */
  readonly hasQuotas: boolean;
}

const always = (): boolean => true;

function isFat({ traits }: AbilityFacts): boolean {
  return traits.type === FileSystemMagic.MSDOS || traits.type === FileSystemMagic.EXFAT;
}

/** File systems that give every byte of a file a block. */
function keepsHoles(facts: AbilityFacts): boolean {
  return !isFat(facts) && facts.traits.type !== FileSystemMagic.HFSPLUS;
}

/** Windows shows and changes rights where this is set, and FAT keeps none. */
function keepsRights(facts: AbilityFacts): boolean {
  return !isFat(facts) && facts.grant.security.canChange;
}

// Values have the disk's extended attributes or the sidecar.
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

/** FileSystemAttributes of a volume. */
export function abilitiesOf(facts: AbilityFacts): number {
  let bits = 0;
  for (const [bit, holds] of rows) if (holds(facts)) bits |= bit;
  return bits >>> 0;
}
