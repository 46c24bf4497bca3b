// Prints how long another client's ECHO waits while one client sends the frames that cost a server most:
// `node run-bun.mjs test/bench/fairness.ts`, with SERVER=smbd for smbd. On an otherwise idle machine the worst
// should be within 50 ms, 99 of 100 within 15.
import { type Waits, waitsDuring } from "../e2e/client/fairness-rig.ts";
import { logOff, mountWithOpens } from "../e2e/client/many-opens.ts";
import {
  compoundOf,
  fruitlessCall,
  listInLargeReplies,
  makeFolder,
  missInChangingFolder,
  mountBusy,
  openFolder,
  queryInCompounds,
} from "../e2e/client/worst-frames.ts";
import { startSubject } from "../peer/start.ts";

const REPEATED_MS = 5000;

const server = await startSubject();
makeFolder(server, "small", 2000);
makeFolder(server, "large", 20_000);
makeFolder(server, "huge", 200_000);
const mount = await mountBusy(server);
const small = await openFolder(mount, "small");
const large = await openFolder(mount, "large");

const works: readonly (readonly [string, () => Promise<void>])[] = [
  ["nothing", () => Bun.sleep(1000)],
  [
    "512 fruitless listings of 2,000 names, one frame",
    () => compoundOf(mount, 512, fruitlessCall(mount, small)),
  ],
  [
    "100 fruitless listings of 20,000 names, one frame",
    () => compoundOf(mount, 100, fruitlessCall(mount, large)),
  ],
  ["20,000 names listed in replies of 1 MiB", () => listInLargeReplies(mount, large)],
  ["5,000 QUERY_INFO in ten frames", () => queryInCompounds(mount, large, 10)],
  ["first missing name in 200,000", () => missInChangingFolder(server, mount, "huge", 1)],
  ["100 missing names in 200,000 that change", () => missInChangingFolder(server, mount, "huge", 100)],
];

function show(what: string, waits: Waits, tookMs: number): void {
  const figures = [waits.p50, waits.p99, waits.worst].map((ms) => ms.toFixed(1).padStart(8)).join("");
  console.log(what.padEnd(52), figures, tookMs.toFixed(0).padStart(8));
}

/** Does `work` once; with `leastMs` again until so much time is over, since one wait of a hundred is no 99th percentile. */
async function measure(what: string, work: () => Promise<void>, leastMs = 0): Promise<void> {
  let tookMs = 0;
  const waits = await waitsDuring(server, async () => {
    const started = performance.now();
    do {
      await work();
      tookMs = performance.now() - started;
    } while (tookMs < leastMs);
  });
  show(what, waits, tookMs);
}

console.log("ECHO of another client, ms".padEnd(52), "     p50     p99   worst  took ms");
for (const [what, work] of works) await measure(what, work, REPEATED_MS);
const first = await mountWithOpens(server, 3000);
await measure("LOGOFF with 3,000 opens, leases and 33,000 locks", () => logOff(first));
first.client.close();
const second = await mountWithOpens(server, 3000);
await measure("the same, disconnected", () => {
  second.client.close();
  return Bun.sleep(500);
});
await server.stop();
process.exit(0);
