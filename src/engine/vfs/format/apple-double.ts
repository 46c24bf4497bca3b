// AppleDouble version 2, the file `._NAME` in which macOS keeps the Finder information, the resource fork and
// the extended attributes of NAME on disks without these: RFC 1740, and the layout of Apple's vfs_xattr.c,
// which puts the attributes behind the Finder information. Big-endian. Untrusted: checked here, once.

const MAGIC = 0x0005_1607;
const VERSION = 0x0002_0000;
const FILLER_OFFSET = 8;
const FILLER_BYTES = 16;
const ENTRIES_OFFSET = 26;
const ENTRY_BYTES = 12;
/** netatalk's have up to eight entries. */
const MAX_ENTRIES = 32;
const FINDER_INFO_BYTES = 32;
const ATTRIBUTES_MAGIC = 0x4154_5452; // "ATTR"
/** From the end of the Finder information: two bytes that align what follows. */
const PADDING_BYTES = 2;
const ATTRIBUTES_HEADER_BYTES = 36;
/** offset u32, length u32, flags u16, length of the name u8; then the name with a zero. */
const ATTRIBUTE_BYTES = 11;
/** Limits of macOS. */
const MAX_ATTRIBUTES = 256;
const MAX_NAME_BYTES = 127;
/** All entries and the names of attributes are in the first bytes; ATTR_MAX_HDR_SIZE of macOS. */
export const MAX_HEAD_BYTES = 65_554;
/** Attributes and entries that the server does not use are held in memory to change the file. */
const MAX_HELD_BYTES = 4_194_304;
/** macOS makes the file one or more of these long, with the place for an empty resource fork at its end. */
const FILE_UNIT = 4096;
const EMPTY_FORK_BYTES = 286;
const EMPTY_FORK_TAG = new TextEncoder().encode("This resource fork intentionally left blank   ");
const EMPTY_FORK_TAG_OFFSET = 16;

export const EntryId = { FORK: 2, FINDER_INFO: 9 } as const;

/** A range of the file, in bytes. */
export interface Extent {
  readonly offset: number;
  readonly length: number;
}

export interface AppleEntry extends Extent {
  readonly id: number;
  /** Offset of the entry's description in the file. */
  readonly at: number;
}

export interface AppleAttribute extends Extent {
  readonly name: string;
  readonly flags: number;
}

export interface AppleDouble {
  /** Who made the file; see `Maker`. */
  readonly maker: string;
  readonly entries: readonly AppleEntry[];
  readonly finderInfo: Extent | undefined;
  readonly fork: AppleEntry | undefined;
  readonly attributes: readonly AppleAttribute[];
}

/** smbd 4.17 converts a file of any other maker than netatalk, by which its Finder information counts. */
export const Maker = { MAC: "Mac OS X        ", NETATALK: "Netatalk        " } as const;

const decoder = new TextDecoder("utf-8", { fatal: true });
const encoder = new TextEncoder();

/**
 * Understands a file of `fileBytes` bytes by its first ones, up to MAX_HEAD_BYTES. Undefined where any entry
 * of it would not survive a change: then it is no file of ours to hide or change.
 */
export function decodeAppleDouble(head: Uint8Array, fileBytes: number): AppleDouble | undefined {
  if (head.length < ENTRIES_OFFSET) return undefined;
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  if (view.getUint32(0) !== MAGIC || view.getUint32(4) !== VERSION) return undefined;
  const maker = String.fromCharCode(...head.subarray(FILLER_OFFSET, FILLER_OFFSET + FILLER_BYTES));
  const entries = decodeEntries(view, fileBytes);
  if (entries === undefined) return undefined;
  const fork = entries.find(({ id }) => id === EntryId.FORK);
  const info = entries.find(({ id }) => id === EntryId.FINDER_INFO);
  if (info === undefined || info.length === 0) {
    if (fork === undefined || othersBytes(entries) > MAX_HELD_BYTES) return undefined;
    return { maker, entries, finderInfo: undefined, fork, attributes: [] };
  }
  if (info.length < FINDER_INFO_BYTES || info.offset + FINDER_INFO_BYTES > head.length) return undefined;
  if (othersBytes(entries) + info.length > MAX_HELD_BYTES) return undefined;
  const attributes = decodeAttributes(head, view, info);
  if (attributes === undefined) return undefined;
  return { maker, entries, finderInfo: { offset: info.offset, length: FINDER_INFO_BYTES }, fork, attributes };
}

