// The sidecar of a folder: values, broken entries, changes by other programs, kills between two steps.
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import {
  appendFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Errno } from "../../../../src/linux/errno.ts";
import { AT_FDCWD, Open, closeFd, openAt } from "../../../../src/linux/open.ts";
import { emptyStatx, statAt } from "../../../../src/linux/stat.ts";
import type { Subject } from "../../../../src/engine/vfs/sidecar/entry.ts";
import { MAX_SIDECAR_VALUE_BYTES } from "../../../../src/engine/vfs/sidecar/format.ts";
import {
  removeMovedEntry,
  finishSidecarMove,
  prepareSidecarMove,
} from "../../../../src/engine/vfs/sidecar/move.ts";
import {
  removeSidecarEntry,
  getSidecarValue,
  listSidecarValues,
  openSidecar,
  removeSidecarValue,
  setSidecarValue,
} from "../../../../src/engine/vfs/sidecar/folder.ts";
import { removeFolderWithSidecar } from "../../../../src/engine/vfs/sidecar/folder-removal.ts";
import { removeOrphans } from "../../../../src/engine/vfs/sidecar/orphans.ts";

const KEY = "user.DOSATTRIB";
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

let root = "";
const opened: number[] = [];

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "minismbd-sidecar-"));
});

afterEach(() => {
  for (const fd of opened.splice(0)) closeFd(fd);
  rmSync(root, { recursive: true, force: true });
});

function folder(...names: string[]): number {
  const path = join(root, ...names);
  mkdirSync(path, { recursive: true });
  const fd = openAt(AT_FDCWD, path, Open.PATH | Open.DIRECTORY);
  opened.push(fd);
  return fd;
}

/** A file's subject as the server makes it; `hasStableInodes` is false on FAT. */
function subject(directory: number, name: string, hasStableInodes = true): Subject {
  const stat = emptyStatx();
  expect(statAt(directory, name === "" ? "." : name, stat)).toBe(0);
  return { name, stat, hasStableInodes };
}

function touch(...names: string[]): void {
  writeFileSync(join(root, ...names), "data");
}

function text(value: Uint8Array | number): string | number {
  return typeof value === "number" ? value : new TextDecoder().decode(value);
}

function get(directory: number, name: string, key = KEY): string | number {
  return text(getSidecarValue(directory, subject(directory, name), key));
}

