// The Security Account Manager interface: domains, users, groups and aliases. [MS-SAMR] 3.1.5. Clients change
// nothing but their own passwords (samr-password.ts).
import { wireError } from "../../wire/cursor.ts";
import { formatSid, type Sid } from "../../wire/security/sid.ts";
import { Status } from "../../wire/status.ts";
import { type RpcCall, RpcFault, type RpcInterface, type RpcOperation } from "./interface.ts";
import type { NdrWriter } from "./ndr.ts";
import { FaultStatus } from "./pdu.ts";
import { fold, machineDomain, pickByCase } from "./principals.ts";
import { queryDisplayInformation, queryDomainInformation } from "./samr-domain-info.ts";
import * as groups from "./samr-groups.ts";
import {
  aliasesOf,
  groupsOf,
  MAX_LOOKUPS,
  NORMAL_ACCOUNT,
  SamAlias,
  SamDomain,
  SamGroup,
  SamServer,
  SamUser,
  sidOfUser,
  take,
  usersOf,
  writeIds,
} from "./samr-objects.ts";
import * as password from "./samr-password.ts";
import { changePassword4 } from "./samr-password-aes.ts";
import { queryUserInformation } from "./samr-user-info.ts";
import { BUILTIN } from "./well-known.ts";

/** Entries of one reply to an enumeration; each takes what [MS-SAMR] 3.1.5.2.5 calls 54 bytes. */
const MAX_ENTRIES = 1_000;
const ENTRY_BYTES = 54;

function finishOpen({ handles, output }: RpcCall, object: object | undefined, missing: number): void {
  const handle = object && handles.open(object);
  output.handle(handle ?? null);
  const failed = object ? Status.INSUFFICIENT_RESOURCES : missing;
  output.u32(handle === undefined ? failed : Status.SUCCESS);
}

// SamrConnect names the server by one character, the later ones by a string. Nothing else of them counts.
const connect: RpcOperation = (call) => {
  if (call.input.pointer()) call.input.u16();
  finishOpen(call, new SamServer(), Status.SUCCESS);
};

const connectByName: RpcOperation = (call) => {
  call.input.skipServerName();
  finishOpen(call, new SamServer(), Status.SUCCESS);
};

// [MS-SAMR] 3.1.5.1.1: revision 3, no features.
const connect5: RpcOperation = (call) => {
  const { input, output } = call;
  input.skipServerName();
  input.u32();
  if (input.u32() !== 1) throw wireError("unknown revision");
  for (const value of [1, 1, 3, 0]) output.u32(value);
  finishOpen(call, new SamServer(), Status.SUCCESS);
};

const close: RpcOperation = ({ input, output, handles }) => {
  if (!handles.close(input.handle())) throw new RpcFault(FaultStatus.CONTEXT_MISMATCH);
  output.handle(null);
  output.u32(Status.SUCCESS);
};

const lookUpDomain: RpcOperation = (call) => {
  const { input, output, context } = call;
  take(call, SamServer);
  const name = input.unicodeString(input.unicodeStringHeader()).toLowerCase();
  const domains = [machineDomain(context.accounts), BUILTIN];
  const found = domains.find((domain) => domain.name.toLowerCase() === name);
  output.pointer(found !== undefined);
  if (found) output.sid(found.sid);
  output.u32(found ? Status.SUCCESS : Status.NO_SUCH_DOMAIN);
};

/** An entry of SAMPR_ENUMERATION_BUFFER. */
interface Entry {
  readonly rid: number;
  readonly name: string;
}

function writeEntries(output: NdrWriter, all: readonly Entry[], resume: number, most: number): void {
  const listed = all.slice(resume, resume + Math.min(most, MAX_ENTRIES));
  const isAll = resume + listed.length >= all.length;
  output.u32(isAll ? 0 : resume + listed.length);
  output.pointer();
  output.u32(listed.length);
  output.pointer(listed.length > 0);
  if (listed.length > 0) output.u32(listed.length);
  for (const { rid, name } of listed) {
    output.u32(rid);
    output.unicodeString(name);
  }
  output.referents();
  output.u32(listed.length);
  output.u32(isAll ? Status.SUCCESS : Status.MORE_ENTRIES);
}

const enumerateDomains: RpcOperation = (call) => {
  const { input, output, context } = call;
  take(call, SamServer);
  const resume = input.u32();
  const names = [machineDomain(context.accounts).name, "Builtin"];
  writeEntries(
    output,
    names.map((name, rid) => ({ rid, name })),
    resume,
    MAX_ENTRIES,
  );
};

