// Stores on slow, hanging and lost volumes: a FUSE file system that delays its operations.
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdirSync, readdirSync, rmdirSync, statSync, writeFileSync } from "node:fs";
import { BufferPool } from "../../../../src/engine/transport/buffer-pool.ts";
import { volumeLimits } from "../../../../src/engine/vfs/volume/mounted-volume.ts";
import { openStore } from "../../../../src/engine/vfs/local/local-store.ts";
import { watchElsewhere } from "../../../../src/engine/vfs/local/remote-watch.ts";
import type { DirectoryEntry, FileStat, Found } from "../../../../src/engine/vfs/store.ts";
import { heapBuffer } from "../../../../src/engine/vfs/transfer-buffer.ts";
import { Inotify, closeInotify, createInotify } from "../../../../src/linux/inotify.ts";
import { Errno } from "../../../../src/linux/errno.ts";
import { canMountFuse, SlowDisk } from "../../../peer/fuse/slow-disk.ts";
import {
  descriptorCount,
  expectDescriptors,
  Fixture,
  grantFor,
  readWrite,
  succeeded,
} from "../share-fixture.ts";

const HOLD_MS = 120;
const bytes = (text: string) => new TextEncoder().encode(text);

let disk: SlowDisk;
let share: Fixture;
let before = 0;
const timeoutMs = volumeLimits.timeoutMs;

/** Returns the longest time, in milliseconds, that the event loop was blocked during `work`. */
async function longestStall(work: Promise<unknown>): Promise<number> {
  let isOver = false;
  let longest = 0;
  const over = work.finally(() => (isOver = true));
  for (let last = performance.now(); !isOver;) {
    await new Promise(setImmediate);
    const now = performance.now();
    longest = Math.max(longest, now - last);
    last = now;
    await Bun.sleep(1);
    last = performance.now();
  }
  await over;
  return longest;
}

