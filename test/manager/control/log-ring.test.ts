// The last lines of the log, in memory, while somebody reads them.
import { expect, test } from "bun:test";
import { Timers } from "../../../src/loop/timers.ts";
import { KEEP_MS, LogRing, MAX_LINES } from "../../../src/manager/control/log-ring.ts";
import type { LogSink } from "../../../src/manager/log/log.ts";

function makeRing() {
  const followers = new Set<LogSink>();
  let now = 0;
  let due: (() => void) | undefined;
  const clock = new Timers(
    () => now,
    (_, run) => {
      due = run;
      return () => (due = undefined);
    },
  );
  const followLog = (follower: LogSink) => {
    followers.add(follower);
    return () => void followers.delete(follower);
  };
  return {
    ring: new LogRing({ followLog }, clock),
    followers,
    log: (level: Parameters<LogSink>[0], text: string) => {
      for (const follower of followers) follower(level, text);
    },
    pass(ms: number) {
      now += ms;
      due?.();
    },
  };
}

test("lines are kept from the first reading on, and are found by level and text", () => {
  const { ring, log, followers } = makeRing();
  log("info", "before");
  expect(followers.size).toBe(0);
  expect(ring.find("debug", "")).toEqual([]);
  log("info", "'anna' logged on");
  log("warn", "share [X] refused to 'ANNA'");
  log("debug", "conn: connection 1");
  const texts = (...how: Parameters<LogRing["find"]>) => ring.find(...how).map(({ text }) => text);
  expect(texts("debug", "")).toEqual([
    "'anna' logged on",
    "share [X] refused to 'ANNA'",
    "conn: connection 1",
  ]);
  expect(texts("warn", "")).toEqual(["share [X] refused to 'ANNA'"]);
  expect(texts("info", "anna")).toEqual(["'anna' logged on", "share [X] refused to 'ANNA'"]);
});

test("number and length of the lines are bounded, and the newest stay", () => {
  const { ring, log } = makeRing();
  ring.keep();
  for (let i = 0; i < MAX_LINES + 7; i++) log("info", `line ${i}`);
  const found = ring.find("debug", "");
  expect([found.length, found[0]?.text]).toEqual([MAX_LINES, "line 7"]);
  for (let i = 0; i < MAX_LINES; i++) log("info", "x".repeat(100_000));
  const long = ring.find("debug", "");
  expect(long.reduce((sum, { text }) => sum + text.length, 0)).toBeLessThanOrEqual(131_072);
  expect(long.every(({ text }) => text.length <= 2048)).toBe(true);
});

test("nothing is kept when nobody has read for a while", () => {
  const { ring, log, pass, followers } = makeRing();
  ring.keep();
  log("info", "a");
  pass(KEEP_MS - 1);
  expect(ring.find("debug", "").length).toBe(1);
  pass(KEEP_MS - 1);
  expect(followers.size).toBe(1);
  pass(1);
  expect(followers.size).toBe(0);
  expect(ring.find("debug", "")).toEqual([]);
});
