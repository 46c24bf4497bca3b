// One benchmark job in a separate process: logs on, runs the job, prints `{"seconds": ...}` as JSON.
// Run by bench.ts: bun client.ts JOB-AS-JSON
import { Dialect } from "../../src/wire/command/negotiate.ts";
import { Cipher, SigningAlgorithm } from "../../src/wire/context/negotiate-context.ts";
import { FileInfoClass } from "../../src/wire/fscc/info-class.ts";
import { READ_RESPONSE_DATA } from "../../src/wire/command/read.ts";
import { createRandom } from "../fuzz/bytes.ts";
import { RawClient } from "../e2e/client/raw-client.ts";
import {
  chargeFor,
  closeFile,
  createFile,
  listDirectory,
  type Mount,
  openFile,
  readCall,
  writeCall,
  writeFile,
} from "../e2e/client/raw-files.ts";
import { FastSocket } from "./fast-socket.ts";
import { type Job, protections } from "./jobs.ts";
import { runTransfer } from "./pipeline.ts";

interface FastMount extends Mount<FastSocket> {}

async function mountFast(job: Job): Promise<FastMount> {
  const client = new RawClient(await FastSocket.connect(job));
  const { signing, isSealed } = protections[job.protection];
  await client.negotiate({
    dialects: [Dialect.SMB_3_1_1],
    ciphers: [Cipher.AES_128_GCM],
    signing: [signing ?? SigningAlgorithm.AES_GMAC],
  });
  const session = await client.logOn(job);
  session.seals = isSealed;
  const treeId = await client.connectTree(session, job.share);
  session.signs = signing !== undefined;
  return { client, session, treeId };
}

async function transferSequential(mount: FastMount, job: Job, isWrite: boolean): Promise<number> {
  const file = isWrite ? await createFile(mount, job.file) : (await openFile(mount, job.file)).fileId;
  const data = new Uint8Array(job.size).fill(0x5a);
  const call = isWrite ? writeCall(mount, file, 0, data) : readCall(mount, file, 0, job.size);
  const seconds = await runTransfer({
    client: mount.client,
    session: mount.session,
    call: { ...call, creditCharge: chargeFor(mount, job.size) },
    count: job.count,
    depth: job.depth,
    offsetOf: (index) => index * job.size,
    leastAnswer: isWrite ? 0 : READ_RESPONSE_DATA + job.size,
  });
  await closeFile(mount, file);
  return seconds;
}

async function readRandom(mount: FastMount, job: Job): Promise<number> {
  const { fileId, file } = await openFile(mount, job.file);
  const blocks = Math.floor(file.size / job.size);
  const random = createRandom(7);
  return runTransfer({
    client: mount.client,
    session: mount.session,
    call: readCall(mount, fileId, 0, job.size),
    count: job.count,
    depth: job.depth,
    offsetOf: () => Math.floor(random() * blocks) * job.size,
    leastAnswer: READ_RESPONSE_DATA + job.size,
  });
}

/** Writes one file after another, as a client that unpacks an archive or copies a folder. */
async function writeSmallFiles(mount: FastMount, job: Job): Promise<number> {
  const data = new Uint8Array(job.size).fill(0x61);
  const start = performance.now();
  for (let index = 0; index < job.count; index++) {
    const file = await createFile(mount, `${job.file}\\small-${index}`);
    await writeFile(mount, file, 0, data);
    await closeFile(mount, file);
  }
  return (performance.now() - start) / 1000;
}

async function list(mount: FastMount, job: Job): Promise<number> {
  const start = performance.now();
  for (let round = 0; round < job.depth; round++) {
    const { fileId } = await openFile(mount, job.file);
    const records = await listDirectory(mount, fileId, {
      infoClass: FileInfoClass.ID_BOTH_DIRECTORY,
      outputBufferLength: job.size,
    });
    if (records.length < job.count) throw new Error(`${records.length} entries, ${job.count} expected`);
    await closeFile(mount, fileId);
  }
  return (performance.now() - start) / 1000 / job.depth;
}

/** Logs on `count` connections, prints `ready`, and keeps them until standard input ends. */
async function idle(job: Job): Promise<number> {
  const mounts: FastMount[] = [];
  for (let index = 0; index < job.count; index++) mounts.push(await mountFast(job));
  console.log("ready");
  await Bun.stdin.text();
  for (const { client } of mounts) client.close();
  return 0;
}

async function run(job: Job): Promise<number> {
  if (job.kind === "idle") return idle(job);
  const mount = await mountFast(job);
  try {
    switch (job.kind) {
      case "read":
        return await transferSequential(mount, job, false);
      case "write":
        return await transferSequential(mount, job, true);
      case "random":
        return await readRandom(mount, job);
      case "files":
        return await writeSmallFiles(mount, job);
      case "list":
        return await list(mount, job);
    }
  } finally {
    mount.client.close();
  }
}

const job: Job = JSON.parse(process.argv[2] ?? "{}");
const seconds = await run(job);
if (job.kind !== "idle") console.log(JSON.stringify({ seconds }));
process.exit(0);
