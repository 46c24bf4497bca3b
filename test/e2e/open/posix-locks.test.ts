// `posix locking`: programs on the server and clients see each other's locks; fcntl(2), F_OFD_SETLK. [MS-FSA]
// 2.1.5.8 has no lockers outside the server: a conflict with one also gets LOCK_NOT_GRANTED.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { closeSync, openSync } from "node:fs";
import { join } from "node:path";
import { LockType, lockRange, testRange } from "../../../src/linux/locks.ts";
import { Access } from "../../../src/wire/security/access.ts";
import { LockFlag } from "../../../src/wire/command/lock.ts";
import { Status } from "../../../src/wire/status.ts";
import { TESTER, type TestServer } from "../../peer/test-server.ts";
import { element, EXCLUSIVE_NOW, lockCall, lockOne, SHARED_NOW } from "../client/lock-calls.ts";
import {
  closeFile,
  createFile,
  type Mount,
  mountShare,
  openFile,
  READ_WRITE,
  writeFile,
} from "../client/raw-files.ts";
import { startServer } from "../client/server.ts";

const { UNLOCK, EXCLUSIVE } = LockFlag;

let server: TestServer;
beforeAll(async () => {
  server = await startServer({
    shares: [{ name: "seen", parameters: { "posix locking": "yes" } }, { name: "unseen" }],
  });
});
afterAll(() => server.stop());

/** Makes a file on a share, an open of it, and a local program's descriptor. */
async function begin(share: string, name: string) {
  const mount = await mountShare(server, TESTER, share);
  const fileId = await createFile(mount, name);
  await writeFile(mount, fileId, 0, new Uint8Array(100));
  const fd = openSync(join(server.shares.get(share) ?? "", name), "r+");
  return {
    mount,
    fileId,
    fd,
    end: () => {
      closeSync(fd);
      mount.client.close();
    },
  };
}

async function lock(
  mount: Mount,
  fileId: Parameters<typeof lockOne>[1],
  at: number,
  length: number,
  flags: number,
) {
  return (await mount.client.request(lockOne(mount, fileId, at, length, flags))).status;
}

/** One letter per 10-byte block: a program can lock it exclusively (x), shared only (s) or not at all (-). */
function blocks(fd: number, count: number): string {
  let seen = "";
  for (let i = 0; i < count; i++) {
    const isFree = testRange(fd, LockType.WRITE, i * 10, 10) === 1;
    seen += isFree ? "x" : testRange(fd, LockType.READ, i * 10, 10) === 1 ? "s" : "-";
  }
  return seen;
}

describe("a local program", () => {
  test("sees overlapping locks of a client and their release one by one", async () => {
    const { mount, fileId, fd, end } = await begin("seen", "stack");
    expect(await lock(mount, fileId, 0, 20, EXCLUSIVE_NOW)).toBe(Status.SUCCESS);
    expect(await lock(mount, fileId, 10, 20, SHARED_NOW)).toBe(Status.SUCCESS);
    expect(await lock(mount, fileId, 20, 20, SHARED_NOW)).toBe(Status.SUCCESS);
    expect(blocks(fd, 5)).toBe("--ssx");
    expect(await lock(mount, fileId, 0, 20, UNLOCK)).toBe(Status.SUCCESS);
    expect(blocks(fd, 5)).toBe("xsssx");
    expect(await lock(mount, fileId, 10, 20, UNLOCK)).toBe(Status.SUCCESS);
    expect(blocks(fd, 5)).toBe("xxssx");
    await closeFile(mount, fileId);
    expect(blocks(fd, 5)).toBe("xxxxx");
    end();
  });

  test("sees a range to 2^64, but no empty ranges and none above 2^63", async () => {
    const { mount, fileId, fd, end } = await begin("seen", "far");
    const outcome = async (offset: bigint, length: bigint, flags: number) =>
      (await mount.client.request(lockOne(mount, fileId, offset, length, flags))).status;
    expect(await outcome(20n, 0n, EXCLUSIVE_NOW)).toBe(Status.SUCCESS);
    expect(await outcome(1n << 63n, 10n, EXCLUSIVE_NOW)).toBe(Status.SUCCESS);
    expect(blocks(fd, 5)).toBe("xxxxx");
    expect(await outcome(1n << 63n, 10n, UNLOCK)).toBe(Status.SUCCESS);
    expect(await outcome(30n, (1n << 64n) - 30n, EXCLUSIVE_NOW)).toBe(Status.SUCCESS);
    expect(blocks(fd, 5)).toBe("xxx--");
    expect(testRange(fd, LockType.READ, Number.MAX_SAFE_INTEGER, 1)).toBe(0);
    end();
  });

  test("sees no locks of clients on a share without `posix locking`", async () => {
    const { mount, fileId, fd, end } = await begin("unseen", "own");
    expect(await lock(mount, fileId, 0, 20, EXCLUSIVE_NOW)).toBe(Status.SUCCESS);
    expect(blocks(fd, 2)).toBe("xx");
    end();
  });
});

