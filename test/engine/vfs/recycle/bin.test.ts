// The recycle bin on a real directory: the options of vfs_recycle(8), and that no file is lost.
import { afterEach, beforeEach, describe, expect, spyOn, test } from "bun:test";
import {
  chmodSync,
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { binGrant, copyName } from "../../../../src/engine/vfs/recycle/bin.ts";
import { sweepRepositories } from "../../../../src/engine/vfs/recycle/sweep.ts";
import type { FileStore } from "../../../../src/engine/vfs/store.ts";
import { Errno } from "../../../../src/linux/errno.ts";
import type { RecycleRules } from "../../../../src/port/port.ts";
import { descriptorCount, expectDescriptors, Fixture, grantFor } from "../share-fixture.ts";

const rules: RecycleRules = {
  repository: ".recycle",
  keepTree: false,
  versions: false,
  touchAccess: false,
  touchModify: false,
  directoryMode: 0o700,
  subdirectoryMode: 0o750,
  exclude: [],
  excludeDirectories: [],
  noVersions: [],
  minBytes: 0,
  maxBytes: 0,
  maxAgeDays: 0,
  limitBytes: 0,
};

let share: Fixture;
let before = 0;
const others: Fixture[] = [];
beforeEach(() => {
  before = descriptorCount();
  share = new Fixture();
});
afterEach(async () => {
  for (const other of others.splice(0)) other.close();
  share.dispose();
  await expectDescriptors(before);
});

function binShare(change: Partial<RecycleRules> = {}, vetoFiles: readonly string[] = []): Fixture {
  const fixture = new Fixture({ recycle: { ...rules, ...change }, vetoFiles }, share);
  others.push(fixture);
  return fixture;
}

/**
 * Writes a file on disk and deletes it as a client does. Returns its new path, "" if it was removed, or
 * -errno.
 */
async function remove(bin: Fixture, path: string, content = path): Promise<string | number> {
  const parts = path.split("/");
  mkdirSync(share.at(...parts.slice(0, -1)), { recursive: true });
  writeFileSync(share.at(...parts), content);
  return discard(bin, path);
}

async function discard(bin: Fixture, path: string): Promise<string | number> {
  const node = await bin.node(...bin.store.clientPath(path).split("\\"));
  node.close();
  const result = await bin.store.discard(path, node.identity);
  return typeof result === "number" ? result : (result.movedTo ?? "");
}

test("a file that is deleted while its share is closed is not lost", async () => {
  const bin = binShare();
  writeFileSync(share.at("file"), "data");
  const node = await bin.node("file");
  bin.close();
  expect(await bin.store.discard("file", node.identity)).toBe(-Errno.EBADF);
  expect(readFileSync(share.at("file"), "latin1")).toBe("data");
  node.close();
});

const text = (path: string): string => readFileSync(share.at(...path.split("/")), "utf8");
const modeOf = (path: string): number => statSync(share.at(...path.split("/"))).mode & 0o7777;

describe("a deleted file", () => {
  test("is moved to the repository, which is created with its mode", async () => {
    const bin = binShare();
    expect(await remove(bin, "a/b/file")).toBe(".recycle/file");
    expect(text(".recycle/file")).toBe("a/b/file");
    expect(modeOf(".recycle")).toBe(0o700);
    expect(existsSync(share.at("a", "b", "file"))).toBe(false);
  });

  test("is moved with its directories, to a repository of several components", async () => {
    const bin = binShare({ keepTree: true, repository: "bins/of/anna" });
    expect(await remove(bin, "a/b/file")).toBe("bins/of/anna/a/b/file");
    expect([modeOf("bins/of/anna"), modeOf("bins/of/anna/a/b")]).toEqual([0o700, 0o750]);
    // The folders above it are for every user who may write the share, and nobody moves another's repository.
    expect(modeOf("bins/of")).toBe(0o1000 | (statSync(share.root).mode & 0o777));
    expect(await remove(bin, "top")).toBe("bins/of/anna/top");
  });

  test("keeps its streams", async () => {
    const bin = binShare();
    writeFileSync(share.at("file"), "x");
    const node = await bin.node("file");
    expect(await node.values.set("user.DosStream.s:$DATA", Buffer.from("stream\0"))).toBe(0);
    node.close();
    expect(await discard(bin, "file")).toBe(".recycle/file");
    const kept = await bin.node(".recycle", "file");
    expect(Buffer.from((await kept.values.get("user.DosStream.s:$DATA")) as Uint8Array).toString()).toBe(
      "stream\0",
    );
    kept.close();
  });

  test("of a client with the POSIX extensions is moved, too, also by a symlink in the repository's path", async () => {
    const recycle = { ...rules, repository: "link/bin" };
    const bin = new Fixture({ recycle, followSymlinks: true }, share);
    others.push(bin);
    mkdirSync(share.at("real"));
    symlinkSync("real", share.at("link"));
    mkdirSync(share.at("folder"));
    writeFileSync(share.at("folder", "a:b"), "text");
    const node = await bin.node("folder", "a\uf022b");
    node.close();
    const view = bin.store.posixView?.();
    expect(await view?.discard("folder/a:b", node.identity)).toEqual({ movedTo: "link/bin/a:b" });
    expect(text("real/bin/a:b")).toBe("text");
  });

  test("gets a free name in few steps even if there are 1000 copies", async () => {
    const bin = binShare({ versions: true });
    mkdirSync(share.at(".recycle"));
    for (let copy = 0; copy < 1000; copy++)
      writeFileSync(share.at(".recycle", copyName("file", copy)), "old");
    const lookup = spyOn(Object.getPrototypeOf(bin.store) as FileStore, "lookup");
    const rename = spyOn(Object.getPrototypeOf(bin.store) as FileStore, "rename");
    try {
      expect(await remove(bin, "file", "new")).toBe(".recycle/Copy #1000 of file");
      expect(await remove(bin, "file", "newer")).toBe(".recycle/Copy #1001 of file");
      expect(lookup.mock.calls.length + rename.mock.calls.length).toBeLessThan(80);
    } finally {
      lookup.mockRestore();
      rename.mockRestore();
    }
    expect(text(".recycle/Copy #1000 of file")).toBe("new");
    expect(text(".recycle/Copy #999 of file")).toBe("old");
  });

  test("replaces an older one of the same name, or is kept beside it with `versions`", async () => {
    const single = binShare();
    await remove(single, "f", "first");
    expect(await remove(single, "f", "second")).toBe(".recycle/f");
    expect(text(".recycle/f")).toBe("second");
    const all = binShare({ versions: true, noVersions: ["*.tmp"] });
    expect(await remove(all, "f", "third")).toBe(".recycle/Copy #1 of f");
    expect(await remove(all, "f", "fourth")).toBe(".recycle/Copy #2 of f");
    expect(
      readdirSync(share.at(".recycle"))
        .map((name) => text(`.recycle/${name}`))
        .sort(),
    ).toEqual(["fourth", "second", "third"]);
    await remove(all, "x.tmp", "1");
    expect(await remove(all, "x.tmp", "2")).toBe(".recycle/x.tmp");
  });

  test("does not replace a directory of that name in the repository", async () => {
    mkdirSync(share.at(".recycle", "f"), { recursive: true });
    expect(await remove(binShare(), "f")).toBe(".recycle/Copy #1 of f");
  });

  test("is removed if the repository has a hard link to it under that name", async () => {
    const bin = binShare();
    mkdirSync(share.at(".recycle"));
    writeFileSync(share.at("f"), "both");
    linkSync(share.at("f"), share.at(".recycle", "f"));
    expect(await discard(bin, "f")).toBe("");
    expect(existsSync(share.at("f"))).toBe(false);
    expect(text(".recycle/f")).toBe("both");
  });

  test("is moved even if the repository is vetoed and its name is not UTF-8", async () => {
    const bin = binShare({}, [".recycle"]);
    expect(await bin.list()).toEqual([".", ".."]);
    writeFileSync(Buffer.concat([Buffer.from(`${share.root}/caf`), Buffer.from([0xe9])]), "x");
    expect(await discard(bin, "caf\udce9")).toBe(".recycle/caf\udce9");
    expect(readdirSync(share.at(".recycle"), { encoding: "buffer" })[0]?.toString("hex")).toBe("636166e9");
  });

  test("gets the times that the rules ask for", async () => {
    const old = new Date("2001-02-03T04:05:06Z");
    const bin = binShare({ touchAccess: true });
    writeFileSync(share.at("f"), "");
    utimesSync(share.at("f"), old, old);
    await discard(bin, "f");
    const stat = statSync(share.at(".recycle", "f"));
    expect(stat.mtime).toEqual(old);
    expect(Date.now() - stat.atimeMs).toBeLessThan(10_000);
    const both = binShare({ touchModify: true });
    writeFileSync(share.at("g"), "");
    utimesSync(share.at("g"), old, old);
    await discard(both, "g");
    expect(Date.now() - statSync(share.at(".recycle", "g")).mtimeMs).toBeLessThan(10_000);
  });

  test("stays if another object has taken its name", async () => {
    const bin = binShare();
    writeFileSync(share.at("f"), "");
    expect(await bin.store.discard("f", "1:2:3")).toBe(-Errno.ENOENT);
    expect(existsSync(share.at("f"))).toBe(true);
  });
});

describe("a repository that is a symlink", () => {
  test("is not followed, and the file stays", async () => {
    const outside = mkdtempSync(join(tmpdir(), "minismbd-outside-"));
    symlinkSync(outside, share.at(".recycle"));
    for (const followSymlinks of [false, true]) {
      const bin = new Fixture({ recycle: { ...rules, keepTree: true }, followSymlinks }, share);
      others.push(bin);
      expect(await remove(bin, "a/f")).toBeLessThan(0);
      expect(text("a/f")).toBe("a/f");
    }
    expect(readdirSync(outside)).toEqual([]);
    rmdirSync(outside);
  });
});

describe("files that are deleted without the bin", () => {
  test.each<[string, Partial<RecycleRules>, string]>([
    ["files in the repository", {}, ".recycle/f"],
    ["files in another repository below", {}, "sub/.recycle/f"],
    ["files in a repository spelled in another case", {}, ".Recycle/f"],
    ["excluded names", { exclude: ["*.TMP", "~$*"] }, "a/x.tmp"],
    ["excluded directories", { excludeDirectories: ["tmp", "c*/x"] }, "tmp/deep/f"],
    ["excluded directories by pattern", { excludeDirectories: ["tmp", "c*/x"] }, "cache/x/f"],
    ["files that are too small", { minBytes: 100 }, "f"],
    ["files that are too large", { maxBytes: 2 }, "a/large"],
  ])("%s", async (_, change, path) => {
    expect(await remove(binShare(change), path)).toBe("");
    expect(existsSync(share.at(...path.split("/")))).toBe(false);
  });

  test("do not include files that are close to these rules", async () => {
    const bin = binShare({ exclude: ["*.tmp"], excludeDirectories: ["tmp"], minBytes: 1, maxBytes: 10 });
    expect(await remove(bin, "a/tmp/f")).toBe(".recycle/f");
    expect(await remove(bin, "x.tmpx")).toBe(".recycle/x.tmpx");
    expect(await remove(bin, ".recycled")).toBe(".recycle/.recycled");
    expect(await remove(bin, "0123456789")).toBe(".recycle/0123456789");
  });
});

test.if(process.geteuid?.() === 0)(
  "a user who may not write the repository gets one of his own",
  async () => {
    mkdirSync(share.at(".recycle"), { mode: 0o700 });
    mkdirSync(share.at("mine"), { mode: 0o777 });
    for (const path of [share.root, share.at("mine")]) chmodSync(path, 0o777);
    const user = { uid: 12345, gid: 12345, groups: [] };
    const bin = new Fixture({ recycle: rules, credentials: user }, share);
    others.push(bin);
    expect(await remove(bin, "mine/f")).toBe(".recycle-12345/f");
    chmodSync(share.root, 0o755);
    expect(await remove(bin, "mine/g")).toBe(".recycle-12345/g");
    chmodSync(share.at("mine"), 0o755);
    expect(await remove(bin, "mine/h")).toBe(-Errno.EACCES);
    expect(existsSync(share.at("mine", "h"))).toBe(true);
  },
);

describe("copyName", () => {
  test("returns names of at most 255 bytes and splits no character", () => {
    expect(copyName("f.txt", 0)).toBe("f.txt");
    expect(copyName("f.txt", 12)).toBe("Copy #12 of f.txt");
    const long = copyName(`${"ä".repeat(125)}.txt`, 1);
    expect(Buffer.byteLength(long)).toBeLessThanOrEqual(255);
    expect(long).toMatch(/^Copy #1 of ä+\.txt$/);
    expect(copyName("😀".repeat(63), 1).isWellFormed()).toBe(true);
    expect(Buffer.byteLength(copyName("x".repeat(255), 99))).toBe(255);
  });
});

describe("age and size", () => {
  const now = Date.now() / 1000;
  const day = 86_400;

  async function sweep(change: Partial<RecycleRules>, nowSeconds: number): Promise<number> {
    const own = new Fixture({ ...binGrant(grantFor(share.root)), followSymlinks: false }, share);
    const removed = await sweepRepositories({
      store: own.store,
      rules: { ...rules, ...change },
      repositories: [".recycle"],
      nowSeconds,
      pause: () => Promise.resolve(true),
    });
    own.close();
    return removed;
  }

  test("a sweep removes files deleted too long ago, and directories that become empty", async () => {
    const bin = binShare({ keepTree: true, maxAgeDays: 7 });
    const old = new Date("2001-02-03T04:05:06Z");
    mkdirSync(share.at("a"));
    writeFileSync(share.at("a", "ancient"), "");
    utimesSync(share.at("a", "ancient"), old, old);
    await discard(bin, "a/ancient");
    // The age is counted from the deletion.
    expect(await sweep({ maxAgeDays: 7 }, now + 6 * day)).toBe(0);
    expect(existsSync(share.at(".recycle", "a", "ancient"))).toBe(true);
    expect(await sweep({ maxAgeDays: 7 }, now + 8 * day)).toBe(1);
    expect(readdirSync(share.at(".recycle"))).toEqual([]);
  });

  test("a sweep removes the oldest files until the rest fits", async () => {
    const bin = binShare({ keepTree: true, limitBytes: 1 });
    const block = "x".repeat(65_536);
    for (const name of ["c/one", "b/two", "a/three"]) {
      await remove(bin, name, block);
      await Bun.sleep(1100);
    }
    expect(await sweep({ limitBytes: 150_000 }, now)).toBe(1);
    expect(existsSync(share.at(".recycle", "c", "one"))).toBe(false);
    expect(existsSync(share.at(".recycle", "b", "two"))).toBe(true);
    expect(await sweep({ limitBytes: 1 }, now)).toBe(2);
  });

  test("a sweep follows no symlinks, and ends when `pause` returns false", async () => {
    const bin = binShare();
    await remove(bin, "f");
    mkdirSync(share.at("live"));
    writeFileSync(share.at("live", "data"), "");
    symlinkSync("../live", share.at(".recycle", "link"));
    expect(await sweep({ maxAgeDays: 1 }, now + 9 * day)).toBe(1);
    expect(existsSync(share.at("live", "data"))).toBe(true);
    for (let i = 0; i < 200; i++) writeFileSync(share.at(".recycle", `f${i}`), "");
    const own = new Fixture({ ...binGrant(grantFor(share.root)), followSymlinks: false }, share);
    const stopped = await sweepRepositories({
      store: own.store,
      rules: { ...rules, maxAgeDays: 1 },
      repositories: [".recycle"],
      nowSeconds: now + 9 * day,
      pause: () => Promise.resolve(false),
    });
    expect(stopped).toBeLessThan(100);
    own.close();
  });
});
