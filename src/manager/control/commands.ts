// The commands of the control socket. Loaded when the first request arrives.
import { timers } from "../../loop/timers.ts";
import type { ConnectionRow, EngineControl, EngineStatus, OpenRow, SessionRow } from "../../port/control.ts";
import type { DebugComponent } from "../../port/port.ts";
import type { Configuration } from "../config/load.ts";
import { COMPONENTS } from "../log/levels.ts";
import { LEVELS, type LogLevel } from "../log/log.ts";
import { VERSION } from "../version.ts";
import { type DiskHost, listDisks } from "./disks.ts";
import { eject, type EjectHost } from "./eject.ts";
import { inSlices } from "./slices.ts";
import { ControlError, numberOf, type Request, textOf } from "./protocol.ts";

/** What the commands use of the server. */
export interface ControlHost extends DiskHost, EjectHost {
  readonly engine: EngineControl;
  configuration(): Configuration;
  userNames(): Iterable<string>;
  /** Reads the files again; returns why they cannot be used, undefined where they are in effect. */
  reload(): string | undefined;
  stop(): void;
  setLogLevel(level: LogLevel): void;
  /** Switches the debug lines of a component, or of `all`; returns those that are on then. */
  toggleDebug(component: string): readonly DebugComponent[];
  /** For the log: what the administrator did. */
  note(text: string): void;
}

export type StatusHost = Pick<ControlHost, "configuration" | "engine">;

/** The items of an answer; the consumer may stop between two of them. */
export type Items = Iterable<object> | AsyncIterable<object>;

type Command = (host: ControlHost, request: Request) => Items;

export const COMMANDS: Readonly<Record<string, Command>> = {
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
  loglevel: setLogLevel,
  debug: toggleDebug,
  kick,
  close,
  eject,
  stop(host) {
    host.note("stopped");
    // After the answer is on its way.
    timers.set(50, () => host.stop());
    return [];
  },
};

/** Throws ControlError. */
export function carryOut(host: ControlHost, request: Request): Items {
  const command = Object.hasOwn(COMMANDS, request.command) ? COMMANDS[request.command] : undefined;
  if (command === undefined) throw new ControlError(`there is no command '${request.command}'`);
  return command(host, request);
}

/** The item of `status`. */
export interface ServerStatus extends EngineStatus {
  readonly version: string;
  readonly pid: number;
  readonly port: number;
  readonly serverName: string;
  readonly workgroup: string;
  readonly residentBytes: number;
}

export function statusOf({ configuration, engine }: StatusHost): ServerStatus {
  const { settings } = configuration();
  return {
    version: VERSION,
    pid: process.pid,
    port: engine.port,
    serverName: settings.serverName,
    workgroup: settings.domain,
    residentBytes: process.memoryUsage.rss(),
    ...engine.status(),
  };
}

function* listShares({ configuration }: ControlHost): Iterable<object> {
  for (const { name, path, comment, readOnly, guestOk, browseable } of configuration().shares.values())
    yield { name, path, comment, readOnly, guestOk, browseable };
}

function* listUsers({ userNames }: ControlHost): Iterable<object> {
  for (const name of userNames()) yield { name };
}

function reload(host: ControlHost): Items {
  const fault = host.reload();
  if (fault !== undefined) throw new ControlError(`${fault}; the configuration stays as it was`);
  return [];
}

function setLogLevel(host: ControlHost, request: Request): Items {
  const level = LEVELS.find((known) => known === textOf(request, "level"));
  if (level === undefined) throw new ControlError(`'level' is one of ${LEVELS.join(", ")}`);
  host.setLogLevel(level);
  return [];
}

/** The item of `debug`; `isOn` as it is after the change. */
export interface ComponentState {
  readonly component: DebugComponent;
  readonly isOn: boolean;
}

function toggleDebug(host: ControlHost, request: Request): readonly ComponentState[] {
  const active = host.toggleDebug(textOf(request, "component") ?? "");
  return COMPONENTS.map((component) => ({ component, isOn: active.includes(component) }));
}

interface Wanted {
  readonly connection: number | undefined;
  readonly session: number | undefined;
  readonly user: string | undefined;
  readonly address: string | undefined;
}

/** Ends the sessions and connections that the request names; one of its arguments must be there. */
async function* kick({ engine, note }: ControlHost, request: Request): AsyncIterable<object> {
  const wanted: Wanted = {
    connection: numberOf(request, "connection"),
    session: numberOf(request, "session"),
    user: textOf(request, "user"),
    address: textOf(request, "address"),
  };
  if (Object.values(wanted).every((value) => value === undefined))
    throw new ControlError("name a connection, session, user or address");
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
  if (count === 0) throw new ControlError("there is no such client");
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
async function* close({ engine, note }: ControlHost, request: Request): AsyncIterable<object> {
  const id = numberOf(request, "open");
  const share = textOf(request, "share");
  const path = textOf(request, "path");
  if (id === undefined && (share === undefined || path === undefined))
    throw new ControlError("name an open, or a share and a path");
  const isMeant = (row: OpenRow): boolean => row.id === id || (row.share === share && row.path === path);
  let count = 0;
  for (const row of await findRows(engine.tables.opens(), isMeant)) {
    const status = await engine.closeOpen(row.id);
    if (status === undefined) continue;
    count++;
    note(`'${row.path}' of [${row.share}] closed to '${row.user}' from ${row.remoteAddress}`);
    yield { open: row.id, share: row.share, path: row.path, user: row.user, status };
  }
  if (count === 0) throw new ControlError("there is no such open file");
}

async function findRows<T>(rows: Iterable<T>, isMeant: (row: T) => boolean): Promise<T[]> {
  const found: T[] = [];
  for await (const row of inSlices(rows)) if (isMeant(row)) found.push(row);
  return found;
}
