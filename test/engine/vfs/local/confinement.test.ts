// No path leads out of the share, through whatever symlinks, and even if they are replaced between two
// operations.
import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { FileAttribute } from "../../../../src/wire/fscc/attributes.ts";
import { Errno } from "../../../../src/linux/errno.ts";
import { FileKind, type Found } from "../../../../src/engine/vfs/store.ts";
import { Fixture, descriptorCount, expectDescriptors, readWrite, succeeded } from "../share-fixture.ts";

/** The share is `inner` in this fixture's directory, next to `outside`. */
let outer: Fixture;
let before = 0;
beforeEach(() => {
  before = descriptorCount();
  outer = new Fixture();
  mkdirSync(outer.at("outside"));
  writeFileSync(outer.at("outside", "secret"), "secret");
});
afterEach(async () => {
  outer.dispose();
  await expectDescriptors(before);
});

function innerOf(followSymlinks: boolean): Fixture {
  mkdirSync(outer.at("inner"), { recursive: true });
  return new Fixture({ followSymlinks }, outer, "inner");
}

const escapes = ["up", "absolute", "slash", "twice", "proc"];

function plantLinks(share: Fixture): void {
  symlinkSync("../outside", share.at("up"));
  symlinkSync(outer.at("outside"), share.at("absolute"));
  symlinkSync("/", share.at("slash"));
  symlinkSync("up", share.at("twice"));
  symlinkSync("/proc/self/root", share.at("proc"));
  mkdirSync(share.at("dir"));
  writeFileSync(share.at("dir", "file"), "mine");
  symlinkSync("dir", share.at("inside"));
  symlinkSync("../inner/dir", share.at("round"));
  symlinkSync("missing", share.at("dangling"));
}

for (const follow of [false, true]) {
  test(`symlinks that lead out of the share are never followed, ${follow ? "with" : "without"} followSymlinks`, async () => {
    const share = innerOf(follow);
    plantLinks(share);
    const wanted = follow ? -Errno.EXDEV : -Errno.ELOOP;
    for (const name of escapes) {
      const itself = await share.node(name);
      expect([name, itself.stat.kind]).toEqual([name, FileKind.SYMLINK]);
      expect(await itself.open({ read: true, write: false, writeThrough: false })).toBe(-Errno.EACCES);
      itself.close();
      expect([name, await share.lookup(name, "secret")]).toEqual([name, wanted]);
      expect([name, await share.lookup(name.toUpperCase(), "secret")]).toEqual([name, wanted]);
      expect([name, await share.lookup(name, "new")]).toEqual([name, wanted]);
    }
    expect(await share.lookup("..", "outside")).toBe(-Errno.EXDEV);
    share.close();
  });
}

test("with followSymlinks, symlinks within the share are resolved", async () => {
  const share = innerOf(true);
  plantLinks(share);
  const node = await share.node("INSIDE", "file");
  const real = await share.node("dir", "file");
  expect(node.identity).toBe(real.identity);
  node.close();
  real.close();
  const directory = await share.node("inside");
  expect(directory.stat.kind).toBe(FileKind.DIRECTORY);
  directory.close();
  // Its target's path leaves the share and comes back: that is not followed.
  const round = await share.node("round");
  expect(round.stat.kind).toBe(FileKind.SYMLINK);
  round.close();
  share.close();
});

test("absolute symlinks are resolved where they lead below the share, also in chains, and nowhere else", async () => {
  const share = innerOf(true);
  plantLinks(share);
  symlinkSync(share.at("dir", "file"), share.at("absolute file"));
  symlinkSync(share.at("dir"), share.at("absolute dir"));
  symlinkSync("absolute dir", share.at("chain"));
  symlinkSync(share.at("chain"), share.at("long chain"));
  symlinkSync(share.at(""), share.at("top"));
  symlinkSync(`${share.at("")}/../outside`, share.at("sly"));
  symlinkSync(`${share.at("")}x`, share.at("prefix"));
  symlinkSync(share.at("absolute loop"), share.at("absolute loop"));
  const real = await share.node("dir", "file");
  const paths = [
    ["absolute file"],
    ["Absolute Dir", "FILE"],
    ["chain", "file"],
    ["long chain", "file"],
    ["top", "chain", "file"],
  ];
  for (const path of paths) {
    const node = await share.node(...path);
    expect([path, node.identity]).toEqual([path, real.identity]);
    node.close();
  }
  real.close();
  for (const name of ["sly", "prefix", "absolute loop", "absolute"]) {
    const node = await share.node(name);
    expect([name, node.stat.kind]).toEqual([name, FileKind.SYMLINK]);
    node.close();
    expect(typeof (await share.lookup(name, "secret"))).toBe("number");
  }
  share.close();
});

