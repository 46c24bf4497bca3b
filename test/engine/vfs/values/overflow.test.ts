// Values that do not fit into a file's extended attributes, on an ext4 image, which gives a file about 4 KiB
// for all of them together: they are stored in the sidecar, found, moved and removed like the others. Needs
// root.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Errno } from "../../../../src/linux/errno.ts";
import { Scratch } from "../../../../src/linux/libc.ts";
import { getXattr, listXattrs, setXattr } from "../../../../src/linux/xattr.ts";
import { linkObject, removeName, renamePath } from "../../../../src/engine/vfs/disk/rename.ts";
import { NTACL, decodeNtAcl, encodeNtAcl } from "../../../../src/engine/vfs/format/ntacl.ts";
import { OVERFLOW_MARK } from "../../../../src/engine/vfs/values/overflow.ts";
import type { NamedValues } from "../../../../src/engine/vfs/value-store.ts";
import {
  createStream,
  removeStream,
  removeStreams,
  writeStream,
} from "../../../../src/engine/vfs/stream/stream-change.ts";
import { listStreams, streamKey } from "../../../../src/engine/vfs/stream/stored-stream.ts";
import { readStream } from "../../../../src/engine/vfs/stream/stream-content.ts";
import { changeUserAttributes, readUserAttributes } from "../../../../src/engine/vfs/extended-attributes.ts";
import { canMakeDiskImage, type DiskImage, makeDiskImage } from "../../../peer/disk-image.ts";
import { OverflowDisk } from "./overflow-disk.ts";

const MIB = 1024 * 1024;
const FORK = streamKey("AFP_Resource") ?? "";
const OTHER = streamKey("other") ?? "";
const canRun = canMakeDiskImage("ext4");
const room = new Scratch(65_536);

let image: DiskImage;
let disk: OverflowDisk;
let root = "";
let number = 0;

beforeAll(() => {
  if (canRun) image = makeDiskImage("ext4", 128 * MIB, ["-b", "4096"]);
});
afterAll(() => {
  disk?.close();
  image?.remove();
});
beforeEach(() => {
  if (!canRun) return;
  disk?.close();
  root = join(image.path, `share${++number}`);
  mkdirSync(root);
  disk = new OverflowDisk(root);
});

function made(name: string): ReturnType<OverflowDisk["open"]> {
  writeFileSync(join(root, name), "data");
  return disk.open(name);
}

function pattern(bytes: number, seed = 1): Uint8Array {
  return new Uint8Array(bytes).map((_, i) => (i * 7 + seed) & 0xff);
}

async function write(values: NamedValues, key: string, data: Uint8Array): Promise<void> {
  expect(await writeStream(values, key, data, "samba")).toBe(0);
}

/** Compares with a boolean result: a failed assertion must not print megabytes. */
async function expectStream(values: NamedValues, key: string, data: Uint8Array): Promise<void> {
  const found = await readStream(values, key, "samba");
  expect(typeof found === "number" ? found : found.length).toBe(data.length);
  expect(Buffer.compare(found as Uint8Array, data)).toBe(0);
}

/** The length of the value's extended attribute, as Samba finds it. */
function ownBytes(fd: number, key: string): number {
  return getXattr(fd, key, room);
}

function sidecarOf(...folder: string[]): string[] {
  const path = join(root, ...folder, ".minismbd");
  const names = existsSync(path) ? readdirSync(path) : [];
  return names.map((name) => name.replace(/^[0-9a-f]{16}\.data$/, "data")).sort();
}

const SIZES = [0, 1, 1000, 3000, 5000, 15_871, 17_000, 20_000, 65_535, 65_536, 100_000, 1_048_575, 5 * MIB];

