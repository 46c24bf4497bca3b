// Attacks on memory, the processor and the disk: other clients are served meanwhile, and memory stays
// bounded. [MS-SMB2] 3.3.5.9 (limits of opens), 3.3.5.13 (STATUS_DISK_FULL).
import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Writer } from "../../../src/wire/cursor.ts";
import { Command, HeaderOffset } from "../../../src/wire/header.ts";
import { Status } from "../../../src/wire/status.ts";
import { giveToTester, TESTER, type TestServer } from "../../peer/test-server.ts";
import {
  callOn,
  closeFile,
  createCall,
  createFile,
  listDirectory,
  type Mount,
  openFile,
  readCall,
  readFile,
  writeCall,
  writeFile,
} from "../client/raw-files.ts";
import { anonymousKib, expectOutcome, expectServing, mountTest, startVictim } from "../client/attack-rig.ts";

/** `buffer budget`, set below: memory for requests and replies under way. */
const BUDGET_KIB = 32 * 1024;

let server: TestServer;
beforeAll(async () => {
  server = await startVictim({ parameters: { "buffer budget": "32M", "max connections": "500" } });
});
afterAll(() => server.stop());
afterEach(() => expectServing(server));

const MIB = 1024 * 1024;

async function gatherCredits(mount: Mount, wanted: number): Promise<void> {
  for (let round = 0; mount.client.credits < wanted && round < 100; round++) {
    await mount.client.request({ ...echo(mount), credits: 512 });
  }
}

const echo = (mount: Mount) => callOn(mount, Command.ECHO, (writer: Writer) => writer.u32(4));

describe("memory", () => {
  test("ten clients that never read replies of 100 MiB each take less than 96 MiB", async () => {
    const setUp = await mountTest(server);
    const file = await createFile(setUp, "large");
    await writeFile(setUp, file, 0, new Uint8Array(MIB).fill(1));
    await closeFile(setUp, file);
    setUp.client.close();
    const before = anonymousKib(server);
    const mounts: Mount[] = [];
    for (let index = 0; index < 10; index++) {
      const mount = await mountTest(server);
      const { fileId } = await openFile(mount, "large");
      await gatherCredits(mount, 2000);
      mount.client.socket.pause();
      for (let round = 0; round < 100; round++) {
        const { bytes } = mount.client.build(readCall(mount, fileId, 0, MIB));
        mount.client.transmit(bytes, mount.session);
      }
      mounts.push(mount);
    }
    await Bun.sleep(500);
    await expectServing(server);
    // Ten clients have asked for 100 MiB each.
    expect(anonymousKib(server) - before).toBeLessThan(BUDGET_KIB + 64 * 1024);
    for (const { client } of mounts) client.close();
  }, 60_000);

  test("100 writes of 1 MiB that are not sent to their end take less than 96 MiB", async () => {
    const before = anonymousKib(server);
    const mounts: Mount[] = [];
    for (let index = 0; index < 100; index++) {
      const mount = await mountTest(server);
      const file = await createFile(mount, `slow ${index}`);
      await gatherCredits(mount, 20);
      const { bytes } = mount.client.build(writeCall(mount, file, 0, new Uint8Array(MIB)));
      mount.client.socket.sendFrame(bytes.subarray(0, 700_000), bytes.length);
      mounts.push(mount);
    }
    await Bun.sleep(500);
    await expectServing(server);
    expect(anonymousKib(server) - before).toBeLessThan(BUDGET_KIB + 64 * 1024);
    for (const { client } of mounts) client.close();
  }, 60_000);

  test("a client that opens a file 400 times gets `max open files` opens", async () => {
    const small = await startVictim({ parameters: { "max open files": "300" } });
    try {
      const mount = await mountTest(small);
      await closeFile(mount, await createFile(mount, "one"));
      await gatherCredits(mount, 100);
      let opened = 0;
      for (let round = 0; round < 400; round++) {
        const outcome = await mount.client.outcome(createCall(mount, "one"));
        if (outcome === Status.SUCCESS) opened++;
        else expectOutcome(outcome, Status.INSUFFICIENT_RESOURCES, Status.TOO_MANY_OPENED_FILES);
      }
      expect(opened).toBe(300);
      mount.client.close();
      await Bun.sleep(200);
      await expectServing(small);
    } finally {
      await small.stop();
    }
  });

  test("200 sessions on one connection take less than 24 MiB", async () => {
    const mount = await mountTest(server);
    const before = anonymousKib(server);
    for (let round = 0; round < 200; round++) {
      const session = await mount.client.logOn(TESTER);
      const treeId = await mount.client.connectTree(session, "test");
      const theirs = { ...mount, session, treeId };
      await openFile(theirs, "");
      if (round % 2 === 0) {
        const logOff = callOn(theirs, Command.LOGOFF, (writer: Writer) => writer.u32(4));
        expectOutcome(await mount.client.outcome(logOff), Status.SUCCESS);
      }
    }
    expect(anonymousKib(server) - before).toBeLessThan(24 * 1024);
    mount.client.close();
  }, 30_000);
});