const openDomain: RpcOperation = (call) => {
  const { input, context } = call;
  take(call, SamServer);
  input.u32();
  const sid = formatSid(input.sid());
  const isOwn = sid === formatSid(machineDomain(context.accounts).sid);
  const domain = isOwn || sid === formatSid(BUILTIN.sid) ? new SamDomain(isOwn) : undefined;
  finishOpen(call, domain, Status.NO_SUCH_DOMAIN);
};

function enumerate(list: (call: RpcCall, domain: SamDomain, flags: number) => readonly Entry[]) {
  return (hasFlags: boolean): RpcOperation =>
    (call) => {
      const { input, output } = call;
      const domain = take(call, SamDomain);
      const resume = input.u32();
      const flags = hasFlags ? input.u32() : 0;
      const most = Math.max(1, Math.floor(input.u32() / ENTRY_BYTES));
      writeEntries(output, list(call, domain, flags), resume, most);
    };
}

const enumerateUsers = enumerate(({ context }, domain, flags) =>
  flags === 0 || flags & NORMAL_ACCOUNT ? usersOf(context.accounts, domain) : [],
)(true);
const enumerateGroups = enumerate((_, domain) => groupsOf(domain))(false);
const enumerateAliases = enumerate((_, domain) => aliasesOf(domain))(false);

/** Everything of a domain that has a name and a relative identifier, with its SID_NAME_USE. */
function* namesOf({ context }: RpcCall, domain: SamDomain): Iterable<Entry & { use: number }> {
  for (const { rid, name } of usersOf(context.accounts, domain)) yield { rid, name, use: 1 };
  for (const { rid, name } of groupsOf(domain)) yield { rid, name, use: 2 };
  for (const { rid, name } of aliasesOf(domain)) yield { rid, name, use: 4 };
}

function readLookups({ input }: RpcCall): number {
  const count = input.count(MAX_LOOKUPS);
  input.u32();
  if (input.u32() !== 0 || input.u32() !== count) throw wireError("array counts disagree");
  return count;
}

const UNKNOWN_USE = 8;

function lookupStatus(found: readonly unknown[]): number {
  const mapped = found.filter((each) => each !== undefined).length;
  if (mapped === found.length) return Status.SUCCESS;
  return mapped === 0 ? Status.NONE_MAPPED : Status.SOME_NOT_MAPPED;
}

const lookUpNames: RpcOperation = (call) => {
  const { input, output } = call;
  const domain = take(call, SamDomain);
  const headers = Array.from({ length: readLookups(call) }, () => input.unicodeStringHeader());
  const names = headers.map((header) => input.unicodeString(header));
  const known = Map.groupBy(namesOf(call, domain), ({ name }) => fold(name));
  const found = names.map((name) => pickByCase(known.get(fold(name)) ?? [], name));
  const status = lookupStatus(found);
  const isNone = status === Status.NONE_MAPPED;
  writeIds(output, isNone ? [] : found.map((each) => each?.rid ?? 0));
  writeIds(output, isNone ? [] : found.map((each) => each?.use ?? UNKNOWN_USE));
  output.u32(status);
};

const lookUpRids: RpcOperation = (call) => {
  const { input, output } = call;
  const domain = take(call, SamDomain);
  const rids = Array.from({ length: readLookups(call) }, () => input.u32());
  const known = new Map([...namesOf(call, domain)].map((each) => [each.rid, each]));
  const found = rids.map((rid) => known.get(rid));
  output.u32(found.length);
  output.pointer(found.length > 0);
  if (found.length > 0) output.u32(found.length);
  for (const each of found) output.unicodeString(each?.name ?? "");
  output.referents();
  writeIds(
    output,
    found.map((each) => each?.use ?? UNKNOWN_USE),
  );
  output.u32(lookupStatus(found));
};

/** OpenUser, OpenGroup, OpenAlias. */
function opener(
  missing: number,
  find: (call: RpcCall, domain: SamDomain, rid: number) => object | undefined,
): RpcOperation {
  return (call) => {
    const domain = take(call, SamDomain);
    call.input.u32();
    finishOpen(call, find(call, domain, call.input.u32()), missing);
  };
}

const openUser = opener(Status.NO_SUCH_USER, ({ context }, domain, rid) => {
  const user = usersOf(context.accounts, domain).find((each) => each.rid === rid);
  return user && new SamUser(user.name);
});
const openGroup = opener(Status.NO_SUCH_GROUP, (_, domain, rid) => {
  const group = groupsOf(domain).find((each) => each.rid === rid);
  return group && new SamGroup(group.rid, group.name);
});
const openAlias = opener(Status.NO_SUCH_ALIAS, (_, domain, rid) => {
  const alias = aliasesOf(domain).find((each) => each.rid === rid);
  return alias && new SamAlias(alias.rid, alias.name);
});

