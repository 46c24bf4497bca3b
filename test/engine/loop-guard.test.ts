// The guard of the event loop: it names what keeps the event loop for longer than its limit, and measures the
// processor time of the thread, not the time on the clock.
import { afterAll, beforeAll, expect, test } from "bun:test";
import type { Exchange, Row } from "../../src/engine/connection/exchange.ts";
import { watchedRows } from "../../src/engine/loop-guard.ts";
import { Turns } from "../../src/engine/turns.ts";
import { threadCpuMs } from "../../src/linux/thread-usage.ts";
import { Message } from "../../src/wire/cursor.ts";
import { Command } from "../../src/wire/header.ts";
import { Status } from "../../src/wire/status.ts";

const LIMIT_MS = 200;
const VARIABLE = "MINISMBD_LOOP_LIMIT_MS";

beforeAll(() => {
  process.env[VARIABLE] = String(LIMIT_MS);
});
afterAll(() => {
  delete process.env[VARIABLE];
});

/** Uses the processor for longer than the limit. */
function work(): void {
  const until = threadCpuMs() + LIMIT_MS + 20;
  while (threadCpuMs() < until);
}

function row(handle: () => void): Row {
  const handler = () => {
    handle();
    return Status.SUCCESS;
  };
  return { name: "QUERY_INFO", bodySize: 0, mayChangeData: false, needs: "nothing", handle: handler };
}

function exchange(): Exchange {
  const bytes = new Uint8Array(80);
  bytes[66] = 1;
  bytes[67] = 18;
  return { command: Command.QUERY_INFO, message: new Message(bytes) } as unknown as Exchange;
}

function handle(rows: readonly (Row | undefined)[]): void {
  const [first] = rows;
  if (first?.needs === "nothing") void first.handle(exchange());
}

test("a request that keeps the event loop is named with its information class", () => {
  const turns = new Turns();
  const said: string[] = [];
  const rows = watchedRows([row(work)], turns, (text) => said.push(text));
  turns.enter("a received message", () => handle(rows));
  expect(said).toHaveLength(1);
  expect(said[0]).toMatch(
    /^the event loop was kept for [\d.]+ ms by a received message, longest QUERY_INFO type 1 class 18 [\d.]+ ms$/,
  );
});

test("continuations of promises are named, too", async () => {
  const turns = new Turns();
  const said: string[] = [];
  watchedRows([], turns, (text) => said.push(text));
  turns.enter("a worker's answer", () => void Promise.resolve().then(work));
  await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
  expect(said).toHaveLength(1);
  expect(said[0]).toContain("by continuations");
});

test("time in which the thread waits does not count", () => {
  const turns = new Turns();
  const said: string[] = [];
  const rows = watchedRows([row(() => Bun.sleepSync(LIMIT_MS + 20))], turns, (text) => said.push(text));
  turns.enter("a received message", () => handle(rows));
  expect(said).toEqual([]);
});

test("without a limit the dispatch table stays as it is", () => {
  delete process.env[VARIABLE];
  const turns = new Turns();
  const rows: Row[] = [];
  expect(watchedRows(rows, turns, () => undefined)).toBe(rows);
  expect(turns.around).toBeUndefined();
});
