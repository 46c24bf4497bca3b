// Values with a data file of their own in the sidecar: changed in place, moved, copied and removed with their
// file; kills between two steps; what other programs and other users put there.
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import {
  chownSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DATA_START, releaseCopies } from "../../../../src/engine/vfs/sidecar/data-file.ts";
import type { Subject } from "../../../../src/engine/vfs/sidecar/entry.ts";
import { removeFolderWithSidecar } from "../../../../src/engine/vfs/sidecar/folder-removal.ts";
import {
  getSidecarValue,
  listSidecarValues,
  openSidecar,
  removeSidecarEntry,
  removeSidecarValue,
  setSidecarValue,
} from "../../../../src/engine/vfs/sidecar/folder.ts";
import { encodeEntry } from "../../../../src/engine/vfs/sidecar/format.ts";
import {
  finishSidecarMove,
  finishStagedMove,
  prepareSidecarMove,
  removeMovedEntry,
  stageSidecarMove,
} from "../../../../src/engine/vfs/sidecar/move.ts";
import { removeOrphanData } from "../../../../src/engine/vfs/sidecar/orphans.ts";
import {
  measureSidecarValues,
  openSidecarValue,
  renameSidecarValue,
  storeInDataFile,
} from "../../../../src/engine/vfs/sidecar/value-file.ts";
import { ValuePlace } from "../../../../src/engine/vfs/value-store.ts";
import { Errno } from "../../../../src/linux/errno.ts";
import { readPlain, writePlain } from "../../../../src/linux/io.ts";
import { AT_FDCWD, Open, closeFd, openAt } from "../../../../src/linux/open.ts";
import { emptyStatx, statAt } from "../../../../src/linux/stat.ts";

const KEY = "user.DosStream.s:$DATA";
const OTHER = "user.DosStream.t:$DATA";
const SMALL = "user.DOSATTRIB";
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

let root = "";
const opened: number[] = [];

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "minismbd-data-"));
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

function subject(directory: number, name: string): Subject {
  const stat = emptyStatx();
  expect(statAt(directory, name === "" ? "." : name, stat)).toBe(0);
  return { name, stat, hasStableInodes: true };
}

function store(directory: number, name: string, text: string, key = KEY): void {
  const fill = (fd: number): 0 => {
    writePlain(fd, bytes(text), 0, text.length, DATA_START);
    return 0;
  };
  expect(storeInDataFile(directory, subject(directory, name), key, fill)).toBe(0);
}

function load(directory: number, name: string, key = KEY): string | number {
  const range = openSidecarValue(directory, subject(directory, name), key, Open.RDONLY);
  if (typeof range === "number") return range;
  const data = new Uint8Array(range.bytes);
  readPlain(range.fd, data, 0, data.length, range.start);
  closeFd(range.fd);
  return new TextDecoder().decode(data);
}

function overwrite(directory: number, name: string, text: string): void {
  const range = openSidecarValue(directory, subject(directory, name), KEY, Open.RDWR);
  if (typeof range === "number") throw new Error(`errno ${-range}`);
  writePlain(range.fd, bytes(text), 0, text.length, range.start);
  closeFd(range.fd);
}

/** The sidecar's files; data files as "data". */
function files(...names: string[]): string[] {
  const path = join(root, ...names, ".minismbd");
  const found = existsSync(path) ? readdirSync(path) : [];
  return found.map((name) => name.replace(/^[0-9a-f]{16}\.data$/, "data")).sort();
}

function touch(...names: string[]): void {
  writeFileSync(join(root, ...names), "data");
}

