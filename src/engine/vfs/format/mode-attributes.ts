// DOS attributes that a file's mode tells where none are stored, as smb.conf(5) has it under `map archive`,
// `map hidden`, `map system` and `map readonly`: the execute bits that no Windows client asks for stand for them.
import type { ModeMapping } from "../../../port/port.ts";
import { FileAttribute } from "../../../wire/fscc/attributes.ts";

const OWNER_EXECUTES = 0o100;
const GROUP_EXECUTES = 0o010;
const OTHERS_EXECUTE = 0o001;
const OWNER_WRITES = 0o200;
const ANYBODY_WRITES = 0o222;

/** The attributes of an object by its mode alone. Directories have none: their execute bits let one pass through. */
export function attributesOfMode(mode: number, isDirectory: boolean, mapping: ModeMapping): number {
  if (isDirectory) return 0;
  // Nobody has archived what no client has touched.
  const isToArchive = mapping.archive === "auto" || isMapped(mode, mapping.archive === "yes", OWNER_EXECUTES);
  let bits = isToArchive ? FileAttribute.ARCHIVE : 0;
  if (isMapped(mode, mapping.system, GROUP_EXECUTES)) bits |= FileAttribute.SYSTEM;
  if (isMapped(mode, mapping.hidden, OTHERS_EXECUTE)) bits |= FileAttribute.HIDDEN;
  if (mapping.readonly && (mode & OWNER_WRITES) === 0) bits |= FileAttribute.READONLY;
  return bits;
}

function isMapped(mode: number, maps: boolean, bit: number): boolean {
  return maps && (mode & bit) !== 0;
}

/** The attributes that a mode can tell by this mapping; ARCHIVE is no loss where it cannot. */
export function attributesInMode(mapping: ModeMapping): number {
  let bits: number = FileAttribute.ARCHIVE;
  if (mapping.readonly) bits |= FileAttribute.READONLY;
  if (mapping.system) bits |= FileAttribute.SYSTEM;
  if (mapping.hidden) bits |= FileAttribute.HIDDEN;
  return bits;
}

/**
 * The mode of a file that is to have these attributes. Where it was read-only and is no longer, its owner may write, and
 * the others of `writable`; undefined for a new file, whose mode is as it was asked for.
 */
export function modeOfAttributes(
  mode: number,
  attributes: number,
  mapping: ModeMapping,
  writable?: number,
): number {
  let result = mode;
  const map = (maps: boolean, attribute: number, bit: number): void => {
    if (maps) result = (attributes & attribute) === 0 ? result & ~bit : result | bit;
  };
  map(mapping.archive === "yes", FileAttribute.ARCHIVE, OWNER_EXECUTES);
  map(mapping.system, FileAttribute.SYSTEM, GROUP_EXECUTES);
  map(mapping.hidden, FileAttribute.HIDDEN, OTHERS_EXECUTE);
  if (!mapping.readonly) return result;
  if ((attributes & FileAttribute.READONLY) !== 0) return result & ~ANYBODY_WRITES;
  if (writable === undefined || (mode & OWNER_WRITES) !== 0) return result;
  return result | OWNER_WRITES | (writable & ANYBODY_WRITES);
}
