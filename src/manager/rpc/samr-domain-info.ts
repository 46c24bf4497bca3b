// SamrQueryInformationDomain and SamrQueryDisplayInformation. [MS-SAMR] 2.2.3, 2.2.7, 3.1.5.3.
import { Status } from "../../wire/status.ts";
import type { RpcCall } from "./interface.ts";
import type { NdrWriter } from "./ndr.ts";
import { machineDomain } from "./principals.ts";
import {
  ACCOUNT_FLAGS,
  aliasesOf,
  GROUP_ATTRIBUTES,
  groupsOf,
  type SamDomain,
  usersOf,
} from "./samr-objects.ts";
import { MIN_PASSWORD_UNITS } from "./samr-password.ts";
import { BUILTIN } from "./well-known.ts";

const SERVER_ENABLED = 1;
/** The primary server of its own domain. */
const PRIMARY = 3;
/** No time: passwords do not expire, and nobody is logged off. */
const FOREVER = -0x8000_0000_0000_0000n;
/** How long failures are counted and answered late by the throttle of log-ons, in units of 100 ns. */
const HALF_HOUR = -18_000_000_000n;

/** OLD_LARGE_INTEGER: two words. */
function writeOldTime(output: NdrWriter, time: bigint): void {
  const bits = BigInt.asUintN(64, time);
  output.u32(Number(bits & 0xffff_ffffn));
  output.u32(Number(bits >> 32n));
}

function writeGeneral(output: NdrWriter, { context }: RpcCall, domain: SamDomain): void {
  const { accounts } = context;
  writeOldTime(output, FOREVER);
  output.unicodeString(context.serverComment);
  output.unicodeString(domain.isOwn ? machineDomain(accounts).name : BUILTIN.name);
  output.unicodeString("");
  writeOldTime(output, 1n);
  output.u32(SERVER_ENABLED);
  output.u32(PRIMARY);
  output.u32(1);
  output.u32(usersOf(accounts, domain).length);
  output.u32(groupsOf(domain).length);
  output.u32(aliasesOf(domain).length);
}

// Accounts are never locked: the throttle delays.
function writeLockout(output: NdrWriter): void {
  output.u64(HALF_HOUR);
  output.u64(HALF_HOUR);
  output.u16(0);
}

const LEVELS: Readonly<Record<number, (output: NdrWriter, call: RpcCall, domain: SamDomain) => void>> = {
  1(output) {
    output.u16(MIN_PASSWORD_UNITS);
    output.u16(0);
    output.u32(0);
    writeOldTime(output, FOREVER);
    writeOldTime(output, 0n);
  },
  2: writeGeneral,
  3: (output) => writeOldTime(output, FOREVER),
  4: (output, { context }) => output.unicodeString(context.serverComment),
  5: (output, { context }, { isOwn }) =>
    output.unicodeString(isOwn ? machineDomain(context.accounts).name : BUILTIN.name),
  6: (output) => output.unicodeString(""),
  7: (output) => output.u32(PRIMARY),
  8(output) {
    writeOldTime(output, 1n);
    writeOldTime(output, 0n);
  },
  9: (output) => output.u32(SERVER_ENABLED),
  11(output, call, domain) {
    writeGeneral(output, call, domain);
    writeLockout(output);
  },
  12: writeLockout,
  13(output) {
    writeOldTime(output, 1n);
    writeOldTime(output, 0n);
    writeOldTime(output, 0n);
  },
};

/** The levels whose first field is a hyper. */
const WITH_HYPER: ReadonlySet<number> = new Set([11, 12]);

export function queryDomainInformation(call: RpcCall, domain: SamDomain): void {
  const { input, output } = call;
  const level = input.u16();
  const write = LEVELS[level];
  output.pointer(write !== undefined);
  if (write) {
    output.u16(level);
    output.align(WITH_HYPER.has(level) ? 8 : 4);
    write(output, call, domain);
    output.referents();
  }
  output.u32(write ? Status.SUCCESS : Status.INVALID_INFO_CLASS);
}

/** Entries of one reply. */
const MAX_ENTRIES = 500;

/** DOMAIN_DISPLAY_INFORMATION. */
const Display = { USER: 1, MACHINE: 2, GROUP: 3, OEM_USER: 4, OEM_GROUP: 5 } as const;

export function queryDisplayInformation(call: RpcCall, domain: SamDomain): void {
  const { input, output, context } = call;
  const level = input.u16();
  const start = input.u32();
  const most = Math.min(input.u32(), MAX_ENTRIES);
  const isKnown = level >= Display.USER && level <= Display.OEM_GROUP;
  const isOfGroups = level === Display.GROUP || level === Display.OEM_GROUP;
  const people = level === Display.MACHINE ? [] : usersOf(context.accounts, domain);
  const all = isOfGroups ? groupsOf(domain) : people;
  const listed = isKnown ? all.slice(start, start + most) : [];
  const bytes = listed.reduce((sum, { name }) => sum + 24 + 4 * name.length, 0);
  output.u32(bytes);
  output.u32(bytes);
  output.u16(level);
  output.align(4);
  output.u32(listed.length);
  output.pointer(listed.length > 0);
  if (listed.length > 0) output.u32(listed.length);
  for (const [index, { rid, name }] of listed.entries()) {
    output.u32(start + index + 1);
    if (level === Display.OEM_USER || level === Display.OEM_GROUP) {
      output.ansiString(name);
      continue;
    }
    output.u32(rid);
    output.u32(isOfGroups ? GROUP_ATTRIBUTES : ACCOUNT_FLAGS);
    output.unicodeString(name);
    output.unicodeString("");
    if (level === Display.USER) output.unicodeString(name);
  }
  output.referents();
  const isAll = start + listed.length >= all.length;
  if (!isKnown) output.u32(Status.INVALID_INFO_CLASS);
  else output.u32(isAll ? Status.SUCCESS : Status.MORE_ENTRIES);
}