describe("a value with a data file", () => {
  test("is measured, listed, changed in place and removed", () => {
    const at = folder();
    touch("f");
    store(at, "f", "old");
    setSidecarValue(at, subject(at, "f"), SMALL, bytes("small"));
    expect(new Set(listSidecarValues(at, subject(at, "f")) as string[])).toEqual(new Set([SMALL, KEY]));
    expect(measureSidecarValues(at, subject(at, "f"), [KEY, SMALL, OTHER])).toEqual([
      { bytes: 3, last: -1, place: ValuePlace.FILE },
      { bytes: 5, last: 108, place: ValuePlace.ENTRY },
      -Errno.ENODATA,
    ]);
    overwrite(at, "f", "longer");
    expect(load(at, "f")).toBe("longer");
    expect(getSidecarValue(at, subject(at, "f"), KEY)).toBe(-Errno.EFBIG);
    store(at, "f", "replaced");
    expect([load(at, "f"), files()]).toEqual(["replaced", ["data", "f.values"]]);
    expect(removeSidecarValue(at, subject(at, "f"), KEY)).toBe(0);
    expect(files()).toEqual(["f.values"]);
  });

  test("becomes a value of the entry, and back", () => {
    const at = folder();
    touch("f");
    store(at, "f", "large");
    expect(setSidecarValue(at, subject(at, "f"), KEY, bytes("small"))).toBe(0);
    expect([load(at, "f"), files()]).toEqual(["small", ["f.values"]]);
    store(at, "f", "large");
    expect([load(at, "f"), files()]).toEqual(["large", ["data", "f.values"]]);
    expect(setSidecarValue(at, subject(at, "f"), KEY, new Uint8Array(20_000))).toBe(-Errno.E2BIG);
    expect(load(at, "f")).toBe("large");
  });

  test("is renamed over another", () => {
    const at = folder();
    touch("f");
    store(at, "f", "one");
    store(at, "f", "two", OTHER);
    expect(renameSidecarValue(at, subject(at, "f"), KEY, OTHER)).toBe(0);
    expect([load(at, "f", OTHER), load(at, "f", KEY)]).toEqual(["one", -Errno.ENODATA]);
    expect(files()).toEqual(["data", "f.values"]);
  });

  test("is not changed by the event loop where that waits for the disk", () => {
    const at = folder();
    touch("f");
    store(at, "f", "large");
    const onEventLoop = { ...subject(at, "f"), mustNotWait: true };
    expect(setSidecarValue(at, onEventLoop, SMALL, bytes("x"))).toBe(-Errno.EAGAIN);
    expect(removeSidecarValue(at, onEventLoop, KEY)).toBe(-Errno.EAGAIN);
    expect(prepareSidecarMove(at, onEventLoop, at, "g")).toBe(-Errno.EAGAIN);
    expect([load(at, "f"), files()]).toEqual(["large", ["data", "f.values"]]);
  });

  test("that an earlier version stored in the entry is kept by other changes and moves", () => {
    const at = folder();
    touch("f");
    const large = new Uint8Array(200_000).map((_, i) => i * 7);
    mkdirSync(join(root, ".minismbd"));
    const unknown = { birth: Number.NaN, entryBirth: Number.NaN, size: 4, modified: 0 };
    const inodes = { inodeLow: 1, inodeHigh: 1, entryInodeLow: 1, entryInodeHigh: 1 };
    const image = encodeEntry({ name: "f", ...unknown, ...inodes }, new Map([[KEY, large]]));
    writeFileSync(join(root, ".minismbd", "f.values"), image?.bytes ?? "");
    setSidecarValue(at, subject(at, "f"), SMALL, bytes("small"));
    expect(prepareSidecarMove(at, subject(at, "f"), at, "g")).toBe(true);
    renameSync(join(root, "f"), join(root, "g"));
    finishSidecarMove(at, "g", true);
    removeMovedEntry(at, "f", at, "g");
    expect(getSidecarValue(at, subject(at, "g"), KEY)).toEqual(large);
    expect(getSidecarValue(at, subject(at, "g"), SMALL)).toEqual(bytes("small"));
  });
});

