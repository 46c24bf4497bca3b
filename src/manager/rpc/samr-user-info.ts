// SamrQueryInformationUser: what the levels say of a user. [MS-SAMR] 2.2.6, 3.1.5.5.6.
import { Status } from "../../wire/status.ts";
import type { RpcCall, RpcUser } from "./interface.ts";
import type { NdrWriter } from "./ndr.ts";
import { ACCOUNT_FLAGS, type SamUser } from "./samr-objects.ts";
import { NONE_RID } from "./well-known.ts";

/** All hours of a week. */
const HOURS = 168;
const HOUR_BYTES = HOURS / 8;
const MAX_HOUR_BYTES = 1260;
const NEVER = 0x7fff_ffff_ffff_ffffn;
/** WhichFields: all but passwords, private data and the descriptor. */
const PRESENT_FIELDS = 0x00ff_ffff;
const EMPTY = "";

/** OLD_LARGE_INTEGER: two words. */
function writeTime(output: NdrWriter, time: bigint): void {
  output.u32(Number(time & 0xffff_ffffn));
  output.u32(Number(time >> 32n));
}

function writeHours(output: NdrWriter): void {
  output.align(4);
  output.u16(HOURS);
  output.later(() => {
    output.u32(MAX_HOUR_BYTES);
    output.u32(0);
    output.u32(HOUR_BYTES);
    output.raw(new Uint8Array(HOUR_BYTES).fill(0xff));
  });
}

function writeStrings(output: NdrWriter, ...texts: readonly string[]): void {
  for (const text of texts) output.unicodeString(text);
}

function writeNumbers(output: NdrWriter, { rid }: RpcUser): void {
  output.u32(rid);
  output.u32(NONE_RID);
}

/** A counted buffer without bytes. */
function writeNothing(output: NdrWriter): void {
  output.u32(0);
  output.pointer(false);
}

// 21, all of it: times, names, three buffers, private data, a descriptor, numbers.
function writeAll(output: NdrWriter, user: RpcUser): void {
  for (const time of [0n, NEVER, 0n, NEVER, 0n, NEVER]) writeTime(output, time);
  writeStrings(output, user.name, user.name, EMPTY, EMPTY, EMPTY, EMPTY, EMPTY, EMPTY, EMPTY);
  for (let i = 0; i < 3; i++) writeNothing(output);
  output.unicodeString(EMPTY);
  writeNothing(output);
  writeNumbers(output, user);
  output.u32(ACCOUNT_FLAGS);
  output.u32(PRESENT_FIELDS);
  writeHours(output);
  for (const value of [0, 0, 0, 0]) output.u16(value);
  // A password of the NT form is set, one of LAN Manager's is not; it has not expired.
  for (const value of [0, 1, 0, 0]) output.u8(value);
}

const LEVELS: Readonly<Record<number, (output: NdrWriter, user: RpcUser) => void>> = {
  1(output, user) {
    writeStrings(output, user.name, user.name);
    output.u32(NONE_RID);
    writeStrings(output, EMPTY, EMPTY);
  },
  2(output) {
    writeStrings(output, EMPTY, EMPTY);
    output.u16(0);
    output.u16(0);
  },
  3(output, user) {
    writeStrings(output, user.name, user.name);
    writeNumbers(output, user);
    writeStrings(output, EMPTY, EMPTY, EMPTY, EMPTY, EMPTY);
    for (const time of [0n, NEVER, 0n, 0n, NEVER]) writeTime(output, time);
    writeHours(output);
    output.u16(0);
    output.u16(0);
    output.u32(ACCOUNT_FLAGS);
  },
  4: writeHours,
  5(output, user) {
    writeStrings(output, user.name, user.name);
    writeNumbers(output, user);
    writeStrings(output, EMPTY, EMPTY, EMPTY, EMPTY, EMPTY, EMPTY);
    for (const time of [0n, NEVER]) writeTime(output, time);
    writeHours(output);
    output.u16(0);
    output.u16(0);
    for (const time of [0n, NEVER]) writeTime(output, time);
    output.u32(ACCOUNT_FLAGS);
  },
  6: (output, user) => writeStrings(output, user.name, user.name),
  7: (output, user) => writeStrings(output, user.name),
  8: (output, user) => writeStrings(output, user.name),
  9: (output) => output.u32(NONE_RID),
  10: (output) => writeStrings(output, EMPTY, EMPTY),
  11: (output) => writeStrings(output, EMPTY),
  12: (output) => writeStrings(output, EMPTY),
  13: (output) => writeStrings(output, EMPTY),
  14: (output) => writeStrings(output, EMPTY),
  16: (output) => output.u32(ACCOUNT_FLAGS),
  17: (output) => writeTime(output, NEVER),
  20: writeNothing,
  21: writeAll,
};

export function queryUserInformation({ input, output, context }: RpcCall, { name }: SamUser): void {
  const level = input.u16();
  const write = LEVELS[level];
  const user = context.accounts.users().find((each) => each.name === name);
  output.pointer(write !== undefined && user !== undefined);
  if (write && user) {
    output.u16(level);
    output.align(4);
    write(output, user);
    output.referents();
  }
  const missing = write ? Status.NO_SUCH_USER : Status.INVALID_INFO_CLASS;
  output.u32(write && user ? Status.SUCCESS : missing);
}
