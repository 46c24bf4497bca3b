// FileRenameInformation, FileLinkInformation and their Ex forms.
// [MS-FSCC] 2.4, FileRenameInformation and FileLinkInformation (type 2, for SMB2), FileRenameInformationEx,
// FileLinkInformationEx.
import { Reader, type Writer, wireError } from "../cursor.ts";

/** Flags of RenameEx and LinkEx; the plain forms have REPLACE_IF_EXISTS only. */
export const RenameFlag = {
  REPLACE_IF_EXISTS: 0x0000_0001,
  POSIX_SEMANTICS: 0x0000_0002,
  SUPPRESS_PIN_STATE_INHERITANCE: 0x0000_0004,
  SUPPRESS_STORAGE_RESERVE_INHERITANCE: 0x0000_0008,
  NO_INCREASE_AVAILABLE_SPACE: 0x0000_0010,
  NO_DECREASE_AVAILABLE_SPACE: 0x0000_0020,
  IGNORE_READONLY_ATTRIBUTE: 0x0000_0040,
  FORCE_RESIZE_TARGET_STORAGE: 0x0000_0080,
  FORCE_RESIZE_SOURCE_STORAGE: 0x0000_0100,
} as const;

/** The new name of a rename or link. */
export interface RenameInformation {
  /** RenameFlag bits. */
  readonly flags: number;
  /** Path from the share's root, or `:stream:$DATA`. */
  readonly name: string;
}

/** Decodes Rename and Link. Throws WireError unless RootDirectory is zero, as SMB2 requires. */
export function decodeRenameInformation(data: Uint8Array): RenameInformation {
  const reader = new Reader(data);
  const replace = reader.u8() !== 0;
  reader.skip(7);
  return { flags: replace ? RenameFlag.REPLACE_IF_EXISTS : 0, name: readTarget(reader) };
}

export function encodeRenameInformation(writer: Writer, value: RenameInformation): void {
  writer.u8(value.flags & RenameFlag.REPLACE_IF_EXISTS);
  writer.zero(15);
  writer.u32(value.name.length * 2);
  writer.utf16(value.name);
}

/** Decodes RenameEx and LinkEx. Throws WireError unless RootDirectory is zero. */
export function decodeRenameInformationEx(data: Uint8Array): RenameInformation {
  const reader = new Reader(data);
  const flags = reader.u32();
  reader.skip(4);
  return { flags, name: readTarget(reader) };
}

export function encodeRenameInformationEx(writer: Writer, value: RenameInformation): void {
  writer.u32(value.flags);
  writer.zero(12);
  writer.u32(value.name.length * 2);
  writer.utf16(value.name);
}

function readTarget(reader: Reader): string {
  if (reader.u64() !== 0) throw wireError("rename relative to a directory handle");
  return reader.utf16(reader.u32());
}
