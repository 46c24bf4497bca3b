// Creating, finding, opening, reading and writing on a real directory. [MS-FSA] 2.1.5.1, 2.1.5.3, 2.1.5.4.
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { chmodSync, mkdirSync, readFileSync, readdirSync, readlinkSync, rmSync, statSync } from "node:fs";
import { writeFileSync } from "node:fs";
import type { LocalHandle } from "../../../../src/engine/vfs/local/local-handle.ts";
import { openStore } from "../../../../src/engine/vfs/local/local-store.ts";
import {
  type FileHandle,
  type FileNode,
  FileKind,
  type FileStat,
  type Found,
} from "../../../../src/engine/vfs/store.ts";
import { heapBuffer } from "../../../../src/engine/vfs/transfer-buffer.ts";
import { FsAttribute } from "../../../../src/wire/fscc/fs-information.ts";
import { Errno } from "../../../../src/linux/errno.ts";
import { openFileLimit, setOpenFileLimit } from "../../../../src/linux/limits.ts";
import { AT_FDCWD, Open, closeFd, openAt } from "../../../../src/linux/open.ts";
import { FileAttribute } from "../../../../src/wire/fscc/attributes.ts";
import {
  Fixture,
  descriptorCount,
  expectDescriptors,
  grantFor,
  readWrite,
  succeeded,
} from "../share-fixture.ts";

let share: Fixture;
let before = 0;
beforeEach(() => {
  before = descriptorCount();
  share = new Fixture();
});
// Every test closes each descriptor that it has opened.
afterEach(async () => {
  share.dispose();
  await expectDescriptors(before);
});

const text = new TextEncoder();

describe("opening and closing a store", () => {
  test("openStore fails for a missing path, a file and a relative path", async () => {
    writeFileSync(share.at("file"), "");
    expect(await openStore(grantFor(share.at("missing")))).toBe(-Errno.ENOENT);
    expect(await openStore(grantFor(share.at("file")))).toBe(-Errno.ENOTDIR);
    expect(await openStore(grantFor("relative"))).toBe(-Errno.EINVAL);
    expect(await openStore(grantFor(""))).toBe(-Errno.EINVAL);
  });

  test("stores on one directory share one descriptor until the last is closed", async () => {
    const count = descriptorCount();
    const other = new Fixture({}, share);
    expect(descriptorCount()).toBe(count);
    await other.touch("x");
    expect(await share.resolve("X")).toBe("x");
    other.close();
    other.close();
    expect(await share.resolve("x")).toBe("x");
  });

  test("a closed store returns EBADF", async () => {
    const other = new Fixture({}, share);
    other.close();
    expect(await other.lookup("x")).toBe(-Errno.EBADF);
  });
});