const ridToSid: RpcOperation = (call) => {
  const { input, output, context } = call;
  const { isOwn } = take(call, SamDomain);
  const rid = input.u32();
  output.pointer();
  output.sid(isOwn ? sidOfUser(context.accounts, rid) : sidIn(BUILTIN.sid, rid));
  output.u32(Status.SUCCESS);
};

function sidIn({ authority, subAuthorities }: Sid, rid: number): Sid {
  return { authority, subAuthorities: [...subAuthorities, rid] };
}

/** Refuses an operation that would change accounts; `shape` has the outputs before the status. */
function refuse(...shape: ("handle" | "u32")[]): RpcOperation {
  return ({ output }) => {
    for (const kind of shape) {
      if (kind === "handle") output.handle(null);
      else output.u32(0);
    }
    output.u32(Status.ACCESS_DENIED);
  };
}

const OPERATIONS: (RpcOperation | undefined)[] = [];
OPERATIONS[0] = connect;
OPERATIONS[1] = close;
OPERATIONS[2] = refuse();
OPERATIONS[4] = refuse();
OPERATIONS[5] = lookUpDomain;
OPERATIONS[6] = enumerateDomains;
OPERATIONS[7] = openDomain;
OPERATIONS[8] = (call) => queryDomainInformation(call, take(call, SamDomain));
OPERATIONS[9] = refuse();
OPERATIONS[10] = refuse("handle", "u32");
OPERATIONS[11] = enumerateGroups;
OPERATIONS[12] = refuse("handle", "u32");
OPERATIONS[13] = enumerateUsers;
OPERATIONS[14] = refuse("handle", "u32");
OPERATIONS[15] = enumerateAliases;
OPERATIONS[16] = groups.getAliasMembership;
OPERATIONS[17] = lookUpNames;
OPERATIONS[18] = lookUpRids;
OPERATIONS[19] = openGroup;
OPERATIONS[20] = groups.queryGroupInformation;
for (const opnum of [21, 22, 24, 26]) OPERATIONS[opnum] = refuse();
OPERATIONS[23] = refuse("handle");
OPERATIONS[25] = groups.queryGroupMembers;
OPERATIONS[27] = openAlias;
OPERATIONS[28] = groups.queryAliasInformation;
for (const opnum of [29, 31, 32]) OPERATIONS[opnum] = refuse();
OPERATIONS[30] = refuse("handle");
OPERATIONS[33] = groups.getMembersInAlias;
OPERATIONS[34] = openUser;
OPERATIONS[35] = refuse("handle");
OPERATIONS[36] = (call) => queryUserInformation(call, take(call, SamUser));
OPERATIONS[37] = refuse();
OPERATIONS[38] = refuse();
OPERATIONS[39] = groups.getGroupsForUser;
OPERATIONS[40] = (call) => queryDisplayInformation(call, take(call, SamDomain));
OPERATIONS[44] = (call) => {
  take(call, SamUser);
  password.writePolicy(call);
};
OPERATIONS[45] = refuse();
OPERATIONS[46] = OPERATIONS[8];
OPERATIONS[47] = OPERATIONS[36];
OPERATIONS[48] = OPERATIONS[40];
OPERATIONS[50] = refuse("handle", "u32", "u32");
OPERATIONS[51] = OPERATIONS[40];
OPERATIONS[52] = refuse();
OPERATIONS[53] = refuse();
OPERATIONS[54] = password.refuseOemChange;
OPERATIONS[55] = password.changePassword2;
OPERATIONS[56] = password.writePolicy;
OPERATIONS[57] = connectByName;
OPERATIONS[58] = refuse();
OPERATIONS[61] = connectByName;
OPERATIONS[62] = connectByName;
OPERATIONS[63] = password.changePassword3;
OPERATIONS[64] = connect5;
OPERATIONS[65] = ridToSid;
OPERATIONS[73] = changePassword4;
// 73, SamrUnicodeChangePasswordUser4, is left out: its clients choose up to a million rounds of PBKDF2 for
// the server, which takes seconds of a small machine for every guess. They use 63 where it is missing.

/**
 * Who changes a password proves the old one in the call, so anybody may: the tools log on without a user
 * where his password has expired. Connects are open to them, too, because the tools begin with one.
 */
export const SAMR: RpcInterface = {
  operations: OPERATIONS,
  open: [0, 1, 54, 55, 56, 57, 61, 62, 63, 64, 73],
};
