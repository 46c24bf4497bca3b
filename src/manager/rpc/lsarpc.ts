// The Local Security Authority interface: names and SIDs ([MS-LSAT] 3.1.4), the user's own name, and the
// policy of lsa-policy.ts ([MS-LSAD] 3.1.4).
import { formatSid, type Sid } from "../../wire/security/sid.ts";
import { Status } from "../../wire/status.ts";
import { type RpcCall, RpcFault, type RpcInterface, type RpcOperation } from "./interface.ts";
import * as policy from "./lsa-policy.ts";
import type { NdrWriter } from "./ndr.ts";
import { FaultStatus } from "./pdu.ts";
import { type Domain, findByName, findBySid, machineDomain, type Principal, SidUse } from "./principals.ts";

/** [MS-LSAT] 3.1.4: no call may ask for more. */
const MAX_LOOKUPS = 1_000;

/** The LSAPR_REFERENCED_DOMAIN_LIST of one reply. */
class ReferencedDomains {
  private readonly domains: Domain[] = [];

  indexOf(domain: Domain): number {
    const text = formatSid(domain.sid);
    const at = this.domains.findIndex((each) => formatSid(each.sid) === text && each.name === domain.name);
    return at >= 0 ? at : this.domains.push(domain) - 1;
  }

  write(output: NdrWriter): void {
    output.pointer();
    output.u32(this.domains.length);
    output.pointer(this.domains.length > 0);
    // MaxEntries, which clients ignore.
    output.u32(32);
    if (this.domains.length > 0) output.u32(this.domains.length);
    for (const { name, sid } of this.domains) {
      output.unicodeString(name, true);
      output.later(() => output.sid(sid));
    }
    output.referents();
  }
}

function statusOf(found: readonly (Principal | undefined)[]): number {
  const mapped = found.filter((each) => each !== undefined).length;
  if (mapped === found.length) return Status.SUCCESS;
  return mapped === 0 ? Status.NONE_MAPPED : Status.SOME_NOT_MAPPED;
}

/** What differs between the versions of LookupSids and of LookupNames. */
interface Form {
  /** A field behind the index of each entry. */
  readonly hasFlags: boolean;
  /** Look-up options and client revision follow the count. */
  readonly hasOptions: boolean;
}

function lookUpSids(call: RpcCall, form: Form): void {
  const { output, context } = call;
  policy.takePolicy(call);
  const sids = readSids(call);
  skipTranslation(call, form);
  const found = sids.map((sid) => sid && findBySid(context.accounts, sid));
  writeTranslation(call, form, found, (each, index) => {
    const sid = sids[index];
    // An unknown SID is its own name, as in Windows: clients show it.
    const name = each?.use === SidUse.DOMAIN ? each.domain.name : each?.name;
    output.unicodeString(name ?? (sid ? formatSid(sid) : ""));
  });
}

/** The translations in a request, which are empty, and what stands behind them. */
function skipTranslation({ input }: RpcCall, { hasOptions }: Form): void {
  input.u32();
  if (input.pointer()) input.u32();
  input.u16();
  input.u32();
  if (hasOptions) input.u32();
}

/** The answer of a look-up; `writeEntry` writes what differs between names and SIDs. */
function writeTranslation(
  { output }: RpcCall,
  { hasFlags }: Form,
  found: readonly (Principal | undefined)[],
  writeEntry: (each: Principal | undefined, index: number) => void,
): void {
  const domains = new ReferencedDomains();
  const indexes = found.map((each) => (each ? domains.indexOf(each.domain) : -1));
  domains.write(output);
  output.u32(found.length);
  output.pointer(found.length > 0);
  if (found.length > 0) output.u32(found.length);
  for (const [index, each] of found.entries()) {
    output.align(4);
    output.u16(each?.use ?? SidUse.UNKNOWN);
    writeEntry(each, index);
    output.u32(indexes[index] ?? -1);
    if (hasFlags) output.u32(0);
  }
  output.referents();
  output.u32(found.filter((each) => each !== undefined).length);
  output.u32(statusOf(found));
}

function readSids({ input }: RpcCall): (Sid | undefined)[] {
  const count = input.count(MAX_LOOKUPS);
  if (!input.pointer()) return [];
  if (input.u32() !== count) throw new RpcFault(FaultStatus.BAD_STUB_DATA);
  const isPresent: boolean[] = [];
  for (let i = 0; i < count; i++) isPresent.push(input.pointer());
  return isPresent.map((present) => (present ? input.sid() : undefined));
}