describe("files", () => {
  test("a file is created, written and read; creating it again fails with EEXIST", async () => {
    const { node, handle } = await share.create(["new.txt"]);
    expect(node.stat.kind).toBe(FileKind.FILE);
    expect(node.stat.size).toBe(0);
    expect(node.stat.allocated).toBe(0);
    expect(await handle.write(heapBuffer(text.encode("..hello")), 2, 5, 3)).toBe(5);
    const into = new Uint8Array(12).fill(46);
    expect(await handle.read(heapBuffer(into), 2, 10, 0)).toBe(8);
    expect(new TextDecoder().decode(into)).toBe("..\0\0\0hello..");
    expect(await handle.read(heapBuffer(into), 0, 10, 8)).toBe(0);
    expect(await handle.read(heapBuffer(into), 0, 10, 2 ** 40)).toBe(0);
    expect(readFileSync(share.at("new.txt"), "latin1")).toBe("\0\0\0hello");
    expect(succeeded<FileStat>(await handle.stat()).size).toBe(8);
    expect(succeeded<FileStat>(await node.refresh()).allocated).toBeGreaterThanOrEqual(512);
    const again = succeeded(await share.lookup("new.txt"));
    expect(await share.store.createFile({ ...again, node: undefined }, readWrite, 0)).toBe(-Errno.EEXIST);
    again.node?.close();
    handle.close();
    node.close();
  });

  test("large reads and writes are complete", async () => {
    const { node, handle } = await share.create(["large"]);
    const size = 5_000_001;
    const bytes = new Uint8Array(size);
    for (let i = 0; i < size; i++) bytes[i] = (i * 31) >> 3;
    expect(await handle.write(heapBuffer(bytes), 0, size, 1)).toBe(size);
    const into = new Uint8Array(size + 10);
    expect(await handle.read(heapBuffer(into), 5, size + 5, 1)).toBe(size);
    expect(Buffer.compare(into.subarray(5, 5 + size), bytes)).toBe(0);
    expect(await handle.flush()).toBe(0);
    handle.close();
    node.close();
  });

  test("concurrent writes and reads do not mix", async () => {
    const { node, handle } = await share.create(["parallel"]);
    const blocks = Array.from({ length: 40 }, (_, i) => new Uint8Array(100_000).fill(i));
    const writes = blocks.map((block, i) =>
      handle.write(heapBuffer(block), 0, block.length, i * block.length),
    );
    expect(await Promise.all(writes)).toEqual(blocks.map((block) => block.length));
    const into = blocks.map(() => new Uint8Array(100_000));
    await Promise.all(
      into.map((block, i) => handle.read(heapBuffer(block), 0, block.length, i * block.length)),
    );
    into.forEach((block, i) => expect(Buffer.compare(block, blocks[i] ?? new Uint8Array())).toBe(0));
    handle.close();
    node.close();
  });

  test("a handle closed during a write closes its descriptor after the write", async () => {
    const { node, handle } = await share.create(["closing"]);
    node.close();
    const count = descriptorCount();
    // As after a write that the kernel has throttled: the volume's worker makes it.
    (handle as LocalHandle).volume.throttledUntil = Infinity;
    const write = handle.write(heapBuffer(new Uint8Array(1_000_000)), 0, 1_000_000, 0);
    expect(write).toBeInstanceOf(Promise);
    handle.close();
    handle.close();
    expect(descriptorCount()).toBe(count);
    expect(await write).toBe(1_000_000);
    expect(descriptorCount()).toBe(count - 1);
    expect(await handle.read(heapBuffer(new Uint8Array(1)), 0, 1, 0)).toBe(-Errno.EBADF);
    expect(await handle.write(heapBuffer(new Uint8Array(1)), 0, 1, 0)).toBe(-Errno.EBADF);
  });

  test("truncate, allocate and flush", async () => {
    const { node, handle } = await share.create(["sized"]);
    expect(await handle.truncate(10)).toBe(0);
    expect(await handle.truncate(100_000_000)).toBe(0);
    expect(statSync(share.at("sized")).size).toBe(100_000_000);
    expect(await handle.truncate(0)).toBe(0);
    for (const size of [65_536, 200_000_000]) {
      expect(await handle.allocate(size)).toBe(0);
      const stat = statSync(share.at("sized"));
      expect([stat.size, stat.blocks * 512 >= size]).toEqual([0, true]);
    }
    expect(await handle.allocate(2 ** 50)).toBe(-Errno.ENOSPC);
    expect(statSync(share.at("sized")).blocks * 512).toBeLessThan(300_000_000);
    expect(await handle.flush()).toBe(0);
    handle.close();
    node.close();
  });

  test("a write-through open is O_DSYNC", async () => {
    const found = succeeded(await share.lookup("through"));
    const made = succeeded<{ node: FileNode; handle: FileHandle }>(
      await share.store.createFile(found, { ...readWrite, writeThrough: true }, 0),
    );
    const flags = /flags:\s+(\d+)/.exec(descriptorInfo(descriptorOf(share.at("through"))))?.[1] ?? "";
    expect(Number.parseInt(flags, 8) & Open.DSYNC).toBe(Open.DSYNC);
    made.handle.close();
    made.node.close();
  });

  test("a write beyond the largest file size fails with EFBIG or EINVAL", async () => {
    const { node, handle } = await share.create(["sparse"]);
    // ext4's largest file has 16 TiB, others' 8 EiB; no file system takes a byte at the last offset.
    const result = await handle.write(heapBuffer(new Uint8Array(8192)), 0, 8192, 2 ** 63 - 4096);
    expect<number[]>([-Errno.EFBIG, -Errno.EINVAL]).toContain(result);
    handle.close();
    node.close();
  });

  test("a write that fills the disk half-way fails with ENOSPC", async () => {
    if (process.geteuid?.() !== 0) return;
    mkdirSync(share.at("small"));
    const mounted = await Bun.$`mount -t tmpfs -o size=128k none ${share.at("small")}`.quiet().nothrow();
    if (mounted.exitCode !== 0) return;
    try {
      const { node, handle } = await share.create(["small", "file"]);
      const bytes = new Uint8Array(1_048_576);
      expect(await handle.write(heapBuffer(bytes), 0, bytes.length, 0)).toBe(-Errno.ENOSPC);
      await handle.truncate(0);
      for (let at = 0; at < 98_304; at += 49_152)
        expect(await handle.write(heapBuffer(bytes), 0, 49_152, at)).toBe(49_152);
      expect(await handle.write(heapBuffer(bytes), 0, 49_152, 98_304)).toBe(-Errno.ENOSPC);
      handle.close();
      node.close();
    } finally {
      await Bun.$`umount ${share.at("small")}`.quiet();
    }
  });

  test("a handle opened for reading only does not write", async () => {
    await share.touch("locked");
    const node = await share.node("locked");
    const handle = succeeded(await node.open({ read: true, write: false, writeThrough: false }));
    expect(await handle.write(heapBuffer(new Uint8Array(1)), 0, 1, 0)).toBe(-Errno.EBADF);
    handle.close();
    node.close();
  });

  test("a node stays the same object when another takes its name", async () => {
    writeFileSync(share.at("one"), "first");
    const node = await share.node("one");
    writeFileSync(share.at("two"), "second");
    await Bun.$`mv ${share.at("two")} ${share.at("one")}`;
    const handle = succeeded(await node.open({ read: true, write: false, writeThrough: false }));
    const into = new Uint8Array(6);
    expect(await handle.read(heapBuffer(into), 0, 6, 0)).toBe(5);
    expect(new TextDecoder().decode(into.subarray(0, 5))).toBe("first");
    handle.close();
    node.close();
    node.close();
    expect(node.open(readWrite)).toBe(-Errno.EBADF);
  });

  test("opening a FIFO fails with EACCES", async () => {
    await Bun.$`mkfifo ${share.at("fifo")}`;
    const node = await share.node("fifo");
    expect(node.stat.kind).toBe(FileKind.OTHER);
    expect(node.open(readWrite)).toBe(-Errno.EACCES);
    node.close();
  });
});

