// `posix locking` on a disk that does not answer: fcntl(2) waits there, and the event loop must not.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { Command } from "../../../src/wire/header.ts";
import { Status } from "../../../src/wire/status.ts";
import { LockFlag } from "../../../src/wire/command/lock.ts";
import { canMountFuse, SlowDisk } from "../../peer/fuse/slow-disk.ts";
import { TESTER, type TestServer } from "../../peer/test-server.ts";
import { element, EXCLUSIVE_NOW, lockCall, lockOne } from "../client/lock-calls.ts";
import type { Pending } from "../client/raw-calls.ts";
import {
  callOn,
  closeCall,
  closeFile,
  createFile,
  type Mount,
  mountShare,
  openFile,
  READ_WRITE,
  writeFile,
} from "../client/raw-files.ts";
import { startServer } from "../client/server.ts";

describe.if(await canMountFuse())("on a FUSE disk that hangs", () => {
  let disk: SlowDisk;
  let server: TestServer;
  let fast: Mount;
  let slow: Mount;
  beforeAll(async () => {
    disk = await SlowDisk.mount();
    const parameters = { "posix locking": "yes", oplocks: "no" };
    server = await startServer({
      shares: [{ name: "fast" }, { name: "slow", path: disk.folder, parameters }],
    });
    fast = await mountShare(server, TESTER, "fast");
    slow = await mountShare(server, TESTER, "slow");
  });
  afterAll(async () => {
    await disk?.go();
    await server?.stop();
    await disk?.dispose();
  });

  /** Fails unless clients of the other disk are served while `pending` waits; then lets the disk go on. */
  async function whileOthersWork(pending: Pending): Promise<number> {
    let isAnswered = false;
    void pending.reply.then(() => (isAnswered = true));
    const file = await createFile(fast, "work");
    await writeFile(fast, file, 0, new Uint8Array(4096));
    await closeFile(fast, file);
    expect(isAnswered).toBe(false);
    await disk.go();
    return (await pending.reply).status;
  }

  test("a lock, an unlock and a close wait for it, and nobody else does", async () => {
    const file = await createFile(slow, "locked");
    const locks = [0, 20, 40].map((offset) => element(offset, 10, EXCLUSIVE_NOW));
    await disk.stall();
    const locking = slow.client.start(lockCall(slow, file, locks));
    expect(await whileOthersWork(locking)).toBe(Status.SUCCESS);

    // The table of locks is the server's own: another client is refused at once.
    const other = await mountShare(server, TESTER, "slow");
    const theirs = (await openFile(other, "locked", { desiredAccess: READ_WRITE })).fileId;
    const refused = await other.client.request(lockOne(other, theirs, 5, 1, EXCLUSIVE_NOW));
    expect(refused.status).toBe(Status.LOCK_NOT_GRANTED);

    await disk.stall();
    const unlocking = slow.client.start(lockCall(slow, file, [element(0, 10, LockFlag.UNLOCK)]));
    expect(await whileOthersWork(unlocking)).toBe(Status.SUCCESS);

    // Waits for the first client's lock, which its close releases.
    const waiting = other.client.start(lockOne(other, theirs, 20, 1, LockFlag.EXCLUSIVE));
    await waiting.interim;
    await disk.stall();
    const closing = slow.client.start(closeCall(slow, file));
    expect(await whileOthersWork(waiting)).toBe(Status.SUCCESS);
    expect((await closing.reply).status).toBe(Status.SUCCESS);
    await closeFile(other, theirs);
    other.client.close();
  });

  test("a file that is closed while its lock waits keeps no lock", async () => {
    const file = await createFile(slow, "closed");
    await disk.stall();
    const locking = slow.client.start(lockOne(slow, file, 0, 10, EXCLUSIVE_NOW));
    const closing = slow.client.start(closeCall(slow, file));
    await disk.go();
    expect([Status.SUCCESS, Status.FILE_CLOSED] as number[]).toContain((await locking.reply).status);
    expect((await closing.reply).status).toBe(Status.SUCCESS);
    const again = (await openFile(slow, "closed", { desiredAccess: READ_WRITE })).fileId;
    const reply = await slow.client.request(lockOne(slow, again, 0, 10, EXCLUSIVE_NOW));
    expect(reply.status).toBe(Status.SUCCESS);
    await closeFile(slow, again);
  });

  test("locks that are released while others of their request wait leave the table whole", async () => {
    const file = await createFile(slow, "released");
    const other = await mountShare(server, TESTER, "slow");
    const theirs = (await openFile(other, "released", { desiredAccess: READ_WRITE })).fileId;
    await disk.stall();
    const both = [0, 20].map((offset) => element(offset, 10, EXCLUSIVE_NOW));
    const locking = slow.client.start(lockCall(slow, file, both));
    const unlocking = slow.client.start(lockCall(slow, file, [element(0, 10, LockFlag.UNLOCK)]));
    // The server has both.
    await slow.client.request(callOn(slow, Command.ECHO, (writer) => writer.u32(4)));
    const theirLock = other.client.start(lockOne(other, theirs, 20, 10, EXCLUSIVE_NOW));
    await other.client.request(callOn(other, Command.ECHO, (writer) => writer.u32(4)));
    await disk.go();
    const granted = [(await locking.reply).status, (await theirLock.reply).status];
    expect((await unlocking.reply).status).toBe(Status.SUCCESS);
    expect(granted.filter((status) => status === Status.SUCCESS)).toHaveLength(1);
    await closeFile(slow, file);
    const rest = await other.client.request(lockOne(other, theirs, 0, 10, EXCLUSIVE_NOW));
    expect(rest.status).toBe(Status.SUCCESS);
    await closeFile(other, theirs);
    other.client.close();
  });
});
