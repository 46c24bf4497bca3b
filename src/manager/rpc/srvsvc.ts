// The Server Service interface: list of shares, server information, time of day.
// [MS-SRVS] 3.1.4.8 to 3.1.4.10 (shares), 3.1.4.17 (server), 3.1.4.21 (time of day).
import { wireError } from "../../wire/cursor.ts";
import {
  PLATFORM_ID_NT,
  type RpcCall,
  type RpcInterface,
  type RpcOperation,
  type RpcShare,
  VERSION_MAJOR,
  VERSION_MINOR,
  Win32Error,
} from "./interface.ts";
import type { NdrWriter } from "./ndr.ts";

/** [MS-SRVS] 2.2.2.4. */
const ShareType = { DISK: 0, IPC: 3, SPECIAL: 0x8000_0000 } as const;
/** WORKSTATION, SERVER, SERVER_UNIX, NT, SERVER_NT; [MS-SRVS] 2.2.2.7. */
const SERVER_TYPE = 0x0000_9803;
const UNLIMITED = 0xffff_ffff;
/** A longer list of shares takes several calls. */
const MAX_ENUMERATION_BYTES = 1024 * 1024;

/** How one information level is written: the fixed part first, then the referents of its pointers. */
interface ShareLevel {
  fixed(output: NdrWriter, share: RpcShare): void;
  strings(output: NdrWriter, share: RpcShare): void;
  /** Contains paths: refused to guests and anonymous sessions. */
  readonly isPrivate?: boolean;
  readonly bytesEach: number;
}

const LEVEL_0: ShareLevel = {
  fixed: (output) => output.pointer(),
  strings: (output, share) => output.string(share.name),
  bytesEach: 20,
};

const LEVEL_1: ShareLevel = {
  fixed(output, share) {
    output.pointer();
    output.u32(shareType(share));
    output.pointer();
  },
  strings(output, share) {
    output.string(share.name);
    output.string(share.comment);
  },
  bytesEach: 40,
};

const LEVEL_2: ShareLevel = {
  fixed(output, share) {
    LEVEL_1.fixed(output, share);
    output.u32(0);
    output.u32(UNLIMITED);
    output.u32(0);
    output.pointer();
    output.pointer();
  },
  strings(output, share) {
    LEVEL_1.strings(output, share);
    output.string(windowsPath(share.path));
    output.string("");
  },
  isPrivate: true,
  bytesEach: 100,
};

const LEVELS: Readonly<Record<number, ShareLevel>> = {
  0: LEVEL_0,
  1: LEVEL_1,
  2: LEVEL_2,
  501: {
    fixed(output, share) {
      LEVEL_1.fixed(output, share);
      output.u32(0);
    },
    strings: LEVEL_1.strings,
    bytesEach: 44,
  },
  // Level 2's fields and a null security descriptor: shares have none.
  502: {
    fixed(output, share) {
      LEVEL_2.fixed(output, share);
      output.u32(0);
      output.pointer(false);
    },
    strings: LEVEL_2.strings,
    isPrivate: true,
    bytesEach: 108,
  },
  1004: {
    fixed: (output) => output.pointer(),
    strings: (output, share) => output.string(share.comment),
    bytesEach: 20,
  },
  // Flags of DFS and client-side caching, all off; [MS-SRVS] 2.2.4.29.
  1005: {
    fixed: (output) => output.u32(0),
    strings: () => {},
    bytesEach: 4,
  },
  1006: {
    fixed: (output) => output.u32(UNLIMITED),
    strings: () => {},
    bytesEach: 4,
  },
  // The flags of level 1005 and an alternate directory name.
  1007: {
    fixed(output) {
      output.u32(0);
      output.pointer();
    },
    strings: (output) => output.string(""),
    bytesEach: 24,
  },
  // A null security descriptor, as in level 502.
  1501: {
    fixed(output) {
      output.u32(0);
      output.pointer(false);
    },
    strings: () => {},
    isPrivate: true,
    bytesEach: 8,
  },
};

/** Unsupported levels whose reply contains, by the interface's definition, a pointer, which is null. */
const OTHER_LEVELS: ReadonlySet<number> = new Set([503]);
const OTHER_SERVER_LEVELS: ReadonlySet<number> = new Set([103, 502, 503, 599]);

function shareType(share: RpcShare): number {
  return share.type === "pipe" ? (ShareType.IPC | ShareType.SPECIAL) >>> 0 : ShareType.DISK;
}

// Clients expect a drive letter; they cannot use the path.
function windowsPath(path: string): string {
  return `C:${(path || "/").replaceAll("/", "\\")}`;
}

function mayKnowPaths(call: RpcCall): boolean {
  return !call.identity.isGuest && !call.identity.isAnonymous;
}