describe.if(await canMountFuse())("a slow volume", () => {
  beforeEach(async () => {
    disk = await SlowDisk.mount();
    before = descriptorCount();
    share = await Fixture.on(disk.folder);
  });
  afterEach(async () => {
    volumeLimits.timeoutMs = timeoutMs;
    await disk.go();
    share.close();
    try {
      await expectDescriptors(before);
    } finally {
      await disk.dispose();
    }
  });

  test("all operations of a store work in its worker", async () => {
    const { node, handle } = await share.create(["Hello.txt"]);
    expect(await handle.write(heapBuffer(bytes("some text")), 0, 9, 0)).toBe(9);
    expect(await handle.flush()).toBe(0);
    const room = new Uint8Array(20);
    expect(await handle.read(heapBuffer(room), 2, 18, 5)).toBe(4);
    expect(new TextDecoder().decode(room.subarray(2, 6))).toBe("text");
    expect(await handle.truncate(4)).toBe(0);
    expect(await handle.stat()).toMatchObject({ size: 4 });
    expect(await node.setTimes({ modify: { seconds: 1_000_000_000, nanoseconds: 0 } })).toBe(0);
    expect(await node.refresh()).toMatchObject({ size: 4, modifySeconds: 1_000_000_000 });
    expect(node.access()).toBe(6);
    expect(await node.setAttributes(2)).toBe(0);
    expect(((await node.refresh()) as FileStat).attributes).toBe(2);
    await share.makeDirectory("Sub");
    const target = succeeded<Found>(await share.lookup("sub", "New name"));
    expect(await share.store.rename("Hello.txt", node.identity, target, false)).toEqual({
      path: "Sub/New name",
    });
    expect(await share.list("SUB")).toEqual([".", "..", "New name"]);
    expect(await share.resolve("hello.txt")).toBeUndefined();
    expect(await share.resolve("sub", "NEW NAME")).toBe("Sub/New name");
    const sub = await share.node("Sub");
    expect(await share.store.isEmpty(sub)).toBe(false);
    expect(await share.store.volume(sub)).toMatchObject({ totalBytes: 4_096_000_000 });
    expect(await share.store.remove("Sub/New name", node.identity, false)).toBe(0);
    expect(await share.store.isEmpty(sub)).toBe(true);
    expect(statSync(share.at("Sub")).isDirectory()).toBe(true);
    for (const opened of [sub, node, handle]) opened.close();
  });

  test("a directory with many names is listed completely", async () => {
    const names = [".", ".."];
    for (let i = 0; i < 700; i++) {
      names.push(`name ${String(i).padStart(3, "0")}`);
      writeFileSync(share.at(names.at(-1) as string), "");
    }
    expect(await share.list()).toEqual(names);
    const handle = await share.open();
    const stream = handle.list();
    const wanted = (name: string) => name.endsWith("33");
    const found: string[] = [];
    for (let round = 0; round < 2; round++) {
      for (;;) {
        const entry = (await stream.next(wanted)) as DirectoryEntry | undefined;
        if (entry === undefined) break;
        found.push(entry.name);
      }
      stream.restart();
    }
    const once = names.filter(wanted);
    expect(found.sort()).toEqual([...once, ...once].sort());
    stream.close();
    handle.close();
  });

  test("no operation blocks the event loop", async () => {
    const { node, handle } = await share.create(["file"]);
    writeFileSync(share.at("other"), "");
    await disk.hold(HOLD_MS);
    const work: (() => unknown)[] = [
      () => share.resolve("OTHER"),
      () => share.touch("new"),
      () => node.refresh(),
      () => handle.write(heapBuffer(bytes("x")), 0, 1, 0),
      () => handle.read(heapBuffer(new Uint8Array(1)), 0, 1, 0),
      () => handle.flush(),
      () => handle.truncate(0),
      () => node.setAttributes(2),
      () => share.list(),
      () => share.store.remove("other", node.identity, false),
      async () => succeeded(await openStore(grantFor(disk.folder))).close(),
    ];
    const started = performance.now();
    const ends = work.map(async (operation) => {
      await operation();
      return performance.now() - started;
    });
    // A call on the event loop would have blocked it for as long as the file system delays a call.
    expect(await longestStall(Promise.all(ends))).toBeLessThan(HOLD_MS * 0.9);
    for (const elapsed of await Promise.all(ends)) expect(elapsed).toBeGreaterThan(HOLD_MS / 2);
    handle.close();
    node.close();
    await disk.go();
  }, 30_000);

  test("watches on its directories are added by the worker, on a local volume's by the caller", async () => {
    const queue = createInotify();
    expect(watchElsewhere(grantFor("/dev/shm"), "/dev/shm", queue, Inotify.CREATE)).toBeUndefined();
    await disk.hold(HOLD_MS);
    const started = performance.now();
    const watch = watchElsewhere(grantFor(disk.folder), disk.folder, queue, Inotify.CREATE);
    expect(performance.now() - started).toBeLessThan(HOLD_MS / 2);
    expect(await watch).toBeGreaterThan(0);
    expect(performance.now() - started).toBeGreaterThan(HOLD_MS / 2);
    closeInotify(queue);
  });

  test("a call that is not answered in time fails with ETIMEDOUT, and the descriptor of a late answer is closed", async () => {
    const { node, handle } = await share.create(["file"]);
    volumeLimits.timeoutMs = 100;
    await disk.stall();
    const started = performance.now();
    const answers = await Promise.all([
      share.lookup("file"),
      node.open(readWrite),
      share.store.lookup(["Nothing"]),
      handle.read(heapBuffer(new Uint8Array(10)), 0, 10, 0),
      node.refresh(),
    ]);
    for (const answer of answers) expect(answer).toBe(-Errno.ETIMEDOUT);
    expect(performance.now() - started).toBeLessThan(1_000);
    handle.close();
    node.close();
    // The jobs posted to a worker are answered now; the descriptors of these answers are closed.
    await disk.go();
  });

  test("a descriptor that comes too late is closed without a wait of the event loop", async () => {
    const { node, handle } = await share.create(["late"]);
    await handle.close();
    volumeLimits.timeoutMs = 60;
    await disk.stall();
    expect(await node.open(readWrite)).toBe(-Errno.ETIMEDOUT);
    await disk.go();
    // close(2) of an open file waits for the disk's answer.
    await disk.hold(HOLD_MS * 5);
    let longest = 0;
    for (const until = performance.now() + HOLD_MS * 8; performance.now() < until;) {
      const started = performance.now();
      await Bun.sleep(1);
      longest = Math.max(longest, performance.now() - started);
    }
    expect(longest).toBeLessThan(HOLD_MS * 4);
    node.close();
    volumeLimits.timeoutMs = timeoutMs;
  }, 20_000);

  test("a buffer of a call that timed out is lent to nobody before the worker has answered", async () => {
    const pool = new BufferPool(1_000_000);
    const { node, handle } = await share.create(["file"]);
    await handle.write(heapBuffer(bytes("secret")), 0, 6, 0);
    volumeLimits.timeoutMs = 50;
    await disk.stall();
    const room = pool.acquire(4096);
    room.bytes.fill(0);
    expect(await handle.read(room, 0, 6, 0)).toBe(-Errno.ETIMEDOUT);
    const data = pool.acquire(4096);
    data.bytes.set(bytes("changed"));
    expect(await handle.write(data, 0, 6, 0)).toBe(-Errno.ETIMEDOUT);
    const lent = pool.lentBytes;
    pool.release(room);
    pool.release(data);
    // Both count as lent, and neither is among all that the pool has.
    expect([room.isInUse, data.isInUse, pool.lentBytes]).toEqual([true, true, lent]);
    const others = Array.from({ length: 40 }, () => pool.acquire(4096));
    for (const other of others) {
      expect([room, data]).not.toContain(other);
      other.bytes.fill(1);
    }
    volumeLimits.timeoutMs = timeoutMs;
    await disk.go();
    // The write had not begun; the caller got ETIMEDOUT for it, so the worker does not carry it out.
    expect(await handle.read(heapBuffer(data.bytes), 0, 6, 0)).toBe(6);
    expect(new TextDecoder().decode(data.bytes.subarray(0, 6))).toBe("secret");
    // Another worker may have had the write, and skips it.
    for (const until = performance.now() + 5_000; data.isInUse && performance.now() < until;)
      await Bun.sleep(1);
    expect([room.isInUse, data.isInUse]).toEqual([false, false]);
    for (const other of others) {
      expect(other.bytes.every((byte) => byte === 1)).toBe(true);
      pool.release(other);
    }
    expect(pool.lentBytes).toBe(0);
    handle.close();
    node.close();
  });

  test("a call that timed out is not carried out later, over what was written since", async () => {
    const { node, handle } = await share.create(["file"]);
    await handle.write(heapBuffer(bytes("0123456789")), 0, 10, 0);
    const removed = await share.create(["doomed"]);
    const missing = succeeded(await share.store.lookup(["new"]));
    volumeLimits.timeoutMs = 50;
    await disk.stall();
    const { identity } = removed.node;
    // The file system stalls the read; the others have not begun. (A call that has begun, such as a
    // truncation in a thread of its own, cannot be cancelled; the kernel completes it before later changes of
    // that file.)
    const answers = await Promise.all([
      handle.read(heapBuffer(new Uint8Array(10)), 0, 10, 0),
      handle.write(heapBuffer(bytes("old")), 0, 3, 0),
      share.store.remove("doomed", identity, false),
      share.store.createFile(missing, readWrite, 0),
      share.store.rename("file", node.identity, missing, true),
    ]);
    for (const answer of answers) expect(answer).toBe(-Errno.ETIMEDOUT);
    volumeLimits.timeoutMs = timeoutMs;
    await disk.go();
    expect(await handle.write(heapBuffer(bytes("new")), 0, 3, 0)).toBe(3);
    await Bun.sleep(100);
    const room = new Uint8Array(12);
    expect(await handle.read(heapBuffer(room), 0, 12, 0)).toBe(10);
    expect(new TextDecoder().decode(room.subarray(0, 10))).toBe("new3456789");
    expect(readdirSync(disk.folder).sort()).toEqual(["doomed", "file"]);
    for (const opened of [handle, node, removed.handle, removed.node]) opened.close();
  });
});

