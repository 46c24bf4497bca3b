// File information classes of fixed size, and those with one name.
// [MS-FSCC] 2.4; identified by section title, because the section numbers differ between editions.
import { Reader, type Writer, wireError } from "../cursor.ts";
import { readFiletime, type Time, writeFiletimeChange } from "../filetime.ts";
import { attributesOnWire } from "./attributes.ts";
import { type FileMetadata, type FileTimes, readTimes, writeTimes } from "./metadata.ts";

/** FileBasicInformation of a response. */
export interface BasicInformation extends FileTimes {
  readonly attributes: number;
}

export function encodeBasicInformation(writer: Writer, value: BasicInformation): void {
  writeTimes(writer, value);
  writer.u32(attributesOnWire(value.attributes));
  writer.u32(0);
}

export function decodeBasicInformation(data: Uint8Array): BasicInformation {
  const reader = new Reader(data);
  return { ...readTimes(reader), attributes: reader.u32() };
}

/** A time of SET_INFO: undefined keeps it; "stop" and "resume" control automatic updates by this handle. */
export type TimeRequest = Time | "stop" | "resume" | undefined;

/** FileBasicInformation of SET_INFO. `attributes` 0 leaves the attributes unchanged. */
export interface BasicChange {
  readonly birth: TimeRequest;
  readonly access: TimeRequest;
  readonly modify: TimeRequest;
  readonly change: TimeRequest;
  readonly attributes: number;
}

/** Throws WireError for times below -2, which [MS-FSA] 2.1.5.15.2 refuses. */
export function decodeBasicChange(data: Uint8Array): BasicChange {
  const reader = new Reader(data);
  return {
    birth: readTimeRequest(reader),
    access: readTimeRequest(reader),
    modify: readTimeRequest(reader),
    change: readTimeRequest(reader),
    attributes: reader.u32(),
  };
}

export function encodeBasicChange(writer: Writer, value: BasicChange): void {
  writeFiletimeChange(writer, value.birth);
  writeFiletimeChange(writer, value.access);
  writeFiletimeChange(writer, value.modify);
  writeFiletimeChange(writer, value.change);
  writer.u32(value.attributes);
  writer.u32(0);
}

// 2^63 ticks in seconds since 1970: a FILETIME from here on is negative when taken as signed.
const SIGNED_LIMIT_SECONDS = 922_337_203_685 - 11_644_473_600;

function readTimeRequest(reader: Reader): TimeRequest {
  const time = readFiletime(reader);
  if (typeof time === "object" && time.seconds >= SIGNED_LIMIT_SECONDS) throw wireError("negative time");
  return time;
}

/** FileStandardInformation. */
export interface StandardInformation {
  readonly allocated: number;
  readonly size: number;
  readonly links: number;
  readonly deletePending: boolean;
  readonly isDirectory: boolean;
}

export function encodeStandardInformation(writer: Writer, value: StandardInformation): void {
  writer.u64(value.allocated);
  writer.u64(value.size);
  writer.u32(value.links);
  writer.u8(value.deletePending ? 1 : 0);
  writer.u8(value.isDirectory ? 1 : 0);
  writer.u16(0);
}

export function decodeStandardInformation(data: Uint8Array): StandardInformation {
  return readStandard(new Reader(data));
}

function readStandard(reader: Reader): StandardInformation {
  const value = {
    allocated: reader.u64(),
    size: reader.u64(),
    links: reader.u32(),
    deletePending: reader.u8() !== 0,
    isDirectory: reader.u8() !== 0,
  };
  reader.skip(2);
  return value;
}

/** FileInternalInformation: the file's ID on its volume. */
export interface InternalInformation {
  readonly inodeLow: number;
  readonly inodeHigh: number;
}

export function encodeInternalInformation(writer: Writer, value: InternalInformation): void {
  writer.pair(value.inodeLow, value.inodeHigh);
}

export function decodeInternalInformation(data: Uint8Array): InternalInformation {
  const reader = new Reader(data);
  return { inodeLow: reader.u32(), inodeHigh: reader.u32() };
}

/** FileIdInformation: volume serial number and 128-bit file ID, of which the low half is used. */
export interface IdInformation extends InternalInformation {
  readonly volumeLow: number;
  readonly volumeHigh: number;
}

export function encodeIdInformation(writer: Writer, value: IdInformation): void {
  writer.pair(value.volumeLow, value.volumeHigh);
  writer.pair(value.inodeLow, value.inodeHigh);
  writer.zero(8);
}

export function decodeIdInformation(data: Uint8Array): IdInformation {
  const reader = new Reader(data);
  const value = {
    volumeLow: reader.u32(),
    volumeHigh: reader.u32(),
    inodeLow: reader.u32(),
    inodeHigh: reader.u32(),
  };
  reader.skip(8);
  return value;
}

