// The commands of the control socket. Loaded when the first request arrives.
import { timers } from "../../loop/timers.ts";
import type { ConnectionRow, EngineControl, OpenRow, SessionRow } from "../../port/control.ts";
import type { DebugComponent } from "../../port/port.ts";
import type { Configuration } from "../config/load.ts";
import { COMPONENTS } from "../log/levels.ts";
import type { LogLevel } from "../log/log.ts";
import {
  change,
  checkPath,
  type ConfigurationHost,
  listConfiguredShares,
  showSettings,
  showShare,
} from "./configuration.ts";
import { type DiskHost, listDisks } from "./disks.ts";
import { eject, type EjectHost } from "./eject.ts";
import { type EventHost, followEvents } from "./events.ts";
import { ringOf } from "./log-ring.ts";
import { inSlices } from "./slices.ts";
import { statusOf, type StatusHost } from "./status.ts";
import { addToken, listTokens, removeToken, type TokenHost } from "./tokens.ts";
import { type Answer, type ArgumentsOf, checkArguments, type Items } from "./operation.ts";
import { type CommandName, findOperation, type OPERATIONS } from "./operations.ts";
import type { ClosedOpen, ComponentState, EndedClient, ServedShare } from "./operations/server.ts";
import { ControlError, type Request } from "./protocol.ts";
import { addUser, listUsers, removeUser, setPassword, setUp, type UserHost } from "./users.ts";

/** What the commands use of the server. */
export interface ControlHost
  extends ConfigurationHost, DiskHost, EjectHost, EventHost, StatusHost, TokenHost, UserHost {
  readonly engine: EngineControl;
  configuration(): Configuration;
  stop(): void;
  setLogLevel(level: LogLevel): void;
  /** Switches the debug lines of a component, or of `all`; returns those that are on then. */
  toggleDebug(component: string): readonly DebugComponent[];
  /** For the log: what the administrator did. */
  note(text: string): void;
}

type Implementations = {
  readonly [Name in CommandName]: (
    host: ControlHost,
    args: ArgumentsOf<(typeof OPERATIONS)[Name]>,
  ) => Items | Promise<Answer>;
};

export const COMMANDS: Implementations = {
  status: (host) => [statusOf(host)],
  connections: ({ engine }) => engine.tables.connections(),
  sessions: ({ engine }) => engine.tables.sessions(),
  trees: ({ engine }) => engine.tables.trees(),
  opens: ({ engine }) => engine.tables.opens(),
  locks: ({ engine }) => engine.tables.locks(),
  leases: ({ engine }) => engine.tables.leases(),
  notifies: ({ engine }) => engine.tables.notifies(),
  volumes: ({ engine }) => engine.tables.volumes(),
  disks: listDisks,
  shares: listShares,
  users: listUsers,
  reload,
  loglevel(host, { level }) {
    host.setLogLevel(level);
    return [];
  },
  debug: toggleDebug,
  kick,
  close,
  eject,
  "configured-shares": listConfiguredShares,
  share: showShare,
  async "add-share"(host, { name, parameters, etag }) {
    const next = await change(host, { kind: "add share", name, parameters }, etag);
    return { ...(await showShare(host, { name })), etag: next };
  },
  async "set-share"(host, { name, parameters, etag }) {
    const next = await change(host, { kind: "set share", name, parameters }, etag);
    return { ...(await showShare(host, { name })), etag: next };
  },
  async "remove-share"(host, { name, etag }) {
    return { items: [], etag: await change(host, { kind: "remove share", name }, etag) };
  },
  async "set-access"(host, { access, name, etag }) {
    const next = await change(host, { kind: "set access", name, access }, etag);
    return { ...(await showShare(host, { name })), etag: next };
  },
  settings: showSettings,
  async "set-settings"(host, { parameters, etag }) {
    const next = await change(host, { kind: "set settings", parameters }, etag);
    return { ...(await showSettings(host)), etag: next };
  },
  "check-path": checkPath,
  events: async (host) => followEvents(host),
  log: (host, { level = "debug", text = "" }) => ringOf(host).find(level, text),
  tokens: listTokens,
  "add-token": addToken,
  "remove-token": removeToken,
  metrics: tellMetrics,
  "add-user": addUser,
  "set-password": setPassword,
  "remove-user": removeUser,
  setup: setUp,
  stop(host) {
    host.note("stopped");
    // After the answer is on its way.
    timers.set(50, () => host.stop());
    return [];
  },
};

