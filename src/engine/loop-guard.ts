// Measures how long each piece of work keeps the event loop, for tests: in processor time of the thread,
// which a busy machine does not lengthen. Off unless the environment variable MINISMBD_LOOP_LIMIT_MS has a
// limit.
import { eventLoop } from "../loop/event-loop.ts";
import { threadCpuMs } from "../linux/thread-usage.ts";
import { Command, HEADER_SIZE } from "../wire/header.ts";
import type { Exchange, Row } from "./connection/exchange.ts";
import type { Turns } from "./turns.ts";

const VARIABLE = "MINISMBD_LOOP_LIMIT_MS";

/**
 * Returns the dispatch table to be used: `rows`, or with handlers whose time is measured where there is a
 * limit.
 */
export function watchedRows(
  rows: readonly (Row | undefined)[],
  turns: Turns,
  report: (text: string) => void,
): readonly (Row | undefined)[] {
  const limitMs = Number(process.env[VARIABLE] ?? 0);
  return limitMs > 0 ? new LoopGuard(turns, limitMs, report).watchRows(rows) : rows;
}

class LoopGuard {
  private readonly limitMs: number;
  private readonly report: (text: string) => void;
  private depth = 0;
  private tickStartMs = -1;
  /** Milliseconds of this turn of the event loop that belong to pieces with a name. */
  private namedMs = 0;
  private longest = "";
  private longestMs = 0;

  constructor(turns: Turns, limitMs: number, report: (text: string) => void) {
    this.limitMs = limitMs;
    this.report = report;
    turns.around = (name, work) => this.measure(name, work);
  }

  /** Returns the dispatch table with handlers whose time is measured. */
  watchRows(rows: readonly (Row | undefined)[]): (Row | undefined)[] {
    return rows.map((row) => row && this.watchRow(row));
  }

  private watchRow(row: Row): Row {
    const handle = row.handle as (exchange: Exchange, ...more: unknown[]) => unknown;
    const watched = (exchange: Exchange, ...more: unknown[]): unknown => {
      const name = row.name + detailOf(exchange);
      const before = threadCpuMs();
      try {
        return handle(exchange, ...more);
      } finally {
        this.note(name, threadCpuMs() - before);
      }
    };
    return { ...row, handle: watched } as Row;
  }

  private note(name: string, ms: number): void {
    if (ms <= this.longestMs) return;
    this.longestMs = ms;
    this.longest = name;
  }

  /** Runs `work`, which the event loop has called. */
  private measure(name: string, work: () => void): void {
    if (this.depth > 0) {
      work();
      return;
    }
    const before = threadCpuMs();
    if (this.tickStartMs < 0) {
      this.tickStartMs = before;
      eventLoop.soon(() => this.endTick());
    }
    this.depth++;
    try {
      work();
    } finally {
      this.depth--;
      const ms = threadCpuMs() - before;
      this.namedMs += ms;
      if (ms > this.limitMs) this.say(ms, name);
    }
  }

  /** Judges the continuations of promises, which follow the pieces with a name. */
  private endTick(): void {
    const restMs = threadCpuMs() - this.tickStartMs - this.namedMs;
    if (restMs > this.limitMs) this.say(restMs, "continuations");
    this.tickStartMs = -1;
    this.namedMs = 0;
    this.longest = "";
    this.longestMs = 0;
  }

  private say(ms: number, name: string): void {
    const request = this.longest === "" ? "" : `, longest ${this.longest} ${this.longestMs.toFixed(1)} ms`;
    this.report(`the event loop was kept for ${ms.toFixed(1)} ms by ${name}${request}`);
  }
}

/** The information class or control code of a request. */
function detailOf({ command, message }: Exchange): string {
  if (message.length < HEADER_SIZE + 8) return "";
  const at = HEADER_SIZE + 2;
  if (command === Command.QUERY_DIRECTORY) return ` class ${message.u16(at) & 0xff}`;
  if (command === Command.QUERY_INFO || command === Command.SET_INFO)
    return ` type ${message.u16(at) & 0xff} class ${message.u16(at) >>> 8}`;
  return command === Command.IOCTL ? ` 0x${message.u32(HEADER_SIZE + 4).toString(16)}` : "";
}
