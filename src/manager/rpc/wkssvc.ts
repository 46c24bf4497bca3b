// The Workstation Service interface: the machine, its logged-on users, its transports.
// [MS-WKST] 3.2.4.1 (NetrWkstaGetInfo), 3.2.4.3 (NetrWkstaUserEnum), 3.2.4.4 (NetrWkstaTransportEnum).
import type { SessionRow } from "../../port/control.ts";
import {
  type EntryForm,
  readLevel,
  readRest,
  refuseEntries,
  refuseEnumeration,
  writeEnumeration,
} from "./enumeration.ts";
import {
  isAdministrator,
  PLATFORM_ID_NT,
  type RpcInterface,
  type RpcOperation,
  VERSION_MAJOR,
  VERSION_MINOR,
  Win32Error,
} from "./interface.ts";
import { collect } from "./rows.ts";

const OTHER_LEVEL = 502;

/**
 * Levels 100 to 102; [MS-WKST] 2.2.5.1 to 2.2.5.3. The last counts logged-on users and is for administrators.
 */
const getWorkstationInfo: RpcOperation = ({ input, output, context, identity }) => {
  input.skipServerName();
  const level = input.u32();
  output.u32(level);
  const isKnown = level >= 100 && level <= 102;
  const isAllowed = level < 102 || isAdministrator(context, identity);
  if (!isKnown || !isAllowed) {
    if (isKnown || level === OTHER_LEVEL) output.pointer(false);
    output.u32(isKnown ? Win32Error.ACCESS_DENIED : Win32Error.INVALID_LEVEL);
    return;
  }
  output.pointer();
  output.u32(PLATFORM_ID_NT);
  output.text(context.serverName);
  output.text(context.workgroup);
  output.u32(VERSION_MAJOR);
  output.u32(VERSION_MINOR);
  if (level > 100) output.text("");
  const finish = (): void => {
    output.referents();
    output.u32(Win32Error.SUCCESS);
  };
  if (level < 102) return finish();
  return collect(context.engine?.tables.sessions() ?? [], () => true).then(({ length }) => {
    output.u32(length);
    finish();
  });
};

const textUnits = ({ user, domain }: SessionRow): number => user.length + domain.length;

/** WKSTA_USER_INFO_0 and _1. */
function userForm(level: number, serverName: string): EntryForm<SessionRow> {
  return {
    write(output, session) {
      output.text(session.user);
      if (level === 0) return;
      output.text(session.domain);
      output.text("");
      output.text(serverName);
    },
    bytesEach: 80,
    textUnits,
  };
}

const enumerateUsers: RpcOperation = ({ input, output, context, identity }) => {
  input.skipServerName();
  const level = readLevel(input);
  if (level !== 0 && level !== 1) {
    refuseEnumeration(output, level, false, Win32Error.INVALID_LEVEL);
    return;
  }
  const request = readRest(input, level);
  if (!isAdministrator(context, identity)) {
    refuseEntries(output, request, Win32Error.ACCESS_DENIED);
    return;
  }
  return collect(context.engine?.tables.sessions() ?? [], ({ user }) => user !== "").then((users) =>
    writeEnumeration(output, request, userForm(level, context.serverName), users),
  );
};

/** There are no transports of NetBIOS or of another redirector. */
const enumerateTransports: RpcOperation = ({ input, output }) => {
  input.skipServerName();
  const level = readLevel(input);
  if (level !== 0) {
    refuseEnumeration(output, level, false, Win32Error.INVALID_LEVEL);
    return;
  }
  const form: EntryForm<never> = { write: () => {}, bytesEach: 0, textUnits: () => 0 };
  writeEnumeration(output, readRest(input, level), form, []);
};

const OPERATIONS: (RpcOperation | undefined)[] = [];
OPERATIONS[0] = getWorkstationInfo;
OPERATIONS[2] = enumerateUsers;
OPERATIONS[5] = enumerateTransports;

export const WKSSVC: RpcInterface = { operations: OPERATIONS, open: "all" };
