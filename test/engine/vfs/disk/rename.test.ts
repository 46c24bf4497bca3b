// Removing, renaming and linking; [MS-FSA] 2.1.5.15.11, 2.1.5.15.6.
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import {
  chmodSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { Errno } from "../../../../src/linux/errno.ts";
import type { Found } from "../../../../src/engine/vfs/store.ts";
import { Fixture, descriptorCount, expectDescriptors, succeeded } from "../share-fixture.ts";

let share: Fixture;
let before = 0;
beforeEach(() => {
  before = descriptorCount();
  share = new Fixture();
});
afterEach(async () => {
  share.dispose();
  await expectDescriptors(before);
});

async function identityOf(...components: string[]): Promise<string> {
  const node = await share.node(...components);
  node.close();
  return node.identity;
}

/** The target of a rename; its node is closed, as the engine closes it. */
async function target(...components: string[]): Promise<Found> {
  const found = succeeded(await share.lookup(...components));
  found.node?.close();
  return found;
}

async function rename(from: string, to: string[], replace: boolean): Promise<{ path: string } | number> {
  return await share.store.rename(from, await identityOf(...from.split("/")), await target(...to), replace);
}

describe("removing", () => {
  test("removes the name only if it is still the object's", async () => {
    writeFileSync(share.at("a"), "");
    const identity = await identityOf("a");
    writeFileSync(share.at("b"), "");
    renameSync(share.at("b"), share.at("a"));
    expect(await share.store.remove("a", identity, false)).toBe(-Errno.ENOENT);
    expect(readdirSync(share.root)).toEqual(["a"]);
    expect(await share.store.remove("a", await identityOf("a"), false)).toBe(0);
    expect(readdirSync(share.root)).toEqual([]);
    expect(await share.store.remove("a", identity, false)).toBe(-Errno.ENOENT);
  });

  test.skipIf(process.getuid?.() !== 0)(
    "a name that the user may not look up any more is not gone",
    async () => {
      const user = new Fixture({ credentials: { uid: 54_321, gid: 54_321, groups: [] } }, share);
      chmodSync(share.root, 0o755);
      mkdirSync(share.at("d"));
      writeFileSync(share.at("d", "a"), "");
      const identity = await identityOf("d", "a");
      chmodSync(share.at("d"), 0o600);
      expect(await user.store.remove("d/a", identity, false)).toBe(-Errno.EACCES);
      expect(await user.store.rename("d/a", identity, await target("b"), false)).toBe(-Errno.EACCES);
      user.close();
    },
  );

  test("a directory that is not empty fails with ENOTEMPTY", async () => {
    mkdirSync(share.at("d", "e"), { recursive: true });
    expect(await share.store.remove("d", await identityOf("d"), true)).toBe(-Errno.ENOTEMPTY);
    expect(await share.store.remove("d/e", await identityOf("d", "e"), true)).toBe(0);
    expect(await share.store.remove("d", await identityOf("d"), false)).toBe(-Errno.EISDIR);
    expect(await share.store.remove("d", await identityOf("d"), true)).toBe(0);
  });
});

describe("renaming", () => {
  test("moves a file into another directory", async () => {
    mkdirSync(share.at("to"));
    writeFileSync(share.at("a"), "data");
    expect(await rename("a", ["TO", "b"], false)).toEqual({ path: "to/b" });
    expect(readFileSync(share.at("to", "b"), "latin1")).toBe("data");
  });

  test("replaces a file only if asked to", async () => {
    writeFileSync(share.at("a"), "new");
    writeFileSync(share.at("B"), "old");
    expect(await rename("a", ["b"], false)).toBe(-Errno.EEXIST);
    expect(readFileSync(share.at("B"), "latin1")).toBe("old");
    expect(await rename("a", ["b"], true)).toEqual({ path: "B" });
    expect(readdirSync(share.root)).toEqual(["B"]);
    expect(readFileSync(share.at("B"), "latin1")).toBe("new");
  });

  test("does not replace a file that appeared after the look-up", async () => {
    writeFileSync(share.at("a"), "new");
    const to = await target("b");
    writeFileSync(share.at("b"), "old");
    expect(await share.store.rename("a", await identityOf("a"), to, false)).toBe(-Errno.EEXIST);
    expect(readFileSync(share.at("b"), "latin1")).toBe("old");
  });

  test("replaces only the object that was looked up", async () => {
    writeFileSync(share.at("from"), "from");
    writeFileSync(share.at("there"), "there");
    const identity = await identityOf("from");
    const [missing, there] = [await target("new"), await target("there")];
    writeFileSync(share.at("new"), "new");
    writeFileSync(share.at("other"), "other");
    renameSync(share.at("other"), share.at("there"));
    for (const to of [missing, there]) {
      expect(await share.store.rename("from", identity, to, true)).toBe(-Errno.EEXIST);
      const node = await share.node("from");
      expect(await share.store.link(node, to, true)).toBe(-Errno.EEXIST);
      node.close();
    }
    for (const [name, text] of Object.entries({ from: "from", new: "new", there: "other" }))
      expect(readFileSync(share.at(name), "utf8")).toBe(text);
    // A target that was removed meanwhile need not be replaced.
    expect(await share.store.rename("new", await identityOf("new"), await target("there"), true)).toEqual({
      path: "there",
    });
    expect(readdirSync(share.root).sort()).toEqual(["from", "there"]);
  });

  test("changes the case of a name", async () => {
    writeFileSync(share.at("readme.txt"), "x");
    expect(await rename("readme.txt", ["README.txt"], false)).toEqual({ path: "README.txt" });
    expect(readdirSync(share.root)).toEqual(["README.txt"]);
    mkdirSync(share.at("dir"));
    expect(await rename("dir", ["Dir"], true)).toEqual({ path: "Dir" });
    expect(readdirSync(share.root).sort()).toEqual(["Dir", "README.txt"]);
    expect(await rename("Dir", ["Dir"], false)).toEqual({ path: "Dir" });
  });

  test("checks that the old name is still the object's", async () => {
    writeFileSync(share.at("a"), "");
    const identity = await identityOf("a");
    writeFileSync(share.at("b"), "");
    renameSync(share.at("b"), share.at("a"));
    expect(await share.store.rename("a", identity, await target("c"), false)).toBe(-Errno.ENOENT);
    expect(readdirSync(share.root)).toEqual(["a"]);
  });

  test("onto another hard link of the same file leaves one name", async () => {
    writeFileSync(share.at("a"), "");
    await Bun.$`ln ${share.at("a")} ${share.at("b")}`;
    expect(await rename("a", ["b"], false)).toBe(-Errno.EEXIST);
    expect(await rename("a", ["b"], true)).toEqual({ path: "b" });
    expect(readdirSync(share.root)).toEqual(["b"]);
  });

  test("a directory cannot be moved into itself", async () => {
    mkdirSync(share.at("d", "e"), { recursive: true });
    expect(await rename("d", ["d", "e", "f"], false)).toBe(-Errno.EINVAL);
    expect(await share.store.rename("", await identityOf(), await target("x"), false)).toBe(-Errno.EBUSY);
  });
});

describe("linking", () => {
  test("gives a file a second name", async () => {
    writeFileSync(share.at("a"), "data");
    const node = await share.node("a");
    expect(await share.store.link(node, await target("b"), false)).toBe(0);
    expect(statSync(share.at("b")).nlink).toBe(2);
    expect(await share.resolve("B")).toBe("b");
    node.close();
  });

  test("replaces a file only if asked to, and no directory", async () => {
    writeFileSync(share.at("a"), "new");
    writeFileSync(share.at("b"), "old");
    const node = await share.node("a");
    expect(await share.store.link(node, await target("b"), false)).toBe(-Errno.EEXIST);
    expect(await share.store.link(node, await target("b"), true)).toBe(0);
    expect(readFileSync(share.at("b"), "latin1")).toBe("new");
    expect(readdirSync(share.root).sort()).toEqual(["a", "b"]);
    mkdirSync(share.at("d"));
    expect(await share.store.link(node, await target("d"), true)).toBe(-Errno.EISDIR);
    node.close();
    const directory = await share.node("d");
    expect(await share.store.link(directory, await target("e"), false)).toBe(-Errno.EISDIR);
    directory.close();
  });
});
