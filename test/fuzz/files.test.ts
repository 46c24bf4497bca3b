// Fuzzes a running server with mutated CREATE, information, listing and FSCTL requests and with mutated
// stored metadata, on shares with NT ACLs, POSIX ACLs, a recycle bin and snapshots, on disks with and without
// extended attributes. The environment variables FUZZ_SECONDS (per share) and FUZZ_SEED change duration and
// seed; a failure reports the seed.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { statfsSync } from "node:fs";
import { Command, HeaderFlag, HeaderOffset } from "../../src/wire/header.ts";
import { POSIX_EXTENSIONS_ID } from "../../src/wire/posix.ts";
import { Status } from "../../src/wire/status.ts";
import { anonymousKib } from "../e2e/client/attack-rig.ts";
import { contextsOf } from "../e2e/client/raw-calls.ts";
import {
  closeFile,
  createFile,
  callOn,
  deleteCall,
  type Mount,
  mountShare,
  readFile,
  writeFile,
} from "../e2e/client/raw-files.ts";
import { ConnectionClosed, type RawSocket } from "../e2e/client/raw-socket.ts";
import { findFault, readTables, startServer } from "../e2e/client/server.ts";
import { canMakePluggedDisk } from "../peer/plugged-disk.ts";
import { TESTER, type TestServer } from "../peer/test-server.ts";
import { createRandom, mutate } from "./bytes.ts";
import {
  closeSamples,
  controlSamples,
  createSamples,
  dataSamples,
  type FileTargets,
  informationSamples,
  listingSamples,
  openFileTargets,
  retargetFiles,
} from "./file-samples.ts";
import { type FuzzDisk, KINDS, makeFuzzDisk, ROLES, shareOf } from "./fuzz-disk.ts";
import { lookAtEverything, plantGarbage } from "./planted.ts";
import { repairHeader } from "./server-samples.ts";

const seconds = Number(process.env["FUZZ_SECONDS"] ?? "1");
const seed = Number(process.env["FUZZ_SEED"] ?? "20261122");
const TIMEOUT_MS = (seconds * 3 + 60) * 1000;
/**
 * Room for two streams of 16 MiB, in several copies each until the garbage collector runs; a leak exceeds it.
 */
const MAX_GROWTH_KIB = 384 * 1024;
/** Limit for one request, generous because a loop device on a busy machine can be slow. */
const MAX_REQUEST_MS = 10_000;
const BATCH = 500;
/** Minimum number of requests per share, even if a busy machine needs longer than FUZZ_SECONDS for them. */
const LEAST_REQUESTS = 100;
const LEAST_ROOM_BYTES = 16 * 1024 * 1024;

let server: TestServer;
let idleKib = 0;
const disks: FuzzDisk[] = [];

describe.skipIf(!canMakePluggedDisk("ramfs"))("fuzz of files", () => {
  beforeAll(async () => {
    for (const kind of KINDS) disks.push(makeFuzzDisk(kind));
    server = await startServer({
      // A small limit for reply buffers, so that growth beyond it is memory that is retained elsewhere.
      parameters: { "buffer budget": "32M" },
      shares: disks.flatMap((disk) => disk.shares),
    });
    for (const kind of KINDS) for (const role of ROLES) await expectServing(shareOf(kind, role));
    idleKib = anonymousKib(server);
  });

  afterAll(async () => {
    try {
      // Throws when the log has an uncaught exception, or the server holds state that no client has open.
      await server?.stop();
    } finally {
      for (const disk of disks) disk.remove();
    }
  });

  for (const kind of KINDS) {
    const disk = (): FuzzDisk => disks.find((one) => one.kind === kind) as FuzzDisk;
    test.each([...ROLES])(
      `mutated requests, ${kind}, %s`,
      async (role) => {
        await fuzzShare(disk(), shareOf(kind, role));
      },
      TIMEOUT_MS,
    );

    test.each([...ROLES])(
      `mutated metadata on the disk, ${kind}, %s`,
      async (role) => {
        await fuzzStored(disk(), role);
      },
      TIMEOUT_MS,
    );
  }
});

function mount(share: string): Promise<Mount<RawSocket>> {
  return mountShare(server, TESTER, share, {
    protection: "plain",
    contexts: [...contextsOf({}), { kind: "posix", versions: POSIX_EXTENSIONS_ID }],
  });
}

async function expectServing(share: string): Promise<void> {
  const start = performance.now();
  const mounted = await mount(share);
  const file = await createFile(mounted, "still serving");
  const data = new TextEncoder().encode("as ever");
  expect(await writeFile(mounted, file, 0, data)).toBe(data.length);
  expect(await readFile(mounted, file, 0, 100)).toEqual(data);
  await mounted.client.demand("delete", deleteCall(mounted, file));
  await closeFile(mounted, file);
  mounted.client.close();
  expect(performance.now() - start).toBeLessThan(MAX_REQUEST_MS);
}

