// What the names of a directory's entries' extended attributes say in listings, without reading their values;
// EaSize also from their lengths; [MS-FSA] 2.1.5.12.10.
import type { EntryXattrs } from "../../../linux/entry-xattrs.ts";
import { ACCESS_ACL } from "../../security/posix-acl.ts";
import { AFP_INFO_KEY, AFP_RESOURCE_KEY } from "../format/apple-facts.ts";
import { isReservedName, PREFIX, STREAM_PREFIX } from "../format/value-names.ts";
import { DOS_ATTRIBUTES_XATTR } from "../format/dos-attributes.ts";
import { NETATALK_METADATA } from "../format/netatalk-metadata.ts";
import { NTACL } from "../format/ntacl.ts";
import type { OpenEntry } from "../sidecar/entry.ts";
import { OVERFLOW_MARK } from "./overflow.ts";

const MAX_VALUE_BYTES = 65_535;
const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8");

/** A list of names of extended attributes, read once for all entries that have the same list. */
export interface XattrNames {
  /** Those that clients see as extended attributes. */
  readonly forClients: readonly string[];
  readonly hasDosAttributes: boolean;
  readonly hasDescriptor: boolean;
  /** A POSIX ACL. */
  readonly hasAcl: boolean;
  readonly hasStreams: boolean;
  /** There are values in the sidecar. */
  readonly hasOverflow: boolean;
  /** Finder information of netatalk or of Samba's vfs_fruit. */
  readonly hasNetatalk: boolean;
  /** The values that have the streams AFP_AfpInfo and AFP_Resource. */
  readonly afpInfo: string | undefined;
  readonly afpResource: string | undefined;
}

const NO_NAMES = summaryOf([]);

/** Most files of a tree have the same few lists. */
const MAX_KNOWN = 128;
const MAX_KNOWN_BYTES = 512;
const known = new Map<string, XattrNames>();

/** `list`: NUL-terminated names, as the kernel has them. */
function namesOf(list: Uint8Array): XattrNames {
  if (list.length === 0) return NO_NAMES;
  if (list.length > MAX_KNOWN_BYTES) return summaryOf(split(list));
  const key = Buffer.from(list.buffer, list.byteOffset, list.length).toString("latin1");
  const there = known.get(key);
  if (there !== undefined) return there;
  if (known.size >= MAX_KNOWN) known.clear();
  const names = summaryOf(split(list));
  known.set(key, names);
  return names;
}

function split(list: Uint8Array): string[] {
  return decoder.decode(list.subarray(0, -1)).split("\0");
}

function summaryOf(names: readonly string[]): XattrNames {
  return {
    forClients: names.filter((name) => !isReservedName(name)),
    hasDosAttributes: names.includes(DOS_ATTRIBUTES_XATTR),
    hasDescriptor: names.includes(NTACL),
    hasAcl: names.includes(ACCESS_ACL),
    hasStreams: names.some((name) => name.startsWith(STREAM_PREFIX)),
    hasOverflow: names.includes(OVERFLOW_MARK),
    hasNetatalk: names.includes(NETATALK_METADATA),
    afpInfo: findSpelling(names, AFP_INFO_KEY),
    afpResource: findSpelling(names, AFP_RESOURCE_KEY),
  };
}

/** Finds a value's name by this spelling, else without regard to case. */
export function findSpelling(names: readonly string[], key: string): string | undefined {
  if (names.includes(key)) return key;
  const folded = key.toLowerCase();
  return names.find((name) => name.length === key.length && name.toLowerCase() === folded);
}

/** Lists the entry's names with one system call; undefined where they cannot be listed. */
export function readXattrNames(entry: EntryXattrs): XattrNames | undefined {
  const list = entry.list();
  return typeof list === "number" ? undefined : namesOf(list);
}

/** EaSize, with one system call for each attribute that clients see. */
export function eaSizeOfXattrs(entry: EntryXattrs, names: XattrNames): number {
  let size = 0;
  for (const name of names.forClients) size += sizeOfAttribute(name, entry.lengthOf(name));
  return size === 0 ? 0 : size + 4;
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
