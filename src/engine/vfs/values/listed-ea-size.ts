// EaSize of a directory's entries in listings: from the names and lengths of extended attributes, without
// reading their values; [MS-FSA] 2.1.5.12.10.
import type { EntryXattrs } from "../../../linux/entry-xattrs.ts";
import { PREFIX, isReservedName } from "../format/value-names.ts";
import { DOS_ATTRIBUTES_XATTR } from "../format/dos-attributes.ts";
import type { OpenEntry } from "../sidecar/entry.ts";

const MAX_VALUE_BYTES = 65_535;
const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8");
/** What most files have: the server's attributes alone. */
const USUAL = encoder.encode(`${DOS_ATTRIBUTES_XATTR}\0`);

function isUsual(names: Uint8Array): boolean {
  if (names.length !== USUAL.length) return false;
  for (let at = 0; at < USUAL.length; at++) if (names[at] !== USUAL[at]) return false;
  return true;
}

/** What the names of an entry's extended attributes say about it. */
export interface ListedXattrs {
  /** 0 where there are no attributes that clients see, or none can be listed. */
  eaSize: number;
  /** Whether user.DOSATTRIB is there. */
  hasDosAttributes: boolean;
}

/** Fills `out` for the entry with one system call, and one more for each attribute that clients see. */
export function readListedXattrs(entry: EntryXattrs, out: ListedXattrs): void {
  const names = entry.list();
  out.eaSize = 0;
  out.hasDosAttributes = false;
  if (typeof names === "number" || names.length === 0) return;
  out.hasDosAttributes = isUsual(names);
  if (out.hasDosAttributes) return;
  let size = 0;
  for (const name of decoder.decode(names.subarray(0, -1)).split("\0")) {
    if (name === DOS_ATTRIBUTES_XATTR) out.hasDosAttributes = true;
    if (!isReservedName(name)) size += sizeOfAttribute(name, entry.lengthOf(name));
  }
  out.eaSize = size === 0 ? 0 : size + 4;
}

/** The same for the values in a sidecar's entry. */
export function eaSizeOfEntry({ table }: OpenEntry): number {
  let size = 0;
  for (const [name, { length }] of table.extents)
    if (!isReservedName(name)) size += sizeOfAttribute(name, length);
  return size === 0 ? 0 : size + 4;
}

/** 0 for a value that cannot be read or is too long for clients. */
function sizeOfAttribute(name: string, length: number): number {
  if (length < 0 || length > MAX_VALUE_BYTES) return 0;
  return 4 + encoder.encode(name.slice(PREFIX.length)).length + 1 + length;
}
