// Lists of extended attributes (FileFullEaInformation) and of the names that a client queries
// (FILE_GET_EA_INFORMATION). [MS-FSCC] 2.4. Callers turn WireError into STATUS_EA_LIST_INCONSISTENT.
import { Reader, type Writer, wireError } from "../cursor.ts";

/** FILE_NEED_EA: only programs that understand this attribute may use the file. */
export const NEED_EA = 0x80;

export interface ExtendedAttribute {
  readonly flags: number;
  /** One character per byte (Latin-1); compared case-insensitively. */
  readonly name: string;
  readonly value: Uint8Array;
}

const FIXED_SIZE = 8;
const GET_FIXED_SIZE = 5;

/** Bytes of one entry without padding. */
export function extendedAttributeSize(nameLength: number, valueLength: number): number {
  return FIXED_SIZE + nameLength + 1 + valueLength;
}

/** Bytes that `appendExtendedAttribute` will write, with the padding before the entry. */
export function extendedAttributeRoom(writer: Writer, attribute: ExtendedAttribute): number {
  return (-writer.offset() & 3) + extendedAttributeSize(attribute.name.length, attribute.value.length);
}

/** Appends one entry and sets NextEntryOffset of the entry at `previous` (-1: none). Returns its position. */
export function appendExtendedAttribute(
  writer: Writer,
  attribute: ExtendedAttribute,
  previous: number,
): number {
  writer.align(4);
  const at = writer.position;
  if (previous >= 0) writer.patch32(previous, at - previous);
  writer.u32(0);
  writer.u8(attribute.flags);
  writer.u8(attribute.name.length);
  writer.u16(attribute.value.length);
  writeName(writer, attribute.name);
  writer.raw(attribute.value);
  return at;
}

/**
 * Throws WireError for an entry out of bounds, an unaligned or backward offset, or a name without its NUL.
 */
export function decodeExtendedAttributes(data: Uint8Array): ExtendedAttribute[] {
  const attributes: ExtendedAttribute[] = [];
  walk(data, (reader) => {
    const flags = reader.u8();
    const nameLength = reader.u8();
    const valueLength = reader.u16();
    const name = readName(reader, nameLength);
    attributes.push({ flags, name, value: reader.range(valueLength) });
  });
  return attributes;
}

export function encodeExtendedAttributes(writer: Writer, attributes: readonly ExtendedAttribute[]): void {
  let previous = -1;
  for (const attribute of attributes) previous = appendExtendedAttribute(writer, attribute, previous);
}

/** Decodes FILE_GET_EA_INFORMATION: the names whose values the client queries. Throws WireError as above. */
export function decodeAttributeNames(data: Uint8Array): string[] {
  const names: string[] = [];
  walk(data, (reader) => names.push(readName(reader, reader.u8())));
  return names;
}

export function encodeAttributeNames(writer: Writer, names: readonly string[]): void {
  let previous = -1;
  for (const name of names) {
    writer.align(4);
    if (previous >= 0) writer.patch32(previous, writer.position - previous);
    previous = writer.position;
    writer.u32(0);
    writer.u8(name.length);
    writeName(writer, name);
  }
}

function walk(data: Uint8Array, entry: (reader: Reader) => void): void {
  const reader = new Reader(data);
  while (reader.remaining > 0) {
    const at = reader.position;
    const next = reader.u32();
    entry(reader);
    if (next === 0) return;
    if (next % 4 !== 0 || next < GET_FIXED_SIZE || at + next < reader.position) {
      throw wireError("extended attribute list broken");
    }
    reader.seek(at + next);
    if (reader.remaining === 0) throw wireError("extended attribute list cut off");
  }
}

function readName(reader: Reader, length: number): string {
  let name = "";
  for (const byte of reader.range(length)) name += String.fromCharCode(byte);
  if (reader.u8() !== 0) throw wireError("extended attribute name without its NUL");
  return name;
}

function writeName(writer: Writer, name: string): void {
  for (let i = 0; i < name.length; i++) writer.u8(name.charCodeAt(i));
  writer.u8(0);
}
