// The server's side of the page: when its process is started, replaced and reviewed. The clock is the tests'.
import { beforeEach, expect, test } from "bun:test";
import { Timers } from "../../../src/loop/timers.ts";
import type { ChildUser, WebChild } from "../../../src/manager/web/child.ts";
import { WebFront } from "../../../src/manager/web/front.ts";
import type { ToProcess, WebPlan } from "../../../src/manager/web/link-messages.ts";

const HOUR_MS = 3_600_000;
const PLAN = { certificate: "", key: "", names: [], identity: null } satisfies Omit<WebPlan, "listeners">;

let nowMs: number;
let clock: Timers;
let front: WebFront;
/** A connection waits, and the front waits for it. */
let knock: (() => void) | undefined;
let children: { user: ChildUser; sent: ToProcess[]; isKilled: boolean }[];
let reviews: number;
let warnings: string[];
let plan: () => Promise<typeof PLAN | undefined>;

beforeEach(() => {
  nowMs = 0;
  reviews = 0;
  children = [];
  warnings = [];
  knock = undefined;
  plan = () => Promise.resolve(PLAN);
  clock = new Timers(
    () => nowMs,
    () => () => {},
  );
  const descriptors: number[] = [];
  front = new WebFront(
    {
      plan: () => plan(),
      take: () => {},
      ended: () => {},
      review: () => reviews++,
      warn: (text) => warnings.push(text),
    },
    {
      nowMs: () => nowMs,
      clock,
      startChild(_plan, _listeners, user) {
        const child = { user, sent: [] as ToProcess[], isKilled: false };
        children.push(child);
        return {
          send: (message: ToProcess) => child.sent.push(message),
          kill: () => (child.isKilled = true),
        } as unknown as WebChild;
      },
      listen: (knocked) => ({
        descriptors,
        open: () => (descriptors.push(7), []),
        await: () =>
          (knock = () => {
            knock = undefined;
            knocked();
          }),
        close: () => (descriptors.length = 0),
      }),
    },
  );
  front.open(null, 8443);
});

function pass(ms: number): void {
  nowMs += ms;
  clock.runDue();
}

const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

async function connect(): Promise<void> {
  knock?.();
  await settle();
}

test("nothing runs and no timer is set before somebody connects", () => {
  expect([children.length, clock.count]).toEqual([0, 0]);
});

test("a process that has ended by itself is started by the next connection, and leaves no timer", async () => {
  await connect();
  expect([children.length, knock]).toEqual([1, undefined]);
  children[0]?.user.ended(undefined);
  expect(clock.count).toBe(0);
  await connect();
  expect([children.length, warnings]).toEqual([2, []]);
});

test("while it runs, the certificate is reviewed each hour", async () => {
  await connect();
  pass(HOUR_MS - 1);
  expect(reviews).toBe(0);
  pass(1);
  pass(HOUR_MS);
  expect(reviews).toBe(2);
  children[0]?.user.ended(undefined);
  pass(10 * HOUR_MS);
  expect(reviews).toBe(2);
});

test("a process that is replaced has five seconds for what is under way", async () => {
  await connect();
  front.renew();
  expect(children[0]?.sent).toEqual([{ stop: true }]);
  pass(4_999);
  expect(children[0]?.isKilled).toBe(false);
  pass(1);
  expect(children[0]?.isKilled).toBe(true);
});

test("one that fails at its start is started later and later, up to a minute", async () => {
  const waits: number[] = [];
  for (let i = 0; i < 12; i++) {
    await connect();
    children.at(-1)?.user.ended("it ended with status 1");
    const before = nowMs;
    while (knock === undefined) pass(50);
    waits.push(nowMs - before);
  }
  expect(waits.slice(0, 4)).toEqual([250, 500, 1000, 2000]);
  expect(waits.at(-1)).toBe(60_000);
  expect(warnings).toHaveLength(12);
});

test("a front that is closed while the certificate is looked for starts nothing", async () => {
  const { promise, resolve } = Promise.withResolvers<typeof PLAN>();
  plan = () => promise;
  await connect();
  await front.close();
  resolve(PLAN);
  await settle();
  expect(children).toHaveLength(0);
});
