// LSA: what OpenPolicy opens, the policy's information, and the rights of accounts. [MS-LSAD] 3.1.4.4 to
// 3.1.4.7.
import { wireError } from "../../wire/cursor.ts";
import { formatSid, parseSid, type Sid } from "../../wire/security/sid.ts";
import { type NtStatus, Status } from "../../wire/status.ts";
import { type RpcCall, type RpcOperation, RpcFault } from "./interface.ts";
import type { NdrWriter } from "./ndr.ts";
import { FaultStatus } from "./pdu.ts";
import { type Domain, machineDomain } from "./principals.ts";

/** What a policy handle stands for. Every open is granted: no operation changes anything. */
export class LsaPolicy {
  readonly kind = "policy";
}

/** An account of the policy's database, which holds rights. */
export class LsaAccount {
  readonly sid: Sid;

  constructor(sid: Sid) {
    this.sid = sid;
  }
}

/** Privileges that administrators have, with their LUID and display name; [MS-LSAD] 3.1.1.2.1. */
const PRIVILEGES = [
  { name: "SeSecurityPrivilege", luid: 8, display: "Manage auditing and security log" },
  { name: "SeTakeOwnershipPrivilege", luid: 9, display: "Take ownership of files or other objects" },
  { name: "SeBackupPrivilege", luid: 17, display: "Back up files and directories" },
  { name: "SeRestorePrivilege", luid: 18, display: "Restore files and directories" },
  { name: "SeChangeNotifyPrivilege", luid: 23, display: "Bypass traverse checking" },
] as const;

/** The accounts that have rights. Everybody may pass through directories. */
const HOLDERS: readonly { readonly sid: Sid; readonly rights: readonly (typeof PRIVILEGES)[number][] }[] = [
  { sid: parseSid("S-1-5-32-544"), rights: PRIVILEGES },
  { sid: parseSid("S-1-1-0"), rights: PRIVILEGES.filter(({ luid }) => luid === 23) },
];

/** Skips LSAPR_OBJECT_ATTRIBUTES, of which nothing counts; [MS-LSAD] 2.2.9. */
function skipObjectAttributes({ input }: RpcCall): void {
  input.u32();
  const hasRoot = input.pointer();
  const hasName = input.pointer();
  input.u32();
  const hasDescriptor = input.pointer();
  const hasQuality = input.pointer();
  if (hasRoot) input.u8();
  if (hasName) input.string();
  // Windows ignores a descriptor, which clients never send.
  if (hasDescriptor) throw wireError("security descriptor in object attributes");
  if (hasQuality) {
    input.u32();
    input.u16();
    input.u8();
    input.u8();
  }
}

function finishOpen({ handles, output }: RpcCall, object: object): void {
  const handle = handles.open(object);
  output.handle(handle ?? null);
  output.u32(handle === undefined ? Status.INSUFFICIENT_RESOURCES : Status.SUCCESS);
}

// The name of the system is one character: [MS-LSAD] 3.1.4.4.2.
export const openPolicy: RpcOperation = (call) => {
  if (call.input.pointer()) call.input.u16();
  skipObjectAttributes(call);
  call.input.u32();
  finishOpen(call, new LsaPolicy());
};

export const openPolicy2: RpcOperation = (call) => {
  call.input.skipServerName();
  skipObjectAttributes(call);
  call.input.u32();
  finishOpen(call, new LsaPolicy());
};

/** OpenPolicy3: as OpenPolicy2, with a revision in both directions; [MS-LSAD] 3.1.4.4.9. */
export const openPolicy3: RpcOperation = (call) => {
  const { input, output } = call;
  input.skipServerName();
  skipObjectAttributes(call);
  input.u32();
  const version = input.u32();
  if (input.u32() !== version || version !== 1) throw new RpcFault(FaultStatus.BAD_STUB_DATA);
  input.u32();
  input.u32();
  output.u32(1);
  output.u32(1);
  output.u32(1);
  output.u32(0);
  finishOpen(call, new LsaPolicy());
};

export const close: RpcOperation = ({ input, output, handles }) => {
  // As Windows and Samba: a handle that is not open is a fault, not a status.
  if (!handles.close(input.handle())) throw new RpcFault(FaultStatus.CONTEXT_MISMATCH);
  output.handle(null);
  output.u32(Status.SUCCESS);
};

