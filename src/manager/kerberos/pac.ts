// Privilege attribute certificate (PAC) of a ticket: who the user is in a Windows domain, and in which
// groups. [MS-PAC] 2.3 (PACTYPE), 2.5 (KERB_VALIDATION_INFO), 2.7 (PAC_CLIENT_INFO), 2.8 (signatures).
import { timingSafeEqual } from "node:crypto";
import type { EncryptionType } from "../../crypto/kerberos-type.ts";
import { KeyUsage } from "../../crypto/kerberos.ts";
import { Reader, wireError } from "../../wire/cursor.ts";
import { readTime } from "../../wire/filetime.ts";
import { appendRid, type Sid } from "../../wire/security/sid.ts";
import { NdrReader } from "../rpc/ndr.ts";

/** ulType of PAC_INFO_BUFFER; [MS-PAC] 2.4. The server does not need the others. */
const PacType = { LOGON_INFO: 1, SERVER_CHECKSUM: 6, KDC_CHECKSUM: 7, CLIENT_INFO: 10 } as const;

/** Domain controllers send six to twelve. */
const MAX_BUFFERS = 64;
/** As many SIDs as an access token of Windows has at most. */
export const MAX_PAC_SIDS = 1_024;

/** Attributes of a group; [MS-PAC] 2.2.1. */
const GroupAttribute = { ENABLED: 0x04, DENY_ONLY: 0x10 } as const;

/** The bytes of a PAC by type of buffer, nothing of which is to be believed before `isSignedBy`. */
export interface Pac {
  readonly bytes: Uint8Array;
  readonly buffers: ReadonlyMap<number, Uint8Array>;
}

/** The user and the groups that the domain controller names. */
export interface LogonInfo {
  /** NetBIOS name of the user's domain. */
  readonly domain: string;
  readonly domainSid: Sid;
  readonly user: Sid;
  /** The primary group included; at most MAX_PAC_SIDS with the user. */
  readonly groups: readonly Sid[];
}

export interface ClientInfo {
  readonly name: string;
  /** Milliseconds since 1970. */
  readonly authMs: number;
}

/** Decodes the table of buffers, whose contents are views. Throws WireError when malformed. */
export function decodePac(bytes: Uint8Array): Pac {
  const reader = new Reader(bytes);
  const count = reader.u32();
  if (count > MAX_BUFFERS) throw wireError("PAC of too many buffers");
  if (reader.u32() !== 0) throw wireError("PAC of another version");
  const buffers = new Map<number, Uint8Array>();
  for (let i = 0; i < count; i++) {
    const type = reader.u32();
    const size = reader.u32();
    const offset = reader.u64();
    if (offset + size > bytes.length) throw wireError("PAC with a buffer past its end");
    // Which of two signatures or lists of groups counts must not be a matter of order.
    if (buffers.has(type)) throw wireError("PAC with two buffers of a type");
    buffers.set(type, bytes.subarray(offset, offset + size));
  }
  return { bytes, buffers };
}

/**
 * Whether the server signature is that of the key which the ticket is encrypted with; [MS-PAC] 2.8.1. It
 * covers the PAC with both signatures zeroed. An algorithm other than the key's own is refused: a key of AES
 * must not be used with HMAC-MD5 by the choice of whoever made the PAC.
 */
export function isSignedBy({ bytes, buffers }: Pac, type: EncryptionType, key: Uint8Array): boolean {
  const server = buffers.get(PacType.SERVER_CHECKSUM);
  const kdc = buffers.get(PacType.KDC_CHECKSUM);
  if (server === undefined || kdc === undefined || server.length < 4 + type.hashBytes) return false;
  const reader = new Reader(server);
  if (reader.i32() !== type.checksumId) return false;
  const sent = reader.range(type.hashBytes);
  const blank = bytes.slice();
  // With RODCIdentifier behind the signature, as MIT's, Heimdal's and Samba's verifiers do.
  for (const { byteOffset, length } of [server, kdc])
    blank.fill(0, byteOffset - bytes.byteOffset + 4, byteOffset - bytes.byteOffset + length);
  return timingSafeEqual(type.checksum(key, KeyUsage.PAC_SIGNATURE, blank), sent);
}

/** Undefined where the PAC has none. Throws WireError when malformed. */
export function decodeClientInfo({ buffers }: Pac): ClientInfo | undefined {
  const bytes = buffers.get(PacType.CLIENT_INFO);
  if (bytes === undefined) return undefined;
  const reader = new Reader(bytes);
  const { seconds } = readTime(reader);
  return { authMs: seconds * 1000, name: reader.utf16(reader.u16()) };
}

