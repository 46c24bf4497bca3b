// Access control lists and their entries.
// [MS-DTYP] 2.4.4 (ACE types), 2.4.5 (ACL).
import { EMPTY, Reader, type Writer, wireError } from "../cursor.ts";
import { readSid, type Sid, sidSize, writeSid } from "./sid.ts";

export const AceType = {
  ACCESS_ALLOWED: 0x00,
  ACCESS_DENIED: 0x01,
  SYSTEM_AUDIT: 0x02,
  SYSTEM_ALARM: 0x03,
  ACCESS_ALLOWED_OBJECT: 0x05,
  ACCESS_DENIED_OBJECT: 0x06,
  SYSTEM_AUDIT_OBJECT: 0x07,
  ACCESS_ALLOWED_CALLBACK: 0x09,
  ACCESS_DENIED_CALLBACK: 0x0a,
  ACCESS_ALLOWED_CALLBACK_OBJECT: 0x0b,
  ACCESS_DENIED_CALLBACK_OBJECT: 0x0c,
  SYSTEM_AUDIT_CALLBACK: 0x0d,
  SYSTEM_AUDIT_CALLBACK_OBJECT: 0x0f,
  SYSTEM_MANDATORY_LABEL: 0x11,
  SYSTEM_RESOURCE_ATTRIBUTE: 0x12,
  SYSTEM_SCOPED_POLICY_ID: 0x13,
} as const;
export type AceType = (typeof AceType)[keyof typeof AceType];

export const AceFlag = {
  OBJECT_INHERIT: 0x01,
  CONTAINER_INHERIT: 0x02,
  NO_PROPAGATE_INHERIT: 0x04,
  INHERIT_ONLY: 0x08,
  INHERITED: 0x10,
  SUCCESSFUL_ACCESS: 0x40,
  FAILED_ACCESS: 0x80,
} as const;

export interface Ace {
  readonly type: number;
  readonly flags: number;
  readonly mask: number;
  readonly sid: Sid;
  /** 16 bytes, as `inheritedObjectType`; only in object ACEs. */
  readonly objectType?: Uint8Array;
  readonly inheritedObjectType?: Uint8Array;
  /** The bytes after the SID in callback and resource attribute ACEs; else empty. */
  readonly applicationData: Uint8Array;
}

export interface Acl {
  /** 2, or 4 with object ACEs; decoding also accepts and keeps 3. */
  readonly revision: number;
  readonly aces: readonly Ace[];
}

export const ACL_REVISION = 2;
export const ACL_REVISION_DS = 4;

const ACL_HEAD_SIZE = 8;
const ACE_HEAD_SIZE = 4;
const OBJECT_TYPE_PRESENT = 0x1;
const INHERITED_OBJECT_TYPE_PRESENT = 0x2;

const OBJECT_TYPES: ReadonlySet<number> = new Set([
  AceType.ACCESS_ALLOWED_OBJECT,
  AceType.ACCESS_DENIED_OBJECT,
  AceType.SYSTEM_AUDIT_OBJECT,
  AceType.ACCESS_ALLOWED_CALLBACK_OBJECT,
  AceType.ACCESS_DENIED_CALLBACK_OBJECT,
  AceType.SYSTEM_AUDIT_CALLBACK_OBJECT,
]);
const KNOWN_TYPES: ReadonlySet<number> = new Set(Object.values(AceType));

/** Throws WireError for an unknown revision or ACE type, and for inconsistent sizes. */
export function decodeAcl(data: Uint8Array): Acl {
  const reader = new Reader(data);
  const revision = reader.u8();
  // 3 is not in the specification, but smbcacls writes it and Windows accepts it.
  if (revision < ACL_REVISION || revision > ACL_REVISION_DS) throw wireError("unknown ACL revision");
  reader.skip(1);
  const size = reader.u16();
  const count = reader.u16();
  reader.skip(2);
  if (size < ACL_HEAD_SIZE || size > data.length) throw wireError("ACL size out of bounds");
  const entries = new Reader(data.subarray(ACL_HEAD_SIZE, size));
  if (count * ACE_HEAD_SIZE > entries.remaining) throw wireError("more ACEs than bytes");
  const aces: Ace[] = [];
  for (let i = 0; i < count; i++) aces.push(readAce(entries));
  return { revision, aces };
}

function readAce(entries: Reader): Ace {
  const type = entries.u8();
  const flags = entries.u8();
  const size = entries.u16();
  if (size < ACE_HEAD_SIZE || size % 4 !== 0) throw wireError("wrong ACE size");
  if (!KNOWN_TYPES.has(type)) throw wireError("unknown kind of ACE");
  const reader = new Reader(entries.range(size - ACE_HEAD_SIZE));
  const mask = reader.u32();
  const present = OBJECT_TYPES.has(type) ? reader.u32() : 0;
  const objectType = (present & OBJECT_TYPE_PRESENT) !== 0 ? { objectType: reader.range(16) } : {};
  const inheritedObjectType =
    (present & INHERITED_OBJECT_TYPE_PRESENT) !== 0 ? { inheritedObjectType: reader.range(16) } : {};
  const sid = readSid(reader);
  const applicationData = reader.range(reader.remaining);
  return { type, flags, mask, ...objectType, ...inheritedObjectType, sid, applicationData };
}

export function aceSize(ace: Ace): number {
  const object = OBJECT_TYPES.has(ace.type)
    ? 4 + (ace.objectType?.length ?? 0) + (ace.inheritedObjectType?.length ?? 0)
    : 0;
  return (ACE_HEAD_SIZE + 4 + object + sidSize(ace.sid) + ace.applicationData.length + 3) & ~3;
}

export function aclSize(acl: Acl): number {
  let size = ACL_HEAD_SIZE;
  for (const ace of acl.aces) size += aceSize(ace);
  return size;
}

/** Throws RangeError, before anything is written, for an ACL of 64 KiB or more: AclSize has 16 bits. */
export function encodeAcl(writer: Writer, acl: Acl): void {
  const size = aclSize(acl);
  if (size > 0xffff) throw new RangeError("ACL larger than 64 KiB");
  writer.u8(acl.revision);
  writer.u8(0);
  writer.u16(size);
  writer.u16(acl.aces.length);
  writer.u16(0);
  for (const ace of acl.aces) writeAce(writer, ace);
}

function writeAce(writer: Writer, ace: Ace): void {
  const start = writer.position;
  const size = aceSize(ace);
  writer.u8(ace.type);
  writer.u8(ace.flags);
  writer.u16(size);
  writer.u32(ace.mask);
  if (OBJECT_TYPES.has(ace.type)) {
    writer.u32(
      (ace.objectType === undefined ? 0 : OBJECT_TYPE_PRESENT) |
        (ace.inheritedObjectType === undefined ? 0 : INHERITED_OBJECT_TYPE_PRESENT),
    );
    writer.raw(ace.objectType ?? EMPTY);
    writer.raw(ace.inheritedObjectType ?? EMPTY);
  }
  writeSid(writer, ace.sid);
  writer.raw(ace.applicationData);
  writer.zero(start + size - writer.position);
}

/** An ACE of one of the four basic types. */
export function simpleAce(type: AceType, flags: number, mask: number, sid: Sid): Ace {
  return { type, flags, mask, sid, applicationData: EMPTY };
}