/** Returns the number of the descriptor that has `path` open other than with O_PATH. */
function descriptorOf(path: string): string {
  for (const number of readdirSync("/proc/self/fd")) {
    const flags = /flags:\s+(\d+)/.exec(descriptorInfo(number))?.[1];
    if (flags === undefined || (Number.parseInt(flags, 8) & Open.PATH) !== 0) continue;
    if (readlinkSync(`/proc/self/fd/${number}`) === path) return number;
  }
  throw new Error(`${path} is not open`);
}

function descriptorInfo(number: string): string {
  try {
    return readFileSync(`/proc/self/fdinfo/${number}`, "latin1");
  } catch {
    return ""; // The descriptor of the listing of /proc/self/fd, closed by now.
  }
}

describe("while the disk may be spun down", () => {
  test("only a look-up of names that are not cached returns a promise", async () => {
    await share.setLively(false);
    writeFileSync(share.at("known"), "");
    const known = share.store.lookup(["known"]);
    expect(known).not.toBeInstanceOf(Promise);
    succeeded<Found>(await known).node?.close();
    const [one, two] = [share.store.lookup(["unseen"]), share.store.lookup(["UNKNOWN", "x"])];
    expect(one).toBeInstanceOf(Promise);
    expect(two).toBeInstanceOf(Promise);
    expect(succeeded(await one)).toMatchObject({ path: "unseen", node: undefined });
    expect(await two).toBe(-Errno.ENOENT);
  });

  test("a look-up during which the store is closed returns EBADF and leaks no descriptor", async () => {
    await share.setLively(false);
    const other = new Fixture({}, share);
    const answer = other.store.lookup(["unseen"]);
    expect(answer).toBeInstanceOf(Promise);
    other.close();
    expect(await answer).toBe(-Errno.EBADF);
  });
});

