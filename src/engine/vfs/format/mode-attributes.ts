// DOS attributes in a file's mode, where none are stored: `map archive`, `map hidden`, `map system` and `map
// readonly` of smb.conf(5). The execute bits, which Windows clients do not use, stand for them.
import type { ModeMapping } from "../../../port/port.ts";
import { FileAttribute } from "../../../wire/fscc/attributes.ts";

const OWNER_EXECUTES = 0o100;
const GROUP_EXECUTES = 0o010;
const OTHERS_EXECUTE = 0o001;
const OWNER_WRITES = 0o200;
const ANYBODY_WRITES = 0o222;

/**
 * The attributes that an object's mode stands for; 0 for a directory, whose execute bits mean search
 * permission.
 */
export function attributesOfMode(mode: number, isDirectory: boolean, mapping: ModeMapping): number {
  if (isDirectory) return 0;
  // A file without stored attributes has not been archived yet.
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

/** The attributes that a mode can hold with this mapping. ARCHIVE always counts: losing it does no harm. */
export function attributesInMode(mapping: ModeMapping): number {
  let bits: number = FileAttribute.ARCHIVE;
  if (mapping.readonly) bits |= FileAttribute.READONLY;
  if (mapping.system) bits |= FileAttribute.SYSTEM;
  if (mapping.hidden) bits |= FileAttribute.HIDDEN;
  return bits;
}

/**
 * Returns the mode that gives a file these attributes. A file that loses READONLY becomes writable for its
 * owner and for the classes in `writable`; `writable` is undefined for a new file, whose mode stays as
 * requested.
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
