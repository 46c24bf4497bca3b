// Names as clients see them and as the disk has them, and when two names are the same. Characters that Windows
// reserves travel in the private use area as "Services for Macintosh" does it (macOS clients, Linux cifs with
// mapposix, Samba's fruit); reserved characters: [MS-FSCC] 2.1.5.2.
import { upcase } from "../../../wire/fscc/upcase.ts";

// U+F001..U+F01F stand for control characters, the rest as listed; the last two at the end of a name only.
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
const hasMapped = /[\uf001-\uf029]/;
const mappedCharacters = /[\uf001-\uf027]/g;
// Bytes that are not UTF-8, as linux/name-bytes.ts has them: lone surrogates alone match with the u flag.
const escapedBytes = /[\udc80-\udcff]/gu;
const ambiguous = /[\uf001-\uf0ff]/;

/**
 * The name as clients see it: what Windows cannot hold is mapped. A byte 0x80..0xFF that is not UTF-8 shows as
 * U+F080..U+F0FF; the way back from there is a search of the directory, for the character may be meant as it stands.
 */
export function toClientName(name: string): string {
  const whole = mapInvalidBytes(name);
  if (!needsMapping.test(whole)) return whole;
  let mapped = whole.replace(reservedCharacters, (character) => toClientMap.get(character) ?? character);
  if (mapped.endsWith(" ")) mapped = mapped.slice(0, -1) + TRAILING_SPACE;
  else if (mapped.endsWith(".")) mapped = mapped.slice(0, -1) + TRAILING_DOT;
  return mapped;
}

/** The bytes that are not UTF-8 alone; everything else as it stands. */
export function mapInvalidBytes(name: string): string {
  return name.isWellFormed() ? name : name.replace(escapedBytes, mapInvalidByte);
}

function mapInvalidByte(escape: string): string {
  return String.fromCharCode(BASE | (escape.charCodeAt(0) & 0xff));
}

/** The name as the disk has it; undefined where the mapping would make `.`, `..` or a path of it. */
export function toDiskName(name: string): string | undefined {
  if (!hasMapped.test(name)) return name;
  let mapped = name.replace(mappedCharacters, (character) => toDiskMap.get(character) ?? character);
  if (mapped.endsWith(TRAILING_SPACE)) mapped = `${mapped.slice(0, -1)} `;
  else if (mapped.endsWith(TRAILING_DOT)) mapped = `${mapped.slice(0, -1)}.`;
  return mapped === "." || mapped === ".." ? undefined : mapped;
}

/** Whether a name from a client may stand for another on disk than the mapping says. */
export function isAmbiguous(name: string): boolean {
  return ambiguous.test(name);
}

const asciiOnly = /^[\u0000-\u007f]*$/;

/** Equal for names that differ by case alone, as NTFS compares: the form that a look-up of any client goes by. */
export function foldCase(name: string): string {
  return upcase(name);
}

/** Equal also for composed and decomposed spellings of a name (NFC, NFD): the form that directories are kept by. */
export function foldName(name: string): string {
  return asciiOnly.test(name) ? name.toUpperCase() : upcase(name.normalize("NFC"));
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