describe("look-ups", () => {
  test("a missing last component is no failure, a missing parent is", async () => {
    mkdirSync(share.at("dir"));
    writeFileSync(share.at("file"), "");
    const found = succeeded(await share.lookup("dir", "new"));
    expect([found.path, found.name, found.node]).toEqual(["dir/new", "new", undefined]);
    expect(await share.lookup("missing", "new")).toBe(-Errno.ENOENT);
    expect(await share.lookup("file", "new")).toBe(-Errno.ENOTDIR);
    expect(await share.lookup("n".repeat(255), "x")).toBe(-Errno.ENOENT);
    expect(await share.lookup("ü".repeat(200))).toBe(-Errno.ENAMETOOLONG);
  });

  test("the root is a directory that cannot be removed", async () => {
    const root = await share.node();
    expect(root.stat.kind).toBe(FileKind.DIRECTORY);
    expect(root.stat.attributes).toBe(FileAttribute.DIRECTORY);
    expect(await share.store.remove("", root.identity, true)).toBe(-Errno.EBUSY);
    root.close();
  });

  test("hard links have the same identity", async () => {
    await share.touch("a");
    await Bun.$`ln ${share.at("a")} ${share.at("b")}`;
    await share.touch("c");
    const nodes = await Promise.all([share.node("a"), share.node("b"), share.node("c")]);
    const [a, b, c] = nodes.map((node) => node.identity);
    expect(a).toBe(b);
    expect(a).not.toBe(c);
    expect(nodes[0]?.stat.links).toBe(2);
    for (const node of nodes) node.close();
  });

  test("clientPath maps reserved characters and separators", () => {
    expect(share.store.clientPath("a/b:c/d.")).toBe("a\\b\uf022c\\d\uf029");
    expect(share.store.clientPath("")).toBe("");
  });

  test("vetoed names are neither found nor listed", async () => {
    writeFileSync(share.at("x.tmp"), "");
    const other = new Fixture({ vetoFiles: ["*.tmp", "secret"] }, share);
    mkdirSync(share.at("Secret"));
    expect(await other.lookup("x.tmp")).toBe(-Errno.ENOKEY);
    expect(await other.lookup("new.TMP")).toBe(-Errno.ENOKEY);
    expect(await other.lookup("secret", "x")).toBe(-Errno.ENOENT);
    expect(await other.list()).toEqual([".", ".."]);
    other.close();
  });

  test("characters that Windows reserves are mapped to private ones", async () => {
    await share.makeDirectory("what\uf025");
    await share.touch("what\uf025", "12\uf02230");
    expect(statSync(share.at("what?", "12:30")).isFile()).toBe(true);
    expect(await share.list("WHAT\uf025")).toEqual([".", "..", "12\uf02230"]);
    // A name that contains the private character on disk is found, too.
    writeFileSync(share.at("real\uf022"), "");
    expect(await share.resolve("REAL\uf022")).toBe("real\uf022");
    expect(await share.lookup("\uf029\uf029")).toMatchObject({ path: "\uf029." });
    expect(await share.lookup(".\uf029", "etc")).toBe(-Errno.EILSEQ);
  });
});

describe("a read-only share", () => {
  test("refuses every change with EROFS", async () => {
    writeFileSync(share.at("f"), "");
    const other = new Fixture({ readOnly: true }, share);
    const node = await other.node("f");
    const missing = succeeded(await other.lookup("new"));
    expect(node.open(readWrite)).toBe(-Errno.EROFS);
    expect(node.setMode(0)).toBe(-Errno.EROFS);
    expect(node.setAttributes(0)).toBe(-Errno.EROFS);
    expect(node.setTimes({})).toBe(-Errno.EROFS);
    expect(await other.store.createFile(missing, readWrite, 0)).toBe(-Errno.EROFS);
    expect(await other.store.createDirectory(missing, 0)).toBe(-Errno.EROFS);
    expect(await other.store.remove("f", node.identity, false)).toBe(-Errno.EROFS);
    expect(await other.store.rename("f", node.identity, missing, false)).toBe(-Errno.EROFS);
    expect(await other.store.link(node, missing, false)).toBe(-Errno.EROFS);
    const volume = succeeded<{ attributes: number }>(await other.store.volume(node));
    expect(volume.attributes & FsAttribute.READ_ONLY_VOLUME).not.toBe(0);
    node.close();
    other.close();
  });
});

