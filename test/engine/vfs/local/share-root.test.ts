// The directory of a share: the engine opens the one that the manager has decided about.
import { expect, test } from "bun:test";
import {
  closeSync,
  fstatSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readlinkSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openStore } from "../../../../src/engine/vfs/local/local-store.ts";
import { Errno } from "../../../../src/linux/errno.ts";
import type { FileHandle, FileNode } from "../../../../src/engine/vfs/store.ts";
import { Fixture, grantFor, readWrite, succeeded } from "../share-fixture.ts";

test("a store opens the directory that its grant was decided for, and no other in its place", async () => {
  const share = mkdtempSync(join(tmpdir(), "minismbd-root-"));
  const { dev, ino } = statSync(share, { bigint: true });
  const directory = {
    device: Number((dev >> 8n) & 0xfffn) * 0x10_0000 + Number((dev & 0xffn) | ((dev >> 12n) & 0xfff00n)),
    inodeHigh: Number(ino >> 32n),
    inodeLow: Number(ino & 0xffff_ffffn),
  };
  const store = succeeded(await openStore(grantFor(share, { directory })));
  store.close();
  for (const change of [
    { device: directory.device + 1 },
    { inodeHigh: 1 + directory.inodeHigh },
    { inodeLow: 1 },
  ]) {
    const other = grantFor(share, { directory: { ...directory, ...change } });
    expect(await openStore(other)).toBe(-Errno.ESTALE);
  }
  rmSync(share, { recursive: true });
});

/** The lowest free number, which the next descriptor gets. */
function openedHere(): number {
  return openSync(import.meta.path, "r");
}

test.each([10, 6000])(
  "a store that is closed during a look-up by workers in a folder of %d names closes its root once",
  async (count) => {
    const share = new Fixture();
    for (let i = 0; i < count; i++) writeFileSync(share.at(`Entry ${i}`), "");
    await share.setLively(false);
    const looked = [share.resolve("ENTRY 5"), share.resolve("eNTRY 5"), share.resolve("entry 5", "below")];
    share.close();
    // They take the numbers of the descriptors that are closed, as other clients' files do.
    const others: number[] = [];
    const taking = setInterval(() => others.push(openedHere()), 1);
    expect(await Promise.all(looked)).toEqual([-Errno.EBADF, -Errno.EBADF, expect.any(Number)]);
    clearInterval(taking);
    for (const fd of others) expect(() => fstatSync(fd)).not.toThrow();
    for (const fd of others) closeSync(fd);
    rmSync(share.root, { recursive: true });
  },
);

/** True while a descriptor of this process is that directory. */
function hasOpen(directory: string): boolean {
  return readdirSync("/proc/self/fd").some((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`) === directory;
    } catch {
      return false;
    }
  });
}

test("a file that a worker makes while its store is closed has the root until it is closed", async () => {
  const share = new Fixture();
  const found = succeeded(await share.lookup("new"));
  await share.setLively(false);
  const making = share.store.createFile(found, readWrite, 0);
  share.close();
  const made = succeeded<{ node: FileNode; handle: FileHandle }>(await making);
  expect(hasOpen(share.root)).toBe(true);
  expect(await share.store.remove("new", made.node.identity, false)).toBe(0);
  made.handle.close();
  made.node.close();
  expect(hasOpen(share.root)).toBe(false);
  rmSync(share.root, { recursive: true });
});

test("nothing of a closed store reaches what has the number of its root's descriptor", async () => {
  const share = new Fixture();
  const other = new Fixture();
  mkdirSync(other.at("folder"));
  writeFileSync(other.at("folder", "secret"), "");
  const node = await other.node("folder", "secret");
  node.close();
  share.close();
  // The lowest free numbers, one of which was the root's.
  const others = [1, 2, 3, 4].map(() => openSync(other.root, "r"));
  const { store } = share;
  expect(await store.posixView?.().lookup(["folder", "secret"])).toBe(-Errno.EBADF);
  expect(await store.remove("folder/secret", node.identity, false)).toBe(-Errno.EBADF);
  const target = { path: "moved", name: "moved", node: undefined };
  expect(await store.rename("folder/secret", node.identity, target, false)).toBe(-Errno.EBADF);
  for (const fd of others) closeSync(fd);
  other.dispose();
  rmSync(share.root, { recursive: true });
});