describe("locks of programs", () => {
  test("refuse a client's LOCK, and none of its ranges stays locked", async () => {
    const { mount, fileId, fd, end } = await begin("seen", "local");
    expect(lockRange(fd, LockType.WRITE, 50, 10)).toBe(0);
    const locks = [element(0, 10, EXCLUSIVE_NOW), element(50, 1, SHARED_NOW)];
    expect((await mount.client.request(lockCall(mount, fileId, locks))).status).toBe(Status.LOCK_NOT_GRANTED);
    expect(blocks(fd, 2)).toBe("xx");
    expect(await lock(mount, fileId, 0, 10, UNLOCK)).toBe(Status.RANGE_NOT_LOCKED);
    expect(await lock(mount, fileId, 40, 20, EXCLUSIVE)).toBe(Status.LOCK_NOT_GRANTED);
    expect(lockRange(fd, LockType.UNLOCK, 0, 0)).toBe(0);
    expect(await lock(mount, fileId, 40, 20, EXCLUSIVE)).toBe(Status.SUCCESS);
    expect(blocks(fd, 7)).toBe("xxxx--x");
    end();
  });

  test("a client's exclusive lock by an open without write access looks shared to programs", async () => {
    const { mount, fileId, fd, end } = await begin("seen", "reader");
    await closeFile(mount, fileId);
    const reader = await openFile(mount, "reader", { desiredAccess: Access.READ_DATA });
    expect(await lock(mount, reader.fileId, 0, 10, EXCLUSIVE_NOW)).toBe(Status.SUCCESS);
    expect(blocks(fd, 2)).toBe("sx");
    end();
  });
});

test("a lock passes to the next waiting open on unlock and on close", async () => {
  const { mount, fileId, fd, end } = await begin("seen", "pass");
  const others = [];
  expect(await lock(mount, fileId, 0, 10, EXCLUSIVE_NOW)).toBe(Status.SUCCESS);
  for (let i = 0; i < 2; i++) {
    const open = await openFile(mount, "pass", { desiredAccess: READ_WRITE });
    const pending = mount.client.start(lockOne(mount, open.fileId, 0, 10, EXCLUSIVE));
    await pending.interim;
    others.push({ ...pending, fileId: open.fileId });
  }
  expect(await lock(mount, fileId, 0, 10, UNLOCK)).toBe(Status.SUCCESS);
  expect((await others[0]?.reply)?.status).toBe(Status.SUCCESS);
  expect(blocks(fd, 2)).toBe("-x");
  if (others[0] !== undefined) await closeFile(mount, others[0].fileId);
  expect((await others[1]?.reply)?.status).toBe(Status.SUCCESS);
  expect(blocks(fd, 2)).toBe("-x");
  if (others[1] !== undefined) await closeFile(mount, others[1].fileId);
  expect(blocks(fd, 2)).toBe("xx");
  end();
});