describe.skipIf(!canRun)("a stream on ext4", () => {
  test("of any size is read back, and is stored in one place only", async () => {
    const { fd, values } = made("a");
    const sizes = [...SIZES, ...SIZES.toReversed(), 5 * MIB, 0, 100_000, 1];
    for (const [i, bytes] of sizes.entries()) {
      const data = pattern(bytes, i);
      await write(values, FORK, data);
      await expectStream(values, FORK, data);
      expect(await listStreams(values)).toEqual([{ name: "AFP_Resource", key: FORK }]);
      const isSmall = bytes <= 3000;
      expect(ownBytes(fd, FORK)).toBe(isSmall ? bytes + 1 : -Errno.ENODATA);
      expect(sidecarOf()).toEqual(isSmall ? [] : bytes < 16_384 ? ["a.values"] : ["a.values", "data"]);
      const names = listXattrs(fd) as string[];
      expect(names.filter((name) => name.startsWith("user."))).toEqual([isSmall ? FORK : OVERFLOW_MARK]);
    }
  }, 60_000);

  test("can grow where it left no room for the mark", async () => {
    for (let bytes = 3500; bytes < 4200; bytes += 4) {
      const name = `grows${bytes}`;
      const { values } = made(name);
      await write(values, FORK, pattern(bytes));
      await expectStream(values, FORK, pattern(bytes));
      await write(values, FORK, pattern(70_000));
      await expectStream(values, FORK, pattern(70_000));
    }
  }, 60_000);

  test("can be created when other streams have taken all the room", async () => {
    const { fd, values } = made("full");
    const others = new Map<string, Uint8Array>();
    for (let i = 0; i < 150; i++) {
      const key = streamKey(`s${i}`) ?? "";
      const data = pattern(i % 7 === 0 ? 200 : i % 30, i);
      expect(await createStream(values, key, "samba")).toBe(0);
      await write(values, key, data);
      others.set(key, data);
    }
    expect(((await listStreams(values)) as unknown[]).length).toBe(150);
    for (const [key, data] of others) await expectStream(values, key, data);
    expect((listXattrs(fd) as string[]).includes(OVERFLOW_MARK)).toBe(true);
    expect(await removeStreams(values)).toBe(0);
    expect(await listStreams(values)).toEqual([]);
    expect(sidecarOf()).toEqual([]);
  }, 60_000);

  test("that does not fit on the disk leaves the old one", async () => {
    const { values } = made("a");
    await write(values, FORK, pattern(5000));
    const tooLong = new Uint8Array(140 * MIB);
    expect(await writeStream(values, FORK, tooLong, "samba")).toBe(-Errno.ENOSPC);
    await expectStream(values, FORK, pattern(5000));
    expect(sidecarOf()).toEqual(["a.values"]);
  }, 60_000);

  test("that another program has written takes precedence over the sidecar", async () => {
    const { fd, values } = made("a");
    await write(values, FORK, pattern(50_000));
    expect(setXattr(fd, FORK, Uint8Array.of(65, 66, 0))).toBe(0);
    await expectStream(values, FORK, Uint8Array.of(65, 66));
    expect(await removeStream(values, FORK)).toBe(0);
    expect(await readStream(values, FORK, "samba")).toBe(-Errno.ENODATA);
    expect(sidecarOf()).toEqual([]);
    expect(listXattrs(fd)).not.toContain(OVERFLOW_MARK);
  });

  test("of a folder is stored inside it and moves with it", async () => {
    mkdirSync(join(root, "dir"));
    const folder = disk.open("dir");
    await write(folder.values, FORK, pattern(50_000));
    expect(sidecarOf("dir")).toEqual([".values", "data"]);
    const to = { path: "moved", name: "moved", identity: "", isDirectory: false };
    expect(renamePath(disk.context, "dir", folder.identity, to, false)).toEqual({ path: "moved" });
    await expectStream(disk.open("moved").values, FORK, pattern(50_000));
    expect(removeName(disk.context, "moved", folder.identity, true)).toBe(0);
    expect(readdirSync(root)).toEqual([]);
  });
});