describe("moves", () => {
  for (const isElsewhere of [false, true]) {
    const target = isElsewhere ? "another folder" : "the same folder";
    for (const steps of [1, 2, 3, 4]) {
      test(`into ${target}, killed after step ${steps}: the data stays with its file`, () => {
        const from = folder("a");
        const to = isElsewhere ? folder("b") : from;
        const toName = isElsewhere ? "b" : "a";
        touch("a", "f");
        touch(toName, "g");
        store(from, "f", "of f");
        store(to, "g", "of g");
        expect(prepareSidecarMove(from, subject(from, "f"), to, "g")).toBe(true);
        if (steps >= 2) renameSync(join(root, "a", "f"), join(root, toName, "g"));
        if (steps >= 3) finishSidecarMove(to, "g", true);
        if (steps >= 4) removeMovedEntry(from, "f", to, "g");
        releaseCopies();
        if (steps === 1) expect(load(from, "f")).toBe("of f");
        else {
          // A new file takes the old name: its old values go.
          touch("a", "f");
          removeSidecarEntry(from, "f");
          expect(load(from, "f")).toBe(-Errno.ENODATA);
        }
        expect(load(to, "g")).toBe(steps === 1 ? "of g" : "of f");
        overwrite(to, "g", "new!");
        expect(load(to, "g")).toBe("new!");
        removeSidecarEntry(from, "f");
        expect(load(to, "g")).toBe("new!");
        removeSidecarEntry(to, "g");
        for (const path of ["a", "b"])
          expect(files(path).filter((name) => name.endsWith(".values"))).toEqual([]);
        // Only what a kill has left, for the search for orphans.
        if (steps === 4) expect([files("a"), files("b")]).toEqual([[], []]);
      });
    }

    test(`into ${target} that fail leave nothing behind`, () => {
      const from = folder("a");
      const to = isElsewhere ? folder("b") : from;
      touch("a", "f");
      store(from, "f", "of f");
      expect(prepareSidecarMove(from, subject(from, "f"), to, "g")).toBe(true);
      finishSidecarMove(to, "g", false);
      expect(load(from, "f")).toBe("of f");
      expect([files("a"), files("b")]).toEqual([["data", "f.values"], []]);
      removeSidecarEntry(from, "f");
      expect(files("a")).toEqual([]);
    });

    for (const isDone of [true, false]) {
      test(`into ${target} on a full disk ${isDone ? "take the data along" : "that fail leave it"}`, () => {
        const from = folder("a");
        const to = isElsewhere ? folder("b") : from;
        const toName = isElsewhere ? "b" : "a";
        touch("a", "f");
        touch(toName, "g");
        store(from, "f", "of f");
        store(to, "g", "of g");
        expect(stageSidecarMove(from, "f", to, "g")).toBe(0);
        if (isDone) renameSync(join(root, "a", "f"), join(root, toName, "g"));
        finishStagedMove(from, "f", to, "g", isDone);
        expect(load(to, "g")).toBe(isDone ? "of f" : "of g");
        if (isDone) expect(files(toName)).toEqual(["data", "g.values"]);
        else expect(load(from, "f")).toBe("of f");
      });
    }
  }

  test("back and forth keep one data file", () => {
    const at = folder();
    touch("f");
    store(at, "f", "data");
    for (const [name, newName] of [
      ["f", "g"],
      ["g", "f"],
      ["f", "G"],
    ] as const) {
      expect(prepareSidecarMove(at, subject(at, name), at, newName)).toBe(true);
      renameSync(join(root, name), join(root, newName));
      finishSidecarMove(at, newName, true);
      removeMovedEntry(at, name, at, newName);
      expect([load(at, newName), files().length]).toEqual(["data", 2]);
    }
  });

  test("of a hard link have a copy", () => {
    const at = folder();
    touch("f");
    store(at, "f", "both");
    expect(prepareSidecarMove(at, subject(at, "f"), at, "link", true)).toBe(true);
    touch("link");
    finishSidecarMove(at, "link", true);
    overwrite(at, "f", "mine");
    expect(files()).toEqual(["data", "data", "f.values", "link.values"]);
    removeSidecarEntry(at, "f");
    expect(files()).toEqual(["data", "link.values"]);
  });

  test("of a whole folder by other programs keep the data", () => {
    const at = folder("dir");
    touch("dir", "f");
    store(at, "f", "of f");
    store(at, "", "own");
    cpSync(join(root, "dir"), join(root, "copy"), { recursive: true });
    renameSync(join(root, "dir"), join(root, "moved"));
    for (const name of ["copy", "moved"])
      expect([load(folder(name), "f"), load(folder(name), "")]).toEqual(["of f", "own"]);
  });
});