/** The classes with a single 32-bit field: Ea, Access, Mode, Alignment, DispositionEx. */
export function encodeUint32Information(writer: Writer, value: number): void {
  writer.u32(value);
}
export function decodeUint32Information(data: Uint8Array): number {
  return new Reader(data).u32();
}

/**
 * The classes with a single 64-bit size or position: Position, Allocation, EndOfFile, ValidDataLength.
 * The field is signed; a negative value throws WireError.
 */
export function decodeSizeInformation(data: Uint8Array): number {
  const value = new Reader(data).u64();
  if (value >= 2 ** 63) throw wireError("negative size");
  return value;
}
export function encodeSizeInformation(writer: Writer, value: number): void {
  writer.u64(value);
}

/** Flags of FileDispositionInformationEx. */
export const DispositionFlag = {
  DELETE: 0x0000_0001,
  POSIX_SEMANTICS: 0x0000_0002,
  FORCE_IMAGE_SECTION_CHECK: 0x0000_0004,
  ON_CLOSE: 0x0000_0008,
  IGNORE_READONLY_ATTRIBUTE: 0x0000_0010,
} as const;

/** FileDispositionInformation. */
export function decodeDispositionInformation(data: Uint8Array): boolean {
  return new Reader(data).u8() !== 0;
}
export function encodeDispositionInformation(writer: Writer, deletePending: boolean): void {
  writer.u8(deletePending ? 1 : 0);
}

/** FileNetworkOpenInformation. */
export function encodeNetworkOpenInformation(writer: Writer, value: FileMetadata): void {
  writeTimes(writer, value);
  writer.u64(value.allocated);
  writer.u64(value.size);
  writer.u32(attributesOnWire(value.attributes));
  writer.u32(0);
}

export function decodeNetworkOpenInformation(data: Uint8Array): FileMetadata {
  const reader = new Reader(data);
  return {
    ...readTimes(reader),
    allocated: reader.u64(),
    size: reader.u64(),
    attributes: reader.u32(),
  };
}

/** FileAttributeTagInformation. */
export interface AttributeTagInformation {
  readonly attributes: number;
  readonly reparseTag: number;
}

export function encodeAttributeTagInformation(writer: Writer, value: AttributeTagInformation): void {
  writer.u32(attributesOnWire(value.attributes));
  writer.u32(value.reparseTag);
}

export function decodeAttributeTagInformation(data: Uint8Array): AttributeTagInformation {
  const reader = new Reader(data);
  return { attributes: reader.u32(), reparseTag: reader.u32() };
}

/** FileCompressionInformation; `format` 0 means not compressed. */
export interface CompressionInformation {
  readonly compressedSize: number;
  readonly format: number;
}

export function encodeCompressionInformation(writer: Writer, value: CompressionInformation): void {
  writer.u64(value.compressedSize);
  writer.u16(value.format);
  writer.zero(6);
}

export function decodeCompressionInformation(data: Uint8Array): CompressionInformation {
  const reader = new Reader(data);
  const value = { compressedSize: reader.u64(), format: reader.u16() };
  reader.skip(6);
  return value;
}

/** The classes with a length and a name: Name, AlternateName, NormalizedName. */
export function encodeNameInformation(writer: Writer, name: string): void {
  writer.u32(name.length * 2);
  writer.utf16(name);
}
export function decodeNameInformation(data: Uint8Array): string {
  const reader = new Reader(data);
  return reader.utf16(reader.u32());
}

/** FileAllInformation: nine information classes in sequence. */
export interface AllInformation extends FileMetadata, InternalInformation {
  readonly links: number;
  readonly deletePending: boolean;
  readonly isDirectory: boolean;
  readonly eaSize: number;
  readonly accessFlags: number;
  readonly position: number;
  readonly mode: number;
  readonly alignment: number;
  readonly name: string;
}

export function encodeAllInformation(writer: Writer, value: AllInformation): void {
  encodeBasicInformation(writer, value);
  encodeStandardInformation(writer, value);
  encodeInternalInformation(writer, value);
  writer.u32(value.eaSize);
  writer.u32(value.accessFlags);
  writer.u64(value.position);
  writer.u32(value.mode);
  writer.u32(value.alignment);
  encodeNameInformation(writer, value.name);
}

export function decodeAllInformation(data: Uint8Array): AllInformation {
  const reader = new Reader(data);
  const times = readTimes(reader);
  const attributes = reader.u32();
  reader.skip(4);
  return {
    ...times,
    attributes,
    ...readStandard(reader),
    inodeLow: reader.u32(),
    inodeHigh: reader.u32(),
    eaSize: reader.u32(),
    accessFlags: reader.u32(),
    position: reader.u64(),
    mode: reader.u32(),
    alignment: reader.u32(),
    name: reader.utf16(reader.u32()),
  };
}