function decodeEntries(view: DataView, fileBytes: number): AppleEntry[] | undefined {
  const count = view.getUint16(24);
  const end = ENTRIES_OFFSET + count * ENTRY_BYTES;
  if (count === 0 || count > MAX_ENTRIES || end > view.byteLength) return undefined;
  const entries: AppleEntry[] = [];
  for (let at = ENTRIES_OFFSET; at < end; at += ENTRY_BYTES) {
    const id = view.getUint32(at);
    const offset = view.getUint32(at + 4);
    const length = view.getUint32(at + 8);
    if (id === 0 || entries.some((entry) => entry.id === id)) return undefined;
    if (length > 0 && (offset < end || offset + length > fileBytes)) return undefined;
    entries.push({ id, offset, length, at });
  }
  return areApart(entries) ? entries : undefined;
}

function areApart(extents: readonly Extent[]): boolean {
  const sorted = extents.filter(({ length }) => length > 0).sort((a, b) => a.offset - b.offset);
  return sorted.every(({ offset }, i) => {
    const before = sorted[i - 1];
    return before === undefined || before.offset + before.length <= offset;
  });
}

function othersBytes(entries: readonly AppleEntry[]): number {
  return othersOf(entries).reduce((sum, { length }) => sum + length, 0);
}

/** The entries that the server keeps as they are. */
export function othersOf(entries: readonly AppleEntry[]): AppleEntry[] {
  return entries.filter(({ id }) => id !== EntryId.FORK && id !== EntryId.FINDER_INFO);
}

function decodeAttributes(head: Uint8Array, view: DataView, info: Extent): AppleAttribute[] | undefined {
  const at = info.offset + FINDER_INFO_BYTES + PADDING_BYTES;
  const end = info.offset + info.length;
  const start = at + ATTRIBUTES_HEADER_BYTES;
  if (start > Math.min(end, head.length) || view.getUint32(at) !== ATTRIBUTES_MAGIC) {
    const rest = head.subarray(info.offset + FINDER_INFO_BYTES, end);
    return end <= head.length && rest.every((byte) => byte === 0) ? [] : undefined;
  }
  const totalEnd = view.getUint32(at + 8);
  const dataStart = view.getUint32(at + 12);
  const dataEnd = dataStart + view.getUint32(at + 16);
  const count = view.getUint16(at + 34);
  if (count > MAX_ATTRIBUTES || totalEnd > end) return undefined;
  if (dataStart < start || dataStart > head.length || dataEnd > totalEnd) return undefined;
  const attributes: AppleAttribute[] = [];
  for (let next = start, i = 0; i < count; i++) {
    const attribute = decodeAttribute(head, view, next, dataStart);
    if (attribute === undefined || attributes.some(({ name }) => name === attribute.name)) return undefined;
    const { offset, length } = attribute;
    if (offset < dataStart || offset + length > dataEnd) return undefined;
    attributes.push(attribute);
    next = align(next + ATTRIBUTE_BYTES + encoder.encode(attribute.name).length + 1, start);
  }
  return areApart(attributes) ? attributes : undefined;
}

function decodeAttribute(
  head: Uint8Array,
  view: DataView,
  at: number,
  end: number,
): AppleAttribute | undefined {
  if (at + ATTRIBUTE_BYTES > end) return undefined;
  const nameBytes = view.getUint8(at + 10);
  const nameEnd = at + ATTRIBUTE_BYTES + nameBytes;
  if (nameBytes < 2 || nameBytes > MAX_NAME_BYTES + 1 || nameEnd > end || head[nameEnd - 1] !== 0)
    return undefined;
  const name = decodeName(head.subarray(at + ATTRIBUTE_BYTES, nameEnd - 1));
  if (name === undefined) return undefined;
  return { name, offset: view.getUint32(at), length: view.getUint32(at + 4), flags: view.getUint16(at + 8) };
}

function decodeName(bytes: Uint8Array): string | undefined {
  if (bytes.includes(0)) return undefined;
  try {
    return decoder.decode(bytes);
  } catch {
    return undefined;
  }
}

/** Attributes are aligned to four bytes from their first one on. */
function align(position: number, start: number): number {
  return start + Math.ceil((position - start) / 4) * 4;
}

export interface AttributeData {
  readonly name: string;
  readonly flags: number;
  readonly data: Uint8Array;
}

/** What a new file has before its resource fork. */
export interface HeadContent {
  readonly maker: string;
  readonly finderInfo: Uint8Array;
  readonly attributes: readonly AttributeData[];
  readonly others: readonly { readonly id: number; readonly data: Uint8Array }[];
  readonly forkBytes: number;
}

