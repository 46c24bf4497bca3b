// A session's tree connects know which shares they are of, through every change.
import { expect, test } from "bun:test";
import { TreeTable } from "../../../src/engine/state/tree-table.ts";

const treeOf = (name: string) => ({ grant: { name } });

test("a share is known while one tree connect of it is left", () => {
  const trees = new TreeTable();
  trees.set(1, treeOf("docs")).set(2, treeOf("docs")).set(3, treeOf("media"));
  expect(trees.delete(1)).toBe(true);
  expect(trees.delete(1)).toBe(false);
  expect([trees.hasShare("docs"), trees.hasShare("media"), trees.hasShare("other")]).toEqual([
    true,
    true,
    false,
  ]);
  trees.set(2, treeOf("media"));
  expect(trees.hasShare("docs")).toBe(false);
  trees.clear();
  expect([trees.hasShare("media"), trees.size]).toEqual([false, 0]);
});

test("the shares of a session with many tree connects are known as well", () => {
  const trees = new TreeTable();
  for (let id = 1; id <= 20; id++) trees.set(id, treeOf(id % 2 === 0 ? "docs" : `share${id}`));
  expect([trees.hasShare("docs"), trees.hasShare("share19"), trees.hasShare("other")]).toEqual([
    true,
    true,
    false,
  ]);
  trees.set(21, treeOf("other"));
  for (let id = 2; id <= 20; id += 2) trees.delete(id);
  expect([trees.hasShare("docs"), trees.hasShare("other")]).toEqual([false, true]);
  trees.delete(21);
  expect(trees.hasShare("other")).toBe(false);
});
