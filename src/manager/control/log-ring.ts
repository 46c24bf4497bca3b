// The last lines of the log, kept while somebody reads them.
import { type Timer, type Timers, timers } from "../../loop/timers.ts";
import { LEVELS, type LogLevel, type LogSink } from "../log/log.ts";

export interface LogLine {
  /** Milliseconds since 1970. */
  readonly time: number;
  readonly level: LogLevel;
  readonly text: string;
}

/** What the ring uses of the server. */
export interface LogHost {
  /** Calls the sink for each line that is logged; returns how to end that. */
  followLog(follower: LogSink): () => void;
}

export const MAX_LINES = 500;
/** Of all lines together, and of one. */
const MAX_CHARACTERS = 131_072;
const MAX_LINE = 2048;
/** How long the lines are kept after somebody has read them. */
export const KEEP_MS = 600_000;

/** A line that is logged now. */
export function lineOf(level: LogLevel, text: string): LogLine {
  return { time: Date.now(), level, text: text.slice(0, MAX_LINE) };
}

export class LogRing {
  private readonly host: LogHost;
  private readonly clock: Pick<Timers, "clear" | "set">;
  private lines: LogLine[] = [];
  private characters = 0;
  private stop: (() => void) | undefined;
  private timer: Timer | undefined;

  constructor(host: LogHost, clock: Pick<Timers, "clear" | "set"> = timers) {
    this.host = host;
    this.clock = clock;
  }

  /** Keeps lines from now on, for a while. */
  keep(): void {
    this.stop ??= this.host.followLog((level, text) => this.add(level, text));
    this.clock.clear(this.timer);
    this.timer = this.clock.set(KEEP_MS, () => this.end());
  }

  /** The lines of that level and worse ones that have the text, whatever its case; the oldest first. */
  find(level: LogLevel, text: string): readonly LogLine[] {
    this.keep();
    const most = LEVELS.indexOf(level);
    const folded = text.toLowerCase();
    return this.lines.filter(
      (line) => LEVELS.indexOf(line.level) <= most && line.text.toLowerCase().includes(folded),
    );
  }

  private add(level: LogLevel, text: string): void {
    const line = lineOf(level, text);
    this.lines.push(line);
    this.characters += line.text.length;
    while (this.lines.length > MAX_LINES || this.characters > MAX_CHARACTERS)
      this.characters -= this.lines.shift()?.text.length ?? 0;
  }

  private end(): void {
    this.stop?.();
    this.stop = undefined;
    this.lines = [];
    this.characters = 0;
  }
}

const rings = new WeakMap<LogHost["followLog"], LogRing>();

/** The ring of the server. */
export function ringOf(host: LogHost): LogRing {
  const known = rings.get(host.followLog) ?? new LogRing(host);
  rings.set(host.followLog, known);
  return known;
}
