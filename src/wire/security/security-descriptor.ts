// Security descriptors in self-relative form.
// [MS-DTYP] 2.4.6.
import { Reader, type Writer, wireError } from "../cursor.ts";
import { type Acl, aclSize, decodeAcl, encodeAcl } from "./acl.ts";
import { readSid, type Sid, sidSize, writeSid } from "./sid.ts";

export const SecurityControl = {
  OWNER_DEFAULTED: 0x0001,
  GROUP_DEFAULTED: 0x0002,
  DACL_PRESENT: 0x0004,
  DACL_DEFAULTED: 0x0008,
  SACL_PRESENT: 0x0010,
  SACL_DEFAULTED: 0x0020,
  DACL_TRUSTED: 0x0040,
  SERVER_SECURITY: 0x0080,
  DACL_AUTO_INHERIT_REQ: 0x0100,
  SACL_AUTO_INHERIT_REQ: 0x0200,
  DACL_AUTO_INHERITED: 0x0400,
  SACL_AUTO_INHERITED: 0x0800,
  DACL_PROTECTED: 0x1000,
  SACL_PROTECTED: 0x2000,
  RM_CONTROL_VALID: 0x4000,
  SELF_RELATIVE: 0x8000,
} as const;

export interface SecurityDescriptor {
  /** SecurityControl bits. Encoding sets SELF_RELATIVE and the two PRESENT bits from the other properties. */
  readonly control: number;
  readonly owner: Sid | undefined;
  readonly group: Sid | undefined;
  /** `null`: present but NULL, which grants everyone full access; undefined: not present. */
  readonly dacl: Acl | null | undefined;
  readonly sacl: Acl | null | undefined;
}

const HEAD_SIZE = 20;
const DERIVED = SecurityControl.SELF_RELATIVE | SecurityControl.DACL_PRESENT | SecurityControl.SACL_PRESENT;

/** Throws WireError for a wrong revision, an absolute descriptor, and parts out of bounds or misaligned. */
export function decodeSecurityDescriptor(data: Uint8Array): SecurityDescriptor {
  const reader = new Reader(data);
  if (reader.u8() !== 1) throw wireError("unknown security descriptor revision");
  reader.skip(1);
  const control = reader.u16();
  if ((control & SecurityControl.SELF_RELATIVE) === 0)
    throw wireError("security descriptor not self-relative");
  const owner = part(data, reader.u32());
  const group = part(data, reader.u32());
  const sacl = part(data, reader.u32());
  const dacl = part(data, reader.u32());
  return {
    control,
    owner: owner && readSid(new Reader(owner)),
    group: group && readSid(new Reader(group)),
    dacl: listOf(dacl, (control & SecurityControl.DACL_PRESENT) !== 0),
    sacl: listOf(sacl, (control & SecurityControl.SACL_PRESENT) !== 0),
  };
}

function part(data: Uint8Array, offset: number): Uint8Array | undefined {
  if (offset === 0) return undefined;
  if (offset < HEAD_SIZE || offset % 4 !== 0 || offset >= data.length) {
    throw wireError("part of a security descriptor out of bounds");
  }
  return data.subarray(offset);
}

function listOf(data: Uint8Array | undefined, isPresent: boolean): Acl | null | undefined {
  if (!isPresent) return undefined;
  return data === undefined ? null : decodeAcl(data);
}

/** Bytes that `encodeSecurityDescriptor` will write. */
export function securityDescriptorSize(descriptor: SecurityDescriptor): number {
  const { owner, group, dacl, sacl } = descriptor;
  return (
    HEAD_SIZE +
    (owner ? sidSize(owner) : 0) +
    (group ? sidSize(group) : 0) +
    (dacl ? aclSize(dacl) : 0) +
    (sacl ? aclSize(sacl) : 0)
  );
}

/** Writes head, owner, group, SACL and DACL; the size of each part is a multiple of 4. */
export function encodeSecurityDescriptor(writer: Writer, descriptor: SecurityDescriptor): void {
  const { owner, group, dacl, sacl } = descriptor;
  const start = writer.position;
  let control = (descriptor.control & ~DERIVED) | SecurityControl.SELF_RELATIVE;
  if (dacl !== undefined) control |= SecurityControl.DACL_PRESENT;
  if (sacl !== undefined) control |= SecurityControl.SACL_PRESENT;
  writer.u8(1);
  writer.u8(0);
  writer.u16(control);
  writer.zero(16);
  if (owner) {
    writer.patch32(start + 4, writer.position - start);
    writeSid(writer, owner);
  }
  if (group) {
    writer.patch32(start + 8, writer.position - start);
    writeSid(writer, group);
  }
  if (sacl) {
    writer.patch32(start + 12, writer.position - start);
    encodeAcl(writer, sacl);
  }
  if (dacl) {
    writer.patch32(start + 16, writer.position - start);
    encodeAcl(writer, dacl);
  }
}
