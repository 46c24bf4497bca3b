// The engine's log lines: levels, printable text, and not more than an administrator reads.
import { expect, test } from "bun:test";
import { EngineLog, type Level, MAX_LINES, PERIOD_MS } from "../../../src/engine/connection/engine-log.ts";

function logAt(level: Level) {
  const lines: string[] = [];
  const clock = { nowMs: 0 };
  const log = new EngineLog(
    { logLevel: level, debugComponents: level === "debug" ? ["conn"] : [] },
    () => clock.nowMs,
    (name, line) => lines.push(`${name}: ${line}`),
  );
  return { log, lines, clock };
}

test("levels below the chosen one are undefined", () => {
  const { log } = logAt("warn");
  expect([log.warn === undefined, log.info === undefined, log.debug.conn === undefined]).toEqual([
    false,
    true,
    true,
  ]);
});

test("a name with a line break cannot forge a line", () => {
  const { log, lines } = logAt("warn");
  log.warn?.('delete on close of "/share/a\nminismbd: error: forged" failed');
  expect(lines).toEqual(['warn: delete on close of "/share/a\\u{a}minismbd: error: forged" failed']);
});

test("lines beyond the limit of a minute are counted and named", () => {
  const { log, lines, clock } = logAt("debug");
  for (let index = 0; index < MAX_LINES + 7; index++) log.warn?.("again");
  expect(lines.length).toBe(MAX_LINES);
  log.debug.conn?.("asked for");
  expect(lines.length).toBe(MAX_LINES + 1);
  clock.nowMs += PERIOD_MS;
  log.error("next");
  expect(lines.slice(-2)).toEqual(["warn: 7 more lines were left out", "error: next"]);
});

test("the first line of another kind is written beyond the limit, and levels change at once", () => {
  const { log, lines } = logAt("warn");
  for (let index = 0; index < MAX_LINES + 7; index++) log.warn?.(`share "s${index}" is gone: errno ${index}`);
  expect(lines.length).toBe(MAX_LINES);
  log.warn?.("the kernel has no IPv6");
  expect(lines.at(-1)).toBe("warn: the kernel has no IPv6");
  log.setLevels({ logLevel: "error", debugComponents: [] });
  expect(log.warn).toBeUndefined();
});
