// Uppercasing as in the tables of Windows file systems ([MS-FSCC] 2.1.5.1, the $UpCase file of NTFS): one
// UTF-16 unit maps to one unit, and only if the lower case of the result is the unit again. So no letter
// outside ASCII becomes an ASCII letter (dotless i, long s), and sharp s, final sigma and surrogates are
// unchanged.

// Built for the first name with characters outside ASCII: 128 KiB that a server may never need.
let table: Uint16Array | undefined;

function makeTable(): Uint16Array {
  const made = new Uint16Array(0x1_0000);
  for (let unit = 0; unit < 0x1_0000; unit++) made[unit] = unit;
  for (let unit = 0; unit < 0x1_0000; unit++) {
    if (unit >= 0xd800 && unit < 0xe000) continue;
    // Lower case is checked too: toUpperCase maps U+1F80 to two letters, but the table to one, U+1F88.
    const character = String.fromCharCode(unit);
    const upper = character.toUpperCase();
    if (upper.length === 1 && upper.toLowerCase() === character) made[unit] = upper.charCodeAt(0);
    const lower = character.toLowerCase();
    // The capital sharp s (U+1E9E) is newer than the tables.
    if (lower.length !== 1 || lower === character || unit === 0x1e9e) continue;
    if (unit < 0x80 !== lower.charCodeAt(0) < 0x80) continue;
    if (lower.toUpperCase().length > 1) made[lower.charCodeAt(0)] = unit;
  }
  return made;
}

const asciiOnly = /^[\u0000-\u007f]*$/;

/** Returns the text in upper case; the length is unchanged. */
export function upcase(text: string): string {
  if (asciiOnly.test(text)) return text.toUpperCase();
  table ??= makeTable();
  let upper = "";
  for (let i = 0; i < text.length; i++) upper += String.fromCharCode(table[text.charCodeAt(i)] ?? 0);
  return upper;
}
