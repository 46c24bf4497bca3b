// A folder keeps its modification time for the server's own changes, and loses it to everybody else's.
import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { keepingFolderTimes } from "../../../../src/engine/vfs/context/folder-times.ts";
import { AT_FDCWD, Open, closeFd, openAt } from "../../../../src/linux/open.ts";

const OLD = 1_000_000_000;
let root = "";
let fd = -1;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "minismbd-folder-times-"));
  fd = openAt(AT_FDCWD, root, Open.PATH | Open.DIRECTORY);
  utimesSync(root, OLD, OLD);
});

afterEach(() => {
  closeFd(fd);
  rmSync(root, { recursive: true, force: true });
});

const seconds = (): number => Math.floor(statSync(root).mtimeMs / 1000);

test("the folder's time stays when the sidecar or the named object is made", () => {
  expect(keepingFolderTimes(fd, "own", () => mkdirSync(join(root, "own")))).toBeUndefined();
  keepingFolderTimes(fd, "other", () => mkdirSync(join(root, ".minismbd")));
  expect(seconds()).toBe(OLD);
});

test("another change in between moves the folder's time", () => {
  keepingFolderTimes(fd, "own", () => {
    writeFileSync(join(root, "strange"), "");
    mkdirSync(join(root, "own"));
  });
  expect(seconds()).toBeGreaterThan(OLD);
});

test("a time that somebody sets in between stays", () => {
  keepingFolderTimes(fd, "own", () => {
    mkdirSync(join(root, "own"));
    utimesSync(root, OLD + 5, OLD + 5);
  });
  expect(seconds()).toBe(OLD + 5);
});

test("a call within another one for the same folder leaves the time to the outer one", () => {
  keepingFolderTimes(fd, "own", () => {
    mkdirSync(join(root, "own"));
    keepingFolderTimes(fd, ".minismbd", () => mkdirSync(join(root, ".minismbd")));
  });
  expect(seconds()).toBe(OLD);
});

test("the time moves when the action throws", () => {
  const action = (): void => {
    mkdirSync(join(root, "own"));
    throw new Error("no");
  };
  expect(() => keepingFolderTimes(fd, "own", action)).toThrow("no");
  keepingFolderTimes(fd, "next", () => mkdirSync(join(root, "next")));
  expect(seconds()).toBeGreaterThan(OLD);
});
