// Long work in steps: the interim response, cancellation, lost connections; [MS-SMB2] 3.3.4.2, 3.3.5.16.
import { expect, test } from "bun:test";
import { MORE, workInSteps } from "../../../src/engine/command/open/long-work.ts";
import { LateChanges } from "../../../src/engine/state/late-changes.ts";
import type { Open } from "../../../src/engine/state/open.ts";
import type { Exchange } from "../../../src/engine/connection/exchange.ts";
import { type NtStatus, Status } from "../../../src/wire/status.ts";

/** An exchange whose clock advances by `stepMs` with every reading. */
function fakeExchange(stepMs: number) {
  let nowMs = 0;
  const timers = new Set<() => void>();
  const fake = {
    interims: 0,
    timers,
    connection: {
      isClosed: false,
      nextTurn: () => new Promise<void>((resolve) => setImmediate(resolve)),
      sendInterim: () => {
        fake.interims++;
        return true;
      },
    },
    context: {
      opens: { late: new LateChanges() },
      clock: {
        now: () => (nowMs += stepMs),
        wallTime: () => 0,
        setTimer: (_delayMs: number, run: () => void) => {
          timers.add(run);
          return run;
        },
        clearTimer: (run: () => void) => timers.delete(run),
      },
    },
    cancel: undefined as (() => void) | undefined,
  };
  return { fake, exchange: fake as unknown as Exchange };
}

test("work that ends within one turn returns its status synchronously", () => {
  const { fake, exchange } = fakeExchange(0);
  let steps = 0;
  expect(workInSteps(exchange, () => (++steps < 5 ? MORE : Status.SUCCESS))).toBe(Status.SUCCESS);
  expect([steps, fake.interims, fake.timers.size]).toEqual([5, 0, 0]);
});

test("other tasks of the event loop run between steps", async () => {
  const { fake, exchange } = fakeExchange(2);
  let steps = 0;
  let turns = 0;
  const turn = (): void => {
    turns++;
    if (steps < 20) setImmediate(turn);
  };
  setImmediate(turn);
  expect(await workInSteps(exchange, () => (++steps < 20 ? MORE : Status.SUCCESS))).toBe(Status.SUCCESS);
  expect(turns).toBeGreaterThan(5);
  expect(fake.timers.size).toBe(0);
  expect(fake.cancel).toBeUndefined();
});

test("a step that hangs gets an interim response and is abandoned when the client cancels", async () => {
  const { fake, exchange } = fakeExchange(1);
  let finish: (step: NtStatus | typeof MORE) => void = () => undefined;
  let steps = 0;
  const outcome = workInSteps(exchange, () => {
    steps++;
    return new Promise<NtStatus | typeof MORE>((resolve) => {
      finish = resolve;
    });
  });
  for (const run of fake.timers) run();
  expect(fake.interims).toBe(1);
  fake.cancel?.();
  expect(await outcome).toBe(Status.CANCELLED);
  finish(MORE);
  await new Promise(setImmediate);
  expect(steps).toBe(1);
  expect(fake.timers.size).toBe(0);
});

test("a step that goes on after the client has cancelled keeps the descriptors that it uses", async () => {
  const { fake, exchange } = fakeExchange(1);
  const opens = [0, 1].map(() => {
    const open = { busy: 1, beginUse: () => open.busy++, endUse: () => open.busy-- };
    return open;
  });
  const [target, source] = opens as unknown as [Open, Open];
  exchange.open = target;
  const step = Promise.withResolvers<NtStatus>();
  const outcome = workInSteps(exchange, () => step.promise, source);
  fake.cancel?.();
  // As at a lost connection.
  fake.cancel?.();
  expect(await outcome).toBe(Status.CANCELLED);
  // The request ends, and the client closes its opens.
  for (const open of opens) open.endUse();
  expect(opens.every(({ busy }) => busy > 0)).toBe(true);
  step.reject(new Error("fault"));
  await new Promise(setImmediate);
  expect(opens.map(({ busy }) => busy)).toEqual([0, 0]);
});

test("work ends with STATUS_CANCELLED when the connection is closed", async () => {
  const { fake, exchange } = fakeExchange(2);
  let steps = 0;
  const outcome = workInSteps(exchange, () => {
    if (++steps === 5) fake.connection.isClosed = true;
    return MORE;
  });
  expect(await outcome).toBe(Status.CANCELLED);
  expect(steps).toBeLessThan(8);
});

test("an exception in a step reaches the caller and leaves no timer behind", async () => {
  const { fake, exchange } = fakeExchange(1);
  expect(Promise.resolve(workInSteps(exchange, () => Promise.reject(new Error("fault"))))).rejects.toThrow(
    "fault",
  );
  await new Promise(setImmediate);
  expect(fake.timers.size).toBe(0);
});
