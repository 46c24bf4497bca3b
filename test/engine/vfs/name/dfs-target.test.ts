import { expect, test } from "bun:test";
import { dfsTargetsOf, isDfsTarget } from "../../../../src/engine/vfs/name/dfs-target.ts";

test("a symlink to msdfs:, in any case, is a DFS link", () => {
  expect(["msdfs:a\\b", "MSDFS:a\\b", "msdfs:"].map(isDfsTarget)).toEqual([true, true, true]);
  expect(["", "msdfs", "./msdfs:a\\b", "/msdfs:a", "a/msdfs:b"].some(isDfsTarget)).toBe(false);
});

test.each([
  ["msdfs:server\\share", ["\\server\\share"]],
  ["msdfs:\\\\server\\share\\folder\\, server2/share2", ["\\server\\share\\folder", "\\server2\\share2"]],
  ["\\server\\share", ["\\server\\share"]],
  ["msdfs:server,,\\\\,server\\share", ["\\server\\share"]],
  ["msdfs:", []],
])("%s has the targets %j", (text, targets) => {
  expect(dfsTargetsOf(text)).toEqual(targets);
});
