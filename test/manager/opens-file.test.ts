// The file in which a server leaves its durable opens: read once, and only where it is the server's own.
import { afterAll, beforeEach, expect, test } from "bun:test";
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openOpensFile, opensFileOf } from "../../src/manager/opens-file.ts";

const directory = mkdtempSync(join(tmpdir(), "minismbd-opens-"));
const file = join(directory, "ksmbd.opens");
const warnings: string[] = [];
const keeper = openOpensFile(file, { warn: (text) => warnings.push(text) });
const content = new Uint8Array([1, 2, 3]);
beforeEach(() => {
  rmSync(file, { recursive: true, force: true });
  warnings.length = 0;
});
afterAll(() => rmSync(directory, { recursive: true }));

test("it is beside the lock file", () => {
  expect(opensFileOf("/run/ksmbd.lock")).toBe("/run/ksmbd.opens");
  expect(opensFileOf("/tmp/lock")).toBe("/tmp/lock.opens");
});

test("what is left can be taken once, and nobody else may read it", () => {
  keeper.leave(content);
  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect(keeper.take(100)).toEqual(content);
  expect(existsSync(file)).toBe(false);
  expect(keeper.take(100)).toBeUndefined();
  expect(warnings).toEqual([]);
});

test("what is left replaces what was there", () => {
  keeper.leave(new Uint8Array(100));
  keeper.leave(content);
  expect(keeper.take(100)).toEqual(content);
});

test("a file that is too large is removed and not read", () => {
  keeper.leave(content);
  expect(keeper.take(2)).toBeUndefined();
  expect(existsSync(file)).toBe(false);
});

test("a file of another user, or that others may read or write, is removed and not read", () => {
  for (const mode of [0o604, 0o620, 0o606]) {
    writeFileSync(file, content);
    chmodSync(file, mode);
    expect(keeper.take(100)).toBeUndefined();
    expect(existsSync(file)).toBe(false);
  }
  writeFileSync(file, content, { mode: 0o600 });
  chownSync(file, 1, 1);
  expect(keeper.take(100)).toBeUndefined();
});

test("a symbolic link is not followed, neither for reading nor for writing", () => {
  const target = join(directory, "target");
  writeFileSync(target, "secret", { mode: 0o600 });
  symlinkSync(target, file);
  expect(keeper.take(100)).toBeUndefined();
  expect(warnings).toEqual([`${file}: the durable opens of the server before are lost (ELOOP)`]);
  keeper.leave(content);
  expect(statSync(target).size).toBe(6);
  expect(keeper.take(100)).toEqual(content);
});

test("a directory in its place is reported, and the server goes on", () => {
  mkdirSync(file);
  expect(keeper.take(100)).toBeUndefined();
  keeper.leave(content);
  expect(warnings.length).toBe(2);
});