/** Checks the arguments by the table of operations. Throws ControlError. */
export async function carryOut(host: ControlHost, request: Request): Promise<Answer> {
  const operation = findOperation(request.command);
  if (operation === undefined || !Object.hasOwn(COMMANDS, request.command))
    throw new ControlError(`there is no command '${request.command}'`, "unknown-command");
  checkArguments(operation, request);
  const command = COMMANDS[request.command as CommandName] as (
    host: ControlHost,
    args: Request,
  ) => Items | Promise<Answer>;
  const answer = command(host, request);
  return answer instanceof Promise ? answer : { items: answer };
}

function* listShares({ configuration }: ControlHost): Iterable<ServedShare> {
  for (const { name, path, comment, readOnly, guestOk, browseable } of configuration().shares.values())
    yield { name, path, comment, readOnly, guestOk, browseable };
}

async function reload(host: ControlHost): Promise<Answer> {
  const fault = await host.reload();
  if (fault !== undefined) throw new ControlError(`${fault}; the configuration stays as it was`, "refused");
  return { items: [] };
}

function toggleDebug(
  host: ControlHost,
  { component: name = "" }: ArgumentsOf<typeof OPERATIONS.debug>,
): readonly ComponentState[] {
  const active = host.toggleDebug(name);
  return COMPONENTS.map((component) => ({ component, isOn: active.includes(component) }));
}

type Wanted = ArgumentsOf<typeof OPERATIONS.kick>;

/** Ends the sessions and connections that the request names; one of its arguments must be there. */
async function* kick({ engine, note }: ControlHost, wanted: Wanted): AsyncIterable<EndedClient> {
  const { connection, session, user, address } = wanted;
  if ([connection, session, user, address].every((value) => value === undefined))
    throw new ControlError("name a connection, session, user or address", "bad-argument");
  let count = 0;
  for (const row of await findRows(engine.tables.sessions(), (session) => isKicked(session, wanted))) {
    if (!(await engine.endSession(row.id))) continue;
    count++;
    note(`session of '${row.user}' from ${row.remoteAddress} ended`);
    for (const id of row.connections) engine.endConnection(id);
    yield { session: row.id, user: row.user, remoteAddress: row.remoteAddress };
  }
  for (const row of await findRows(engine.tables.connections(), (other) => isClosed(other, wanted))) {
    if (!engine.endConnection(row.id)) continue;
    count++;
    note(`connection from ${row.remoteAddress} closed`);
    yield { connection: row.id, remoteAddress: row.remoteAddress };
  }
  if (count === 0) throw new ControlError("there is no such client", "not-found");
}

function isKicked(row: SessionRow, { address, connection, session, user }: Wanted): boolean {
  return (
    row.id === session ||
    row.user === user ||
    row.remoteAddress === address ||
    (connection !== undefined && row.connections.includes(connection))
  );
}

function isClosed(row: ConnectionRow, { address, connection }: Wanted): boolean {
  return row.id === connection || row.remoteAddress === address;
}

/** Closes the open of that number, or all opens of a file: `share` and `path`. */
async function* close(
  { engine, note }: ControlHost,
  { open: id, path, share }: ArgumentsOf<typeof OPERATIONS.close>,
): AsyncIterable<ClosedOpen> {
  if (id === undefined && (share === undefined || path === undefined))
    throw new ControlError("name an open, or a share and a path", "bad-argument");
  const isMeant = (row: OpenRow): boolean => row.id === id || (row.share === share && row.path === path);
  let count = 0;
  for (const row of await findRows(engine.tables.opens(), isMeant)) {
    const status = await engine.closeOpen(row.id);
    if (status === undefined) continue;
    count++;
    note(`'${row.path}' of [${row.share}] closed to '${row.user}' from ${row.remoteAddress}`);
    yield { open: row.id, share: row.share, path: row.path, user: row.user, status };
  }
  if (count === 0) throw new ControlError("there is no such open file", "not-found");
}

async function findRows<T>(rows: Iterable<T>, isMeant: (row: T) => boolean): Promise<T[]> {
  const found: T[] = [];
  for await (const row of inSlices(rows)) if (isMeant(row)) found.push(row);
  return found;
}

async function* tellMetrics(host: ControlHost): AsyncIterable<object> {
  const { formatMetrics } = await import("./metrics.ts");
  yield { text: formatMetrics(statusOf(host)) };
}
