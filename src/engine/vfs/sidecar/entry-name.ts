// Names inside a sidecar: a file's entry, and entries prepared for a rename or being written.
const VALUES_SUFFIX = ".values";
const NEXT_SUFFIX = ".next";
const DATA = /^([0-9a-f]{16})\.data$/;
const TEMPORARY = /^[0-9a-f]{16}\.tmp$/;
/** With the longest suffix a name must fit into 255 bytes, and so into 255 UTF-16 units. */
const MAX_PLAIN_BYTES = 255 - VALUES_SUFFIX.length;
const encoder = new TextEncoder();

/**
 * The name of a file's entry in the sidecar ("" for the folder's own). The disk compares it case-sensitively
 * or not, just as it compares the file's name. For a name that is too long a hash of its folded form is used.
 */
export function entryNameOf(name: string): string {
  return baseOf(name) + VALUES_SUFFIX;
}

/** The name of an entry prepared for a file that is about to be renamed to `name`. */
export function nextNameOf(name: string): string {
  return baseOf(name) + NEXT_SUFFIX;
}

/** True for the name of a prepared entry. */
export function isNextName(entry: string): boolean {
  return entry.endsWith(NEXT_SUFFIX);
}

function baseOf(name: string): string {
  if (!isHashed(name)) return name;
  return `#${new Bun.CryptoHasher("sha256").update(foldLong(name)).digest("hex")}`;
}

/** True for a file name that is too long for the plain form. */
export function isHashed(name: string): boolean {
  // A unit takes up to three bytes.
  if (name.length * 3 <= MAX_PLAIN_BYTES) return false;
  return name.length > MAX_PLAIN_BYTES || encoder.encode(name).length > MAX_PLAIN_BYTES;
}

export function isSameLongName(a: string, b: string): boolean {
  return foldLong(a) === foldLong(b);
}

function foldLong(name: string): string {
  return name.toWellFormed().normalize("NFC").toUpperCase();
}

/** The file name that an entry's name stands for; undefined for a hashed name and for other files. */
export function subjectOfEntry(entry: string): string | undefined {
  const suffix = entry.endsWith(VALUES_SUFFIX) ? VALUES_SUFFIX : NEXT_SUFFIX;
  if (!entry.endsWith(suffix) || entry.startsWith("#")) return undefined;
  return entry.slice(0, -suffix.length);
}

export function isTemporaryEntry(entry: string): boolean {
  return TEMPORARY.test(entry);
}

export function temporaryEntryName(random: Uint8Array): string {
  return `${Buffer.from(random).toString("hex")}.tmp`;
}

/** The name of a data file, see data-file.ts. */
export function dataFileName(id: string): string {
  return `${id}.data`;
}

/** The identifier of a data file by its name; undefined for other files. */
export function idOfDataFile(name: string): string | undefined {
  return DATA.exec(name)?.[1];
}
