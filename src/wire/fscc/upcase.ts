// Upper case as the file systems' own tables have it ([MS-FSCC] 2.1.5.1, the $UpCase file of NTFS): one UTF-16 unit
// becomes one unit, and only where the lower case of that is the unit again. So no letter beyond ASCII becomes an
// ASCII one (dotless i, long s), sharp s and final sigma stay what they are, and so do surrogates.

// Made when the first name beyond ASCII comes: 128 KiB that a server may never need.
let table: Uint16Array | undefined;

function makeTable(): Uint16Array {
  const made = new Uint16Array(0x1_0000);
  for (let unit = 0; unit < 0x1_0000; unit++) made[unit] = unit;
  for (let unit = 0; unit < 0x1_0000; unit++) {
    if (unit >= 0xd800 && unit < 0xe000) continue;
    // From both sides: the upper case of U+1F80 is written with two letters, but is U+1F88 as one.
    const character = String.fromCharCode(unit);
    const upper = character.toUpperCase();
    if (upper.length === 1 && upper.toLowerCase() === character) made[unit] = upper.charCodeAt(0);
    const lower = character.toLowerCase();
    // The capital sharp s is younger than the tables.
    if (lower.length !== 1 || lower === character || unit === 0x1e9e) continue;
    if (unit < 0x80 !== lower.charCodeAt(0) < 0x80) continue;
    if (lower.toUpperCase().length > 1) made[lower.charCodeAt(0)] = unit;
  }
  return made;
}

const asciiOnly = /^[\u0000-\u007f]*$/;

/** The text in upper case; its length never changes. */
export function upcase(text: string): string {
  if (asciiOnly.test(text)) return text.toUpperCase();
  table ??= makeTable();
  let upper = "";
  for (let i = 0; i < text.length; i++) upper += String.fromCharCode(table[text.charCodeAt(i)] ?? 0);
  return upper;
}