/**
 * The bytes of a file up to its resource fork, which follows them. Undefined where macOS would not take so
 * many attributes, or such names.
 */
export function encodeAppleDouble(content: HeadContent): Uint8Array | undefined {
  const { maker, finderInfo, attributes, others, forkBytes } = content;
  const infoOffset = ENTRIES_OFFSET + (2 + others.length) * ENTRY_BYTES;
  const area = attributes.length === 0 ? new Uint8Array(0) : encodeAttributes(attributes, infoOffset);
  if (area === undefined) return undefined;
  const infoBytes = FINDER_INFO_BYTES + area.length;
  const othersStart = infoOffset + infoBytes;
  const bytes = new Uint8Array(others.reduce((sum, { data }) => sum + data.length, othersStart));
  const view = new DataView(bytes.buffer);
  view.setUint32(0, MAGIC);
  view.setUint32(4, VERSION);
  // netatalk and Samba know no attributes.
  const filler = attributes.length > 0 ? Maker.MAC : maker;
  for (let i = 0; i < FILLER_BYTES; i++) bytes[FILLER_OFFSET + i] = filler.charCodeAt(i);
  view.setUint16(24, 2 + others.length);
  let at = ENTRIES_OFFSET;
  const describe = (id: number, offset: number, length: number): void => {
    view.setUint32(at, id);
    view.setUint32(at + 4, offset);
    view.setUint32(at + 8, length);
    at += ENTRY_BYTES;
  };
  // macOS finds attributes where the Finder information is the first entry.
  describe(EntryId.FINDER_INFO, infoOffset, infoBytes);
  describe(EntryId.FORK, bytes.length, forkBytes);
  let position = othersStart;
  for (const { id, data } of others) {
    describe(id, position, data.length);
    bytes.set(data, position);
    position += data.length;
  }
  bytes.set(finderInfo.subarray(0, FINDER_INFO_BYTES), infoOffset);
  bytes.set(area, infoOffset + FINDER_INFO_BYTES);
  return bytes;
}

/** What follows the Finder information: padding, header, descriptions and data of the attributes. */
function encodeAttributes(attributes: readonly AttributeData[], infoOffset: number): Uint8Array | undefined {
  const base = infoOffset + FINDER_INFO_BYTES;
  const at = base + PADDING_BYTES;
  const start = at + ATTRIBUTES_HEADER_BYTES;
  let dataStart = start;
  for (const { name } of attributes) {
    const nameBytes = encoder.encode(name).length;
    if (nameBytes === 0 || nameBytes > MAX_NAME_BYTES || name.includes("\0")) return undefined;
    dataStart = align(dataStart + ATTRIBUTE_BYTES + nameBytes + 1, start);
  }
  const dataBytes = attributes.reduce((sum, { data }) => sum + data.length, 0);
  const end = dataStart + dataBytes;
  if (attributes.length > MAX_ATTRIBUTES || dataStart > FILE_UNIT * 16 || end > MAX_HELD_BYTES)
    return undefined;
  const totalEnd = Math.ceil((end + EMPTY_FORK_BYTES) / FILE_UNIT) * FILE_UNIT - EMPTY_FORK_BYTES;
  const area = new Uint8Array(totalEnd - base);
  const view = new DataView(area.buffer);
  view.setUint32(at - base, ATTRIBUTES_MAGIC);
  view.setUint32(at - base + 8, totalEnd);
  view.setUint32(at - base + 12, dataStart);
  view.setUint32(at - base + 16, dataBytes);
  view.setUint16(at - base + 34, attributes.length);
  let next = start;
  let position = dataStart;
  for (const { name, flags, data } of attributes) {
    const encoded = encoder.encode(name);
    view.setUint32(next - base, position);
    view.setUint32(next - base + 4, data.length);
    view.setUint16(next - base + 8, flags);
    view.setUint8(next - base + 10, encoded.length + 1);
    area.set(encoded, next - base + ATTRIBUTE_BYTES);
    area.set(data, position - base);
    next = align(next + ATTRIBUTE_BYTES + encoded.length + 1, start);
    position += data.length;
  }
  return area;
}

/** True for the placeholder of 286 bytes that macOS writes where a file has no resource fork. */
export function isPlaceholderFork(fork: Uint8Array): boolean {
  if (fork.length !== EMPTY_FORK_BYTES) return false;
  return EMPTY_FORK_TAG.every((byte, i) => fork[EMPTY_FORK_TAG_OFFSET + i] === byte);
}

export const PLACEHOLDER_FORK_BYTES = EMPTY_FORK_BYTES;
