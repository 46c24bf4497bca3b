// A server killed under load and started again: the port and the lock file are free, answered writes are there,
// and FileIds of the killed server reach nothing. [MS-SMB2] 3.3.5.9.7, 3.3.5.9.12.
import { afterEach, beforeEach, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { CreateDisposition, type CreateRequest, OplockLevel } from "../../../src/wire/command/create.ts";
import type { FileId } from "../../../src/wire/file-id.ts";
import { Command } from "../../../src/wire/header.ts";
import { encodeFlushRequest } from "../../../src/wire/command/flush.ts";
import { Status } from "../../../src/wire/status.ts";
import { TESTER } from "../../peer/test-server.ts";
import { expectOutcome } from "../client/attack-rig.ts";
import { KillableServer } from "../client/killable-server.ts";
import {
  callOn,
  closeFile,
  createCall,
  createFile,
  type Mount,
  mountShare,
  openFile,
  READ_WRITE,
  readFile,
  writeFile,
} from "../client/raw-files.ts";
import { findFault } from "../client/server.ts";

const CLIENTS = 12;
const BLOCK = 4096;
const ROUNDS = 3;

let server: KillableServer;
beforeEach(async () => {
  server = await KillableServer.start({ parameters: { "max ip connections": "1000" } });
});
afterEach(() => server?.stop());

const mountAgain = (): Promise<Mount> => mountShare(server, TESTER, "test");

const durable = (options: Partial<CreateRequest> = {}): Partial<CreateRequest> => ({
  desiredAccess: READ_WRITE,
  createDisposition: CreateDisposition.OPEN_IF,
  oplockLevel: OplockLevel.BATCH,
  contexts: { durableRequest: true },
  ...options,
});

async function flush(mount: Mount, fileId: FileId): Promise<void> {
  await mount.client.demand(
    "FLUSH",
    callOn(mount, Command.FLUSH, (writer) => encodeFlushRequest(writer, { fileId })),
  );
}

const blockOf = (client: number, index: number): Uint8Array =>
  new Uint8Array(BLOCK).fill((client * 31 + index * 7) & 0xff);

interface Writing {
  readonly fileId: FileId;
  /** Blocks whose WRITE and FLUSH were answered. */
  flushed: number;
}

/** Writes and flushes blocks until the server is gone. */
async function writeUntilKilled(mount: Mount, client: number, writing: Writing): Promise<void> {
  try {
    for (let index = writing.flushed; ; index++) {
      await writeFile(mount, writing.fileId, index * BLOCK, blockOf(client, index));
      await flush(mount, writing.fileId);
      writing.flushed = index + 1;
    }
  } catch {
    // The connection has ended.
  }
}

test("what was written and flushed before SIGKILL is there after a restart, and handles do not come back", async () => {
  for (let round = 0; round < ROUNDS; round++) {
    if (round > 0) await server.start();
    const mounts = await Promise.all(Array.from({ length: CLIENTS }, mountAgain));
    const writings: Writing[] = [];
    for (const [client, mount] of mounts.entries()) {
      const { fileId } = await openFile(mount, `r${round} c${client}`, durable());
      writings.push({ fileId, flushed: 0 });
    }
    const loads = mounts.map((mount, client) =>
      writeUntilKilled(mount, client, writings[client] ?? { fileId: mount as never, flushed: 0 }),
    );
    const end = performance.now() + 15_000;
    while (writings.some(({ flushed }) => flushed < 3) && performance.now() < end) await Bun.sleep(10);
    await server.kill();
    expect(existsSync(server.lock)).toBe(true);
    await server.start();
    await Promise.all(loads);
    // Other opens first, which must not be taken for those of the killed server.
    const early = await mountAgain();
    for (let index = 0; index < CLIENTS * 2; index++) await openFile(early, `decoy ${index}`, durable());
    early.client.close();
    for (const [client, { fileId, flushed }] of writings.entries()) {
      const mount = await mountAgain();
      const name = `r${round} c${client}`;
      const again = createCall(mount, name, durable({ contexts: { durableReconnect: fileId } }));
      expectOutcome(await mount.client.outcome(again), Status.OBJECT_NAME_NOT_FOUND);
      const reopened = await openFile(mount, name, durable({ createDisposition: CreateDisposition.OPEN }));
      expect(flushed).toBeGreaterThan(0);
      for (let index = 0; index < flushed; index++) {
        const found = await readFile(mount, reopened.fileId, index * BLOCK, BLOCK);
        if (!Buffer.from(found).equals(Buffer.from(blockOf(client, index))))
          throw new Error(`block ${index} of ${name} is lost`);
      }
      mount.client.close();
    }
    expect(await server.end()).toBe(0);
    expect(existsSync(server.lock)).toBe(false);
  }
  expect(findFault(server.log())).toBeUndefined();
}, 90_000);

test("an open of one client cannot be reconnected by a FileId of the killed server", async () => {
  const first = await mountAgain();
  await closeFile(first, await createFile(first, "mine"));
  const { fileId } = await openFile(first, "mine", durable());
  await server.kill();
  await server.start();
  const other = await mountAgain();
  await closeFile(other, await createFile(other, "theirs"));
  await openFile(other, "theirs", durable());
  other.client.close();
  await Bun.sleep(200);
  const mount = await mountAgain();
  const again = createCall(mount, "mine", durable({ contexts: { durableReconnect: fileId } }));
  expectOutcome(await mount.client.outcome(again), Status.OBJECT_NAME_NOT_FOUND);
  mount.client.close();
  expect(await server.end()).toBe(0);
}, 30_000);
