// Names inside a sidecar: the entry that holds a file's values, and entries on their way.
const VALUES_SUFFIX = ".values";
const NEXT_SUFFIX = ".next";
const TEMPORARY = /^[0-9a-f]{16}\.tmp$/;
/** The longest name of ours must be one that every disk takes, in bytes and so in UTF-16 units. */
const MAX_PLAIN_BYTES = 255 - VALUES_SUFFIX.length;
const encoder = new TextEncoder();

/**
 * The name below the sidecar for a file's values ("" for the folder's own). The disk itself compares it, with or
 * without case as it compares the file's name; a name too long for that goes by a hash of its folded form.
 */
export function entryNameOf(name: string): string {
  return baseOf(name) + VALUES_SUFFIX;
}

/** The name of an entry that waits for its file to be renamed to `name`. */
export function nextNameOf(name: string): string {
  return baseOf(name) + NEXT_SUFFIX;
}

function baseOf(name: string): string {
  if (!isHashed(name)) return name;
  return `#${new Bun.CryptoHasher("sha256").update(foldLong(name)).digest("hex")}`;
}

/** Whether a file's name is too long for the plain form. */
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

/** The file that an entry's name stands for; undefined for a hash or what is no entry. */
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
