// Long fuzzing of the running executable: many connections send valid sequences of requests, some of them mutated,
// while the program checks from outside that an ordinary client is served all the time, that memory stays bounded and
// that nothing is left when the connections are gone. Usage: npm run fuzz -- [--minutes N] [--connections N] [--seed N]
// [--save]. `--save` adds the messages with an answer that no message of the corpus has had to test/fuzz/corpus.
import { spawnSync } from "node:child_process";
import { chownSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { statusName } from "../../src/wire/status.ts";
import { anonymousKib } from "../e2e/client/attack-rig.ts";
import { findFault, startServer } from "../e2e/client/server.ts";
import { TESTER_UID, type TestServer } from "../peer/test-server.ts";
import { createRandom } from "./bytes.ts";
import { readCorpus, saveCorpus } from "./corpus.ts";
import { type Findings, liveOnce } from "./life.ts";
import { awaitEmptyTables, Witness } from "./witness.ts";

const { values } = parseArgs({
  options: {
    minutes: { type: "string", default: "1" },
    connections: { type: "string", default: "24" },
    seed: { type: "string", default: String(Date.now() % 1_000_000) },
    save: { type: "boolean", default: false },
  },
});
const minutes = Number(values.minutes);
const connections = Number(values.connections);
const seed = Number(values.seed);

/** After each round all connections close, and the tables must become empty. */
const ROUND_MS = 20_000;
const MAX_GROWTH_KIB = 96 * 1024;
/** The server collects its garbage when it has been idle for 5 seconds, concurrently. */
const COLLECTION_MS = 15_000;
/** Bounds for a machine that runs the fuzzer and the server on two cores. */
const MAX_P99_MS = 250;
const MAX_WAIT_MS = 3000;

const findings: Findings = { messages: 0, mutated: 0, lives: 0, answers: new Map() };
const corpus = readCorpus();
const path = mkdtempSync(join(tmpdir(), "minismbd-fuzz-"));
const quiet = mkdtempSync(join(tmpdir(), "minismbd-quiet-"));
if (process.geteuid?.() === 0) chownSync(quiet, TESTER_UID, TESTER_UID);
const words = ["-t", "tmpfs", "-o", "size=64m,nr_inodes=20000,mode=0777", "tmpfs", path];
if (spawnSync("mount", words).status !== 0)
  throw new Error("needs root: the fuzzer fills a small disk of its own");
const shares = [
  { name: "test", path },
  { name: "quiet", path: quiet },
  { name: "open", parameters: { "guest ok": "yes" } },
];
const parameters = {
  "server multi channel support": "yes",
  "map to guest": "bad user",
  "durable handles": "yes",
  "smb2 leases": "yes",
};
let failure: unknown;
let server: TestServer | undefined;
try {
  server = await startServer({ shares, parameters });
  await fuzz(server);
} catch (error) {
  failure = error;
}
try {
  await server?.stop();
} catch (error) {
  failure ??= error;
}
spawnSync("umount", [path]);
for (const directory of [path, quiet]) rmSync(directory, { recursive: true, force: true });
report();
process.exit(failure === undefined ? 0 : 1);

async function fuzz(subject: TestServer): Promise<void> {
  const end = performance.now() + minutes * 60_000;
  const idleKib = anonymousKib(subject);
  for (let round = 0; performance.now() < end; round++) {
    const roundEnd = Math.min(end, performance.now() + ROUND_MS);
    const witness = new Witness(subject);
    await Promise.all(
      Array.from({ length: connections }, async (_, i) => {
        const random = createRandom(seed + round * 1000 + i);
        while (performance.now() < roundEnd) await liveOnce(subject, random, corpus, findings);
      }),
    );
    const latency = await witness.end();
    spawnSync("find", [path, "-mindepth", "1", "-delete"]);
    const left = await awaitEmptyTables(subject);
    const growthKib = await settledGrowthKib(subject, idleKib);
    console.log(
      `round ${round}: ${findings.messages} messages, ECHO p99 ${latency.p99Ms.toFixed(1)} ms, ` +
        `worst ${latency.worstMs.toFixed(1)} ms, memory +${Math.round(growthKib / 1024)} MiB`,
    );
    const fault = findFault(subject.log());
    if (fault !== undefined) throw new Error(`the log shows a fault:\n${fault}`);
    if (left !== undefined) throw new Error(`with no client connected the server holds: ${left}`);
    if (growthKib > MAX_GROWTH_KIB) throw new Error("anonymous memory grew beyond the bound");
    if (latency.p99Ms > MAX_P99_MS || latency.worstMs > MAX_WAIT_MS)
      throw new Error("another client waited too long for its ECHO");
  }
}

/** The growth over `idleKib`, after the server's collection of garbage where it is above the bound before. */
async function settledGrowthKib(subject: TestServer, idleKib: number): Promise<number> {
  const end = performance.now() + COLLECTION_MS;
  let growthKib = anonymousKib(subject) - idleKib;
  while (growthKib > MAX_GROWTH_KIB && performance.now() < end) {
    await Bun.sleep(500);
    growthKib = anonymousKib(subject) - idleKib;
  }
  return growthKib;
}

function report(): void {
  const { messages, mutated, lives, answers } = findings;
  console.log(`seed ${seed}: ${lives} connections, ${messages} messages, ${mutated} of them mutated`);
  const counts = new Map<string, number>();
  for (const { status, count } of answers.values())
    counts.set(statusName(status), (counts.get(statusName(status)) ?? 0) + count);
  const sorted = [...counts].sort((a, b) => b[1] - a[1]);
  console.log(sorted.map(([name, count]) => `${name} ${count}`).join(", "));
  if (values.save) console.log(`${saveCorpus(corpus, answers)} messages added to the corpus`);
  if (failure !== undefined) console.log(failure instanceof Error ? failure.stack : String(failure));
}
