// The Server Service interface: the server, its disks and time of day, and the table of the operations in
// the other files of srvsvc. [MS-SRVS] 3.1.4.17 (server), 3.1.4.19 (disks), 3.1.4.21 (time of day).
import {
  isAdministrator,
  isProven,
  PLATFORM_ID_NT,
  type RpcCall,
  type RpcInterface,
  type RpcOperation,
  VERSION_MAJOR,
  VERSION_MINOR,
  Win32Error,
} from "./interface.ts";
import * as names from "./srvsvc-names.ts";
import * as sessions from "./srvsvc-sessions.ts";
import * as changes from "./srvsvc-share-changes.ts";
import * as shares from "./srvsvc-shares.ts";

/** WORKSTATION, SERVER, SERVER_UNIX, NT, SERVER_NT; [MS-SRVS] 2.2.2.7. */
const SERVER_TYPE = 0x0000_9803;
const UNLIMITED = 0xffff_ffff;
/** Unsupported levels whose reply contains, by the interface's definition, a pointer, which is null. */
const OTHER_SERVER_LEVELS: ReadonlySet<number> = new Set([103, 502, 503, 599]);

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

/** NetrServerDiskEnum: the drive that all paths of shares are on. */
const enumerateDisks: RpcOperation = ({ input, output, identity }) => {
  input.skipServerName();
  const level = input.u32();
  // The container of the request.
  input.u32();
  if (input.pointer()) for (let i = 0; i < 3; i++) input.u32();
  input.u32();
  const hasResume = input.pointer();
  const isAllowed = isProven(identity) && level === 0;
  const disks = isAllowed ? ["C:", ""] : [];
  output.u32(disks.length);
  output.pointer(isAllowed);
  if (isAllowed) {
    for (const count of [disks.length, 0, disks.length]) output.u32(count);
    for (const disk of disks) {
      output.u32(0);
      output.u32(disk.length + 1);
      for (const unit of [...disk, "\0"]) output.u16(unit.charCodeAt(0));
    }
  }
  output.u32(isAllowed ? 1 : 0);
  output.pointer(hasResume);
  if (hasResume) output.u32(0);
  const refusal = level === 0 ? Win32Error.ACCESS_DENIED : Win32Error.INVALID_LEVEL;
  output.u32(isAllowed ? Win32Error.SUCCESS : refusal);
};

/** NetrServerSetInfo: what describes the server is set in the configuration only. */
const refuseServerChange: RpcOperation = ({ output, context, identity }) => {
  output.pointer(false);
  output.u32(isAdministrator(context, identity) ? Win32Error.NOT_SUPPORTED : Win32Error.ACCESS_DENIED);
};

const OPERATIONS: (RpcOperation | undefined)[] = [];
OPERATIONS[8] = sessions.enumerateConnections;
OPERATIONS[9] = sessions.enumerateFiles;
OPERATIONS[10] = sessions.getFile;
OPERATIONS[11] = sessions.closeFile;
OPERATIONS[12] = sessions.enumerateSessions;
OPERATIONS[13] = sessions.deleteSession;
OPERATIONS[14] = changes.addShare;
OPERATIONS[15] = (call) => shares.enumerateShares(call, true);
OPERATIONS[16] = shares.getShare;
OPERATIONS[17] = changes.setShare;
OPERATIONS[18] = changes.deleteShare;
OPERATIONS[19] = changes.deleteShare;
OPERATIONS[20] = shares.checkShare;
OPERATIONS[21] = getServerInfo;
OPERATIONS[22] = refuseServerChange;
OPERATIONS[23] = enumerateDisks;
OPERATIONS[28] = getTimeOfDay;
OPERATIONS[30] = names.getPathType;
OPERATIONS[33] = names.validateName;
OPERATIONS[36] = (call) => shares.enumerateShares(call, false);

export const SRVSVC: RpcInterface = { operations: OPERATIONS, open: "all" };