/** Expects the server to work, to log no fault, not to grow, and to change nothing outside the shares. */
async function expectHealth(disk: FuzzDisk, share: string): Promise<void> {
  disk.expectUntouched();
  const path = server.shares.get(share) ?? "";
  spawnSync("find", [path, "-mindepth", "1", "-delete"]);
  await expectServing(share);
  expect(findFault(server.log())).toBeUndefined();
  expect(anonymousKib(server) - idleKib).toBeLessThan(MAX_GROWTH_KIB);
  // Waits until the blocks of deleted files are free, after the opens of closed connections have ended.
  const end = performance.now() + MAX_REQUEST_MS;
  while (isNearlyFull(disk) && performance.now() < end) await Bun.sleep(20);
  expect(isNearlyFull(disk)).toBe(false);
}

function isNearlyFull({ kind, path }: FuzzDisk): boolean {
  const { bavail, bsize } = statfsSync(path);
  return kind === "ext4" && bavail * bsize < LEAST_ROOM_BYTES;
}

/** Expects all tables of the server to be empty once all connections have ended, which may take a moment. */
async function expectNothingHeld(): Promise<void> {
  const end = performance.now() + MAX_REQUEST_MS;
  let line: string | undefined;
  do line = await readTables(server, server.log);
  while (!isEmpty(line) && performance.now() < end);
  expect(line ?? "a connection").toSatisfy(isEmpty);
}

function isEmpty(line: string | undefined): boolean {
  return line !== undefined && [...line.matchAll(/=(\d+)/g)].every(([, count]) => count === "0");
}

/**
 * Sends requests without waiting in between (in one compound if `isCompound`). Returns the status of each,
 * undefined for one with an interim response only; or undefined if the connection has ended.
 */
async function sendAll(
  mounted: Mount,
  inputs: readonly Uint8Array[],
  isCompound: boolean,
): Promise<(number | undefined)[] | undefined> {
  const { client, session } = mounted;
  const start = performance.now();
  const pending = inputs.map((input) => {
    const messageId = client.nextMessageId++;
    repairHeader(input, messageId, mounted);
    const expected = client.expect(messageId);
    if (!isCompound) client.transmit(input, session);
    return expected;
  });
  if (isCompound) client.transmit(chain(inputs), session);
  try {
    await client.request({ ...callOn(mounted, Command.ECHO, (writer) => writer.u32(4)), credits: 64 });
    const outcomes: (number | undefined)[] = [];
    for (const { reply, interim } of pending) {
      const left = Math.max(0, start + MAX_REQUEST_MS - performance.now());
      const late = Promise.withResolvers<"late">();
      const timer = setTimeout(() => late.resolve("late"), left);
      const outcome = await Promise.race([
        reply.then(({ status }) => status),
        interim.then(() => undefined),
        late.promise,
      ]);
      clearTimeout(timer);
      if (outcome === "late") throw new Error(`no answer within ${MAX_REQUEST_MS} ms`);
      outcomes.push(outcome);
    }
    client.unclaimed.length = 0;
    return outcomes;
  } catch (error) {
    if (error instanceof ConnectionClosed) return undefined;
    throw error;
  }
}

/**
 * A compound of the requests, in which every second one is related to the previous one; [MS-SMB2] 3.2.4.1.4.
 */
function chain(inputs: readonly Uint8Array[]): Uint8Array {
  const parts = inputs.map((input, index) => {
    const isLast = index === inputs.length - 1;
    const part = new Uint8Array(isLast ? input.length : (input.length + 7) & ~7);
    part.set(input);
    const view = new DataView(part.buffer);
    if (!isLast) view.setUint32(HeaderOffset.NEXT_COMMAND, part.length, true);
    const id = FILE_ID_AT.get(part[HeaderOffset.COMMAND] ?? 0);
    if (index % 2 === 1 && id !== undefined && id + 16 <= part.length) {
      view.setUint32(HeaderOffset.FLAGS, HeaderFlag.RELATED_OPERATIONS, true);
      part.fill(0xff, id, id + 16);
    }
    return part;
  });
  return new Uint8Array(Buffer.concat(parts));
}