describe("values", () => {
  test("are set, replaced, listed and removed, and the sidecar is removed with the last", () => {
    const at = folder();
    touch("a.txt");
    const of = subject(at, "a.txt");
    expect(get(at, "a.txt")).toBe(-Errno.ENODATA);
    expect(setSidecarValue(at, of, KEY, bytes("one"))).toBe(0);
    expect(setSidecarValue(at, of, "user.other", bytes(""))).toBe(0);
    expect(setSidecarValue(at, of, KEY, bytes("two"))).toBe(0);
    expect(get(at, "a.txt")).toBe("two");
    expect(get(at, "a.txt", "user.other")).toBe("");
    expect(new Set(listSidecarValues(at, of) as string[])).toEqual(new Set([KEY, "user.other"]));
    expect(readdirSync(join(root, ".minismbd"))).toEqual(["a.txt.values"]);
    expect(removeSidecarValue(at, of, KEY)).toBe(0);
    expect(removeSidecarValue(at, of, KEY)).toBe(-Errno.ENODATA);
    expect(removeSidecarValue(at, of, "user.other")).toBe(0);
    expect(existsSync(join(root, ".minismbd"))).toBe(false);
  });

  test("of a folder are inside it and move with it", () => {
    folder("dir");
    const at = folder("dir");
    touch("dir", "f");
    setSidecarValue(at, subject(at, ""), KEY, bytes("folder"));
    setSidecarValue(at, subject(at, "f"), KEY, bytes("file"));
    renameSync(join(root, "dir"), join(root, "moved"));
    const moved = folder("moved");
    expect(get(moved, "")).toBe("folder");
    expect(get(moved, "f")).toBe("file");
  });

  test("are copied when another program copies the folder, with or without its times", () => {
    const at = folder("dir");
    touch("dir", "f");
    setSidecarValue(at, subject(at, "f"), KEY, bytes("file"));
    for (const [name, preserveTimestamps] of [
      ["kept", true],
      ["new", false],
    ] as const) {
      cpSync(join(root, "dir"), join(root, name), { recursive: true, preserveTimestamps });
      const copy = folder(name);
      expect(get(copy, "f")).toBe("file");
    }
  });

  test("can have any size up to the limit, and small ones are read beside large ones", () => {
    const at = folder();
    touch("a");
    const of = subject(at, "a");
    const large = new Uint8Array(3_000_000).map((_, i) => i * 7);
    expect(setSidecarValue(at, of, "user.large", large)).toBe(0);
    expect(setSidecarValue(at, of, KEY, bytes("small"))).toBe(0);
    expect(get(at, "a")).toBe("small");
    expect(getSidecarValue(at, of, "user.large")).toEqual(large);
    const tooLarge = new Uint8Array(MAX_SIDECAR_VALUE_BYTES + 1);
    expect(setSidecarValue(at, of, "user.large", tooLarge)).toBe(-Errno.E2BIG);
    expect(getSidecarValue(at, of, "user.large")).toEqual(large);
  });

  test("can have so many names that the table is longer than the first read", () => {
    const at = folder();
    touch("a");
    const of = subject(at, "a");
    for (let i = 0; i < 300; i++) setSidecarValue(at, of, `user.${"n".repeat(30)}${i}`, bytes(String(i)));
    expect(get(at, "a", `user.${"n".repeat(30)}299`)).toBe("299");
    expect(listSidecarValues(at, of)).toHaveLength(300);
  });

  test("of a file with the longest name are stored under a hash", () => {
    const at = folder();
    const name = "n".repeat(255);
    touch(name);
    setSidecarValue(at, subject(at, name), KEY, bytes("long"));
    expect(get(at, name)).toBe("long");
    expect(readdirSync(join(root, ".minismbd"))[0]?.length).toBeLessThan(100);
  });
});

describe("a broken sidecar never makes a call fail", () => {
  const damage: readonly (readonly [string, (path: string) => void])[] = [
    ["empty", (path) => truncateSync(path, 0)],
    ["cut in the header", (path) => truncateSync(path, 10)],
    ["cut in the table", (path) => truncateSync(path, 60)],
    ["cut by one byte", (path) => truncateSync(path, readFileSync(path).length - 1)],
    ["longer", (path) => appendFileSync(path, "x")],
    ["zeros", (path) => writeFileSync(path, new Uint8Array(readFileSync(path).length))],
    [
      "one bit of the value wrong",
      (path) => {
        const content = readFileSync(path);
        content[content.length - 1] = (content.at(-1) ?? 0) ^ 1;
        writeFileSync(path, content);
      },
    ],
    [
      "one bit of the table wrong",
      (path) => {
        const content = readFileSync(path);
        content[30] = (content[30] ?? 0) ^ 1;
        writeFileSync(path, content);
      },
    ],
    ["a directory", (path) => (rmSync(path), mkdirSync(path))],
    ["a symlink that leads elsewhere", (path) => (rmSync(path), symlinkSync("/etc/passwd", path))],
    ["a FIFO", (path) => (rmSync(path), Bun.spawnSync(["mkfifo", path]))],
  ];
  for (const [name, break_] of damage) {
    test(name, () => {
      const at = folder();
      touch("a");
      const of = subject(at, "a");
      setSidecarValue(at, of, KEY, bytes("value"));
      break_(join(root, ".minismbd", "a.values"));
      expect(get(at, "a")).toBe(-Errno.ENODATA);
      expect(removeSidecarValue(at, of, KEY)).toBe(-Errno.ENODATA);
      expect(setSidecarValue(at, of, KEY, bytes("again"))).toBe(0);
      expect(get(at, "a")).toBe("again");
      expect(readFileSync("/etc/passwd", "latin1")).toContain("root:");
    });
  }

  test("any single wrong byte is detected or has no effect", () => {
    const at = folder();
    touch("a");
    setSidecarValue(at, subject(at, "a"), KEY, bytes("value"));
    const path = join(root, ".minismbd", "a.values");
    const sound = readFileSync(path);
    for (let i = 0; i < sound.length; i++) {
      const wrong = Buffer.from(sound);
      wrong[i] = (wrong[i] ?? 0) ^ 0x10;
      writeFileSync(path, wrong);
      expect([-Errno.ENODATA, "value"]).toContain(get(at, "a"));
    }
  });

  test("a file or a symlink in the sidecar's place is replaced", () => {
    const at = folder();
    touch("a");
    const of = subject(at, "a");
    writeFileSync(join(root, ".minismbd"), "not a directory");
    expect(get(at, "a")).toBe(-Errno.ENODATA);
    expect(setSidecarValue(at, of, KEY, bytes("1"))).toBe(0);
    rmSync(join(root, ".minismbd"), { recursive: true });
    const other = mkdtempSync(join(tmpdir(), "minismbd-elsewhere-"));
    symlinkSync(other, join(root, ".minismbd"));
    expect(setSidecarValue(at, of, KEY, bytes("2"))).toBe(0);
    expect(readdirSync(other)).toEqual([]);
    expect(get(at, "a")).toBe("2");
    rmSync(other, { recursive: true });
  });
});

