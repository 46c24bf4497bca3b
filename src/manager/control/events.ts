// The command `events`: what happens in the server, as it happens. Each reader has a bounded queue; what is
// taken late is the newest state, not every step to it.
import { type Timer, timers } from "../../loop/timers.ts";
import type { ConnectionRow, EngineControl } from "../../port/control.ts";
import type { ChangeFeed, ChangeKind } from "../change-feed.ts";
import type { Configuration } from "../config/load.ts";
import type { LogLevel } from "../log/log.ts";
import { lineOf, type LogHost, type LogLine, ringOf } from "./log-ring.ts";
import type { ServerStatus } from "./operations/tables.ts";
import { ControlError } from "./protocol.ts";
import { inSlices } from "./slices.ts";
import { statusOf } from "./status.ts";

/** What the command uses of the server. */
export interface EventHost extends LogHost {
  readonly engine: EngineControl;
  readonly changes: ChangeFeed;
  configuration(): Configuration;
}

/** A row of the event `connections`, with what has gone over it since the one before. */
export interface LiveConnection extends ConnectionRow {
  readonly users: readonly string[];
  readonly receivedBytesPerSecond: number;
  readonly sentBytesPerSecond: number;
  readonly requestsPerSecond: number;
}

export type ServerEvent =
  | { readonly event: "status"; readonly data: ServerStatus }
  | { readonly event: "connections"; readonly data: readonly LiveConnection[] }
  | { readonly event: "log"; readonly data: LogLine }
  | { readonly event: "changed"; readonly data: { readonly what: ChangeKind } };

/** Readers at once; each has a timer and a queue. */
export const MAX_READERS = 16;
/** Between two events `status`. */
export const PERIOD_MS = 2000;
/** Lines that wait for a reader; more are left out and counted. */
export const MAX_WAITING_LINES = 200;
/** Connections that an event has. */
export const MAX_CONNECTIONS = 500;

let readers = 0;

/** The events for one reader. Throws ControlError where there are too many. */
export function followEvents(host: EventHost): {
  readonly items: AsyncGenerator<ServerEvent>;
  readonly cancel: () => void;
} {
  if (readers >= MAX_READERS) throw new ControlError("too many programs follow the server", "too-many");
  const reader = new Reader(host);
  return { items: streamTo(reader), cancel: () => reader.end() };
}

async function* streamTo(reader: Reader): AsyncGenerator<ServerEvent> {
  try {
    while (!reader.isOver) {
      yield* reader.states();
      for (let isDue = false; !isDue && !reader.isOver; isDue = await reader.isDue()) yield* reader.taken();
    }
  } finally {
    reader.end();
  }
}

class Reader {
  private readonly host: EventHost;
  private readonly lines: LogLine[] = [];
  private readonly changed = new Set<ChangeKind>();
  private readonly ends: readonly (() => void)[];
  private readonly rates = new Rates();
  private dropped = 0;
  private wake: (() => void) | undefined;
  private nextMs = performance.now();
  isOver = false;

  constructor(host: EventHost) {
    readers++;
    this.host = host;
    ringOf(host).keep();
    this.ends = [
      host.followLog((level, text) => this.addLine(level, text)),
      host.changes.follow((kind) => {
        this.changed.add(kind);
        this.wake?.();
      }),
    ];
  }

  end(): void {
    if (this.isOver) return;
    this.isOver = true;
    readers--;
    for (const end of this.ends) end();
    this.wake?.();
  }

  async *states(): AsyncGenerator<ServerEvent> {
    this.nextMs = performance.now() + PERIOD_MS;
    ringOf(this.host).keep();
    yield { event: "status", data: statusOf(this.host) };
    yield { event: "connections", data: await this.rates.measure(this.host.engine) };
  }

  /** What has happened since. */
  *taken(): Generator<ServerEvent> {
    for (const what of this.changed) {
      this.changed.delete(what);
      yield { event: "changed", data: { what } };
    }
    while (this.lines.length > 0) {
      const [line] = this.lines.splice(0, 1);
      if (line !== undefined) yield { event: "log", data: line };
    }
    if (this.dropped === 0) return;
    const data = lineOf("warn", `${this.dropped} more lines were left out`);
    this.dropped = 0;
    yield { event: "log", data };
  }

  /** Resolves to true when the next states are due, to false when something has happened before. */
  async isDue(): Promise<boolean> {
    if (this.isOver || this.lines.length > 0 || this.changed.size > 0) return false;
    const delayMs = this.nextMs - performance.now();
    if (delayMs <= 0) return true;
    let timer: Timer | undefined;
    const isTime = await new Promise<boolean>((resolve) => {
      this.wake = () => resolve(false);
      timer = timers.set(delayMs, () => resolve(true));
    });
    this.wake = undefined;
    timers.clear(timer);
    return isTime;
  }

  private addLine(level: LogLevel, text: string): void {
    if (this.lines.length < MAX_WAITING_LINES) this.lines.push(lineOf(level, text));
    else this.dropped++;
    this.wake?.();
  }
}

interface Sample {
  readonly timeMs: number;
  readonly row: ConnectionRow;
}

/** Bytes and requests a second of each connection, from one measurement to the next. */
export class Rates {
  private before: ReadonlyMap<number, Sample> = new Map();

  async measure(
    { tables }: Pick<EngineControl, "tables">,
    nowMs: () => number = () => performance.now(),
  ): Promise<readonly LiveConnection[]> {
    const users = new Map<number, string>();
    for await (const { id, user } of inSlices(tables.sessions())) users.set(id, user);
    const samples = new Map<number, Sample>();
    const rows: LiveConnection[] = [];
    for await (const row of inSlices(tables.connections())) {
      if (samples.size >= MAX_CONNECTIONS) break;
      const sample = { timeMs: nowMs(), row };
      samples.set(row.id, sample);
      const names = new Set(row.sessions.flatMap((id) => users.get(id) ?? []));
      rows.push({ ...row, users: [...names], ...ratesBetween(this.before.get(row.id), sample) });
    }
    this.before = samples;
    return rows;
  }
}

function ratesBetween(from: Sample | undefined, to: Sample) {
  const seconds = from === undefined ? 0 : (to.timeMs - from.timeMs) / 1000;
  const perSecond = (of: (traffic: ConnectionRow["traffic"]) => number): number =>
    from === undefined || seconds <= 0
      ? 0
      : Math.round((of(to.row.traffic) - of(from.row.traffic)) / seconds);
  return {
    receivedBytesPerSecond: perSecond(({ receivedBytes }) => receivedBytes),
    sentBytesPerSecond: perSecond(({ sentBytes }) => sentBytes),
    requestsPerSecond: perSecond(({ requests }) => requests),
  };
}