test("when descriptors run out, operations fail with EMFILE and close those that they have opened", async () => {
  mkdirSync(share.at("Dir"));
  for (const name of ["file", "other", "moved"]) writeFileSync(share.at("Dir", name), "");
  const node = await share.node("Dir", "file");
  const directory = await share.node("Dir");
  const missing = succeeded(await share.lookup("Dir", "new"));
  const limit = openFileLimit();
  if (typeof limit === "number") throw new Error(`prlimit: ${limit}`);
  const used = descriptorCount();
  const failures = new Set<number>();
  for (let available = 0; available < 4; available++) {
    expect(setOpenFileLimit({ soft: firstFree() + available, hard: limit.hard })).toBe(0);
    const answers = [
      share.store.lookup(["DIR", "FILE"]),
      share.store.lookup(["DIR", "none"]),
      share.store.createFile(missing, readWrite, 0),
      share.store.createDirectory({ ...missing, path: "Dir/sub" }, 0),
      node.open(readWrite),
      share.store.isEmpty(directory),
      share.store.rename("Dir/none", node.identity, missing, false),
      share.store.link(node, { ...missing, path: "Dir/linked" }, false),
      share.store.remove("Dir/none", node.identity, false),
    ];
    setOpenFileLimit(limit);
    for (const answer of await Promise.all(answers)) {
      if (typeof answer === "number") failures.add(answer);
      else closeAll(answer);
    }
    for (const name of ["new", "sub", "linked"])
      rmSync(share.at("Dir", name), { recursive: true, force: true });
    await expectDescriptors(used);
  }
  expect([...failures]).toContain(-Errno.EMFILE);
  node.close();
  directory.close();
});

/** Returns the lowest unused descriptor number, which the next open gets. */
function firstFree(): number {
  const fd = openAt(AT_FDCWD, "/", Open.PATH);
  closeFd(fd);
  return fd;
}

function closeAll(answer: object | boolean): void {
  for (const key of ["node", "handle"]) {
    const part: unknown = Reflect.get(Object(answer), key);
    if (part instanceof Object && "close" in part) Reflect.apply(part.close as () => void, part, []);
  }
  if (typeof answer === "object" && "close" in answer) (answer as { close(): void }).close();
}

describe("directories", () => {
  test("a directory with a hidden file is not empty and is not removed", async () => {
    await share.makeDirectory("d");
    const node = await share.node("d");
    expect(await share.store.isEmpty(node)).toBe(true);
    writeFileSync(share.at("d", ".x"), "");
    expect(await share.store.isEmpty(node)).toBe(false);
    expect(await share.store.remove("d", node.identity, true)).toBe(-Errno.ENOTEMPTY);
    node.close();
  });

  test("the volume's space is what statfs reports", async () => {
    const root = await share.node();
    const volume = succeeded<{ [key: string]: number | string }>((await share.store.volume(root)) as never);
    const df = (await Bun.$`stat -f -c "%S %b %f" ${share.root}`.text()).trim().split(" ").map(Number);
    const [block = 0, blocks = 0, free = 0] = df;
    expect(volume).toMatchObject({ fileSystemName: "NTFS", blockBytes: block, totalBytes: block * blocks });
    expect(Math.abs(Number(volume.freeBytes) - block * free)).toBeLessThan(100_000_000);
    expect(Number(volume.availableBytes)).toBeLessThanOrEqual(Number(volume.freeBytes));
    root.close();
  });

  test("access returns the rights that the mode grants", async () => {
    writeFileSync(share.at("f"), "", { mode: 0o644 });
    const node = await share.node("f");
    // Read and write: without an execute bit not even root executes a file.
    expect(node.access()).toBe(6);
    chmodSync(share.at("f"), 0o755);
    expect(node.access()).toBe(7);
    node.close();
  });
});
