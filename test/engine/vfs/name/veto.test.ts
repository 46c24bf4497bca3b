// Patterns of `veto files`, as smb.conf(5) describes them.
import { expect, test } from "bun:test";
import { compileVeto } from "../../../../src/engine/vfs/name/veto.ts";

test("patterns match whole names without case", () => {
  const veto = compileVeto([".DS_Store", "*.tmp", "~?oc*"]);
  for (const name of [".DS_Store", ".ds_store", "a.tmp", ".TMP", "~doc", "~DOCument"]) {
    expect([name, veto?.(name)]).toEqual([name, true]);
  }
  for (const name of ["DS_Store", "a.tmp2", "tmp", "~oc", "x~doc"])
    expect([name, veto?.(name)]).toEqual([name, false]);
});

test("an empty list compiles to undefined", () => {
  expect(compileVeto([])).toBeUndefined();
  expect(compileVeto([""])).toBeUndefined();
});

test("a pattern with many stars does not take exponential time", () => {
  const veto = compileVeto([`${"*a".repeat(100)}b`]);
  const started = performance.now();
  expect(veto?.("a".repeat(255))).toBe(false);
  expect(performance.now() - started).toBeLessThan(100);
});