describe("another file of the same name", () => {
  test("does not inherit values; inodes tell the files apart where inode numbers are stable", () => {
    const at = folder();
    touch("a");
    setSidecarValue(at, subject(at, "a"), KEY, bytes("old"));
    writeFileSync(join(root, "other"), "x");
    renameSync(join(root, "other"), join(root, "a"));
    expect(get(at, "a")).toBe(-Errno.ENODATA);
    expect(setSidecarValue(at, subject(at, "a"), "user.new", bytes("new"))).toBe(0);
    expect(listSidecarValues(at, subject(at, "a"))).toEqual(["user.new"]);
  });

  test("does not inherit values; birth times tell the files apart where inode numbers are not stable", () => {
    const at = folder();
    touch("a");
    const of = subject(at, "a", false);
    setSidecarValue(at, of, KEY, bytes("old"));
    const inodeAnew: Subject = { ...of, stat: { ...of.stat, inodeLow: of.stat.inodeLow + 1 } };
    expect(text(getSidecarValue(at, inodeAnew, KEY))).toBe("old");
    const later: Subject = { ...of, stat: { ...of.stat, birthSeconds: of.stat.birthSeconds + 60 } };
    expect(getSidecarValue(at, later, KEY)).toBe(-Errno.ENODATA);
    const birthless: Subject = { ...of, stat: { ...of.stat, hasBirth: false } };
    expect(text(getSidecarValue(at, birthless, KEY))).toBe("old");
  });

  test("old entries without a file, and temporary files of a killed server, are removed", () => {
    const at = folder();
    for (const name of ["gone", "there"]) {
      touch(name);
      setSidecarValue(at, subject(at, name), KEY, bytes(name));
    }
    rmSync(join(root, "gone"));
    writeFileSync(join(root, ".minismbd", "0123456789abcdef.tmp"), "half");
    const sidecar = openSidecar(at);
    opened.push(sidecar);
    removeOrphans(at, sidecar, Date.now() / 1000);
    expect(readdirSync(join(root, ".minismbd")).length).toBe(3);
    removeOrphans(at, sidecar, Date.now() / 1000 + 7200);
    expect(readdirSync(join(root, ".minismbd"))).toEqual(["there.values"]);
  });
});

