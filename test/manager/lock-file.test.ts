import { afterAll, expect, test } from "bun:test";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findServer, notifyServer, takeLock } from "../../src/manager/lock-file.ts";

const directory = mkdtempSync(join(tmpdir(), "minismbd-lock-"));
const file = join(directory, "ksmbd.lock");
afterAll(() => rmSync(directory, { recursive: true }));

test("the lock file contains the process id and a newline, and is removed on release", () => {
  const lock = takeLock(file);
  expect(readFileSync(file, "utf8")).toBe(`${process.pid}\n`);
  lock.release();
  expect(existsSync(file)).toBe(false);
  lock.release();
});

test.each(["", "garbage\n", "0\n", "1\n", "-1\n", "999999999\n"])(
  "a stale lock %j names no server",
  (text) => {
    writeFileSync(file, text);
    expect(findServer(file)).toBeUndefined();
    expect(notifyServer(file, "SIGTERM")).toBe(false);
    takeLock(file).release();
  },
);

// Process ids are reused after a power cut.
test("the id of a process that is not a server names no server", async () => {
  const other = Bun.spawn(["sleep", "60"]);
  writeFileSync(file, `${other.pid}\n`);
  expect(findServer(file)).toBeUndefined();
  expect(notifyServer(file, "SIGTERM")).toBe(false);
  expect(other.exitCode).toBeNull();
  other.kill();
  await other.exited;
});

test("a lock that another server has taken over is not removed", () => {
  const lock = takeLock(file);
  rmSync(file);
  writeFileSync(file, "999999999\n");
  lock.release();
  expect(readFileSync(file, "utf8")).toBe("999999999\n");
  rmSync(file);
});

test("a path that cannot be written gives a one-line error", () => {
  const absent = join(directory, "none/ksmbd.lock");
  expect(() => takeLock(absent)).toThrow(`${absent}: the lock file cannot be written (ENOENT)`);
});
