// The extended attribute security.NTACL, in which Samba's acl_xattr and ksmbd store a security descriptor:
// versions 1 to 4 of Samba's xattr_NTACL in NDR ([C706] 14), the descriptor in it as in [MS-DTYP] 2.4.6.
import { createHash } from "node:crypto";
import { Reader, Writer, wireError } from "../../../wire/cursor.ts";
import { type Time, writeFiletime } from "../../../wire/filetime.ts";
import {
  decodeSecurityDescriptor,
  encodeSecurityDescriptor,
  SecurityControl,
  type SecurityDescriptor,
  securityDescriptorSize,
} from "../../../wire/security/security-descriptor.ts";

export const NTACL = "security.NTACL";

/** What must be unchanged for the descriptor to be valid. */
export const NtAclBinding = {
  /** Nothing: it is valid whatever the rights on disk are. */
  NONE: 0,
  /** The POSIX rights, compared by their hash. */
  RIGHTS: 1,
  /** Samba's own conversion of the rights to a descriptor, which only Samba can compute. */
  OPAQUE: 2,
} as const;
export type NtAclBinding = (typeof NtAclBinding)[keyof typeof NtAclBinding];

export interface NtAcl {
  readonly version: number;
  readonly descriptor: SecurityDescriptor;
  readonly binding: NtAclBinding;
  /** SHA-256, 32 bytes, with RIGHTS; else empty. */
  readonly rightsHash: Uint8Array;
}

const HASH_SIZE = 64;
const SHA256_SIZE = 32;
const HASH_TYPE_NONE = 0;
const HASH_TYPE_SHA256 = 1;
const HEAD_SIZE = 8;
const DESCRIPTION = "posix_acl";
/** Offset of the descriptor in version 4 with that description. */
const V4_DESCRIPTOR = 160;
const DESCRIPTOR_HEAD = 20;
const CONTROL = 2;
const FIRST_POINTER = 4;
const MAX_DESCRIPTION = 256;

/** Throws WireError for anything but a valid NTACL of a known version. */
export function decodeNtAcl(data: Uint8Array): NtAcl {
  const reader = new Reader(data);
  const version = reader.u16();
  if (version < 1 || version > 4 || reader.u16() !== version) throw wireError("unknown version of an NTACL");
  reader.skip(4);
  if (version === 1) return found(data, HEAD_SIZE, version, HASH_TYPE_NONE, undefined);
  reader.skip(4);
  if (version === 2) return found(data, HEAD_SIZE + 4 + 16, version, HASH_TYPE_NONE, undefined);
  const hashType = reader.u16();
  reader.skip(HASH_SIZE);
  if (version === 3) return found(data, align4(HEAD_SIZE + 6 + HASH_SIZE), version, hashType, undefined);
  let at = HEAD_SIZE + 6 + HASH_SIZE;
  const end = data.indexOf(0, at);
  if (end < 0 || end - at > MAX_DESCRIPTION) throw wireError("description of an NTACL without an end");
  // The time is aligned as two words of 32 bits.
  at = align4(end + 1) + 8;
  const hash = data.subarray(at, at + HASH_SIZE);
  return found(data, at + HASH_SIZE, version, hashType, hash);
}

function align4(position: number): number {
  return (position + 3) & ~3;
}

function found(
  data: Uint8Array,
  start: number,
  version: number,
  hashType: number,
  hash: Uint8Array | undefined,
): NtAcl {
  if (hashType !== HASH_TYPE_NONE && hashType !== HASH_TYPE_SHA256)
    throw wireError("unknown hash of an NTACL");
  const descriptor = decodeSecurityDescriptor(rebased(data, start));
  if (hashType === HASH_TYPE_NONE)
    return { version, descriptor, binding: NtAclBinding.NONE, rightsHash: NO_HASH };
  if (hash === undefined) return { version, descriptor, binding: NtAclBinding.OPAQUE, rightsHash: NO_HASH };
  return { version, descriptor, binding: NtAclBinding.RIGHTS, rightsHash: hash.slice(0, SHA256_SIZE) };
}

const NO_HASH = new Uint8Array(0);

/**
 * Returns a copy of the descriptor with offsets relative to its own start; NDR counts them from the start of
 * the value. SELF_RELATIVE is set because ksmbd stores a client's descriptor without that bit.
 */
function rebased(data: Uint8Array, start: number): Uint8Array {
  if (start + DESCRIPTOR_HEAD > data.length) throw wireError("NTACL too short");
  const copy = new Uint8Array(data.subarray(start));
  const view = new DataView(copy.buffer);
  view.setUint16(CONTROL, view.getUint16(CONTROL, true) | SecurityControl.SELF_RELATIVE, true);
  for (let i = 0; i < 4; i++) {
    const at = FIRST_POINTER + 4 * i;
    const offset = view.getUint32(at, true);
    if (offset === 0) continue;
    if (offset < start) throw wireError("part of an NTACL out of bounds");
    view.setUint32(at, offset - start, true);
  }
  return copy;
}

/** Encodes version 4, bound to the POSIX rights with that hash (32 bytes). `time`: when it is stored. */
export function encodeNtAcl(descriptor: SecurityDescriptor, rightsHash: Uint8Array, time: Time): Uint8Array {
  const bytes = new Uint8Array(V4_DESCRIPTOR + securityDescriptorSize(descriptor));
  const body = bytes.subarray(V4_DESCRIPTOR);
  encodeSecurityDescriptor(new Writer(body), descriptor);
  const writer = new Writer(bytes);
  writer.u16(4);
  writer.u16(4);
  writer.u32(0x0002_0000);
  writer.u32(0x0002_0004);
  writer.u16(HASH_TYPE_SHA256);
  writer.raw(createHash("sha256").update(body).digest());
  writer.zero(HASH_SIZE - SHA256_SIZE);
  writer.raw(Buffer.from(`${DESCRIPTION}\0`, "latin1"));
  writeFiletime(writer, time.seconds, time.nanoseconds);
  writer.raw(rightsHash);
  writer.zero(HASH_SIZE - SHA256_SIZE);
  const view = new DataView(body.buffer, body.byteOffset);
  for (let i = 0; i < 4; i++) {
    const at = FIRST_POINTER + 4 * i;
    const offset = view.getUint32(at, true);
    if (offset !== 0) view.setUint32(at, offset + V4_DESCRIPTOR, true);
  }
  return bytes;
}
