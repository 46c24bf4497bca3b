// Makes tickets and PACs as a key distribution centre would that has the service's key, right and wrong ones.
import type { EncryptionType } from "../../../src/crypto/kerberos-type.ts";
import { findEncryptionType, KeyUsage } from "../../../src/crypto/kerberos.ts";
import { NdrWriter } from "../../../src/manager/rpc/ndr.ts";
import type { KeytabEntry } from "../../../src/manager/kerberos/keytab.ts";
import { contextTag, encodeDer, encodeOid, Tag } from "../../../src/wire/auth/der.ts";
import { Oid } from "../../../src/wire/auth/spnego.ts";
import { parseSid } from "../../../src/wire/security/sid.ts";
import { Writer } from "../../../src/wire/cursor.ts";
import { writeFiletime } from "../../../src/wire/filetime.ts";

export const FORGED_REALM = "HOME.TEST";
export const DOMAIN_SID = "S-1-5-21-1-2-3";
const SERVICE = ["cifs", "nas.home.test"];

/** A key table with one key of the service. */
export function forgedKey(etype = 18): KeytabEntry {
  const key = new Uint8Array(typeOf(etype).keyBytes).fill(etype);
  return { realm: FORGED_REALM, principal: SERVICE, kvno: 2, etype, key };
}

export interface ForgedTicket {
  readonly client?: readonly string[];
  /** Milliseconds since 1970; whole seconds. */
  readonly authMs: number;
  readonly nowMs?: number;
  readonly endMs?: number;
  readonly pac?: Uint8Array;
  /** Content of the authenticator's checksum 0x8003. */
  readonly checksum?: Uint8Array;
}

/** The client's AP-REQ in GSS-API's frame. */
export function forgeRequest(service: KeytabEntry, ticket: ForgedTicket): Uint8Array {
  const { client = ["alice"], authMs, nowMs = authMs, endMs = authMs + 86_400_000, pac, checksum } = ticket;
  const type = typeOf(service.etype);
  const sessionKey = new Uint8Array(type.keyBytes).fill(7);
  const part = encodeDer(
    0x63,
    sequence([
      [0, flags(0x4000_0000)],
      [1, sequence([[0, integer(type.id)], [1, octets(sessionKey)]])], // prettier-ignore
      [2, text(FORGED_REALM)],
      [3, name(client)],
      [4, sequence([[0, integer(1)], [1, octets(new Uint8Array(0))]])], // prettier-ignore
      [5, time(authMs)],
      [7, time(endMs)],
      ...(pac === undefined ? [] : [[10, authorization(1, authorization(128, pac))] as const]),
    ]),
  );
  const authenticator = encodeDer(
    0x62,
    sequence([
      [0, integer(5)],
      [1, text(FORGED_REALM)],
      [2, name(client)],
      ...(checksum === undefined
        ? []
        : [[3, sequence([[0, integer(0x8003)], [1, octets(checksum)]])] as const]), // prettier-ignore
      [4, integer((nowMs % 1000) * 1000)],
      [5, time(nowMs)],
    ]),
  );
  const request = encodeDer(
    0x6e,
    sequence([
      [0, integer(5)],
      [1, integer(14)],
      [2, flags(0)],
      [
        3,
        encodeDer(
          0x61,
          sequence([
            [0, integer(5)],
            [1, text(FORGED_REALM)],
            [2, name(SERVICE)],
            [3, sealed(type, service.key, KeyUsage.TICKET, part, service.kvno)],
          ]),
        ),
      ],
      [4, sealed(type, sessionKey, KeyUsage.AP_REQ_AUTHENTICATOR, authenticator)],
    ]),
  );
  return encodeDer(Tag.GSS_TOKEN, encodeOid(Oid.KERBEROS), Uint8Array.of(0x01, 0x00), request);
}

export interface ForgedGroups {
  readonly domainSid?: string;
  readonly userRid?: number;
  readonly groups?: readonly number[];
  readonly extra?: readonly string[];
  readonly resources?: readonly number[];
  readonly attributes?: number;
}

/** KERB_VALIDATION_INFO with type serialization; [MS-PAC] 2.5, [MS-RPCE] 2.2.6. */
export function forgeLogonInfo(groups: ForgedGroups = {}): Uint8Array {
  const { domainSid = DOMAIN_SID, userRid = 1103, groups: rids = [513], extra = [], resources = [] } = groups;
  const { attributes = 7 } = groups;
  const ndr = new NdrWriter();
  const memberships = (list: readonly number[]) =>
    list.length === 0
      ? ndr.pointer(false)
      : ndr.later(() => {
          ndr.u32(list.length);
          for (const rid of list) {
            ndr.u32(rid);
            ndr.u32(attributes);
          }
        });
  ndr.pointer();
  ndr.raw(new Uint8Array(48));
  for (const word of ["alice", "Alice of Home", "", "", "", ""]) ndr.unicodeString(word);
  ndr.u32(0);
  ndr.u32(userRid);
  ndr.u32(513);
  ndr.u32(rids.length);
  memberships(rids);
  ndr.raw(new Uint8Array(20));
  ndr.unicodeString("DC1");
  ndr.unicodeString("HOME");
  ndr.later(() => ndr.sid(parseSid(domainSid)));
  ndr.raw(new Uint8Array(40));
  ndr.u32(extra.length);
  if (extra.length === 0) ndr.pointer(false);
  else
    ndr.later(() => {
      ndr.u32(extra.length);
      for (const sid of extra) {
        ndr.later(() => ndr.sid(parseSid(sid)));
        ndr.u32(attributes);
      }
    });
  if (resources.length === 0) ndr.pointer(false);
  else ndr.later(() => ndr.sid(parseSid(domainSid)));
  ndr.u32(resources.length);
  memberships(resources);
  ndr.referents();
  const stub = ndr.finish();
  const header = new Uint8Array(16);
  header.set([1, 0x10, 8, 0, 0xcc, 0xcc, 0xcc, 0xcc]);
  new DataView(header.buffer).setUint32(8, stub.length, true);
  return Buffer.concat([header, stub]);
}

