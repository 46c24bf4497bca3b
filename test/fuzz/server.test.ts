// Fuzzes a running server with mutated messages before and after log-on, unsigned, signed and encrypted. The
// environment variables FUZZ_SECONDS and FUZZ_SEED change duration and seed; a failure reports the seed.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Command } from "../../src/wire/header.ts";
import { anonymousKib, expectServing, mountTest } from "../e2e/client/attack-rig.ts";
import { RawClient } from "../e2e/client/raw-client.ts";
import { callOn, type Mount } from "../e2e/client/raw-files.ts";
import { ConnectionClosed, type RawSocket } from "../e2e/client/raw-socket.ts";
import { startServer } from "../e2e/client/server.ts";
import type { TestServer } from "../peer/test-server.ts";
import { createInputs, createRandom } from "./bytes.ts";
import { callsAfterLogOn, callsBeforeLogOn, openTargets, repairHeader, retarget } from "./server-samples.ts";

const seconds = Number(process.env["FUZZ_SECONDS"] ?? "3");
const seed = Number(process.env["FUZZ_SEED"] ?? "20261122");
/** Messages that every test sends at least, however little of the machine it gets. */
const FEWEST = 200;
const TIMEOUT_MS = (seconds + 120) * 1000;
const MAX_GROWTH_KIB = 96 * 1024;

let server: TestServer;
let path = "";
let isMounted = false;
let idleKib = 0;

beforeAll(async () => {
  // A small disk, because a mutated size can be a valid one that fills it.
  path = mkdtempSync(join(tmpdir(), "minismbd-fuzz-"));
  const words = ["-t", "tmpfs", "-o", "size=64m,nr_inodes=20000,mode=0777", "tmpfs", path];
  isMounted = process.getuid?.() === 0 && spawnSync("mount", words).status === 0;
  server = await startServer({ shares: [{ name: "test", path }], parameters: { "log level": "error" } });
  await expectServing(server);
  idleKib = anonymousKib(server);
});

afterAll(async () => {
  try {
    // Throws when the log has an uncaught exception, whatever the responses were.
    await server.stop();
  } finally {
    if (isMounted) spawnSync("umount", [path]);
    rmSync(path, { recursive: true, force: true });
  }
});

/** Runs `step` with mutated messages until the time is up, and checks the server every 500 messages. */
async function fuzz(
  samples: readonly Uint8Array[],
  salt: number,
  step: (input: Uint8Array, random: () => number) => Promise<void>,
): Promise<void> {
  const end = performance.now() + seconds * 1000;
  const random = createRandom(seed + salt);
  let count = 0;
  const isDone = (): boolean => count >= FEWEST && performance.now() >= end;
  for (let round = 0; !isDone(); round++) {
    for (const input of createInputs(samples, 2000, seed + salt + round)) {
      try {
        await step(input, random);
        if (++count % 500 === 0) await expectHealth();
      } catch (error) {
        throw new Error(`seed ${seed}, message ${count}: ${Buffer.from(input).toString("hex")}`, {
          cause: error,
        });
      }
      if (isDone()) break;
    }
  }
  await expectHealth();
}

async function expectHealth(): Promise<void> {
  if (isMounted) spawnSync("find", [path, "-mindepth", "1", "-delete"]);
  await expectServing(server);
  expect(anonymousKib(server) - idleKib).toBeLessThan(MAX_GROWTH_KIB);
}

/** Sends a message and an ECHO after it. Returns false if the connection has ended. */
async function sendAndEcho(client: RawClient, bytes: Uint8Array, mount?: Mount): Promise<boolean> {
  client.transmit(bytes, mount?.session);
  if (client.socket.isClosed) return false;
  const echo = mount
    ? callOn(mount, Command.ECHO, (writer) => writer.u32(4))
    : { command: Command.ECHO, body: (writer: { u32(value: number): void }) => writer.u32(4) };
  try {
    await client.request({ ...echo, credits: 8 });
    client.unclaimed.length = 0;
    return true;
  } catch (error) {
    if (error instanceof ConnectionClosed) return false;
    throw error;
  }
}

describe("the server survives mutated messages", () => {
  test(
    "before negotiation and log-on",
    async () => {
      const builder = await RawClient.connect(server);
      const samples = callsBeforeLogOn().map((call) => builder.build({ ...call, messageId: 0 }).bytes);
      builder.close();
      await fuzz(samples, 1, async (input, random) => {
        const client = await RawClient.connect(server);
        const isNegotiated = random() < 0.6;
        if (isNegotiated) await client.negotiate({ dialects: [random() < 0.5 ? 0x0311 : 0x0210] });
        if (random() < 0.8) repairHeader(input, client.nextMessageId++);
        const length = random() < 0.95 ? input.length : Math.floor(random() * 0x1_0000);
        client.audit = undefined;
        client.socket.sendFrame(input, length);
        if (length <= input.length) await settle(client.socket);
        client.close();
      });
    },
    TIMEOUT_MS,
  );

  test.each(["plain", "signed", "sealed"] as const)(
    "after log-on, %s",
    async (protection) => {
      let mount = await mountTest(server, { protection });
      const first = await openTargets(mount);
      let targets = first;
      const samples = callsAfterLogOn(mount, first, isMounted).map((call) =>
        mount.client.build({ ...call, messageId: 0, sign: false }).bytes.slice(),
      );
      await fuzz(samples, protection.length, async (input, random) => {
        if (mount.client.socket.isClosed) {
          mount = await mountTest(server, { protection });
          targets = await openTargets(mount);
        }
        const { client, session } = mount;
        retarget(input, first, targets);
        if (random() < 0.9) repairHeader(input, client.nextMessageId++, mount);
        if (protection === "signed" && input.length >= 64) session.sign(input);
        const isAlive = await sendAndEcho(client, input, mount);
        // Sometimes a new connection, because file, tree or session may have ended.
        if (!isAlive || random() < 0.05) client.close();
      });
      mount.client.close();
    },
    TIMEOUT_MS,
  );
});

/**
 * Waits up to 5 ms for a response or the end of the connection, because mutated messages may cause neither.
 */
async function settle(socket: RawSocket): Promise<void> {
  const received = socket.bytesReceived;
  for (let wait = 0; wait < 5 && !socket.isClosed && socket.bytesReceived === received; wait++)
    await Bun.sleep(1);
}