describe("moves", () => {
  /** Renames as the store does; stops after `steps` of its four steps. */
  function move(from: number, name: string, to: number, newName: string, paths: string[], steps = 4): void {
    const [oldPath = "", newPath = ""] = paths;
    expect(prepareSidecarMove(from, subject(from, name), to, newName)).toBe(true);
    if (steps === 1) return;
    renameSync(join(root, oldPath), join(root, newPath));
    if (steps === 2) return;
    finishSidecarMove(to, newName, true);
    if (steps === 3) return;
    removeMovedEntry(from, name, to, newName);
  }

  test("take the values along within a folder, between folders and over another file", () => {
    const a = folder("a");
    const b = folder("b");
    touch("a", "f");
    setSidecarValue(a, subject(a, "f"), KEY, bytes("mine"));
    move(a, "f", a, "g", ["a/f", "a/g"]);
    expect(get(a, "g")).toBe("mine");
    expect(readdirSync(join(root, "a", ".minismbd"))).toEqual(["g.values"]);
    touch("b", "h");
    setSidecarValue(b, subject(b, "h"), KEY, bytes("replaced"));
    move(a, "g", b, "h", ["a/g", "b/h"]);
    expect(get(b, "h")).toBe("mine");
    expect(readdirSync(join(root, "a"))).toEqual([]);
    expect(readdirSync(join(root, "b", ".minismbd"))).toEqual(["h.values"]);
  });

  for (const steps of [1, 2, 3]) {
    for (const stable of [true, false]) {
      test(`killed after step ${steps}: each file has its own (inodes that last: ${stable})`, () => {
        const at = folder();
        touch("f");
        writeFileSync(join(root, "g"), "longer data");
        const f = subject(at, "f", stable);
        const g = subject(at, "g", stable);
        setSidecarValue(at, f, KEY, bytes("of f"));
        setSidecarValue(at, g, KEY, bytes("of g"));
        expect(prepareSidecarMove(at, f, at, "g")).toBe(true);
        if (steps >= 2) renameSync(join(root, "f"), join(root, "g"));
        if (steps >= 3) finishSidecarMove(at, "g", true);
        const now = subject(at, "g", stable);
        expect(text(getSidecarValue(at, now, KEY))).toBe(steps === 1 ? "of g" : "of f");
        if (steps === 1) expect(text(getSidecarValue(at, subject(at, "f", stable), KEY))).toBe("of f");
        expect(readdirSync(join(root, ".minismbd")).filter((name) => name.endsWith(".next"))).toEqual([]);
      });
    }
  }

  test("that fail remove the prepared entry", () => {
    const a = folder("a");
    const b = folder("b");
    touch("a", "f");
    setSidecarValue(a, subject(a, "f"), KEY, bytes("mine"));
    prepareSidecarMove(a, subject(a, "f"), b, "f");
    finishSidecarMove(b, "f", false);
    expect(readdirSync(join(root, "b"))).toEqual([]);
    expect(get(a, "f")).toBe("mine");
  });

  test("of a file without values create no sidecar", () => {
    const at = folder();
    touch("f");
    expect(prepareSidecarMove(at, subject(at, "f"), at, "g")).toBe(false);
    expect(readdirSync(root)).toEqual(["f"]);
  });
});

describe("removal", () => {
  test("an entry is removed with its file", () => {
    const at = folder();
    touch("f");
    setSidecarValue(at, subject(at, "f"), KEY, bytes("mine"));
    removeSidecarEntry(at, "f");
    expect(readdirSync(root)).toEqual(["f"]);
  });

  test("a folder that contains only its sidecar is removed; one with other entries keeps all values", () => {
    const parent = folder();
    const at = folder("dir");
    touch("dir", "f");
    setSidecarValue(at, subject(at, ""), KEY, bytes("own"));
    setSidecarValue(at, subject(at, "f"), KEY, bytes("file"));
    expect(removeFolderWithSidecar(parent, "dir")).toBe(-Errno.ENOTEMPTY);
    expect(get(at, "")).toBe("own");
    expect(get(at, "f")).toBe("file");
    rmSync(join(root, "dir", "f"));
    expect(removeFolderWithSidecar(parent, "dir")).toBe(0);
    expect(readdirSync(root)).toEqual([]);
  });
});

test("setting a value does not change the file's times", () => {
  const at = folder();
  touch("f");
  utimesSync(join(root, "f"), 1_000_000, 2_000_000);
  setSidecarValue(at, subject(at, "f"), KEY, bytes("mine"));
  const stat = subject(at, "f").stat;
  expect([stat.accessSeconds, stat.modifySeconds]).toEqual([1_000_000, 2_000_000]);
});