describe.skipIf(!canRun)("overflow values", () => {
  test("move with a rename, over another file and into another folder", async () => {
    const a = made("a");
    const b = made("b");
    mkdirSync(join(root, "sub"));
    await write(a.values, FORK, pattern(50_000, 1));
    await write(b.values, FORK, pattern(60_000, 2));
    await write(b.values, OTHER, pattern(60_000, 3));
    const over = { path: "b", name: "b", identity: b.identity, isDirectory: false };
    expect(renamePath(disk.context, "a", a.identity, over, true)).toEqual({ path: "b" });
    await expectStream(disk.open("b").values, FORK, pattern(50_000, 1));
    await expectStream(a.values, FORK, pattern(50_000, 1));
    expect(await readStream(disk.open("b").values, OTHER, "samba")).toBe(-Errno.ENODATA);
    expect(sidecarOf()).toEqual(["b.values", "data"]);
    const below = { path: "sub/c", name: "c", identity: "", isDirectory: false };
    expect(renamePath(disk.context, "b", a.identity, below, false)).toEqual({ path: "sub/c" });
    await expectStream(disk.open("sub/c").values, FORK, pattern(50_000, 1));
    expect(sidecarOf()).toEqual([]);
    // A file without values replaces one that has some.
    const plain = made("plain");
    const last = { path: "sub/c", name: "c", identity: a.identity, isDirectory: false };
    expect(renamePath(disk.context, "plain", plain.identity, last, true)).toEqual({ path: "sub/c" });
    expect(sidecarOf("sub")).toEqual([]);
  });

  test("are removed with the file, and with the folder when it has no other entries", async () => {
    mkdirSync(join(root, "dir"));
    const folder = disk.open("dir");
    const file = made("dir/a");
    await write(file.values, FORK, pattern(50_000));
    await write(folder.values, FORK, pattern(50_000));
    expect(removeName(disk.context, "dir", folder.identity, true)).toBe(-Errno.ENOTEMPTY);
    await expectStream(folder.values, FORK, pattern(50_000));
    expect(removeName(disk.context, "dir/a", file.identity, false)).toBe(0);
    expect(sidecarOf("dir")).toEqual([".values", "data"]);
    expect(removeName(disk.context, "dir", folder.identity, true)).toBe(0);
    expect(existsSync(join(root, "dir"))).toBe(false);
  });

  test("are copied to a new hard link", async () => {
    const a = made("a");
    await write(a.values, FORK, pattern(50_000));
    const to = { path: "b", name: "b", identity: "", isDirectory: false };
    expect(linkObject(disk.context, a.fd, a.identity, to, false)).toBe(0);
    expect(removeName(disk.context, "a", a.identity, false)).toBe(0);
    await expectStream(disk.open("b").values, FORK, pattern(50_000));
  });

  test("are not inherited by a file that another program creates under the same name", async () => {
    const a = made("a");
    await write(a.values, FORK, pattern(50_000));
    rmSync(join(root, "a"));
    const again = made("a");
    expect(await listStreams(again.values)).toEqual([]);
    await write(again.values, OTHER, pattern(50_000));
    expect(await listStreams(again.values)).toEqual([{ name: "other", key: OTHER }]);
  });

  test("are copied when another program copies the folder with its attributes", async () => {
    mkdirSync(join(root, "dir"));
    await write(made("dir/a").values, FORK, pattern(50_000));
    expect(spawnSync("cp", ["-a", join(root, "dir"), join(root, "copy")]).status).toBe(0);
    await expectStream(disk.open("copy/a").values, FORK, pattern(50_000));
    cpSync(join(root, "dir"), join(root, "bare"), { recursive: true });
    renameSync(join(root, "copy"), join(root, "moved"));
    await expectStream(disk.open("moved/a").values, FORK, pattern(50_000));
  });
});