/** Reads the handle of a policy; a fault for any other. */
export function takePolicy({ input, handles }: RpcCall): LsaPolicy {
  const policy = handles.find(input.handle(), LsaPolicy);
  if (!policy) throw new RpcFault(FaultStatus.CONTEXT_MISMATCH);
  return policy;
}

/** POLICY_INFORMATION_CLASS; [MS-LSAD] 2.2.4.1. */
const Info = {
  AUDIT_EVENTS: 2,
  PRIMARY_DOMAIN: 3,
  ACCOUNT_DOMAIN: 5,
  ROLE: 6,
  DNS_DOMAIN: 12,
  DNS_DOMAIN_INTERNAL: 13,
  LOCAL_ACCOUNT_DOMAIN: 14,
} as const;

const PRIMARY_SERVER = 3;
const NO_GUID = "00000000-0000-0000-0000-000000000000";

function writeDomain(output: NdrWriter, { name, sid }: { name: string; sid: Sid | undefined }): void {
  output.unicodeString(name, true);
  if (sid === undefined) output.pointer(false);
  else output.later(() => output.sid(sid));
}

// A server without a domain names its workgroup as primary domain, without a SID.
const INFORMATION: Readonly<Record<number, (output: NdrWriter, call: RpcCall, own: Domain) => void>> = {
  [Info.AUDIT_EVENTS](output) {
    // Nothing is audited.
    output.u32(0);
    output.pointer(false);
    output.u32(0);
  },
  [Info.PRIMARY_DOMAIN]: (output, { context }) =>
    writeDomain(output, { name: context.workgroup, sid: undefined }),
  [Info.ACCOUNT_DOMAIN]: (output, _, own) => writeDomain(output, own),
  [Info.LOCAL_ACCOUNT_DOMAIN]: (output, _, own) => writeDomain(output, own),
  [Info.ROLE]: (output) => output.u32(PRIMARY_SERVER),
  [Info.DNS_DOMAIN]: writeDnsDomain,
  [Info.DNS_DOMAIN_INTERNAL]: writeDnsDomain,
};

function writeDnsDomain(output: NdrWriter, { context }: RpcCall): void {
  output.unicodeString(context.workgroup, true);
  output.unicodeString("", true);
  output.unicodeString("", true);
  output.uuid(NO_GUID);
  output.pointer(false);
}

export const queryPolicy: RpcOperation = (call) => {
  const { input, output, context } = call;
  takePolicy(call);
  const level = input.u16();
  const write = INFORMATION[level];
  output.pointer(write !== undefined);
  if (write) {
    output.u16(level);
    output.align(4);
    write(output, call, machineDomain(context.accounts));
    output.referents();
  }
  output.u32(write ? Status.SUCCESS : Status.INVALID_PARAMETER);
};

export const enumeratePrivileges: RpcOperation = (call) => {
  const { input, output } = call;
  takePolicy(call);
  const resume = input.u32();
  input.u32();
  const listed = PRIVILEGES.slice(Math.min(resume, PRIVILEGES.length));
  output.u32(PRIVILEGES.length);
  output.u32(listed.length);
  output.pointer(listed.length > 0);
  if (listed.length > 0) output.u32(listed.length);
  for (const { name, luid } of listed) {
    output.unicodeString(name, true);
    output.u32(luid);
    output.u32(0);
  }
  output.referents();
  output.u32(listed.length > 0 ? Status.SUCCESS : Status.NO_MORE_ENTRIES);
};

export const enumerateAccounts: RpcOperation = (call) => {
  const { input, output } = call;
  takePolicy(call);
  const resume = input.u32();
  input.u32();
  const sids = HOLDERS.map(({ sid }) => sid).slice(Math.min(resume, HOLDERS.length));
  output.u32(HOLDERS.length);
  writeSids(output, sids);
  output.u32(sids.length > 0 ? Status.SUCCESS : Status.NO_MORE_ENTRIES);
};

function writeSids(output: NdrWriter, sids: readonly Sid[]): void {
  output.u32(sids.length);
  output.pointer(sids.length > 0);
  if (sids.length > 0) output.u32(sids.length);
  for (const sid of sids) output.later(() => output.sid(sid));
  output.referents();
}

function rightsOf(sid: Sid): readonly (typeof PRIVILEGES)[number][] {
  const text = formatSid(sid);
  return HOLDERS.find((holder) => formatSid(holder.sid) === text)?.rights ?? [];
}

