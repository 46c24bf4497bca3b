// srvsvc: who is connected and what they have open, for administrators. [MS-SRVS] 3.1.4.1 to 3.1.4.6.
import type { OpenRow, SessionRow, TreeRow } from "../../port/control.ts";
import { Status } from "../../wire/status.ts";
import {
  type EntryForm,
  readLevel,
  readRest,
  refuseEntries,
  refuseEnumeration,
  writeEnumeration,
} from "./enumeration.ts";
import { isAdministrator, type RpcCall, type RpcEngine, type RpcOperation, Win32Error } from "./interface.ts";
import type { NdrWriter } from "./ndr.ts";
import { collect } from "./rows.ts";
import { windowsPath } from "./srvsvc-shares.ts";

const seconds = (ms: number): number => Math.floor(ms / 1000);

type Writers<T> = Readonly<Record<number, (output: NdrWriter, row: T) => void>>;

/** SESS_GUEST of [MS-SRVS] 2.2.2.5. */
const GUEST = 1;

function writeSession(output: NdrWriter, session: SessionRow): void {
  output.text(session.remoteAddress);
  output.text(session.user);
  output.u32(session.opens);
  output.u32(seconds(session.ageMs));
  output.u32(seconds(session.idleMs));
  output.u32(session.isGuest ? GUEST : 0);
}

const SESSIONS: Writers<SessionRow> = {
  0: (output, session) => output.text(session.remoteAddress),
  1: writeSession,
  2(output, session) {
    writeSession(output, session);
    output.text("");
  },
  10(output, session) {
    output.text(session.remoteAddress);
    output.text(session.user);
    output.u32(seconds(session.ageMs));
    output.u32(seconds(session.idleMs));
  },
  502(output, session) {
    writeSession(output, session);
    output.text("");
    output.text("");
  },
};

/** A disk's tree connect, and IPC$. */
const CONNECTION_TYPE = { disk: 0, pipe: 3 } as const;

const CONNECTIONS: Writers<TreeRow> = {
  0: (output, tree) => output.u32(tree.id),
  1(output, tree) {
    output.u32(tree.id);
    output.u32(CONNECTION_TYPE[tree.type]);
    output.u32(tree.opens);
    output.u32(1);
    output.u32(seconds(tree.ageMs));
    output.text(tree.user);
    output.text(tree.share);
  },
};

/** FILE_INFO_3's permissions, from the access mask: PERM_FILE_READ, _WRITE, _CREATE. */
function permissionsOf(access: number): number {
  const canWrite = (access & 0x0000_0006) !== 0;
  return (access & 0x0000_0001 ? 1 : 0) | (canWrite ? 2 : 0) | (access & 0x0000_0004 ? 4 : 0);
}

type ListedFile = OpenRow & { readonly fullPath: string };

const FILES: Writers<ListedFile> = {
  2: (output, file) => output.u32(file.id),
  3(output, file) {
    output.u32(file.id);
    output.u32(permissionsOf(file.access));
    output.u32(file.locks);
    output.text(file.fullPath);
    output.text(file.user);
  },
};

function formOf<T>(write: (output: NdrWriter, row: T) => void, text: (row: T) => string): EntryForm<T> {
  return { write, bytesEach: 120, textUnits: (row) => text(row).length };
}

/** Reads a filter, which no pointer or an empty name leave out; without case. */
function readFilter({ input }: RpcCall): string | undefined {
  const text = input.pointer() ? input.string().toLowerCase() : "";
  return text === "" ? undefined : text;
}

/** `\\ADDRESS` or `ADDRESS`. */
const bare = (client: string | undefined): string | undefined => client?.replace(/^\\\\/, "");

function enumerate<T>(
  filters: number,
  writers: Writers<T>,
  list: (call: RpcCall, engine: RpcEngine, filters: (string | undefined)[]) => Promise<T[]>,
  text: (row: T) => string,
): RpcOperation {
  return (call) => {
    const { input, output, context, identity } = call;
    input.skipServerName();
    const wanted = Array.from({ length: filters }, () => readFilter(call));
    const level = readLevel(input);
    const write = writers[level];
    const { engine } = context;
    if (!write) {
      refuseEnumeration(output, level, false, Win32Error.INVALID_LEVEL);
      return;
    }
    const request = readRest(input, level);
    if (!engine || !isAdministrator(context, identity)) {
      refuseEntries(output, request, Win32Error.ACCESS_DENIED);
      return;
    }
    return list(call, engine, wanted).then((rows) =>
      writeEnumeration(output, request, formOf(write, text), rows),
    );
  };
}

