// Names and SIDs of users and groups, in both directions: well-known ones, the machine's own domain, the
// built-in groups, and Unix users and groups by their ids. [MS-DTYP] 2.4.2.4, [MS-LSAT] 3.1.1 (the order of
// look-ups).
import { appendRid, formatSid, parseSid, type Sid } from "../../wire/security/sid.ts";
import type { RpcAccounts } from "./interface.ts";
import { BUILTIN, BUILTIN_ALIASES, NONE_RID, GUEST_RID, WELL_KNOWN } from "./well-known.ts";

/** SID_NAME_USE; [MS-LSAT] 2.2.13. */
export const SidUse = { USER: 1, GROUP: 2, DOMAIN: 3, ALIAS: 4, WELL_KNOWN_GROUP: 5, UNKNOWN: 8 } as const;

export interface Domain {
  readonly name: string;
  readonly sid: Sid;
}

export interface Principal {
  readonly use: number;
  /** "" for a domain itself. */
  readonly name: string;
  readonly domain: Domain;
  readonly sid: Sid;
}

const UNIX_USERS: Domain = { name: "Unix User", sid: { authority: 22, subAuthorities: [1] } };
const UNIX_GROUPS: Domain = { name: "Unix Group", sid: { authority: 22, subAuthorities: [2] } };

/** The domain of this machine's own users. */
export function machineDomain({ serverName, machineSid }: RpcAccounts): Domain {
  return { name: serverName, sid: parseSid(machineSid) };
}

function isBelow(sid: Sid, domain: Sid): boolean {
  const text = formatSid(sid);
  const at = text.lastIndexOf("-");
  return text.slice(0, at) === formatSid(domain);
}

/** Undefined for a SID that this server does not know. */
export function findBySid(accounts: RpcAccounts, sid: Sid): Principal | undefined {
  const text = formatSid(sid);
  const known = WELL_KNOWN.find((each) => each.sid === text);
  if (known) return wellKnown(known);
  const own = machineDomain(accounts);
  const domain = [own, BUILTIN].find((each) => formatSid(each.sid) === text);
  if (domain) return { use: SidUse.DOMAIN, name: "", domain, sid };
  const rid = sid.subAuthorities.at(-1) ?? 0;
  if (isBelow(sid, BUILTIN.sid)) {
    const alias = BUILTIN_ALIASES.find((each) => each.rid === rid);
    return alias && { use: SidUse.ALIAS, name: alias.name, domain: BUILTIN, sid };
  }
  if (isBelow(sid, own.sid)) return ofMachine(accounts, rid, own);
  if (isBelow(sid, UNIX_USERS.sid)) {
    const name = accounts.unixUser(rid) ?? String(rid);
    return { use: SidUse.USER, name, domain: UNIX_USERS, sid };
  }
  if (isBelow(sid, UNIX_GROUPS.sid)) {
    const name = accounts.unixGroup(rid) ?? String(rid);
    return { use: SidUse.GROUP, name, domain: UNIX_GROUPS, sid };
  }
  return undefined;
}

function ofMachine(accounts: RpcAccounts, rid: number, domain: Domain): Principal | undefined {
  const sid = appendRid(domain.sid, rid);
  if (rid === NONE_RID) return { use: SidUse.GROUP, name: "None", domain, sid };
  if (rid === GUEST_RID) return { use: SidUse.USER, name: accounts.guestName, domain, sid };
  const user = accounts.userOfRid(rid);
  return user && { use: SidUse.USER, name: user.name, domain, sid };
}

function wellKnown({ sid, name, authority }: (typeof WELL_KNOWN)[number]): Principal {
  const parsed = parseSid(sid);
  const { subAuthorities } = parsed;
  const domain = { name: authority, sid: { ...parsed, subAuthorities: subAuthorities.slice(0, -1) } };
  return { use: SidUse.WELL_KNOWN_GROUP, name, domain, sid: parsed };
}

/**
 * `NAME` or `DOMAIN\NAME`, without regard to case; undefined for a name that this server does not know. The
 * SID is the one that the user's token has, so that an entry of a descriptor made from it means this user.
 */
export function findByName(accounts: RpcAccounts, text: string): Principal | undefined {
  const at = text.indexOf("\\");
  const given = text.slice(at + 1);
  const name = fold(given);
  const wanted = at < 0 ? undefined : fold(text.slice(0, at));
  const own = machineDomain(accounts);
  const isIn = (domain: string): boolean => wanted === undefined || wanted === fold(domain);
  // As in Windows, no name at all is the built-in domain.
  if (name === "") return findDomain([own, BUILTIN], wanted ?? fold(BUILTIN.name));
  const known = WELL_KNOWN.find((each) => fold(each.name) === name && isIn(each.authority));
  if (known) return wellKnown(known);
  const domain = wanted === undefined ? findDomain([own, BUILTIN], name) : undefined;
  if (domain) return domain;
  if (isIn(BUILTIN.name)) {
    const alias = BUILTIN_ALIASES.find((each) => fold(each.name) === name);
    if (alias) return findBySid(accounts, appendRid(BUILTIN.sid, alias.rid));
  }
  // A workgroup's name stands for its servers.
  if (isIn(own.name) || isIn(accounts.workgroup)) {
    const user = findUser(accounts, given);
    if (user) return user;
  }
  return findUnix(accounts, given, isIn);
}

function findDomain(domains: readonly Domain[], name: string): Principal | undefined {
  const domain = domains.find((each) => fold(each.name) === name);
  return domain && { use: SidUse.DOMAIN, name: "", domain, sid: domain.sid };
}

/** Of those whose names differ by case only: the one of that very name, else the only one. */
export function pickByCase<T extends { readonly name: string }>(
  same: readonly T[],
  name: string,
): T | undefined {
  return same.find((each) => each.name === name) ?? (same.length === 1 ? same[0] : undefined);
}

function findUser(accounts: RpcAccounts, name: string): Principal | undefined {
  const domain = machineDomain(accounts);
  const folded = fold(name);
  if (folded === "none") return ofMachine(accounts, NONE_RID, domain);
  if (folded === fold(accounts.guestName)) return ofMachine(accounts, GUEST_RID, domain);
  const user = pickByCase(accounts.usersNamed(name), name);
  if (!user) return undefined;
  if (user.uid === undefined) return ofMachine(accounts, user.rid, domain);
  const sid = appendRid(UNIX_USERS.sid, user.uid);
  return { use: SidUse.USER, name: accounts.unixUser(user.uid) ?? user.name, domain: UNIX_USERS, sid };
}

function findUnix(
  accounts: RpcAccounts,
  name: string,
  isIn: (domain: string) => boolean,
): Principal | undefined {
  const uid = isIn(UNIX_USERS.name) ? accounts.uidOf(name) : undefined;
  if (uid !== undefined) return findBySid(accounts, appendRid(UNIX_USERS.sid, uid));
  const gid = isIn(UNIX_GROUPS.name) ? accounts.gidOf(name) : undefined;
  return gid === undefined ? undefined : findBySid(accounts, appendRid(UNIX_GROUPS.sid, gid));
}

/** The form in which names are compared. */
export function fold(text: string): string {
  return text.normalize("NFC").toLowerCase();
}
