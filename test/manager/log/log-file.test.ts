// A log file that could not be written for a while.
import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { LogFile } from "../../../src/manager/log/log-file.ts";

const directory = mkdtempSync(join(tmpdir(), "minismbd-log-file-"));
afterAll(() => rmSync(directory, { recursive: true }));

test("after a line that could not be written the next one goes to the file that is there then", async () => {
  const path = join(directory, "log");
  symlinkSync("/dev/full", path);
  const lost: string[] = [];
  const file = new LogFile(path, 0, (lines) => lost.push(lines));
  file.write("info", "first");
  await file.flush();
  expect(lost.join()).toMatch(/info: first\nminismbd: .* cannot be written \(ENOSPC\)/);
  rmSync(path);
  file.write("info", "second");
  await file.flush();
  expect(readFileSync(path, "utf8")).toEndWith("info: second\n");
  file.end();
  await file.flush();
  expect(lost.length).toBe(1);
});
