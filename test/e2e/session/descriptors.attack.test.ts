// Attacks on the server's descriptors at several limits (RLIMIT_NOFILE): one user's opens leave room for
// others' log-ons, tree connects and files, and the server never ends.
import { describe, expect, test } from "bun:test";
import { Status } from "../../../src/wire/status.ts";
import { canMountFuse, SlowDisk } from "../../peer/fuse/slow-disk.ts";
import { TESTER, TESTER2, type TestServer } from "../../peer/test-server.ts";
import { expectOutcome, freshAddress, startVictim } from "../client/attack-rig.ts";
import { RawClient } from "../client/raw-client.ts";
import {
  closeFile,
  createCall,
  createFile,
  listDirectory,
  type Mount,
  mountShare,
  openFile,
  readFile,
  writeFile,
} from "../client/raw-files.ts";

/** Opens one file until the server refuses, over as many sessions as it allows; returns the opens. */
async function exhaust(server: TestServer, sessions: number) {
  const mounts: Mount[] = [];
  let opens = 0;
  for (let index = 0; index < sessions; index++) {
    const mount = await mountShare(server, TESTER, "test");
    mounts.push(mount);
    for (;;) {
      const outcome = await mount.client.outcome(createCall(mount, "one"));
      if (outcome === Status.SUCCESS) {
        opens++;
        continue;
      }
      expectOutcome(outcome, Status.TOO_MANY_OPENED_FILES);
      break;
    }
  }
  return { mounts, opens };
}

/** Another user's client logs on, connects, lists, writes, reads and closes. */
async function expectServesOther(server: TestServer): Promise<void> {
  const mount = await mountShare(server, TESTER2, "test");
  const file = await createFile(mount, "other");
  expect(await writeFile(mount, file, 0, new Uint8Array([1, 2, 3]))).toBe(3);
  expect(await readFile(mount, file, 0, 3)).toEqual(new Uint8Array([1, 2, 3]));
  await closeFile(mount, file);
  const folder = (await openFile(mount, "")).fileId;
  expect((await listDirectory(mount, folder)).length).toBeGreaterThan(2);
  await mount.client.connectTree(mount.session, "second");
  mount.client.close();
}

const shares = [{ name: "test", parameters: { "force user": "root" } }, { name: "second" }];

describe.each([64, 256, 1024])("with %d descriptors", (openFileLimit) => {
  test("a user who opens all files that he may leaves room for another", async () => {
    const server = await startVictim({ openFileLimit, shares });
    const setUp = await mountShare(server, TESTER, "test");
    await closeFile(setUp, await createFile(setUp, "one"));
    setUp.client.close();
    const { mounts, opens } = await exhaust(server, 2);
    expect(opens).toBeGreaterThan(openFileLimit / 16);
    expect(opens).toBeLessThan(openFileLimit / 2);
    for (let round = 0; round < 3; round++) await expectServesOther(server);
    // What is closed can be opened again.
    for (const { client } of mounts) client.close();
    await Bun.sleep(200);
    const again = await exhaust(server, 1);
    expect(again.opens).toBe(opens);
    for (const { client } of again.mounts) client.close();
    await server.stop();
  }, 60_000);

  test("300 connections from one address leave room for another address", async () => {
    const server = await startVictim({ openFileLimit, shares, parameters: { "max ip connections": "64" } });
    const clients: (RawClient | undefined)[] = [];
    const from = freshAddress();
    for (let index = 0; index < 300; index++)
      clients.push(await RawClient.connect(server, from).catch(() => undefined));
    await Bun.sleep(300);
    await expectServesOther(server);
    for (const client of clients) client?.close();
    await Bun.sleep(300);
    await expectServesOther(server);
    await server.stop();
  }, 60_000);
});

test.skipIf(!(await canMountFuse()))(
  "with 64 descriptors a disk that only workers may touch is served beside a user who opens all files",
  async () => {
    const disk = await SlowDisk.mount();
    const limited = [...shares, { name: "fuse", path: disk.folder, parameters: { "force user": "root" } }];
    const server = await startVictim({ openFileLimit: 64, shares: limited });
    const setUp = await mountShare(server, TESTER, "test");
    await closeFile(setUp, await createFile(setUp, "one"));
    setUp.client.close();
    const { mounts } = await exhaust(server, 2);
    for (let round = 0; round < 3; round++) {
      const mount = await mountShare(server, TESTER2, "fuse");
      const file = await createFile(mount, `by a worker ${round}`);
      expect(await writeFile(mount, file, 0, new Uint8Array([1, 2, 3]))).toBe(3);
      await closeFile(mount, file);
      mount.client.close();
    }
    for (const { client } of mounts) client.close();
    await server.stop();
    await disk.dispose();
  },
  60_000,
);

describe("options", () => {
  test("`max open files` limits a session, `max user open files` a user, `max total open files` all", async () => {
    const parameters = { "max open files": "10", "max user open files": "15", "max total open files": "18" };
    const server = await startVictim({ shares, parameters });
    const opened = async (mount: Mount): Promise<number> => {
      for (let count = 0; ; count++) {
        const outcome = await mount.client.outcome(createCall(mount, ""));
        if (outcome === Status.SUCCESS) continue;
        expectOutcome(outcome, Status.TOO_MANY_OPENED_FILES);
        return count;
      }
    };
    const first = await mountShare(server, TESTER, "test");
    const second = await mountShare(server, TESTER, "test");
    const other = await mountShare(server, TESTER2, "test");
    expect([await opened(first), await opened(second), await opened(other)]).toEqual([10, 5, 3]);
    expect(server.log()).toContain("'max total open files' is reached");
    for (const { client } of [first, second, other]) client.close();
    await server.stop();
  });
});