describe("processor", () => {
  test("other clients are served while one sends 100,000 ECHO requests", async () => {
    const mount = await mountTest(server, { protection: "plain" });
    await gatherCredits(mount, 1000);
    let done = 0;
    const flood = (async (): Promise<void> => {
      for (let round = 0; round < 200; round++) {
        const replies: Promise<unknown>[] = [];
        for (let index = 0; index < 500; index++)
          replies.push(mount.client.request({ ...echo(mount), credits: 1 }));
        await Promise.all(replies);
        done += replies.length;
      }
    })();
    let served = 0;
    while (done < 100_000 && served < 1000) {
      await expectServing(server);
      served++;
      await Bun.sleep(20);
    }
    await flood;
    expect(done).toBe(100_000);
    expect(served).toBeGreaterThan(2);
    mount.client.close();
  }, 60_000);

  test("other clients are served while ten list a directory of 20,000 names", async () => {
    const folder = join(server.shares.get("test") ?? "", "many");
    mkdirSync(folder);
    for (let index = 0; index < 20_000; index++) writeFileSync(join(folder, `name ${index}`), "");
    giveToTester(folder);
    const before = anonymousKib(server);
    const listings = Array.from({ length: 10 }, async () => {
      const mount = await mountTest(server);
      const { fileId } = await openFile(mount, "many");
      const records = await listDirectory(mount, fileId);
      mount.client.close();
      return records.length;
    });
    for (let round = 0; round < 5; round++) await expectServing(server);
    expect(new Set(await Promise.all(listings))).toEqual(new Set([20_002]));
    expect(anonymousKib(server) - before).toBeLessThan(96 * 1024);
    rmSync(folder, { recursive: true });
  }, 60_000);
});

describe("disk", () => {
  const canMount = process.getuid?.() === 0;
  test.skipIf(!canMount)("a client that fills a disk gets STATUS_DISK_FULL and reads its data", async () => {
    const path = mkdtempSync(join(tmpdir(), "minismbd-full-"));
    const mounted = spawnSync("mount", ["-t", "tmpfs", "-o", "size=2m,mode=0777", "tmpfs", path]);
    expect(mounted.status).toBe(0);
    try {
      const full = await startVictim({ shares: [{ name: "test", path }] });
      const mount = await mountTest(full);
      const file = await createFile(mount, "grows");
      let outcome = 0;
      for (let at = 0; at < 64 && outcome === 0; at++) {
        const call = writeCall(mount, file, at * 65_536, new Uint8Array(65_536).fill(1));
        outcome = Number(await mount.client.outcome(call));
      }
      expectOutcome(outcome, Status.DISK_FULL);
      expect((await readFile(mount, file, 0, 65_536)).length).toBe(65_536);
      mount.client.close();
      await full.stop();
    } finally {
      spawnSync("umount", [path]);
      rmSync(path, { recursive: true, force: true });
    }
  });

  test.skipIf(!canMount)("a share whose folder is removed serves again when the folder is back", async () => {
    const gone = await startVictim();
    const path = gone.shares.get("test") ?? "";
    const mount = await mountTest(gone);
    const file = await createFile(mount, "orphan");
    rmSync(path, { recursive: true });
    const outcome = await mount.client.outcome(
      createCall(mount, "new", { createDisposition: 2, desiredAccess: 3 }),
    );
    expect(outcome).not.toBe(Status.SUCCESS);
    expectOutcome(await mount.client.outcome(writeCall(mount, file, 0, new Uint8Array(10))), Status.SUCCESS);
    mount.client.close();
    mkdirSync(path);
    giveToTester(path);
    await expectServing(gone);
    await gone.stop();
  });
});

describe("large integers", () => {
  test("session ids and FileIds of 2^53, 2^63 and all ones are unknown", async () => {
    for (const id of [2n ** 53n, 2n ** 53n + 1n, 2n ** 63n, 2n ** 64n - 1n]) {
      const mount = await mountTest(server);
      const edit = (_bytes: Uint8Array, view: DataView): void =>
        view.setBigUint64(HeaderOffset.SESSION_ID, id, true);
      const outcome = await mount.client.outcome({
        ...echo(mount),
        command: Command.TREE_CONNECT,
        sign: false,
        edit,
      });
      expectOutcome(outcome, Status.USER_SESSION_DELETED, Status.INVALID_PARAMETER, "closed");
      mount.client.close();
      const other = await mountTest(server);
      const file = await createFile(other, "ids");
      const changed = (_bytes: Uint8Array, view: DataView): void => {
        view.setBigUint64(64 + 16, id, true);
        view.setBigUint64(64 + 24, id, true);
      };
      expectOutcome(
        await other.client.outcome({ ...readCall(other, file, 0, 1), edit: changed }),
        Status.FILE_CLOSED,
      );
      other.client.close();
    }
  });
});
