// What happens in the server, for those who follow it.
import { expect, test } from "bun:test";
import { ChangeFeed } from "../../../src/manager/change-feed.ts";
import { loadConfiguration } from "../../../src/manager/config/load.ts";
import {
  type EventHost,
  followEvents,
  MAX_READERS,
  MAX_WAITING_LINES,
  Rates,
} from "../../../src/manager/control/events.ts";
import type { LogSink } from "../../../src/manager/log/log.ts";
import type { ConnectionRow, EngineControl } from "../../../src/port/control.ts";

function makeHost() {
  const followers = new Set<LogSink>();
  const changes = new ChangeFeed();
  const configuration = loadConfiguration({ file: null });
  const tables = { connections: () => [].values(), sessions: () => [].values() };
  const engine = { port: 445, status: () => ({ connections: 0 }), tables } as unknown as EngineControl;
  const host: EventHost = {
    engine,
    changes,
    configuration: () => configuration,
    followLog(follower) {
      followers.add(follower);
      return () => void followers.delete(follower);
    },
  };
  const log = (text: string): void => {
    for (const follower of followers) follower("info", text);
  };
  return { host, followers, changes, log };
}

test("a reader gets the states first, then what happens, in order", async () => {
  const { host, changes, log, followers } = makeHost();
  const { items: events } = followEvents(host);
  const next = async () => (await events.next()).value;
  expect(await next()).toMatchObject({ event: "status", data: { port: 445 } });
  expect(await next()).toEqual({ event: "connections", data: [] });
  const waiting = next();
  log("'anna' logged on");
  expect(await waiting).toMatchObject({ event: "log", data: { level: "info", text: "'anna' logged on" } });
  changes.report("disks");
  changes.report("configuration");
  changes.report("disks");
  expect(await next()).toEqual({ event: "changed", data: { what: "disks" } });
  expect(await next()).toEqual({ event: "changed", data: { what: "configuration" } });
  await events.return(undefined);
  // The ring of the last lines is still kept.
  expect(followers.size).toBe(1);
});

test("a reader who takes nothing has a bounded number of lines, and is told how many were left out", async () => {
  const { host, log } = makeHost();
  const { items: events } = followEvents(host);
  await events.next();
  for (let i = 0; i < MAX_WAITING_LINES + 30; i++) log(`line ${i}`);
  const texts: string[] = [];
  while (texts.length < MAX_WAITING_LINES + 1) {
    const { value } = await events.next();
    if (value?.event === "log") texts.push(value.data.text);
  }
  expect([texts[0], texts.at(-2), texts.at(-1)]).toEqual([
    "line 0",
    `line ${MAX_WAITING_LINES - 1}`,
    "30 more lines were left out",
  ]);
  await events.return(undefined);
});

test("the number of readers is bounded, and one who leaves makes room", async () => {
  const { host } = makeHost();
  const all = Array.from({ length: MAX_READERS }, () => followEvents(host));
  expect(() => followEvents(host)).toThrow("too many programs follow the server");
  // In the middle of waiting for the next event.
  const [first] = all;
  for (let i = 0; i < 2; i++) await first?.items.next();
  const waiting = first?.items.next();
  first?.cancel();
  expect(await waiting).toEqual({ done: true, value: undefined });
  const one = followEvents(host);
  expect((await one.items.next()).value?.event).toBe("status");
  for (const { cancel } of [...all, one]) cancel();
});

test("rates are what went over a connection between two measurements", async () => {
  let receivedBytes = 1000;
  const row = (): ConnectionRow => ({
    id: 7,
    remoteAddress: "10.0.0.9",
    dialect: 0x311,
    isLoggedOn: true,
    sessions: [3, 4],
    ageMs: 1,
    idleMs: 0,
    traffic: { requests: receivedBytes / 100, failures: 0, receivedBytes, sentBytes: 5 },
  });
  const tables = {
    connections: () => [row()].values(),
    sessions: () =>
      [
        { id: 3, user: "anna" },
        { id: 4, user: "anna" },
      ].values(),
  } as unknown as EngineControl["tables"];
  let now = 0;
  const rates = new Rates();
  const [first] = await rates.measure({ tables }, () => now);
  expect(first).toMatchObject({ id: 7, users: ["anna"], receivedBytesPerSecond: 0, requestsPerSecond: 0 });
  receivedBytes = 9000;
  now = 2000;
  const [second] = await rates.measure({ tables }, () => now);
  expect(second).toMatchObject({
    receivedBytesPerSecond: 4000,
    sentBytesPerSecond: 0,
    requestsPerSecond: 40,
  });
});