test("a symlink is listed as its target where it is followed, else as a reparse point", async () => {
  const share = innerOf(false);
  plantLinks(share);
  const links = ["absolute", "dangling", "inside", "proc", "round", "slash", "twice", "up"];
  expect(await share.list()).toEqual([".", "..", ...[...links, "dir"].sort()]);
  const link = await share.node("inside");
  expect(link.stat.attributes).toBe(FileAttribute.REPARSE_POINT);
  link.close();
  share.close();
  const following = innerOf(true);
  expect(await following.list()).toEqual([".", "..", ...[...links, "dir"].sort()]);
  const inside = await following.node("inside");
  expect(inside.stat.attributes).toBe(FileAttribute.DIRECTORY);
  inside.close();
  following.close();
});

test("without followSymlinks, removing and renaming act on the symlink itself", async () => {
  const share = innerOf(false);
  plantLinks(share);
  for (const name of ["dangling", "absolute", "inside"]) {
    const node = await share.node(name);
    const to = succeeded(await share.lookup("moved"));
    expect(await share.store.rename(name, node.identity, to, false)).toEqual({ path: "moved" });
    expect(await share.store.remove("moved", node.identity, false)).toBe(0);
    node.close();
  }
  expect(readFileSync(outer.at("outside", "secret"), "latin1")).toBe("secret");
  expect(readFileSync(share.at("dir", "file"), "latin1")).toBe("mine");
  share.close();
});

test("creating, renaming, linking and removing through a symlink fail", async () => {
  for (const follow of [false, true]) {
    const share = innerOf(follow);
    if (!follow) plantLinks(share);
    const missing: Found = { path: "up/planted", name: "planted", node: undefined };
    const expected = follow ? -Errno.EXDEV : -Errno.ELOOP;
    expect(await share.store.createFile(missing, readWrite, 0)).toBe(expected);
    expect(await share.store.createDirectory(missing, 0)).toBe(expected);
    const dangling: Found = { path: "dangling", name: "dangling", node: undefined };
    expect(await share.store.createFile(dangling, readWrite, 0)).toBe(-Errno.EEXIST);
    const file = await share.node("dir", "file");
    expect(await share.store.rename("dir/file", file.identity, missing, false)).toBe(expected);
    expect(await share.store.rename("up/secret", file.identity, missing, false)).toBe(expected);
    expect(await share.store.link(file, missing, true)).toBe(expected);
    expect(await share.store.remove("up/secret", file.identity, false)).toBe(expected);
    expect(await share.store.remove("../outside/secret", file.identity, false)).toBe(-Errno.EXDEV);
    file.close();
    share.close();
  }
  expect(readFileSync(outer.at("outside", "secret"), "latin1")).toBe("secret");
});

test("with followSymlinks, removing and renaming act on the symlink, never on its target", async () => {
  const share = innerOf(true);
  writeFileSync(share.at("target"), "kept");
  symlinkSync("target", share.at("link"));
  const found = succeeded(await share.lookup("link"));
  const to = succeeded(await share.lookup("moved"));
  const identity = found.node?.identity ?? "";
  found.node?.close();
  expect(await share.store.rename("link", identity, to, false)).toEqual({ path: "moved" });
  expect(await share.store.remove("moved", identity, false)).toBe(0);
  expect(readFileSync(share.at("target"), "latin1")).toBe("kept");
  expect(await share.resolve("moved")).toBeUndefined();
  share.close();
});

test("a create fails where a symlink has replaced the parent directory since the look-up", async () => {
  const share = innerOf(false);
  mkdirSync(share.at("dir"));
  const found = succeeded(await share.lookup("dir", "planted"));
  rmSync(share.at("dir"), { recursive: true });
  symlinkSync("../outside", share.at("dir"));
  expect(await share.store.createFile(found, readWrite, 0)).toBe(-Errno.ELOOP);
  rmSync(share.at("dir"));
  symlinkSync(outer.at("outside"), share.at("dir"));
  expect(await share.store.createDirectory(found, 0)).toBe(-Errno.ELOOP);
  expect(await Bun.$`ls ${outer.at("outside")}`.text()).toBe("secret\n");
  share.close();
});

test("a mount point below the share is crossed only with crossMounts", async () => {
  if (process.geteuid?.() !== 0) return;
  const share = innerOf(false);
  mkdirSync(share.at("disk"));
  const mounted = await Bun.$`mount -t tmpfs none ${share.at("disk")}`.quiet().nothrow();
  if (mounted.exitCode !== 0) return share.close();
  try {
    writeFileSync(share.at("disk", "file"), "");
    expect(await share.resolve("DISK", "FILE")).toBe("disk/file");
    expect(await share.list()).toEqual([".", "..", "disk"]);
    const closed = new Fixture({ crossMounts: false }, share);
    expect(await closed.lookup("disk")).toBe(-Errno.EXDEV);
    expect(await closed.lookup("disk", "file")).toBe(-Errno.EXDEV);
    expect(await closed.list()).toEqual([".", ".."]);
    closed.close();
  } finally {
    await Bun.$`umount ${share.at("disk")}`.quiet();
  }
  share.close();
});
