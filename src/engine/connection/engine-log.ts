// The engine's log on standard error. Lines may have names that a client chose, and a client can cause any
// number of them: each is one printable line, and there are not more in a minute than an administrator reads.
import { printable } from "../../wire/printable.ts";
import type { Log } from "./context.ts";

const LEVELS = ["error", "warn", "info", "debug"] as const;
type Level = (typeof LEVELS)[number];

/** Lines in one period; debug lines, which an administrator has asked for, are not counted. */
export const MAX_LINES = 200;
export const PERIOD_MS = 60_000;

/** `now` is monotonic, in milliseconds. */
export function makeLog(
  level: Level,
  now: () => number,
  write: (line: string) => void = (line) => console.error(line),
): Log {
  const rank = LEVELS.indexOf(level);
  let startedMs = now();
  let lines = 0;
  const say = (name: Level, text: string): void => {
    if (name !== "debug") {
      if (now() - startedMs >= PERIOD_MS) {
        if (lines > MAX_LINES) write(`minismbd: warn: ${lines - MAX_LINES} more lines were left out`);
        startedMs = now();
        lines = 0;
      }
      if (++lines > MAX_LINES) return;
    }
    write(`minismbd: ${name}: ${printable(text)}`);
  };
  const at = (name: Level): ((text: string) => void) | undefined =>
    LEVELS.indexOf(name) <= rank ? (text) => say(name, text) : undefined;
  return { error: (text) => say("error", text), warn: at("warn"), info: at("info"), debug: at("debug") };
}
