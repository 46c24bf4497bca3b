// The engine's log. Lines may have names that a client chose, and a client can cause any number of them: each is one
// printable line, and there are not more in a minute than an administrator reads.
import { printable } from "../../wire/printable.ts";
import type { Log } from "./context.ts";

const LEVELS = ["error", "warn", "info", "debug"] as const;
export type Level = (typeof LEVELS)[number];

/** Lines in one period; debug lines, which an administrator has asked for, are not counted. */
export const MAX_LINES = 200;
/** Beyond that: the first line of each kind, up to this many. */
export const MAX_KINDS = 100;
export const PERIOD_MS = 60_000;

type Say = (text: string) => void;
export type WriteLine = (level: Level, text: string) => void;

export class EngineLog implements Log {
  warn: Say | undefined;
  info: Say | undefined;
  debug: Say | undefined;
  private readonly now: () => number;
  private readonly write: WriteLine;
  private startedMs: number;
  private lines = 0;
  private dropped = 0;
  private readonly kinds = new Set<string>();

  /** `now` is monotonic, in milliseconds. */
  constructor(level: Level, now: () => number, write: WriteLine) {
    this.now = now;
    this.write = write;
    this.startedMs = now();
    this.setLevel(level);
  }

  /** Levels that are off are undefined from now on. */
  setLevel(level: Level): void {
    const at = (name: Level): Say | undefined =>
      LEVELS.indexOf(name) <= LEVELS.indexOf(level) ? (text) => this.say(name, text) : undefined;
    this.warn = at("warn");
    this.info = at("info");
    this.debug = at("debug");
  }

  readonly error: Say = (text) => this.say("error", text);

  private say(name: Level, text: string): void {
    if (name === "debug" || this.admit(text)) this.write(name, printable(text));
  }

  private admit(text: string): boolean {
    if (this.now() - this.startedMs >= PERIOD_MS) {
      if (this.dropped > 0) this.write("warn", `${this.dropped} more lines were left out`);
      this.startedMs = this.now();
      this.lines = 0;
      this.dropped = 0;
      this.kinds.clear();
    }
    const kind = kindOf(text);
    const isFirst = this.kinds.size < MAX_KINDS && !this.kinds.has(kind);
    if (isFirst) this.kinds.add(kind);
    if (++this.lines <= MAX_LINES || isFirst) return true;
    this.dropped++;
    return false;
  }
}

/** The text without names and numbers, which tell two lines of one kind apart. */
function kindOf(text: string): string {
  return text
    .slice(0, 200)
    .replaceAll(/"[^"]*"|'[^']*'/g, "")
    .replaceAll(/[\d.:]+/g, "");
}