describe.skipIf(!canRun)("attributes and descriptors", () => {
  test("of clients can have the maximum size, and the marks are not listed", async () => {
    const { values } = made("a");
    const wanted = [1, 10_000, 20_000, 30_000].map((bytes) => ({
      flags: 0,
      name: `EA${bytes}`,
      value: pattern(bytes),
    }));
    expect(await changeUserAttributes(values, wanted)).toBe(0);
    const found = (await readUserAttributes(values)) as typeof wanted;
    expect(found.toSorted((a, b) => a.value.length - b.value.length)).toEqual(wanted);
    const more = [{ flags: 0, name: "MORE", value: pattern(10_000) }];
    expect(await changeUserAttributes(values, more)).toBe(-Errno.E2BIG);
    expect(
      await changeUserAttributes(
        values,
        wanted.map((ea) => ({ ...ea, value: new Uint8Array() })),
      ),
    ).toBe(0);
    expect(await readUserAttributes(values)).toEqual([]);
    expect(sidecarOf()).toEqual([]);
  });

  test("a descriptor of 20 KB is stored, replaced by a small one, and removed", async () => {
    const { fd, values } = made("a");
    const large = pattern(20_000);
    expect(await values.overflow.set(NTACL, large)).toBe(0);
    expect(Buffer.compare((await values.get(NTACL)) as Uint8Array, large)).toBe(0);
    // Other servers see a valid descriptor that is bound to rights which no file has.
    const length = getXattr(fd, NTACL, room);
    expect(decodeNtAcl(room.bytes.slice(0, length)).descriptor.dacl?.aces).toEqual([]);
    expect(await values.list()).not.toContain(FORK);
    const small = encodeNtAcl(
      decodeNtAcl(room.bytes.slice(0, length)).descriptor,
      new Uint8Array(32).fill(1),
      {
        seconds: 1,
        nanoseconds: 0,
      },
    );
    expect(await values.overflow.set(NTACL, small)).toBe(0);
    expect(await values.get(NTACL)).toEqual(small);
    expect(sidecarOf()).toEqual([]);
    expect(await values.overflow.set(NTACL, large)).toBe(0);
    expect(await values.remove(NTACL)).toBe(0);
    expect(await values.get(NTACL)).toBe(-Errno.ENODATA);
    expect(sidecarOf()).toEqual([]);
  });

  test("a descriptor whose sidecar is lost leaves the rights on disk", async () => {
    const { values } = made("a");
    expect(await values.overflow.set(NTACL, pattern(20_000))).toBe(0);
    rmSync(join(root, ".minismbd"), { recursive: true });
    const left = (await values.get(NTACL)) as Uint8Array;
    expect(decodeNtAcl(left).descriptor.dacl?.aces).toEqual([]);
  });
});

const CALLS = "setxattr,removexattr,renameat,renameat2,unlinkat,mkdirat,fdatasync,pwrite64";

describe.skipIf(!canRun || Bun.which("strace") === null)("killed at any step", () => {
  for (const [name, before, after] of [
    ["grows out of the attributes", 3000, 50_000],
    ["grows where there is no room for the mark", 3900, 50_000],
    ["is replaced in the sidecar", 50_000, 60_000],
    ["shrinks into the attributes", 50_000, 3000],
  ] as const) {
    test(`a stream that ${name} has the old or the new value`, async () => {
      const { values } = made("a");
      let isDone = false;
      const seen = new Set<number>();
      for (let step = 1; !isDone && step < 40; step++) {
        await write(values, FORK, pattern(before));
        const words = ["a", FORK, String(after), "5"];
        const program = join(import.meta.dir, "overflow-changer.ts");
        const strace = ["strace", "-qq", "-o", "/dev/null", "-e", `trace=${CALLS}`];
        const inject = ["-e", `inject=${CALLS}:signal=KILL:when=${step}`];
        const [first = "", ...rest] = [...strace, ...inject, process.execPath, program, root, ...words];
        const { status, stderr } = spawnSync(first, rest, { stdio: ["ignore", "ignore", "pipe"] });
        isDone = status === 0;
        if (!isDone) expect(String(stderr)).not.toContain("errno");
        const data = (await readStream(values, FORK, "samba")) as Uint8Array;
        const isOld = Buffer.compare(data, pattern(before)) === 0;
        const isNew = Buffer.compare(data, new Uint8Array(after).fill(5)) === 0;
        expect({ step, length: data.length, isSound: isOld || isNew }).toMatchObject({ isSound: true });
        seen.add(data.length);
        expect(await listStreams(values)).toEqual([{ name: "AFP_Resource", key: FORK }]);
      }
      expect(isDone).toBe(true);
      expect([...seen].toSorted((a, b) => a - b)).toEqual([before, after].toSorted((a, b) => a - b));
    }, 120_000);
  }
});
