// How TCP connections end: a client that closes its sending side, resets, or vanishes while the server answers.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { Command } from "../../../src/wire/header.ts";
import { LockFlag } from "../../../src/wire/command/lock.ts";
import { Status } from "../../../src/wire/status.ts";
import type { TestServer } from "../../peer/test-server.ts";
import { mountTest } from "../client/attack-rig.ts";
import { RawClient } from "../client/raw-client.ts";
import type { Call } from "../client/raw-calls.ts";
import {
  type Mount,
  callOn,
  createDirectory,
  createFile,
  openFile,
  readCall,
  readFile,
  writeFile,
} from "../client/raw-files.ts";
import { EXCLUSIVE_NOW, lockOne } from "../client/lock-calls.ts";
import { startWaiting } from "../client/raw-notify.ts";
import { startServer } from "../client/server.ts";

const MIB = 1024 * 1024;

function echoOn(mount: Mount): Call {
  return callOn(mount, Command.ECHO, (writer) => writer.u32(4));
}

/** Enough credits for all that a test sends at once. */
async function takeCredits(mount: Mount): Promise<void> {
  await mount.client.request({ ...echoOn(mount), credits: 512 });
}

/** The two ways in which sockets are watched: by the server, and by the runtime where /proc is missing. */
describe.each([
  ["the server watches", {}],
  ["the runtime watches", { MINISMBD_RUNTIME_SOCKETS: "1" }],
])("on sockets that %s", (_, environment) => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startServer({ environment });
  });
  afterAll(() => server.stop());

  test("a client that closes its sending side gets the answers to all it sent, then the end", async () => {
    const mount = await mountTest(server);
    const file = await createFile(mount, "half closed");
    const data = new Uint8Array(MIB).map((_byte, i) => i * 7);
    expect(await writeFile(mount, file, 0, data)).toBe(MIB);
    await takeCredits(mount);
    const reads = Array.from({ length: 8 }, () => mount.client.start(readCall(mount, file, 0, MIB)));
    const echo = mount.client.start(echoOn(mount));
    mount.client.socket.end();
    for (const { reply } of reads) expect((await reply).status).toBe(Status.SUCCESS);
    expect((await echo.reply).status).toBe(Status.SUCCESS);
    expect(await mount.client.isClosedSoon()).toBe(true);
  });

  test("a client that closes its sending side does not wait for others in the middle of a compound", async () => {
    const mount = await mountTest(server);
    const file = await createFile(mount, "locked");
    await mount.client.demand("LOCK", lockOne(mount, file, 0, 1, EXCLUSIVE_NOW));
    mount.client.compound([lockOne(mount, file, 0, 1, LockFlag.EXCLUSIVE), echoOn(mount)]);
    mount.client.socket.end();
    expect(await mount.client.isClosedSoon()).toBe(true);
  });

  test("a client that reads nothing before it closes its sending side gets its answers when it reads", async () => {
    const mount = await mountTest(server);
    const file = await createFile(mount, "slow half");
    expect(await writeFile(mount, file, 0, new Uint8Array(MIB))).toBe(MIB);
    await takeCredits(mount);
    mount.client.socket.pause();
    const reads = Array.from({ length: 12 }, () => mount.client.start(readCall(mount, file, 0, MIB)));
    mount.client.socket.end();
    await Bun.sleep(300);
    mount.client.socket.resume();
    for (const { reply } of reads) expect((await reply).status).toBe(Status.SUCCESS);
    expect(await mount.client.isClosedSoon()).toBe(true);
  });

  test("requests that wait for other clients end with the connection of a client that sends no more", async () => {
    const mount = await mountTest(server);
    const directory = await createDirectory(mount, "watched to the end");
    await startWaiting(mount, directory, {});
    mount.client.socket.end();
    expect(await mount.client.isClosedSoon()).toBe(true);
  });

  test("a client that vanishes in the middle of a message leaves nothing behind", async () => {
    const mount = await mountTest(server);
    const file = await createFile(mount, "unfinished");
    expect(await writeFile(mount, file, 0, new Uint8Array(10))).toBe(10);
    mount.client.socket.sendFrame(new Uint8Array(100), 200_000);
    await Bun.sleep(50);
    mount.client.socket.destroy();
    // `stop` fails where the server still holds something.
    const other = await mountTest(server);
    const again = (await openFile(other, "unfinished")).fileId;
    expect((await readFile(other, again, 0, 10)).length).toBe(10);
    other.client.close();
  });

  test("1000 connections that are opened and closed at once leave no descriptor behind", async () => {
    const count = (): number => readdirSync(`/proc/${server.pid}/fd`).length;
    const before = count();
    for (let round = 0; round < 10; round++) {
      const clients = await Promise.all(Array.from({ length: 100 }, () => RawClient.connect(server)));
      for (const [i, client] of clients.entries()) {
        if (i % 2 === 0) client.socket.end();
        else client.socket.destroy();
      }
    }
    const end = performance.now() + 5000;
    while (count() > before && performance.now() < end) await Bun.sleep(20);
    expect(count()).toBeLessThanOrEqual(before);
    const mount = await mountTest(server);
    expect((await mount.client.request(echoOn(mount))).status).toBe(Status.SUCCESS);
    mount.client.close();
  });
});
