// What handles of SAMR stand for, and which users, groups and aliases a domain has. [MS-SAMR] 3.1.1.
import { appendRid, type Sid } from "../../wire/security/sid.ts";
import { type RpcAccounts, type RpcCall, RpcFault, type RpcUser } from "./interface.ts";
import type { NdrWriter } from "./ndr.ts";
import { FaultStatus } from "./pdu.ts";
import { findByName, machineDomain } from "./principals.ts";
import {
  ADMINISTRATORS_RID,
  BUILTIN_ALIASES,
  GUEST_RID,
  GUESTS_RID,
  NONE_RID,
  USERS_RID,
} from "./well-known.ts";

/** [MS-SAMR] 3.1.5.11: no call looks up more. */
export const MAX_LOOKUPS = 1_000;

/** Flags of an account; [MS-SAMR] 2.2.1.12: USER_NORMAL_ACCOUNT, USER_DONT_EXPIRE_PASSWORD. */
export const NORMAL_ACCOUNT = 0x10;
export const ACCOUNT_FLAGS = NORMAL_ACCOUNT | 0x200;

/** Of a member: SE_GROUP_MANDATORY, _ENABLED_BY_DEFAULT, _ENABLED. */
export const GROUP_ATTRIBUTES = 7;

export class SamServer {
  readonly kind = "server";
}

export class SamDomain {
  /** The machine's domain; else the built-in one. */
  readonly isOwn: boolean;

  constructor(isOwn: boolean) {
    this.isOwn = isOwn;
  }
}

export class SamUser {
  readonly name: string;

  constructor(name: string) {
    this.name = name;
  }
}

export class SamGroup {
  readonly rid: number;
  readonly name: string;

  constructor(rid: number, name: string) {
    this.rid = rid;
    this.name = name;
  }
}

export class SamAlias {
  readonly rid: number;
  readonly name: string;

  constructor(rid: number, name: string) {
    this.rid = rid;
    this.name = name;
  }
}

export function usersOf(accounts: RpcAccounts, { isOwn }: SamDomain): readonly RpcUser[] {
  return isOwn ? accounts.users() : [];
}

/** The primary group of all users, as on a Windows machine without a domain. */
export function groupsOf({ isOwn }: SamDomain): readonly { readonly rid: number; readonly name: string }[] {
  return isOwn ? [{ rid: NONE_RID, name: "None" }] : [];
}

/** The built-in groups that have members here. */
export function aliasesOf({ isOwn }: SamDomain): readonly { readonly rid: number; readonly name: string }[] {
  return isOwn ? [] : BUILTIN_ALIASES.filter(({ rid }) => rid <= GUESTS_RID);
}

/** The members of a built-in alias, by the SIDs that their tokens have. */
export function membersOf(accounts: RpcAccounts, alias: number): readonly Sid[] {
  const sids: Sid[] = [];
  if (alias === GUESTS_RID) sids.push(sidOfUser(accounts, GUEST_RID));
  for (const { name, isAdministrator } of accounts.users()) {
    const isMember = alias === USERS_RID || (alias === ADMINISTRATORS_RID && isAdministrator);
    const sid = isMember ? findByName(accounts, `${accounts.serverName}\\${name}`)?.sid : undefined;
    if (sid) sids.push(sid);
  }
  return sids;
}

export function sidOfUser(accounts: RpcAccounts, rid: number): Sid {
  return appendRid(machineDomain(accounts).sid, rid);
}

/** Reads the handle of a domain, a user and so on; a fault for any other. */
export function take<T extends object>(
  { input, handles }: RpcCall,
  type: abstract new (...values: never[]) => T,
): T {
  const object = handles.find(input.handle(), type);
  if (!object) throw new RpcFault(FaultStatus.CONTEXT_MISMATCH);
  return object;
}

/** SAMPR_ULONG_ARRAY. */
export function writeIds(output: NdrWriter, ids: readonly number[]): void {
  output.u32(ids.length);
  output.pointer(ids.length > 0);
  if (ids.length > 0) output.u32(ids.length);
  for (const id of ids) output.u32(id);
}