function readNames({ input }: RpcCall): string[] {
  const count = input.count(MAX_LOOKUPS);
  if (input.u32() !== count) throw new RpcFault(FaultStatus.BAD_STUB_DATA);
  const headers = [];
  for (let i = 0; i < count; i++) headers.push(input.unicodeStringHeader());
  return headers.map((header) => input.unicodeString(header));
}

/** The relative identifier, or all ones for a domain itself. */
function ridOf({ use, sid }: Principal): number {
  return use === SidUse.DOMAIN ? 0xffff_ffff : (sid.subAuthorities.at(-1) ?? 0);
}

function lookUpNames(call: RpcCall, form: Form, hasSids: boolean): void {
  const { output, context } = call;
  policy.takePolicy(call);
  const names = readNames(call);
  skipTranslation(call, form);
  const found = names.map((name) => findByName(context.accounts, name));
  writeTranslation(call, form, found, (each) => {
    if (!hasSids) output.u32(each ? ridOf(each) : 0);
    else if (each) output.later(() => output.sid(each.sid));
    else output.pointer(false);
  });
}

// [MS-LSAT] 3.1.4.4: the names of the user that the call is made for.
const getUserName: RpcOperation = ({ input, output, identity, context }) => {
  input.skipServerName();
  if (input.pointer()) input.unicodeString(input.unicodeStringHeader());
  const wantsAuthority = input.pointer();
  if (wantsAuthority && input.pointer()) input.unicodeString(input.unicodeStringHeader());
  const name = identity.isAnonymous ? "ANONYMOUS LOGON" : identity.user;
  const authority = identity.isAnonymous ? "NT AUTHORITY" : machineDomain(context.accounts).name;
  output.pointer();
  output.unicodeString(name);
  output.referents();
  output.pointer(wantsAuthority);
  if (wantsAuthority) {
    output.pointer();
    output.unicodeString(authority);
    output.referents();
  }
  output.u32(Status.SUCCESS);
};

/**
 * LookupSids3 and LookupNames4 are for members of a domain over its secure channel only; [MS-LSAT] 3.1.4.9.
 */
const needsSecureChannel: RpcOperation = () => {
  throw new RpcFault(FaultStatus.ACCESS_DENIED);
};

const PLAIN: Form = { hasFlags: false, hasOptions: false };
const EXTENDED: Form = { hasFlags: true, hasOptions: true };

const OPERATIONS: (RpcOperation | undefined)[] = [];
OPERATIONS[0] = policy.close;
OPERATIONS[2] = policy.enumeratePrivileges;
OPERATIONS[6] = policy.openPolicy;
OPERATIONS[7] = policy.queryPolicy;
OPERATIONS[8] = policy.refuseChange;
OPERATIONS[11] = policy.enumerateAccounts;
OPERATIONS[13] = policy.enumerateTrustedDomains;
OPERATIONS[14] = (call) => lookUpNames(call, PLAIN, false);
OPERATIONS[15] = (call) => lookUpSids(call, PLAIN);
OPERATIONS[17] = policy.openAccount;
OPERATIONS[18] = policy.enumeratePrivilegesOfAccount;
OPERATIONS[19] = policy.refuseChange;
OPERATIONS[20] = policy.refuseChange;
OPERATIONS[23] = policy.getSystemAccess;
OPERATIONS[24] = policy.refuseChange;
OPERATIONS[31] = policy.lookUpPrivilegeValue;
OPERATIONS[32] = policy.lookUpPrivilegeName;
OPERATIONS[33] = policy.lookUpPrivilegeDisplayName;
OPERATIONS[35] = policy.enumerateAccountsWithRight;
OPERATIONS[36] = policy.enumerateAccountRights;
OPERATIONS[37] = policy.refuseChange;
OPERATIONS[38] = policy.refuseChange;
OPERATIONS[44] = policy.openPolicy2;
OPERATIONS[45] = getUserName;
OPERATIONS[46] = policy.queryPolicy;
OPERATIONS[47] = policy.refuseChange;
OPERATIONS[50] = policy.enumerateTrustedDomains;
OPERATIONS[57] = (call) => lookUpSids(call, EXTENDED);
OPERATIONS[58] = (call) => lookUpNames(call, EXTENDED, false);
OPERATIONS[68] = (call) => lookUpNames(call, EXTENDED, true);
OPERATIONS[76] = needsSecureChannel;
OPERATIONS[77] = needsSecureChannel;
OPERATIONS[130] = policy.openPolicy3;

/** Anybody may ask for his own name; Windows and Samba answer anonymous users, too. */
export const LSARPC: RpcInterface = { operations: OPERATIONS, open: [0, 6, 44, 45] };