describe("removal", () => {
  test("of a folder removes its data files; one that is not empty keeps them", () => {
    const parent = folder();
    const at = folder("dir");
    touch("dir", "f");
    store(at, "", "own");
    store(at, "f", "file");
    expect(removeFolderWithSidecar(parent, "dir")).toBe(-Errno.ENOTEMPTY);
    expect([load(at, ""), load(at, "f")]).toEqual(["own", "file"]);
    rmSync(join(root, "dir", "f"));
    expect(removeFolderWithSidecar(parent, "dir", true)).toBe(-Errno.EAGAIN);
    expect(removeFolderWithSidecar(parent, "dir")).toBe(0);
    expect(readdirSync(root)).toEqual([]);
  });

  test("of old data files without an entry; none while an entry cannot be read", () => {
    const at = folder();
    touch("f");
    store(at, "f", "kept");
    touch("g");
    store(at, "g", "orphan");
    rmSync(join(root, ".minismbd", "g.values"));
    const sidecar = openSidecar(at);
    opened.push(sidecar);
    const now = Date.now() / 1000;
    removeOrphanData(sidecar, now + 3000);
    expect(files()).toEqual(["data", "data", "f.values"]);
    writeFileSync(join(root, ".minismbd", "h.values"), "damaged");
    removeOrphanData(sidecar, now + 4000);
    expect(files()).toEqual(["data", "data", "f.values", "h.values"]);
    rmSync(join(root, ".minismbd", "h.values"));
    removeOrphanData(sidecar, now + 4000);
    expect([load(at, "f"), files()]).toEqual(["kept", ["data", "f.values"]]);
  });
});

describe("what is not a data file is not read", () => {
  test("another file in its place, or a truncated one", () => {
    const at = folder();
    touch("f");
    store(at, "f", "data");
    const path = join(
      root,
      ".minismbd",
      readdirSync(join(root, ".minismbd")).find((n) => n !== "f.values") ?? "",
    );
    writeFileSync(path, "x".repeat(5000));
    expect(load(at, "f")).toBe(-Errno.ENODATA);
    writeFileSync(path, "");
    expect(load(at, "f")).toBe(-Errno.ENODATA);
    store(at, "f", "again");
    expect(load(at, "f")).toBe("again");
  });

  test.skipIf(process.getuid?.() !== 0)("others' data by an entry that a user has written", () => {
    const at = folder();
    touch("mine");
    touch("other");
    store(at, "other", "secret");
    const sidecar = join(root, ".minismbd");
    cpSync(join(sidecar, "other.values"), join(sidecar, "mine.values"));
    chownSync(join(sidecar, "mine.values"), 12_345, 12_345);
    chownSync(join(root, "mine"), 12_345, 12_345);
    expect(load(at, "mine")).toBe(-Errno.ENODATA);
    // Nor after the server has written the entry anew.
    setSidecarValue(at, subject(at, "mine"), SMALL, bytes("x"));
    expect(load(at, "mine")).toBe(-Errno.ENODATA);
    removeSidecarEntry(at, "mine");
    expect(load(at, "other")).toBe("secret");
  });
});
