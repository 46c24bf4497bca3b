// Lists of extended attributes: FileFullEaInformation and the names a client asks for, both ways.
// [MS-FSCC] 2.4, FileFullEaInformation and FILE_GET_EA_INFORMATION. A broken list is EA_LIST_INCONSISTENT: the caller turns WireError into it.
import { Reader, type Writer, wireError } from "../cursor.ts";

/** FILE_NEED_EA: a reader that does not know this attribute must not open the file. */
export const NEED_EA = 0x80;

export interface ExtendedAttribute {
  readonly flags: number;
  /** 8-bit characters, each standing for a byte; compared without case. */
  readonly name: string;
  readonly value: Uint8Array;
}

const FIXED_SIZE = 8;
const GET_FIXED_SIZE = 5;

/** Bytes of one entry, without the padding before the next. */
export function extendedAttributeSize(nameLength: number, valueLength: number): number {
  return FIXED_SIZE + nameLength + 1 + valueLength;
}

/** Bytes that `appendExtendedAttribute` will take, the padding before the entry included. */
export function extendedAttributeRoom(writer: Writer, attribute: ExtendedAttribute): number {
  return (-writer.offset() & 3) + extendedAttributeSize(attribute.name.length, attribute.value.length);
}

/** Appends one entry and links it to `previous`, the position of the entry before, or -1. Returns its position. */
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

/** Throws WireError for an entry out of bounds, an unaligned or backward step, or a name without its end. */
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

/** FILE_GET_EA_INFORMATION: the names whose values are wanted. */
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
  if (reader.u8() !== 0) throw wireError("extended attribute name without its end");
  return name;
}

function writeName(writer: Writer, name: string): void {
  for (let i = 0; i < name.length; i++) writer.u8(name.charCodeAt(i));
  writer.u8(0);
}