export interface ForgedPac {
  readonly name?: string;
  readonly authMs: number;
  readonly logonInfo?: Uint8Array | undefined;
  /** Signs with another type than the key's. */
  readonly signatureType?: EncryptionType;
  readonly more?: readonly (readonly [type: number, bytes: Uint8Array])[];
}

export function forgePac(service: KeytabEntry, pac: ForgedPac): Uint8Array {
  const { name: user = "alice", authMs, more = [] } = pac;
  const logonInfo = "logonInfo" in pac ? pac.logonInfo : forgeLogonInfo();
  const type = pac.signatureType ?? typeOf(service.etype);
  const client = new Writer(new Uint8Array(10 + user.length * 2));
  writeFiletime(client, authMs / 1000, 0);
  client.u16(user.length * 2);
  client.utf16(user);
  const signature = new Uint8Array(4 + type.hashBytes);
  new DataView(signature.buffer).setInt32(0, type.checksumId, true);
  const buffers: (readonly [number, Uint8Array])[] = [
    ...(logonInfo === undefined ? [] : [[1, logonInfo] as const]),
    [10, client.bytes],
    [6, signature],
    [7, signature],
    ...more,
  ];
  let at = 8 + 16 * buffers.length;
  const places = buffers.map(([, bytes]) => {
    const from = at;
    at += Math.ceil(bytes.length / 8) * 8;
    return from;
  });
  const out = new Writer(new Uint8Array(at));
  out.u32(buffers.length);
  out.u32(0);
  for (const [index, [kind, bytes]] of buffers.entries()) {
    out.u32(kind);
    out.u32(bytes.length);
    out.u64(places[index] ?? 0);
    out.bytes.set(bytes, places[index]);
  }
  const mark = places[buffers.findIndex(([kind]) => kind === 6)] ?? 0;
  out.bytes.set(type.checksum(service.key, KeyUsage.PAC_SIGNATURE, out.bytes), mark + 4);
  return out.bytes;
}

export function typeOf(etype: number): EncryptionType {
  const type = findEncryptionType(etype);
  if (type === undefined) throw new Error(`no encryption type ${etype}`);
  return type;
}

function sequence(fields: readonly (readonly [number, Uint8Array])[]): Uint8Array {
  return encodeDer(
    Tag.SEQUENCE,
    ...fields.map(([number, content]) => encodeDer(contextTag(number), content)),
  );
}

function authorization(type: number, data: Uint8Array): Uint8Array {
  return encodeDer(Tag.SEQUENCE, sequence([[0, integer(type)], [1, octets(data)]])); // prettier-ignore
}

function sealed(type: EncryptionType, key: Uint8Array, usage: number, plain: Uint8Array, kvno?: number) {
  const confounder = new Uint8Array(type.confounderBytes).fill(3);
  return sequence([
    [0, integer(type.id)],
    ...(kvno === undefined ? [] : [[1, integer(kvno)] as const]),
    [2, octets(type.encrypt(key, usage, plain, confounder))],
  ]);
}

function name(parts: readonly string[]): Uint8Array {
  return sequence([[0, integer(1)], [1, encodeDer(Tag.SEQUENCE, ...parts.map(text))]]); // prettier-ignore
}

function text(value: string): Uint8Array {
  return encodeDer(Tag.GENERAL_STRING, new TextEncoder().encode(value));
}

function octets(bytes: Uint8Array): Uint8Array {
  return encodeDer(Tag.OCTET_STRING, bytes);
}

function integer(value: number): Uint8Array {
  return encodeDer(0x02, Uint8Array.of(0, (value >> 16) & 0xff, (value >> 8) & 0xff, value & 0xff));
}

function flags(value: number): Uint8Array {
  const out = new Uint8Array(5);
  new DataView(out.buffer).setUint32(1, value);
  return encodeDer(0x03, out);
}

function time(ms: number): Uint8Array {
  const digits = new Date(ms).toISOString().replaceAll(/[-:T]|\.\d+/g, "");
  return encodeDer(0x18, new TextEncoder().encode(digits));
}

/** A key table with these keys; the format of MIT Kerberos, version 0x502. */
export function encodeKeytab(entries: readonly KeytabEntry[]): Uint8Array {
  const number = (value: number, bytes: number) => {
    const out = new Uint8Array(bytes);
    for (let i = 0; i < bytes; i++) out[bytes - 1 - i] = (value >>> (8 * i)) & 0xff;
    return out;
  };
  const counted = (bytes: Uint8Array) => Buffer.concat([number(bytes.length, 2), bytes]);
  const words = (value: string) => counted(new TextEncoder().encode(value));
  const encoded = entries.map(({ realm, principal, kvno, etype, key }) => {
    const names = Buffer.concat([number(principal.length, 2), words(realm), ...principal.map(words)]);
    const rest = [number(1, 4), number(0, 4), number(kvno & 0xff, 1), number(etype, 2), counted(key)];
    const body = Buffer.concat([names, ...rest, number(kvno, 4)]);
    return Buffer.concat([number(body.length, 4), body]);
  });
  return Buffer.concat([number(0x0502, 2), ...encoded]);
}
