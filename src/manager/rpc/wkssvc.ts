// The Workstation Service interface, as far as network browsers use it: NetrWkstaGetInfo.
// [MS-WKST] 3.2.4.1, 2.2.5.1 to 2.2.5.3 (levels 100 to 102).
import {
  PLATFORM_ID_NT,
  type RpcCall,
  type RpcInterface,
  VERSION_MAJOR,
  VERSION_MINOR,
  Win32Error,
} from "./interface.ts";

function getWorkstationInfo(call: RpcCall): void {
  const { input, output, context } = call;
  input.skipServerName();
  const level = input.u32();
  output.u32(level);
  if (level !== 100 && level !== 101 && level !== 102) {
    if (level === 502) output.pointer(false);
    output.u32(Win32Error.INVALID_LEVEL);
    return;
  }
  // Level 102 counts logged-on users and is for administrators, which this server does not have.
  if (level === 102) {
    output.pointer(false);
    output.u32(Win32Error.ACCESS_DENIED);
    return;
  }
  output.pointer();
  output.u32(PLATFORM_ID_NT);
  output.pointer();
  output.pointer();
  output.u32(VERSION_MAJOR);
  output.u32(VERSION_MINOR);
  if (level === 101) output.pointer();
  output.string(context.serverName);
  output.string(context.workgroup);
  if (level === 101) output.string("");
  output.u32(Win32Error.SUCCESS);
}

export const WKSSVC: RpcInterface = { operations: [getWorkstationInfo], open: "all" };
