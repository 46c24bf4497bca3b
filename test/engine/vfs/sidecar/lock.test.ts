// Several threads and servers change one sidecar at once: no value is lost by another's change.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DirectoryCache } from "../../../../src/engine/vfs/context/directory-cache.ts";
import { renamePath } from "../../../../src/engine/vfs/disk/rename.ts";
import {
  getNamedValue,
  listNamedValues,
  setNamedValue,
} from "../../../../src/engine/vfs/values/named-values.ts";
import { ShareContext } from "../../../../src/engine/vfs/context/share-context.ts";
import { lockFolders, unlockFolders } from "../../../../src/engine/vfs/sidecar/lock.ts";
import { identityOf } from "../../../../src/engine/vfs/format/file-stat.ts";
import { Errno } from "../../../../src/linux/errno.ts";
import { FlockOperation, flockFd } from "../../../../src/linux/locks.ts";
import { AT_FDCWD, Open, closeFd, openAt } from "../../../../src/linux/open.ts";
import { emptyStatx, statFd } from "../../../../src/linux/stat.ts";
import { canMakePluggedDisk, makePluggedDisk, type PluggedDisk } from "../../../peer/plugged-disk.ts";
import { grantFor } from "../share-fixture.ts";

const COUNT = 150;
let disk: PluggedDisk;
let rootFd = -1;

function contextOf(isWorker: boolean): ShareContext {
  return new ShareContext(grantFor(disk.path), rootFd, new DirectoryCache(), isWorker);
}

function makeFile(name: string): number {
  writeFileSync(join(disk.path, name), "data");
  return openAt(rootFd, name, Open.PATH);
}

/** Runs the changers concurrently; each must succeed. */
async function runAll(...changes: string[][]): Promise<void> {
  const script = join(import.meta.dir, "sidecar-changer.ts");
  const ended = changes.map(async (words) => {
    const child = Bun.spawn([process.execPath, script, disk.path, ...words], { stderr: "pipe" });
    expect(await new Response(child.stderr).text()).toBe("");
    expect(await child.exited).toBe(0);
  });
  await Promise.all(ended);
}

describe.skipIf(!canMakePluggedDisk("ramfs"))("on a disk without extended attributes", () => {
  beforeAll(() => {
    disk = makePluggedDisk("ramfs");
    rootFd = openAt(AT_FDCWD, disk.path, Open.PATH | Open.DIRECTORY);
    mkdirSync(join(disk.path, "sub"));
  });
  afterAll(() => {
    closeFd(rootFd);
    disk.remove();
  });

  test("two processes set values of one file, and all are stored", async () => {
    const fd = makeFile("both");
    await runAll(["both", "set", "a", `${COUNT}`], ["both", "set", "b", `${COUNT}`]);
    expect(listNamedValues(contextOf(true), fd, "both")).toHaveLength(2 * COUNT);
    closeFd(fd);
  });

  test("one process sets values of a file while another renames it, and all are stored", async () => {
    const fd = makeFile("moving");
    await runAll(["moving", "set", "a", `${COUNT}`], ["moving", "move", `${2 * COUNT}`]);
    expect(listNamedValues(contextOf(true), fd, "moving")).toHaveLength(COUNT);
    expect(readdirSync(join(disk.path, "sub"))).toEqual([]);
    closeFd(fd);
  });

  test("the event loop does not wait for a lock: the call fails with EAGAIN and has no effect", () => {
    const fd = makeFile("held");
    const identity = identityFor(fd);
    const [loop, worker] = [contextOf(false), contextOf(true)];
    const value = new Uint8Array([1]);
    expect(setNamedValue(worker, fd, "held", "user.a", value)).toBe(0);
    const other = openAt(AT_FDCWD, disk.path, Open.RDONLY | Open.DIRECTORY);
    expect(flockFd(other, FlockOperation.EXCLUSIVE)).toBe(0);
    expect(setNamedValue(loop, fd, "held", "user.b", value)).toBe(-Errno.EAGAIN);
    const target = { path: "moved", name: "moved", identity: "", isDirectory: false };
    expect(renamePath(loop, "held", identity, target, false)).toBe(-Errno.EAGAIN);
    expect(getNamedValue(loop, fd, "held", "user.a")).toEqual(value);
    closeFd(other);
    expect(renamePath(loop, "held", identity, target, false)).toEqual({ path: "moved" });
    expect(listNamedValues(loop, fd, "moved")).toEqual(["user.a"]);
    closeFd(fd);
  });

  test("the prepared entry of a running rename is left alone by readers", () => {
    const [from, over] = [makeFile("from"), makeFile("over")];
    const context = contextOf(true);
    setNamedValue(context, from, "from", "user.a", new Uint8Array([1]));
    setNamedValue(context, over, "over", "user.a", new Uint8Array([2]));
    // As after the first step of a rename by another thread, which holds the lock.
    const other = openAt(AT_FDCWD, disk.path, Open.RDONLY | Open.DIRECTORY);
    flockFd(other, FlockOperation.EXCLUSIVE);
    const sidecar = join(disk.path, ".minismbd");
    const laid = join(sidecar, "over.next");
    writeFileSync(laid, new Uint8Array(Bun.spawnSync(["cat", join(sidecar, "from.values")]).stdout));
    expect(getNamedValue(context, over, "over", "user.a")).toEqual(new Uint8Array([2]));
    expect(readdirSync(sidecar)).toContain("over.next");
    closeFd(other);
    // The lock is free: a killed server has left the entry.
    expect(getNamedValue(context, over, "over", "user.a")).toEqual(new Uint8Array([2]));
    expect(readdirSync(sidecar)).not.toContain("over.next");
    closeFd(from);
    closeFd(over);
  });
});

test("a folder that this thread has locked is not locked again", () => {
  const fd = openAt(AT_FDCWD, "/", Open.PATH | Open.DIRECTORY);
  const first = lockFolders([fd, fd], false);
  const second = lockFolders([fd], false);
  expect([first?.length, second?.length]).toEqual([1, 0]);
  unlockFolders(second ?? []);
  unlockFolders(first ?? []);
  closeFd(fd);
});

function identityFor(fd: number): string {
  const stat = emptyStatx();
  expect(statFd(fd, stat)).toBe(0);
  return identityOf(stat);
}