// As in Samba, NetrShareEnum lists names that end in $ and NetrShareEnumSticky does not.
function enumerateShares(call: RpcCall, withHidden: boolean): void {
  const { input, output } = call;
  input.skipServerName();
  const level = input.u32();
  if (input.u32() !== level) throw wireError("union's level differs from the structure's");
  const form = LEVELS[level];
  if (!form || (form.isPrivate && !mayKnowPaths(call))) {
    refuseEnumeration(output, level, form ? Win32Error.ACCESS_DENIED : Win32Error.INVALID_LEVEL);
    return;
  }
  // Containers in requests are empty; [MS-SRVS] 2.2.4.38.
  if (input.pointer() && (input.u32() !== 0 || input.pointer())) {
    throw wireError("container with entries in a request");
  }
  const preferredBytes = input.u32();
  const hasResume = input.pointer();
  const resume = hasResume ? input.u32() : 0;
  const listed = call.context
    .shares(call.identity)
    .filter((share) => share.browseable && (withHidden || !share.name.endsWith("$")))
    .slice(resume);
  const entries = takeFitting(listed, form, Math.min(preferredBytes, MAX_ENUMERATION_BYTES));
  const isAll = entries.length === listed.length;
  output.u32(level);
  output.u32(level);
  output.pointer();
  output.u32(entries.length);
  output.pointer();
  output.u32(entries.length);
  for (const share of entries) form.fixed(output, share);
  for (const share of entries) form.strings(output, share);
  output.u32(listed.length);
  output.pointer(hasResume);
  if (hasResume) output.u32(isAll ? 0 : resume + entries.length);
  output.u32(isAll ? Win32Error.SUCCESS : Win32Error.MORE_DATA);
}

function refuseEnumeration(output: NdrWriter, level: number, error: number): void {
  output.u32(level);
  output.u32(level);
  if (LEVELS[level] || OTHER_LEVELS.has(level)) output.pointer(false);
  output.u32(0);
  output.pointer(false);
  output.u32(error);
}

function takeFitting(
  shares: readonly RpcShare[],
  form: ShareLevel,
  preferredBytes: number,
): readonly RpcShare[] {
  let bytes = 0;
  for (const [index, share] of shares.entries()) {
    bytes += form.bytesEach + 2 * (share.name.length + share.comment.length);
    if (form.isPrivate) bytes += 2 * share.path.length;
    if (bytes > preferredBytes && index > 0) return shares.slice(0, index);
  }
  return shares;
}

function getShareInfo(call: RpcCall): void {
  const { input, output } = call;
  input.skipServerName();
  const name = input.string().toLowerCase();
  const level = input.u32();
  const form = LEVELS[level];
  let error: number = Win32Error.SUCCESS;
  let share: RpcShare | undefined;
  if (!form) error = Win32Error.INVALID_LEVEL;
  else if (form.isPrivate && !mayKnowPaths(call)) error = Win32Error.ACCESS_DENIED;
  else {
    share = call.context.shares(call.identity).find((each) => each.name.toLowerCase() === name);
    if (!share) error = Win32Error.NET_NAME_NOT_FOUND;
  }
  output.u32(level);
  if (form || OTHER_LEVELS.has(level)) output.pointer(share !== undefined);
  if (form && share) {
    form.fixed(output, share);
    form.strings(output, share);
  }
  output.u32(error);
}

function getServerInfo(call: RpcCall): void {
  const { input, output, context } = call;
  input.skipServerName();
  const level = input.u32();
  output.u32(level);
  if (level !== 100 && level !== 101 && level !== 102) {
    if (OTHER_SERVER_LEVELS.has(level)) output.pointer(false);
    output.u32(Win32Error.INVALID_LEVEL);
    return;
  }
  output.pointer();
  output.u32(PLATFORM_ID_NT);
  output.pointer();
  if (level > 100) {
    output.u32(VERSION_MAJOR);
    output.u32(VERSION_MINOR);
    output.u32(SERVER_TYPE);
    output.pointer();
  }
  if (level === 102) {
    // Users, minutes until idle disconnect, hidden, announce interval and its variation in seconds, licences.
    for (const value of [UNLIMITED, 15, 0, 240, 3_000, 100_000]) output.u32(value);
    output.pointer();
  }
  output.string(context.serverName);
  if (level > 100) output.string(context.serverComment);
  if (level === 102) output.string("C:\\");
  output.u32(Win32Error.SUCCESS);
}

// TIME_OF_DAY_INFO, [MS-SRVS] 2.2.4.105: UTC, and the offset of local time.
function getTimeOfDay(call: RpcCall): void {
  const { input, output } = call;
  input.skipServerName();
  const { wallTimeMs, minutesWest, uptimeMs } = call.context.now();
  const date = new Date(wallTimeMs);
  output.pointer();
  const fields = [
    Math.floor(wallTimeMs / 1_000),
    Math.floor(uptimeMs) % 0x1_0000_0000,
    date.getUTCHours(),
    date.getUTCMinutes(),
    date.getUTCSeconds(),
    Math.floor(date.getUTCMilliseconds() / 10),
    minutesWest,
    // Length of a clock tick in units of 0.1 ms.
    310,
    date.getUTCDate(),
    date.getUTCMonth() + 1,
    date.getUTCFullYear(),
    date.getUTCDay(),
  ];
  for (const field of fields) output.u32(field);
  output.u32(Win32Error.SUCCESS);
}

const OPERATIONS: (RpcOperation | undefined)[] = [];
OPERATIONS[15] = (call) => enumerateShares(call, true);
OPERATIONS[16] = getShareInfo;
OPERATIONS[21] = getServerInfo;
OPERATIONS[28] = getTimeOfDay;
OPERATIONS[36] = (call) => enumerateShares(call, false);

export const SRVSVC: RpcInterface = { operations: OPERATIONS, open: "all" };
