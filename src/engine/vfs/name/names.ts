// Conversion between names on disk and names on the wire, and case folding. Characters that Windows reserves
// are mapped to the private use area as "Services for Macintosh" does it (macOS clients, Linux cifs with
// mapposix, Samba's fruit); reserved characters: [MS-FSCC] 2.1.5.2.
import { upcase } from "../../../wire/fscc/upcase.ts";

// U+F001..U+F01F stand for control characters, the rest as listed; TRAILING_* only at the end of a name.
const BASE = 0xf000;
const reserved: readonly (readonly [disk: string, client: string])[] = [
  ['"', "\uf020"],
  ["*", "\uf021"],
  [":", "\uf022"],
  ["<", "\uf023"],
  [">", "\uf024"],
  ["?", "\uf025"],
  ["\\", "\uf026"],
  ["|", "\uf027"],
];
const TRAILING_SPACE = "\uf028";
const TRAILING_DOT = "\uf029";

const toClientMap = new Map<string, string>(reserved);
const toDiskMap = new Map<string, string>(reserved.map(([disk, client]) => [client, disk]));
for (let code = 1; code < 0x20; code++) {
  toClientMap.set(String.fromCharCode(code), String.fromCharCode(BASE + code));
  toDiskMap.set(String.fromCharCode(BASE + code), String.fromCharCode(code));
}

const needsMapping = /[\u0001-\u001f"*:<>?\\|]|[ .]$/;
const reservedCharacters = /[\u0001-\u001f"*:<>?\\|]/g;
const mappedCharacters = /[\uf001-\uf027]/g;
// Invalid UTF-8 bytes as linux/name-bytes.ts escapes them; with the u flag only lone surrogates match.
const escapedBytes = /[\udc80-\udcff]/gu;
const ambiguous = /[\uf001-\uf0ff]/;

/**
 * Converts an on-disk name to the name that clients see. A byte 0x80..0xFF that is not UTF-8 becomes
 * U+F080..U+F0FF; the way back needs a search of the directory, since a name on disk may contain that
 * character itself.
 */
export function toClientName(name: string): string {
  const valid = mapInvalidBytes(name);
  if (!needsMapping.test(valid)) return valid;
  let mapped = valid.replace(reservedCharacters, (character) => toClientMap.get(character) ?? character);
  if (mapped.endsWith(" ")) mapped = mapped.slice(0, -1) + TRAILING_SPACE;
  else if (mapped.endsWith(".")) mapped = mapped.slice(0, -1) + TRAILING_DOT;
  return mapped;
}

/** Maps only invalid UTF-8 bytes; all other characters stay. */
export function mapInvalidBytes(name: string): string {
  return name.isWellFormed() ? name : name.replace(escapedBytes, mapInvalidByte);
}

function mapInvalidByte(escape: string): string {
  return String.fromCharCode(BASE | (escape.charCodeAt(0) & 0xff));
}

/** True for a name with a character U+F001..U+F029. A regular expression took a tenth of an open's time. */
function hasMapped(name: string): boolean {
  for (let at = 0; at < name.length; at++) {
    const code = name.charCodeAt(at);
    if (code > 0xf000 && code <= 0xf029) return true;
  }
  return false;
}

/** Converts a client's name to the on-disk name; undefined where the mapping would yield `.` or `..`. */
export function toDiskName(name: string): string | undefined {
  if (!hasMapped(name)) return name;
  let mapped = name.replace(mappedCharacters, (character) => toDiskMap.get(character) ?? character);
  if (mapped.endsWith(TRAILING_SPACE)) mapped = `${mapped.slice(0, -1)} `;
  else if (mapped.endsWith(TRAILING_DOT)) mapped = `${mapped.slice(0, -1)}.`;
  return mapped === "." || mapped === ".." ? undefined : mapped;
}

/** True for a client's name that may stand for another on-disk name than `toDiskName` returns. */
export function isAmbiguous(name: string): boolean {
  return ambiguous.test(name);
}

const asciiOnly = /^[\u0000-\u007f]*$/;

/** Equal for names that differ in case only, as NTFS compares names. */
export function foldCase(name: string): string {
  return upcase(name);
}

/** Equal also for names that differ in normalization form (NFC, NFD); the key of the directory cache. */
export function foldName(name: string): string {
  return asciiOnly.test(name) ? name.toUpperCase() : upcase(name.normalize("NFC"));
}

/** `foldName` of what clients see of an on-disk name. */
export function foldDiskName(name: string): string {
  return foldName(toClientName(name));
}

/** Splits an on-disk path into its parent's path ("" for the root) and its last component. */
export function splitPath(path: string): { parent: string; name: string } {
  const slash = path.lastIndexOf("/");
  return slash < 0
    ? { parent: "", name: path }
    : { parent: path.slice(0, slash), name: path.slice(slash + 1) };
}

export function joinPath(parent: string, name: string): string {
  return parent === "" ? name : `${parent}/${name}`;
}