export const enumerateSessions = enumerate<SessionRow>(
  2,
  SESSIONS,
  (_, engine, [client, user]) => collect(engine.tables.sessions(), isOf(bare(client), user)),
  (row) => row.remoteAddress + row.user,
);

// The qualifier is a share, or `\\CLIENT`; [MS-SRVS] 3.1.4.1.
export const enumerateConnections = enumerate<TreeRow>(
  1,
  CONNECTIONS,
  (_, engine, [qualifier]) =>
    collect(
      engine.tables.trees(),
      (row) =>
        qualifier === undefined ||
        row.share.toLowerCase() === qualifier ||
        row.remoteAddress === bare(qualifier),
    ),
  (row) => row.user + row.share,
);

function filesOf({ context, identity }: RpcCall): (row: OpenRow) => ListedFile {
  const roots = new Map(context.shares(identity).map(({ name, path }) => [name, path]));
  return (row) => {
    const path = row.path === "" ? "" : `/${row.path}`;
    return { ...row, fullPath: windowsPath(`${roots.get(row.share) ?? ""}${path}`) };
  };
}

export const enumerateFiles = enumerate<ListedFile>(
  2,
  FILES,
  async (call, engine, [path, user]) => {
    const list = filesOf(call);
    const rows = await collect(
      engine.tables.opens(),
      (row) => !row.isPipe && (user === undefined || row.user.toLowerCase() === user),
    );
    const listed = rows.map(list);
    return path === undefined ? listed : listed.filter((row) => row.fullPath.toLowerCase().startsWith(path));
  },
  (row) => row.fullPath + row.user,
);

export const getFile: RpcOperation = (call) => {
  const { input, output, context, identity } = call;
  input.skipServerName();
  const id = input.u32();
  const level = input.u32();
  const write = FILES[level];
  let file: ListedFile | undefined;
  if (write && isAdministrator(context, identity)) {
    const row = [...(context.engine?.tables.opens() ?? [])].find((each) => each.id === id && !each.isPipe);
    file = row && filesOf(call)(row);
  }
  output.u32(level);
  if (write) output.pointer(file !== undefined);
  if (write && file) {
    write(output, file);
    output.referents();
  }
  const missing = isAdministrator(context, identity)
    ? Win32Error.FILE_ID_NOT_FOUND
    : Win32Error.ACCESS_DENIED;
  if (!write) output.u32(Win32Error.INVALID_LEVEL);
  else output.u32(file ? Win32Error.SUCCESS : missing);
};

export const closeFile: RpcOperation = ({ input, output, context, identity }) => {
  input.skipServerName();
  const id = input.u32();
  const { engine } = context;
  if (!isAdministrator(context, identity) || !engine) {
    output.u32(Win32Error.ACCESS_DENIED);
    return;
  }
  return Promise.resolve(engine.closeOpen(id)).then((status) =>
    output.u32(status === Status.SUCCESS ? Win32Error.SUCCESS : Win32Error.FILE_ID_NOT_FOUND),
  );
};

/** Ends the sessions of a client, of a user, or of a user at a client. */
export const deleteSession: RpcOperation = (call) => {
  const { input, output, context, identity } = call;
  input.skipServerName();
  const client = bare(readFilter(call));
  const user = readFilter(call);
  const { engine } = context;
  if (!isAdministrator(context, identity) || !engine) {
    output.u32(Win32Error.ACCESS_DENIED);
    return;
  }
  if (client === undefined && user === undefined) {
    output.u32(Win32Error.CLIENT_NAME_NOT_FOUND);
    return;
  }
  return endSessions(engine, client, user).then((ended) => {
    const missing = client === undefined ? Win32Error.USER_NOT_FOUND : Win32Error.CLIENT_NAME_NOT_FOUND;
    output.u32(ended > 0 ? Win32Error.SUCCESS : missing);
  });
};

async function endSessions(
  engine: RpcEngine,
  client: string | undefined,
  user: string | undefined,
): Promise<number> {
  const found = await collect(engine.tables.sessions(), isOf(client, user));
  for (const { id } of found) await engine.endSession(id);
  return found.length;
}

function isOf(client: string | undefined, user: string | undefined): (row: SessionRow) => boolean {
  return (row) =>
    (client === undefined || row.remoteAddress === client) &&
    (user === undefined || row.user.toLowerCase() === user);
}
