// Password guessing: a failure is answered late and keeps its slot, a right password is answered at once.
// [MS-SMB2] 3.3.5.5 leaves the rate of log-ons to the server.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { Status } from "../../../src/wire/status.ts";
import { TESTER, TESTER2, type TestServer } from "../../peer/test-server.ts";
import {
  expectOutcome,
  freshAddress,
  type Outcome,
  outcomeOf,
  startVictim,
  tryLogOn,
} from "../client/attack-rig.ts";
import type { LogOnOptions } from "../client/raw-calls.ts";
import { RawClient } from "../client/raw-client.ts";

/** Well under the 2 s of a failure's answer, and enough for a busy machine. */
const AT_ONCE_MS = 1_000;
/** Failures that one address may have unanswered, whatever the names. */
const SLOTS_PER_ADDRESS = 16;

let server: TestServer;
beforeAll(async () => {
  server = await startVictim({ parameters: { "max ip connections": "500" } });
});
afterAll(() => server.stop());

async function logOnFrom(
  address: string,
  options: LogOnOptions,
): Promise<{ outcome: Outcome; tookMs: number }> {
  const client = await RawClient.connect(server, address);
  await client.negotiate();
  const start = performance.now();
  const outcome = await outcomeOf(client.logOn(options));
  client.close();
  return { outcome, tookMs: performance.now() - start };
}

async function expectAtOnce(address: string, options: LogOnOptions): Promise<void> {
  const { outcome, tookMs } = await logOnFrom(address, options);
  expectOutcome(outcome, Status.SUCCESS);
  expect(tookMs).toBeLessThan(AT_ONCE_MS);
}

/** Runs `body` while clients guess one after the other; returns the outcomes of the guesses. */
async function whileGuessing(
  address: string,
  users: readonly string[],
  body: () => Promise<void>,
): Promise<Outcome[]> {
  let isStopped = false;
  const outcomes: Outcome[] = [];
  const clients = users.map(async (user) => {
    while (!isStopped)
      outcomes.push((await logOnFrom(address, { user, password: "an old password" })).outcome);
  });
  try {
    await body();
  } finally {
    isStopped = true;
    await Promise.all(clients);
  }
  return outcomes;
}

describe("a right password is answered at once", () => {
  test("while clients at the same address fail with its own and other names", async () => {
    const address = freshAddress();
    const users = [TESTER.user, TESTER.user, "phone", "phone", "phone", "tablet"];
    const outcomes = await whileGuessing(address, users, async () => {
      for (let round = 0; round < 8; round++) {
        await Bun.sleep(500);
        await expectAtOnce(address, round % 2 === 0 ? TESTER : TESTER2);
      }
    });
    for (const outcome of outcomes) expectOutcome(outcome, Status.LOGON_FAILURE);
  }, 30_000);

  test("of a user who logged on from this address before, while it has no slot left", async () => {
    const address = freshAddress();
    await expectAtOnce(address, TESTER);
    const users = Array.from({ length: 3 * SLOTS_PER_ADDRESS }, (_, index) => `guess${index}`);
    const outcomes = await whileGuessing(address, users, async () => {
      for (let round = 0; round < 8; round++) {
        await Bun.sleep(300);
        await expectAtOnce(address, TESTER);
      }
    });
    // Those that get no slot are refused without a check.
    for (const outcome of outcomes)
      expectOutcome(outcome, Status.LOGON_FAILURE, Status.INSUFFICIENT_RESOURCES);
  }, 40_000);

  test("at another address, while one address guesses", async () => {
    await whileGuessing(freshAddress(), new Array(30).fill(TESTER2.user), async () => {
      for (let round = 0; round < 5; round++) {
        await Bun.sleep(300);
        await expectAtOnce(freshAddress(), TESTER2);
      }
    });
  }, 40_000);
});

test("a failure is answered after 2 s", async () => {
  const { outcome, tookMs } = await logOnFrom(freshAddress(), { ...TESTER, password: "wrong" });
  expectOutcome(outcome, Status.LOGON_FAILURE);
  expect(tookMs).toBeGreaterThan(1_900);
});

test("guesses whose connection is dropped keep their slots", async () => {
  const address = freshAddress();
  const clients = Array.from({ length: SLOTS_PER_ADDRESS }, async (_, index) => {
    const client = await RawClient.connect(server, address);
    await client.negotiate();
    const failed = outcomeOf(client.logOn({ user: `drop${index}`, password: "wrong" }));
    await Bun.sleep(200);
    client.close();
    return failed;
  });
  const start = performance.now();
  for (const outcome of await Promise.all(clients)) expectOutcome(outcome, "closed");
  // The next check waits for a slot.
  const { outcome } = await logOnFrom(address, TESTER2);
  expectOutcome(outcome, Status.SUCCESS);
  expect(performance.now() - start).toBeGreaterThan(1_900);
}, 20_000);

test("the time of a failed log-on does not tell whether the user exists", async () => {
  const time = async (user: string): Promise<number> =>
    (await logOnFrom(freshAddress(), { user, password: "wrong" })).tookMs;
  const known: number[] = [];
  const unknown: number[] = [];
  for (let round = 0; round < 3; round++) {
    const pairs = Array.from({ length: 10 }, (_, index) =>
      Promise.all([time(TESTER.user), time(`nobody${round}-${index}`)]),
    );
    for (const [one, other] of await Promise.all(pairs)) {
      known.push(one);
      unknown.push(other);
    }
    expectOutcome(await tryLogOn(server, TESTER), Status.SUCCESS);
  }
  const middle = (list: number[]): number => list.sort((a, b) => a - b)[list.length >> 1] ?? 0;
  expect(Math.abs(middle(known) - middle(unknown))).toBeLessThan(10);
}, 30_000);
