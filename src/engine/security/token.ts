// The token of a user on a share, for access checks; [MS-DTYP] 2.5.2. Unix ids have the SIDs of Samba's
// unmapped users and groups, S-1-22-1-uid and S-1-22-2-gid, so that stored descriptors mean the same to both
// servers.
import { appendRid, type Sid, sameSid, WellKnownSid } from "../../wire/security/sid.ts";

export interface SecurityToken {
  /** The user's SID first, the primary group's second. */
  readonly sids: readonly Sid[];
  /** The user's SID in a Windows domain, then those of his groups there, by their last number. */
  readonly domainSids: ReadonlyMap<number, readonly Sid[]>;
  readonly domainUser: Sid | undefined;
  readonly uid: number;
  readonly gid: number;
  /** gids of all groups, the primary one included. */
  readonly groups: readonly number[];
  /** The user shares its uid with others and is identified by a SID: it does not own an object by its uid. */
  readonly isNamed: boolean;
  /** The user is root and may take and give ownership. The access check grants root no further rights. */
  readonly isRoot: boolean;
}

export interface TokenSource {
  readonly uid: number;
  readonly gid: number;
  readonly groups: readonly number[];
  /** The user's SID; undefined: that of the uid. */
  readonly sid: Sid | undefined;
  /** The user is connected as guest. */
  readonly isGuest: boolean;
  /** As `ShareGrant.domainSids`. */
  readonly domainSids?: readonly Sid[];
}

const groupSids = {
  everybody: [WellKnownSid.WORLD, WellKnownSid.NETWORK],
  named: [WellKnownSid.AUTHENTICATED_USERS, WellKnownSid.BUILTIN_USERS],
  guest: [WellKnownSid.BUILTIN_GUESTS],
};

export function makeToken(source: TokenSource): SecurityToken {
  const { uid, gid, sid, isGuest, domainSids = [] } = source;
  const groups = [gid, ...source.groups.filter((group) => group !== gid)];
  const more = isGuest ? groupSids.guest : groupSids.named;
  return {
    sids: [sid ?? sidOfUid(uid), ...groups.map(sidOfGid), ...groupSids.everybody, ...more],
    domainSids: Map.groupBy(domainSids, ({ subAuthorities }) => subAuthorities.at(-1) ?? 0),
    domainUser: domainSids[0],
    uid,
    gid,
    groups,
    isNamed: sid !== undefined,
    isRoot: uid === 0 && sid === undefined,
  };
}

/** The user's SID, which is the owner of objects that the user creates. */
export function userSidOf(token: SecurityToken): Sid {
  return token.sids[0] ?? sidOfUid(token.uid);
}

/** True if the user owns objects with this uid on disk. */
export function ownsOnDisk(token: SecurityToken, uid: number): boolean {
  return !token.isNamed && token.uid === uid;
}

export function sidOfUid(uid: number): Sid {
  return appendRid(WellKnownSid.UNIX_USERS, uid);
}

export function sidOfGid(gid: number): Sid {
  return appendRid(WellKnownSid.UNIX_GROUPS, gid);
}

/** The uid of a Unix user's SID, in Samba's or NFS's form; undefined for other SIDs. */
export function uidOfSid(sid: Sid): number | undefined {
  return unixId(sid, 1);
}

/** The gid of a Unix group's SID, in Samba's or NFS's form; undefined for other SIDs. */
export function gidOfSid(sid: Sid): number | undefined {
  return unixId(sid, 2);
}

// Windows and macOS write Unix ids as SIDs of NFS: S-1-5-88-1-uid, S-1-5-88-2-gid.
function unixId(sid: Sid, kind: number): number | undefined {
  const { authority, subAuthorities } = sid;
  const isSamba = authority === 22 && subAuthorities.length === 2 && subAuthorities[0] === kind;
  const isNfs =
    authority === 5 && subAuthorities.length === 3 && subAuthorities[0] === 88 && subAuthorities[1] === kind;
  const id = isSamba || isNfs ? subAuthorities.at(-1) : undefined;
  // The kernel's "no id", (uid_t)-1.
  return id === 0xffff_ffff ? undefined : id;
}

/** True if an object with the owner SID `sid` is the user's: one of the user's SIDs or of his Unix groups. */
export function mayOwnAs(token: SecurityToken, sid: Sid): boolean {
  const { domainUser } = token;
  if (domainUser !== undefined && sameSid(domainUser, sid)) return true;
  return sameSid(userSidOf(token), sid) || token.groups.some((gid) => sameSid(sidOfGid(gid), sid));
}

export function hasSid(token: SecurityToken, sid: Sid): boolean {
  if (token.sids.some((member) => sameSid(member, sid))) return true;
  // A user may be in a thousand groups, and each entry of a descriptor is compared with them.
  const alike = token.domainSids.get(sid.subAuthorities.at(-1) ?? 0);
  return alike !== undefined && alike.some((member) => sameSid(member, sid));
}
