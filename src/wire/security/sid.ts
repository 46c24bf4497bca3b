// Security identifiers: binary form, text form, and the well-known SIDs.
// [MS-DTYP] 2.4.2.1 (text), 2.4.2.2 (packet), 2.4.2.4 (well-known).
import { type Reader, type Writer, wireError } from "../cursor.ts";

export interface Sid {
  /** 48 bits, as a number. */
  readonly authority: number;
  /** At most 15. */
  readonly subAuthorities: readonly number[];
}

const MAX_SUB_AUTHORITIES = 15;

export function sidSize(sid: Sid): number {
  return 8 + sid.subAuthorities.length * 4;
}

/** Throws WireError for another revision than 1 and for more than 15 sub-authorities. */
export function readSid(reader: Reader): Sid {
  if (reader.u8() !== 1) throw wireError("unknown SID revision");
  const count = reader.u8();
  if (count > MAX_SUB_AUTHORITIES) throw wireError("too many sub-authorities");
  let authority = 0;
  // The only big-endian field.
  for (let i = 0; i < 6; i++) authority = authority * 256 + reader.u8();
  const subAuthorities: number[] = [];
  for (let i = 0; i < count; i++) subAuthorities.push(reader.u32());
  return { authority, subAuthorities };
}

export function writeSid(writer: Writer, sid: Sid): void {
  if (sid.subAuthorities.length > MAX_SUB_AUTHORITIES) throw new RangeError("too many sub-authorities");
  writer.u8(1);
  writer.u8(sid.subAuthorities.length);
  for (let power = 5; power >= 0; power--) writer.u8(Math.floor(sid.authority / 256 ** power) % 256);
  for (const sub of sid.subAuthorities) writer.u32(sub);
}

/** Formats a SID as `S-1-5-21-…`; an authority from 2^32 on is written in hex. */
export function formatSid(sid: Sid): string {
  const authority =
    sid.authority < 2 ** 32 ? sid.authority.toString() : `0x${sid.authority.toString(16).padStart(12, "0")}`;
  return ["S-1", authority, ...sid.subAuthorities].join("-");
}

/** The inverse of `formatSid`. Throws WireError for any other text. */
export function parseSid(text: string): Sid {
  const match = /^S-1-(\d{1,10}|0x[0-9a-f]{12})((?:-\d{1,10})*)$/i.exec(text);
  const authority = Number(match?.[1] ?? Number.NaN);
  const subAuthorities = (match?.[2] ?? "").split("-").slice(1).map(Number);
  const isValid =
    match !== null &&
    authority < 2 ** 48 &&
    subAuthorities.length <= MAX_SUB_AUTHORITIES &&
    subAuthorities.every((sub) => sub < 2 ** 32);
  if (!isValid) throw wireError("not a SID");
  return { authority, subAuthorities };
}

export function sameSid(a: Sid, b: Sid): boolean {
  if (a.authority !== b.authority || a.subAuthorities.length !== b.subAuthorities.length) return false;
  return a.subAuthorities.every((sub, index) => sub === b.subAuthorities[index]);
}

/** `base` with one more sub-authority, such as a domain's SID with a relative ID. */
export function appendRid(base: Sid, rid: number): Sid {
  return { authority: base.authority, subAuthorities: [...base.subAuthorities, rid] };
}

function sid(authority: number, ...subAuthorities: number[]): Sid {
  return { authority, subAuthorities };
}

export const WellKnownSid = {
  NULL: sid(0, 0),
  WORLD: sid(1, 0),
  LOCAL: sid(2, 0),
  CREATOR_OWNER: sid(3, 0),
  CREATOR_GROUP: sid(3, 1),
  OWNER_RIGHTS: sid(3, 4),
  NETWORK: sid(5, 2),
  ANONYMOUS: sid(5, 7),
  AUTHENTICATED_USERS: sid(5, 11),
  LOCAL_SYSTEM: sid(5, 18),
  BUILTIN_ADMINISTRATORS: sid(5, 32, 544),
  BUILTIN_USERS: sid(5, 32, 545),
  BUILTIN_GUESTS: sid(5, 32, 546),
  /** Samba's mapping of uids and gids: S-1-22-1-uid, S-1-22-2-gid. */
  UNIX_USERS: sid(22, 1),
  UNIX_GROUPS: sid(22, 2),
  /**
   * The NFS SIDs, by which Windows shows Unix permissions: S-1-5-88-1-uid, S-1-5-88-2-gid, S-1-5-88-3-mode.
   */
  NFS_USERS: sid(5, 88, 1),
  NFS_GROUPS: sid(5, 88, 2),
  NFS_MODE: sid(5, 88, 3),
} as const;