describe.if(await canMountFuse())("a lost volume", () => {
  test("calls fail at once when the FUSE process is killed, the loss is reported, and a new mount is served", async () => {
    const mounted = await SlowDisk.mount();
    const count = descriptorCount();
    const gone = await Fixture.on(mounted.folder);
    const { node, handle } = await gone.create(["file"]);
    const lost = new Promise<void>((resolve) => gone.store.onLoss(resolve));
    await mounted.die();
    expect(await gone.lookup("file")).toBe(-Errno.ENOTCONN);
    await lost;
    handle.close();
    node.close();
    gone.close();
    await expectDescriptors(count);
    expect(await openStore(grantFor(mounted.folder))).toBe(-Errno.ENOTCONN);
    await mounted.dispose(true);
    const again = await SlowDisk.mount(mounted.folder);
    const back = await Fixture.on(again.folder);
    await back.touch("new");
    expect(await back.list()).toEqual([".", "..", "new"]);
    back.close();
    await again.dispose();
  }, 20_000);

  test("the loss is reported when another disk is mounted at the path while files are open", async () => {
    const first = await SlowDisk.mount();
    const old = await Fixture.on(first.folder);
    const { node, handle } = await old.create(["file"]);
    let losses = 0;
    old.store.onLoss(() => losses++);
    await first.dispose(true);
    const second = await SlowDisk.mount(first.folder);
    const other = await Fixture.on(second.folder);
    // Opening the second store found another disk at the path: the loss is reported to the first.
    expect(losses).toBe(1);
    expect(await other.list()).toEqual([".", ".."]);
    for (const opened of [handle, node, old, other]) opened.close();
    await second.dispose();
  }, 20_000);

  test("replacing the share's directory by another on the same disk is reported as a loss", async () => {
    const fixture = new Fixture();
    mkdirSync(fixture.at("inner"));
    const inner = new Fixture({}, fixture, "inner");
    let losses = 0;
    inner.store.onLoss(() => losses++);
    rmdirSync(fixture.at("inner"));
    mkdirSync(fixture.at("inner"));
    const other = new Fixture({}, fixture, "inner");
    expect(losses).toBe(1);
    for (const opened of [inner, other]) opened.close();
    fixture.dispose();
  });
});
