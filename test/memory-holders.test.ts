// The table of src/README.md of what holds memory for clients: its options and tests exist.
import { expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { LIMITS } from "../src/manager/config/schema/limits.ts";

const ROOT = join(import.meta.dir, "..");

function rows(): string[][] {
  const text = readFileSync(join(ROOT, "src/README.md"), "utf8");
  const from = text.indexOf("## Memory that a client can cause");
  const section = text.slice(from, text.indexOf("\n## ", from + 1));
  const lines = section
    .split("\n")
    .filter((line) => line.startsWith("| "))
    .slice(2);
  return lines.map((line) =>
    line
      .split("|")
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
}

function quoted(cell = ""): string[] {
  return [...cell.matchAll(/`([^`]+)`/g)].map(([, word = ""]) => word);
}

test("each holder of memory has a bound, options of the schema and a test that exists", () => {
  const names = new Set<string>(LIMITS.map(({ name }) => name));
  const all = rows();
  expect(all.length).toBeGreaterThan(10);
  for (const [holder, bound, options, tests] of all) {
    expect([holder, bound]).not.toContain("");
    for (const option of quoted(options)) expect(names).toContain(option);
    expect(quoted(tests).length).toBeGreaterThan(0);
    for (const path of quoted(tests)) expect([path, existsSync(join(ROOT, path))]).toEqual([path, true]);
  }
});
