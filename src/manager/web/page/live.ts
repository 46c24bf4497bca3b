// The server's live events: one stream for the whole page, which comes back after a restart of the server.
import { findSession, visitor } from "./api.ts";
import { Cell } from "./cell.ts";
import type { ChangeKind, Connection, LogLine, Status, Traffic } from "./model.ts";

/** "lost": no server answers; the page tries again. */
export const stream = new Cell<"closed" | "open" | "lost">("closed");
export const status = new Cell<Status | undefined>(undefined);
export const connections = new Cell<readonly LiveConnection[]>([]);
/** The last minutes of the whole server. */
export const speeds = new Cell<readonly Speed[]>([]);

export interface Speed {
  /** Milliseconds since 1970. */
  readonly time: number;
  /** Bytes a second, as clients see it: `up` is what they write. */
  readonly up: number;
  readonly down: number;
}

export interface LiveConnection extends Connection {
  readonly speeds: readonly Speed[];
}

const MAX_SPEEDS = 90;
const MAX_CLIENT_SPEEDS = 30;
/** Two samples that are closer, as after a pause, tell no speed. */
const SHORTEST_MS = 50;
const FIRST_RETRY_MS = 1000;
const MAX_RETRY_MS = 15_000;

const onChange = new Set<(kind: ChangeKind) => void>();
const onLog = new Set<(line: LogLine) => void>();
const onReturn = new Set<() => void>();
let source: EventSource | undefined;
let retryMs = FIRST_RETRY_MS;
let retry: number | undefined;
let lastTotals: Sample | undefined;
const lastOfClients = new Map<number, Sample>();

/** Returns the function that ends it. */
export function followChanges(follower: (kind: ChangeKind) => void): () => void {
  onChange.add(follower);
  return () => void onChange.delete(follower);
}

export function followLog(follower: (line: LogLine) => void): () => void {
  onLog.add(follower);
  return () => void onLog.delete(follower);
}

/** The server answers again after it did not: what is shown may be old. */
export function followReturns(follower: () => void): () => void {
  onReturn.add(follower);
  return () => void onReturn.delete(follower);
}

/** Follows who is logged on: the stream is open exactly while somebody is. */
export function startStream(): void {
  visitor.follow(({ state }) => {
    if (state === "in") open();
    else close();
  });
}

function open(): void {
  if (source !== undefined) return;
  const opened = new EventSource("/api/v1/events");
  source = opened;
  opened.addEventListener("open", () => {
    const wasLost = stream.value === "lost";
    retryMs = FIRST_RETRY_MS;
    stream.set("open");
    if (!wasLost) return;
    for (const follower of onReturn) follower();
  });
  opened.addEventListener("error", () => lose());
  listen<Status>(opened, "status", takeStatus);
  listen<readonly Connection[]>(opened, "connections", takeConnections);
  listen<LogLine>(opened, "log", (line) => {
    for (const follower of onLog) follower(line);
  });
  listen<{ readonly what: ChangeKind }>(opened, "changed", ({ what }) => {
    for (const follower of onChange) follower(what);
  });
}

function listen<T>(from: EventSource, name: string, take: (value: T) => void): void {
  from.addEventListener(name, ({ data }: MessageEvent<string>) => {
    let value: T;
    try {
      value = JSON.parse(data) as T;
    } catch {
      return;
    }
    take(value);
  });
}

function close(): void {
  endSource();
  if (retry !== undefined) clearTimeout(retry);
  retry = undefined;
  retryMs = FIRST_RETRY_MS;
  stream.set("closed");
  status.set(undefined);
  connections.set([]);
  speeds.set([]);
}

/** The next sample begins anew: no speed is told over a gap. */
function endSource(): void {
  source?.close();
  source = undefined;
  lastTotals = undefined;
  lastOfClients.clear();
}

/** The browser does not try again by itself after every kind of failure, nor says which it was. */
function lose(): void {
  endSource();
  stream.set("lost");
  retry ??= window.setTimeout(() => void comeBack(), retryMs);
  retryMs = Math.min(MAX_RETRY_MS, retryMs * 2);
}

async function comeBack(): Promise<void> {
  retry = undefined;
  try {
    // A session that has ended takes the visitor to the log-on, which closes the stream.
    await findSession();
    if (visitor.value.state === "in") open();
  } catch {
    lose();
  }
}

/** Tries at once; for a visitor who does not want to wait. */
export function retryNow(): void {
  if (retry !== undefined) clearTimeout(retry);
  retryMs = FIRST_RETRY_MS;
  void comeBack();
}

function takeStatus(next: Status): void {
  const sample = { time: Date.now(), traffic: next.traffic };
  const speed = speedBetween(lastTotals, sample);
  lastTotals = sample;
  status.set(next);
  if (speed !== undefined) speeds.set([...speeds.value, speed].slice(-MAX_SPEEDS));
}

function takeConnections(rows: readonly Connection[]): void {
  const time = Date.now();
  const before = new Map(connections.value.map((row) => [row.id, row.speeds]));
  const next = rows.map((row) => {
    const speed = speedBetween(lastOfClients.get(row.id), { time, traffic: row.traffic });
    const kept = before.get(row.id) ?? [];
    return { ...row, speeds: speed === undefined ? kept : [...kept, speed].slice(-MAX_CLIENT_SPEEDS) };
  });
  lastOfClients.clear();
  for (const { id, traffic } of rows) lastOfClients.set(id, { time, traffic });
  connections.set(next);
}

interface Sample {
  readonly time: number;
  readonly traffic: Traffic;
}

function speedBetween(from: Sample | undefined, to: Sample): Speed | undefined {
  if (from === undefined || to.time - from.time < SHORTEST_MS) return undefined;
  const seconds = (to.time - from.time) / 1000;
  const perSecond = (name: keyof Traffic): number =>
    Math.max(0, to.traffic[name] - from.traffic[name]) / seconds;
  return { time: to.time, up: perSecond("receivedBytes"), down: perSecond("sentBytes") };
}
