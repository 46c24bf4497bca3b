// No client keeps the others waiting: what one frame may cost, and how long another client's ECHO waits meanwhile.
// Measured on an idle machine: 99 of 100 within 6 ms, the worst 25 ms.
import { afterAll, beforeAll, expect, test } from "bun:test";
import type { FileId } from "../../../src/wire/file-id.ts";
import { startVictim } from "../client/attack-rig.ts";
import { waitsDuring } from "../client/fairness-rig.ts";
import { logOff, mountWithOpens } from "../client/many-opens.ts";
import type { Mount } from "../client/raw-files.ts";
import {
  compoundOf,
  fruitlessCall,
  listInLargeReplies,
  makeFolder,
  missInChangingFolder,
  mountBusy,
  openFolder,
  queryInCompounds,
} from "../client/worst-frames.ts";
import type { TestServer } from "../../peer/test-server.ts";

/** Milliseconds that another client may wait. */
const LIMIT_MS = 50;
/** On a busy machine everything takes longer: the limit is then that part of the time that the work takes. */
const LIMIT_PART = 1 / 20;
/** One attempt within the limit is enough. */
const ATTEMPTS = 8;

let server: TestServer;
let mount: Mount;
let small: FileId;
let large: FileId;

beforeAll(async () => {
  server = await startVictim();
  makeFolder(server, "small", 2000);
  makeFolder(server, "large", 20_000);
  makeFolder(server, "huge", 60_000);
  mount = await mountBusy(server);
  small = await openFolder(mount, "small");
  large = await openFolder(mount, "large");
}, 120_000);

afterAll(() => server.stop());

/** Fails unless the longest wait of another client is within the limit in one of a few attempts. */
async function expectFair(work: () => Promise<void>, prepare?: () => Promise<void>): Promise<void> {
  let excess = Number.POSITIVE_INFINITY;
  for (let attempt = 0; attempt < ATTEMPTS && excess > 0; attempt++) {
    let took = 0;
    await prepare?.();
    const { worst } = await waitsDuring(server, async () => {
      const started = performance.now();
      await work();
      took = performance.now() - started;
    });
    excess = Math.min(excess, worst - Math.max(LIMIT_MS, took * LIMIT_PART));
  }
  expect(excess).toBeLessThanOrEqual(0);
}

test("a compound of 512 listings that find nothing among 2,000 names delays no other client", async () => {
  await expectFair(() => compoundOf(mount, 512, fruitlessCall(mount, small)));
}, 60_000);

test("a compound of listings that find nothing among 20,000 names delays no other client", async () => {
  await expectFair(() => compoundOf(mount, 30, fruitlessCall(mount, large)));
}, 60_000);

test("a listing of 20,000 names in replies of 1 MiB delays no other client", async () => {
  await expectFair(() => listInLargeReplies(mount, large));
}, 60_000);

test("5,000 QUERY_INFO in ten compounds delay no other client", async () => {
  await expectFair(() => queryInCompounds(mount, large, 10));
}, 60_000);

test("names that are missing in a folder of 60,000 that changes delay no other client", async () => {
  await expectFair(() => missInChangingFolder(server, mount, "huge", 10));
}, 60_000);

test("the second look-up in a changing folder of 60,000 names takes no time", async () => {
  await missInChangingFolder(server, mount, "huge", 1);
  const started = performance.now();
  await missInChangingFolder(server, mount, "huge", 10);
  // Measured: 15 ms; reading the folder anew each time takes 1 s and more.
  expect(performance.now() - started).toBeLessThan(400);
}, 60_000);

test("a client with 5,000 opens, leases and 49,000 locks that leaves delays no other client", async () => {
  let leaving: Mount | undefined;
  const arrive = async (): Promise<void> => {
    leaving = await mountWithOpens(server, 5000);
  };
  await expectFair(async () => {
    if (leaving !== undefined) await logOff(leaving);
    leaving?.client.close();
  }, arrive);
  await expectFair(async () => {
    leaving?.client.close();
    await Bun.sleep(500);
  }, arrive);
}, 120_000);
