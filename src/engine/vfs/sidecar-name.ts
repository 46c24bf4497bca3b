// Names of the sidecar: the hidden directory in every folder that holds the values of the folder and of its files,
// where the disk has no extended attributes. No client ever sees it, on any disk.

/** The directory; a folder brings its files' values along when it is renamed, moved or copied, by whatever program. */
export const SIDECAR_DIRECTORY = ".minismbd";

const VALUES_SUFFIX = ".values";
const NEXT_SUFFIX = ".next";
const TEMPORARY = /^[0-9a-f]{16}\.tmp$/;
/** The longest name of ours must be one that every disk takes, in bytes and so in UTF-16 units. */
const MAX_PLAIN_BYTES = 255 - VALUES_SUFFIX.length;
const encoder = new TextEncoder();

/** Whether a name on disk, or as a client asks for it, is that of the sidecar. FAT looks up without case. */
export function isSidecarName(name: string): boolean {
  return name.length === SIDECAR_DIRECTORY.length && name.toLowerCase() === SIDECAR_DIRECTORY;
}

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
