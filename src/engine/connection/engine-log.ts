// The engine's log. Lines may have names that a client chose, and a client can cause any number of them: each
// is one printable line, and there are not more in a minute than an administrator reads.
import { printable } from "../../wire/printable.ts";
import type { DebugComponent, EngineSettings } from "../../port/port.ts";
import type { DebugLog, Log } from "./context.ts";

const LEVELS = ["error", "warn", "info", "debug"] as const;
export type Level = (typeof LEVELS)[number];

/** Lines in one period; debug lines, which an administrator has asked for, are not counted. */
export const MAX_LINES = 200;
/** Beyond that: the first line of each kind, up to this many. */
export const MAX_KINDS = 100;
export const PERIOD_MS = 60_000;

type Say = (text: string) => void;
type Levels = Pick<EngineSettings, "logLevel" | "debugComponents">;

const NOTHING: DebugLog = Object.freeze({
  smb: undefined,
  auth: undefined,
  vfs: undefined,
  oplock: undefined,
  ipc: undefined,
  conn: undefined,
  rdma: undefined,
});

export type WriteLine = (level: Level, text: string) => void;

export class EngineLog implements Log {
  warn: Say | undefined;
  info: Say | undefined;
  debug: DebugLog = NOTHING;
  private readonly now: () => number;
  private readonly write: WriteLine;
  private startedMs: number;
  private lines = 0;
  private dropped = 0;
  private readonly kinds = new Set<string>();

  /** `now` is monotonic, in milliseconds. */
  constructor(levels: Levels, now: () => number, write: WriteLine) {
    this.now = now;
    this.write = write;
    this.startedMs = now();
    this.setLevels(levels);
  }

  /** Levels that are off are undefined from now on. */
  setLevels({ logLevel, debugComponents }: Levels): void {
    const at = (name: Level): Say | undefined =>
      LEVELS.indexOf(name) <= LEVELS.indexOf(logLevel) ? (text) => this.say(name, text) : undefined;
    this.warn = at("warn");
    this.info = at("info");
    const debug: Record<DebugComponent, Say | undefined> = { ...NOTHING };
    for (const component of debugComponents)
      debug[component] = (text) => this.say("debug", `${component}: ${text}`);
    this.debug = debug;
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
