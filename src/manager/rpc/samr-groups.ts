// SAMR: groups and aliases, and who is in them. [MS-SAMR] 3.1.5.5, 3.1.5.8, 3.1.5.9.
import { wireError } from "../../wire/cursor.ts";
import { formatSid, type Sid } from "../../wire/security/sid.ts";
import { Status } from "../../wire/status.ts";
import type { RpcOperation } from "./interface.ts";
import {
  aliasesOf,
  GROUP_ATTRIBUTES,
  MAX_LOOKUPS,
  membersOf,
  SamAlias,
  SamDomain,
  SamGroup,
  SamUser,
  take,
  writeIds,
} from "./samr-objects.ts";
import { NONE_RID } from "./well-known.ts";

export const getGroupsForUser: RpcOperation = (call) => {
  const { output } = call;
  take(call, SamUser);
  output.pointer();
  output.u32(1);
  output.pointer();
  for (const value of [1, NONE_RID, GROUP_ATTRIBUTES]) output.u32(value);
  output.u32(Status.SUCCESS);
};

export const getAliasMembership: RpcOperation = (call) => {
  const { input, output, context } = call;
  const domain = take(call, SamDomain);
  const count = input.count(MAX_LOOKUPS);
  const sids: Sid[] = [];
  if (input.pointer()) {
    if (input.u32() !== count) throw wireError("array counts disagree");
    const isPresent = Array.from({ length: count }, () => input.pointer());
    for (const present of isPresent) if (present) sids.push(input.sid());
  }
  const wanted = new Set(sids.map(formatSid));
  const rids = aliasesOf(domain)
    .filter(({ rid }) => membersOf(context.accounts, rid).some((sid) => wanted.has(formatSid(sid))))
    .map(({ rid }) => rid);
  writeIds(output, rids);
  output.u32(Status.SUCCESS);
};

export const getMembersInAlias: RpcOperation = (call) => {
  const { output, context } = call;
  const sids = membersOf(context.accounts, take(call, SamAlias).rid);
  output.u32(sids.length);
  output.pointer(sids.length > 0);
  if (sids.length > 0) output.u32(sids.length);
  for (const sid of sids) output.later(() => output.sid(sid));
  output.referents();
  output.u32(Status.SUCCESS);
};

// All users are in the one group.
export const queryGroupMembers: RpcOperation = (call) => {
  const { output, context } = call;
  take(call, SamGroup);
  const rids = context.accounts.users().map(({ rid }) => rid);
  output.pointer();
  output.u32(rids.length);
  for (const values of [rids, rids.map(() => GROUP_ATTRIBUTES)]) {
    if (rids.length === 0) output.pointer(false);
    else
      output.later(() => {
        output.u32(values.length);
        for (const value of values) output.u32(value);
      });
  }
  output.referents();
  output.u32(Status.SUCCESS);
};

export const queryGroupInformation: RpcOperation = (call) => {
  const { input, output, context } = call;
  const { name } = take(call, SamGroup);
  const level = input.u16();
  const isKnown = level >= 1 && level <= 5;
  output.pointer(isKnown);
  if (isKnown) {
    output.u16(level);
    output.align(4);
    const isWhole = level === 1 || level === 5;
    if (isWhole || level === 2) output.unicodeString(name);
    if (isWhole || level === 3) output.u32(GROUP_ATTRIBUTES);
    if (isWhole) output.u32(context.accounts.users().length);
    if (isWhole || level === 4) output.unicodeString("Ordinary Users");
    output.referents();
  }
  output.u32(isKnown ? Status.SUCCESS : Status.INVALID_INFO_CLASS);
};

export const queryAliasInformation: RpcOperation = (call) => {
  const { input, output, context } = call;
  const { name, rid } = take(call, SamAlias);
  const level = input.u16();
  const isKnown = level >= 1 && level <= 3;
  output.pointer(isKnown);
  if (isKnown) {
    output.u16(level);
    output.align(4);
    if (level < 3) output.unicodeString(name);
    if (level === 1) output.u32(membersOf(context.accounts, rid).length);
    if (level !== 2) output.unicodeString("");
    output.referents();
  }
  output.u32(isKnown ? Status.SUCCESS : Status.INVALID_INFO_CLASS);
};
