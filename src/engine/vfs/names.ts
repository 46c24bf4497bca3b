// Names as clients see them and as the disk has them, and when two names are the same. Characters that Windows
// reserves travel in the private use area as "Services for Macintosh" does it (macOS clients, Linux cifs with
// mapposix, Samba's fruit); reserved characters: [MS-FSCC] 2.1.5.2.

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

const unfitForClients = /[\u0001-\u001f"*:<>?\\|]|[ .]$/;
const unfitAnywhere = /[\u0001-\u001f"*:<>?\\|]/g;
const mappedOnes = /[\uf001-\uf029]/;
const mappedAnywhere = /[\uf001-\uf027]/g;

/** The name as clients see it: what Windows cannot hold is mapped. */
export function toClientName(name: string): string {
  if (!unfitForClients.test(name)) return name;
  let mapped = name.replace(unfitAnywhere, (character) => toClientMap.get(character) ?? character);
  if (mapped.endsWith(" ")) mapped = mapped.slice(0, -1) + TRAILING_SPACE;
  else if (mapped.endsWith(".")) mapped = mapped.slice(0, -1) + TRAILING_DOT;
  return mapped;
}

/** The name as the disk has it; undefined where the mapping would make `.`, `..` or a path of it. */
export function toDiskName(name: string): string | undefined {
  if (!mappedOnes.test(name)) return name;
  let mapped = name.replace(mappedAnywhere, (character) => toDiskMap.get(character) ?? character);
  if (mapped.endsWith(TRAILING_SPACE)) mapped = `${mapped.slice(0, -1)} `;
  else if (mapped.endsWith(TRAILING_DOT)) mapped = `${mapped.slice(0, -1)}.`;
  return mapped === "." || mapped === ".." ? undefined : mapped;
}

const asciiOnly = /^[\u0000-\u007f]*$/;

/**
 * The form in which equal names are equal: composed (NFC), then every UTF-16 unit in upper case, as NTFS does it:
 * one unit becomes one unit, and no letter beyond ASCII becomes an ASCII one (U+0131, U+017F).
 */
export function foldName(name: string): string {
  if (asciiOnly.test(name)) return name.toUpperCase();
  const composed = name.normalize("NFC");
  let folded = "";
  for (let i = 0; i < composed.length; i++) folded += foldUnit(composed.charCodeAt(i));
  return folded;
}

function foldUnit(unit: number): string {
  const character = String.fromCharCode(unit);
  const upper = character.toUpperCase();
  if (upper.length !== 1) return character;
  return unit >= 0x80 && upper.charCodeAt(0) < 0x80 ? character : upper;
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