async function fuzzShare(disk: FuzzDisk, share: string): Promise<void> {
  const random = createRandom(seed + share.length * 31 + share.charCodeAt(0));
  let mounted = await mount(share);
  const first = await openFileTargets(mounted);
  let targets: FileTargets = first;
  const samples = [
    closeSamples(mounted, first),
    createSamples(mounted),
    informationSamples(mounted, first),
    listingSamples(mounted, first),
    controlSamples(mounted, first),
    dataSamples(mounted, first),
  ].map((calls) =>
    calls.map((call) => mounted.client.build({ ...call, messageId: 0, sign: false }).bytes.slice()),
  );
  const end = performance.now() + seconds * 1000;
  let count = 0;
  let used = 0;
  while (performance.now() < end || count < LEAST_REQUESTS) {
    if (mounted.client.socket.isClosed || ++used > 60) {
      mounted.client.close();
      if (isNearlyFull(disk)) await expectHealth(disk, share);
      mounted = await mount(share);
      targets = await openFileTargets(mounted);
      used = 0;
    }
    // One in ten rounds sends several requests at once, which may be completed out of order.
    const inputs = Array.from({ length: random() < 0.1 ? 2 + Math.floor(random() * 15) : 1 }, () => {
      const group = samples[random() < 0.02 ? 0 : 1 + Math.floor(random() * (samples.length - 1))] ?? [];
      const input = spoil(group[Math.floor(random() * group.length)] ?? new Uint8Array(64), random);
      retargetFiles(input, first, targets);
      return input;
    });
    try {
      const statuses = await sendAll(mounted, inputs, random() < 0.4);
      // A new connection if a request waits, and an empty disk if one has filled it.
      const isOver =
        statuses === undefined || statuses.includes(undefined) || statuses.includes(Status.DISK_FULL);
      if (isOver) mounted.client.close();
      if (statuses?.includes(Status.FILE_CLOSED)) used += 10;
      const before = count;
      count += inputs.length;
      if (Math.floor(before / BATCH) !== Math.floor(count / BATCH)) {
        mounted.client.close();
        await expectHealth(disk, share);
      }
    } catch (error) {
      mounted.client.close();
      const messages = inputs.map((input) => input.toHex()).join(" ");
      throw new Error(`seed ${seed}, ${share}, message ${count}: ${messages}`, { cause: error });
    }
  }
  mounted.client.close();
  await expectHealth(disk, share);
  await expectNothingHeld();
  told(`${share}: ${count} requests`);
}

/**
 * Returns the sample unchanged, truncated, or mutated: anywhere, or in the second half (inner structures).
 */
function spoil(sample: Uint8Array, random: () => number): Uint8Array {
  const kind = random();
  if (kind < 0.1) return sample.slice();
  if (kind < 0.2) return sample.slice(0, 64 + Math.floor(random() * (sample.length - 64)));
  const input = mutate(sample, random, kind < 0.6 ? 64 : (64 + sample.length) >> 1);
  // Mostly keeps StructureSize and FileId, because a request with wrong ones is refused at once.
  if (random() < 0.9) input.set(sample.subarray(64, 66), 64);
  const id = FILE_ID_AT.get(sample[HeaderOffset.COMMAND] ?? 0);
  if (id !== undefined && random() < 0.9) input.set(sample.subarray(id, id + 16), id);
  return input;
}

/** Offset of the FileId in requests, by command. */
const FILE_ID_AT: ReadonlyMap<number, number> = new Map([
  [Command.CLOSE, 72],
  [Command.READ, 80],
  [Command.WRITE, 80],
  [Command.IOCTL, 72],
  [Command.QUERY_DIRECTORY, 72],
  [Command.QUERY_INFO, 88],
  [Command.SET_INFO, 80],
]);

/** Mutates the stored metadata of files on the disk, then makes every kind of request on them. */
async function fuzzStored(disk: FuzzDisk, role: (typeof ROLES)[number]): Promise<void> {
  const share = shareOf(disk.kind, role);
  const path = server.shares.get(share) ?? "";
  const random = createRandom(seed + 7 * share.length + share.charCodeAt(0));
  const end = performance.now() + seconds * 500;
  let rounds = 0;
  do {
    rounds++;
    const mounted = await mount(share);
    try {
      await plantGarbage(mounted, path, role, random);
      await lookAtEverything(mounted, MAX_REQUEST_MS);
    } catch (error) {
      mounted.client.close();
      throw new Error(`seed ${seed}, ${share}, round ${rounds}`, { cause: error });
    }
    mounted.client.close();
    await expectHealth(disk, share);
  } while (performance.now() < end);
  await expectNothingHeld();
  told(`${share}: ${rounds} rounds of mutated metadata`);
}

/** Prints the amount of work in a longer run (FUZZ_SECONDS). */
function told(text: string): void {
  if (process.env["FUZZ_SECONDS"] === undefined) return;
  process.stdout.write(`${text}; ${anonymousKib(server) - idleKib} KiB more than idle\n`);
}