export const enumerateAccountRights: RpcOperation = (call) => {
  const { input, output } = call;
  takePolicy(call);
  const rights = rightsOf(input.sid());
  output.u32(rights.length);
  output.pointer(rights.length > 0);
  if (rights.length > 0) output.u32(rights.length);
  for (const { name } of rights) output.unicodeString(name, true);
  output.referents();
  output.u32(rights.length > 0 ? Status.SUCCESS : Status.OBJECT_NAME_NOT_FOUND);
};

export const enumerateAccountsWithRight: RpcOperation = (call) => {
  const { input, output } = call;
  takePolicy(call);
  const wanted = input.pointer() ? input.unicodeString(input.unicodeStringHeader()).toLowerCase() : undefined;
  const isKnown = wanted === undefined || PRIVILEGES.some(({ name }) => name.toLowerCase() === wanted);
  const holders = HOLDERS.filter(
    ({ rights }) => wanted === undefined || rights.some(({ name }) => name.toLowerCase() === wanted),
  );
  writeSids(
    output,
    holders.map(({ sid }) => sid),
  );
  const none = isKnown ? Status.NO_MORE_ENTRIES : Status.NO_SUCH_PRIVILEGE;
  output.u32(holders.length > 0 ? Status.SUCCESS : none);
};

export const openAccount: RpcOperation = (call) => {
  takePolicy(call);
  const sid = call.input.sid();
  call.input.u32();
  if (rightsOf(sid).length > 0) {
    finishOpen(call, new LsaAccount(sid));
    return;
  }
  call.output.handle(null);
  call.output.u32(Status.OBJECT_NAME_NOT_FOUND);
};

function takeAccount({ input, handles }: RpcCall): LsaAccount {
  const account = handles.find(input.handle(), LsaAccount);
  if (!account) throw new RpcFault(FaultStatus.CONTEXT_MISMATCH);
  return account;
}

export const enumeratePrivilegesOfAccount: RpcOperation = (call) => {
  const { output } = call;
  const rights = rightsOf(takeAccount(call).sid);
  output.pointer();
  output.u32(rights.length);
  output.u32(rights.length);
  output.u32(0);
  for (const { luid } of rights) for (const value of [luid, 0, 0]) output.u32(value);
  output.u32(Status.SUCCESS);
};

export const getSystemAccess: RpcOperation = (call) => {
  takeAccount(call);
  call.output.u32(0);
  call.output.u32(Status.SUCCESS);
};

/** An operation that changes something, and answers with its status only. */
export const refuseChange: RpcOperation = ({ output }) => output.u32(Status.ACCESS_DENIED);

export const lookUpPrivilegeValue: RpcOperation = (call) => {
  const { input, output } = call;
  takePolicy(call);
  const name = input.unicodeString(input.unicodeStringHeader()).toLowerCase();
  const found = PRIVILEGES.find((each) => each.name.toLowerCase() === name);
  output.u32(found?.luid ?? 0);
  output.u32(0);
  output.u32(found ? Status.SUCCESS : Status.NO_SUCH_PRIVILEGE);
};

export const lookUpPrivilegeName: RpcOperation = (call) => {
  const { input } = call;
  takePolicy(call);
  const luid = input.u32();
  const high = input.u32();
  const found = high === 0 ? PRIVILEGES.find((each) => each.luid === luid) : undefined;
  writeName(call, found?.name);
  call.output.u32(found ? Status.SUCCESS : Status.NO_SUCH_PRIVILEGE);
};

export const lookUpPrivilegeDisplayName: RpcOperation = (call) => {
  const { input, output } = call;
  takePolicy(call);
  const name = input.unicodeString(input.unicodeStringHeader()).toLowerCase();
  const found = PRIVILEGES.find((each) => each.name.toLowerCase() === name);
  writeName(call, found?.display);
  // English.
  output.u16(0x0409);
  output.u32(found ? Status.SUCCESS : Status.NO_SUCH_PRIVILEGE);
};

function writeName({ output }: RpcCall, name: string | undefined): void {
  output.pointer(name !== undefined);
  if (name === undefined) return;
  output.unicodeString(name, true);
  output.referents();
}

/** A list of trusted domains, which are none. */
export const enumerateTrustedDomains: RpcOperation = (call) => {
  const { output } = call;
  takePolicy(call);
  output.u32(0);
  output.u32(0);
  output.pointer(false);
  output.u32(Status.NO_MORE_ENTRIES satisfies NtStatus);
};