/** Undefined where the PAC has none: MIT's own database knows no groups. Throws WireError when malformed. */
export function decodeLogonInfo({ buffers }: Pac): LogonInfo | undefined {
  const bytes = buffers.get(PacType.LOGON_INFO);
  return bytes && readValidationInfo(serializedStub(bytes));
}

/** The stub inside of type serialization version 1; [MS-RPCE] 2.2.6. */
function serializedStub(bytes: Uint8Array): NdrReader {
  const header = new Reader(bytes);
  const version = header.u8();
  const isLittleEndian = header.u8() === 0x10;
  if (version !== 1 || !isLittleEndian || header.u16() !== 8) throw wireError("PAC serialized another way");
  header.skip(4);
  const length = header.u32();
  header.skip(4);
  return new NdrReader(header.range(Math.min(length, header.remaining)), true);
}

function readValidationInfo(ndr: NdrReader): LogonInfo {
  if (!ndr.pointer()) throw wireError("PAC without validation information");
  ndr.bytesOf(48); // six times
  const userStrings = Array.from({ length: 6 }, () => ndr.unicodeStringHeader());
  ndr.u32(); // counts of log-ons
  const userRid = ndr.u32();
  const primaryRid = ndr.u32();
  const groupCount = ndr.u32();
  const hasGroups = ndr.pointer();
  ndr.bytesOf(20); // flags, session key
  const server = ndr.unicodeStringHeader();
  const domainHeader = ndr.unicodeStringHeader();
  const hasDomain = ndr.pointer();
  ndr.bytesOf(40);
  const extraCount = ndr.u32();
  const hasExtra = ndr.pointer();
  const hasResourceDomain = ndr.pointer();
  const resourceCount = ndr.u32();
  const hasResources = ndr.pointer();
  if (groupCount + extraCount + resourceCount + 2 > MAX_PAC_SIDS)
    throw wireError(`user in more than ${MAX_PAC_SIDS} groups`);
  // The referents, in the order of their pointers.
  for (const header of userStrings) ndr.unicodeString(header);
  const groupRids = readMemberships(ndr, groupCount, hasGroups);
  ndr.unicodeString(server);
  const domain = ndr.unicodeString(domainHeader);
  if (!hasDomain) throw wireError("PAC without the SID of a domain");
  const domainSid = ndr.sid();
  const extra = readSids(ndr, extraCount, hasExtra);
  const resourceDomain = hasResourceDomain ? ndr.sid() : undefined;
  const resources = readMemberships(ndr, resourceCount, hasResources).map((rid) => {
    if (resourceDomain === undefined) throw wireError("PAC with resource groups of no domain");
    return appendRid(resourceDomain, rid);
  });
  const rids = new Set([primaryRid, ...groupRids]);
  const groups = [...[...rids].map((rid) => appendRid(domainSid, rid)), ...extra, ...resources];
  return { domain, domainSid, user: appendRid(domainSid, userRid), groups };
}

/** The relative identifiers of an array of GROUP_MEMBERSHIP that count. */
function readMemberships(ndr: NdrReader, expected: number, isPresent: boolean): number[] {
  checkCount(ndr, expected, isPresent);
  const rids: number[] = [];
  for (let i = 0; i < expected; i++) {
    const rid = ndr.u32();
    if (isEnabled(ndr.u32())) rids.push(rid);
  }
  return rids;
}

/** The SIDs of an array of KERB_SID_AND_ATTRIBUTES that count. */
function readSids(ndr: NdrReader, expected: number, isPresent: boolean): Sid[] {
  checkCount(ndr, expected, isPresent);
  const entries: { hasSid: boolean; attributes: number }[] = [];
  for (let i = 0; i < expected; i++) entries.push({ hasSid: ndr.pointer(), attributes: ndr.u32() });
  const sids: Sid[] = [];
  for (const { hasSid, attributes } of entries) {
    const sid = hasSid ? ndr.sid() : undefined;
    if (isEnabled(attributes) && sid !== undefined) sids.push(sid);
  }
  return sids;
}

function checkCount(ndr: NdrReader, expected: number, isPresent: boolean): void {
  const found = isPresent ? ndr.count(MAX_PAC_SIDS) : 0;
  if (found !== expected) throw wireError("PAC whose counts of groups disagree");
}

/**
 * A group that may only deny makes the PAC useless: the server's tokens cannot say that, and without the
 * group they would grant what it denies.
 */
function isEnabled(attributes: number): boolean {
  if ((attributes & GroupAttribute.DENY_ONLY) !== 0) throw wireError("PAC with a group that only denies");
  return (attributes & GroupAttribute.ENABLED) !== 0;
}
