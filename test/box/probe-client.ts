// A client that sends an ECHO or a QUERY_INFO every 20 ms until its standard input ends, then prints the round trips.
// What is still without an answer at the end counts as long as it has waited.
import { Command } from "../../src/wire/header.ts";
import { FileInfoClass } from "../../src/wire/fscc/info-class.ts";
import { InfoType } from "../../src/wire/command/query-info.ts";
import { callOn, type Mount, mountShare, openFile, queryInfoCall } from "../e2e/client/raw-files.ts";
import { TESTER } from "../peer/test-server.ts";
import { SHARE } from "./root.ts";
import type { Waits } from "./probe.ts";

const INTERVAL_MS = 20;
/** How long the answer to the last request may take before it counts as none. */
const LAST_MS = 25_000;

const [, , host = ""] = process.argv;
const waits: number[] = [];
let failure: string | undefined;
let isOver = false;

async function probe(mount: Mount): Promise<void> {
  const { fileId } = await openFile(mount, "");
  const echo = callOn(mount, Command.ECHO, (writer) => {
    writer.u16(4);
    writer.u16(0);
  });
  const query = queryInfoCall(mount, fileId, InfoType.FILE, FileInfoClass.BASIC);
  console.log("ready");
  while (!isOver) {
    const started = performance.now();
    try {
      await mount.client.demand("the probe's request", waits.length % 2 === 0 ? echo : query);
    } finally {
      waits.push(performance.now() - started);
    }
    await Bun.sleep(INTERVAL_MS);
  }
}

async function run(): Promise<void> {
  try {
    await probe(await mountShare({ host, port: 445 }, TESTER, SHARE));
  } catch (error) {
    failure = error instanceof Error ? error.message : String(error);
    console.log("failed");
  }
}

const done = run();
for await (const _ of Bun.stdin.stream()) continue;
isOver = true;
await Promise.race([done, Bun.sleep(LAST_MS)]);
waits.sort((a, b) => a - b);
const at = (part: number): number => waits[Math.min(waits.length - 1, Math.floor(waits.length * part))] ?? 0;
const result: Waits = {
  count: waits.length,
  p50: at(0.5),
  p99: at(0.99),
  worst: at(1),
  ...(failure === undefined ? {} : { failure }),
};
console.log(JSON.stringify(result));
process.exit(0);
