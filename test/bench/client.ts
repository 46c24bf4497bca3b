// The benchmark's client in a process of its own. Run by runs.ts: bun client.ts LIBRARY JOB-AS-JSON. Logs on, prepares all
// requests, prints `ready`; at a line on standard input it sends them and prints a JobResult as JSON; then it
// keeps the connections until standard input ends.
import { nativeProvider } from "../../src/crypto/native.ts";
import { Dialect } from "../../src/wire/command/negotiate.ts";
import { Cipher, SigningAlgorithm } from "../../src/wire/context/negotiate-context.ts";
import { Command } from "../../src/wire/header.ts";
import { RawClient } from "../e2e/client/raw-client.ts";
import { RawSession } from "../e2e/client/raw-session.ts";
import { type Job, FAILED, type JobResult, protections } from "./jobs.ts";
import { type LoadConnection, LoadSocket, openLibrary, runLoad } from "./load.ts";
import { type LoadMount, planOf } from "./plans.ts";

const [, , path = "", jobText = "{}"] = process.argv;
const job: Job = JSON.parse(jobText);
const library = openLibrary(path);

async function mount(): Promise<LoadMount> {
  const client = new RawClient(new LoadSocket(library, job));
  if (job.ceilingTree !== undefined) return { client, session: withoutKeys(), treeId: job.ceilingTree };
  const { signing, cipher } = protections[job.protection];
  await client.negotiate({
    dialects: [Dialect.SMB_3_1_1],
    ciphers: [cipher ?? Cipher.AES_128_GCM],
    signing: [signing ?? SigningAlgorithm.AES_GMAC],
  });
  const session = await client.logOn(job);
  session.seals = cipher !== undefined;
  const treeId = await client.connectTree(session, job.share);
  session.signs = signing !== undefined;
  return { client, session, treeId };
}

function withoutKeys(): RawSession {
  const algorithms = { dialect: Dialect.SMB_3_1_1, cipher: 0, signing: SigningAlgorithm.AES_GMAC };
  const session = new RawSession(nativeProvider, 0, algorithms, new Uint8Array(16), new Uint8Array(64), 0);
  session.signs = false;
  return session;
}

const CREDITS = 600;

/** Sends ECHO requests until the server has granted what the deepest job takes. */
async function gatherCredits({ client, session, treeId }: LoadMount): Promise<void> {
  const echo = { command: Command.ECHO, session, treeId, credits: CREDITS };
  for (let attempt = 0; client.credits < CREDITS && attempt < 50; attempt++)
    await client.request({ ...echo, body: (writer) => writer.u32(4) });
}

async function prepare(): Promise<LoadConnection[]> {
  const connections: LoadConnection[] = [];
  for (let number = 0; number < job.connections; number++) {
    const mounted = await mount();
    if (job.ceilingTree === undefined) await gatherCredits(mounted);
    const steps = await planOf(mounted, job, number);
    const { socket, nextMessageId } = mounted.client;
    socket.hold();
    // Signed and sealed requests have their message ids already; the others get those that follow.
    connections.push({ fd: socket.fd, steps, nextMessageId });
  }
  return connections;
}

function run(connections: readonly LoadConnection[]): JobResult {
  const isSealed = protections[job.protection].cipher !== undefined;
  const { latencies, ...counts } = runLoad(library, connections, { ...job, isSealed });
  const at = (part: number): number => latencies[Math.floor((latencies.length - 1) * part)] ?? 0;
  return { ...counts, p50: at(0.5), p99: at(0.99), worst: at(1) };
}

try {
  const connections = await prepare();
  console.log("ready");
  const input = Bun.stdin.stream().getReader();
  await input.read();
  if (job.kind !== "idle") console.log(JSON.stringify(run(connections)));
  while (!(await input.read()).done);
  process.exit(0);
} catch (error) {
  console.log(`${FAILED} ${error instanceof Error ? error.message : String(error)}`);
  process.exit(1);
}
