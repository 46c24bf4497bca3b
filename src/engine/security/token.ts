// Who asks, as access checks see it: the SIDs of a session on a share; [MS-DTYP] 2.5.2. Unix ids are Samba's unmapped
// users and groups, S-1-22-1-uid and S-1-22-2-gid, so that what is stored means the same to both servers.
import { appendRid, type Sid, sameSid, WellKnownSid } from "../../wire/security/sid.ts";

export interface SecurityToken {
  /** The user's own first, the primary group's second. */
  readonly sids: readonly Sid[];
  readonly uid: number;
  readonly gid: number;
  /** gids of all groups, the primary one among them. */
  readonly groups: readonly number[];
  /** Shares its uid with others: what is that uid's is not therefore this user's. */
  readonly isNamed: boolean;
  /** Acts as root: may take and give ownership. No right to a file follows from it. */
  readonly isRoot: boolean;
}

export interface TokenSource {
  readonly uid: number;
  readonly gid: number;
  readonly groups: readonly number[];
  /** The user's own, where it is not made of the uid. */
  readonly sid: Sid | undefined;
  /** Comes as the guest, with a name or without. */
  readonly isGuest: boolean;
}

const groupSids = {
  everybody: [WellKnownSid.WORLD, WellKnownSid.NETWORK],
  named: [WellKnownSid.AUTHENTICATED_USERS, WellKnownSid.BUILTIN_USERS],
  guest: [WellKnownSid.BUILTIN_GUESTS],
};

export function makeToken(source: TokenSource): SecurityToken {
  const { uid, gid, sid, isGuest } = source;
  const groups = [gid, ...source.groups.filter((group) => group !== gid)];
  const more = isGuest ? groupSids.guest : groupSids.named;
  return {
    sids: [sid ?? sidOfUid(uid), ...groups.map(sidOfGid), ...groupSids.everybody, ...more],
    uid,
    gid,
    groups,
    isNamed: sid !== undefined,
    isRoot: uid === 0 && sid === undefined,
  };
}

/** The SID that stands for the user where files are owned. */
export function userSidOf(token: SecurityToken): Sid {
  return token.sids[0] ?? sidOfUid(token.uid);
}

/** Whether an object of this uid on disk is the user's. */
export function ownsOnDisk(token: SecurityToken, uid: number): boolean {
  return !token.isNamed && token.uid === uid;
}

export function sidOfUid(uid: number): Sid {
  return appendRid(WellKnownSid.UNIX_USERS, uid);
}

export function sidOfGid(gid: number): Sid {
  return appendRid(WellKnownSid.UNIX_GROUPS, gid);
}

/** The uid that `sid` stands for on any server; undefined for SIDs of users that are no Unix users. */
export function uidOfSid(sid: Sid): number | undefined {
  return unixId(sid, 1);
}

export function gidOfSid(sid: Sid): number | undefined {
  return unixId(sid, 2);
}

// NFS's form of the same is what Windows and macOS write for Unix ids: S-1-5-88-1-uid, S-1-5-88-2-gid.
function unixId(sid: Sid, kind: number): number | undefined {
  const { authority, subAuthorities } = sid;
  const isSamba = authority === 22 && subAuthorities.length === 2 && subAuthorities[0] === kind;
  const isNfs =
    authority === 5 && subAuthorities.length === 3 && subAuthorities[0] === 88 && subAuthorities[1] === kind;
  const id = isSamba || isNfs ? subAuthorities.at(-1) : undefined;
  // The highest number means "no such id" to the kernel.
  return id === 0xffff_ffff ? undefined : id;
}

/** Whether the user may own by this name: his own or a Unix group's of his, and not what everybody holds. */
export function mayOwnAs(token: SecurityToken, sid: Sid): boolean {
  return sameSid(userSidOf(token), sid) || token.groups.some((gid) => sameSid(sidOfGid(gid), sid));
}

export function hasSid(token: SecurityToken, sid: Sid): boolean {
  return token.sids.some((own) => sameSid(own, sid));
}
