// Open files whose names were removed or belong to another object. [MS-FSA] 2.1.5.5, 2.1.5.15.11.
import { expect, test } from "bun:test";
import { OpenTable } from "../../../src/engine/state/open-table.ts";
import { CachingRig } from "./caching-rig.ts";

test("a file without a name is found by its identity, and another file can have the name", () => {
  const table = new OpenTable();
  const old = table.takeFile("1:0:7", "/share/name");
  old.deletePending = true;
  table.removeName(old, old.path);
  expect(table.findByPath("/share/name")).toBeUndefined();
  expect(table.findFile("1:0:7")).toBe(old);
  expect([old.hasName, old.deletePending, old.pathBelow("/share")]).toEqual([false, false, ""]);
  const other = table.takeFile("1:0:8", "/share/name");
  expect(table.findByPath("/share/name")).toBe(other);
  expect(other).not.toBe(old);
  // It no longer counts as open below the directory.
  table.dropIfUnused(other);
  expect(table.hasOpenBelow("/share")).toBe(false);
});

test("renames of the object that has the name now do not change it", () => {
  const table = new OpenTable();
  const old = table.takeFile("1:0:7", "/share/a");
  table.removeName(old, old.path);
  const moved = table.takeFile("1:0:8", "/share/a");
  table.renamePaths("/share", "/elsewhere");
  expect(moved.path).toBe("/elsewhere/a");
  expect(old.path.startsWith("/")).toBe(false);
});

test("an open by another of its names gives it a name again", () => {
  const table = new OpenTable();
  const file = table.takeFile("1:0:7", "/share/one");
  table.removeName(file, file.path);
  expect(table.takeFile("1:0:7", "/share/two")).toBe(file);
  expect([file.hasName, file.path]).toEqual([true, "/share/two"]);
  expect(table.findByPath("/share/two")).toBe(file);
});

test("its last close removes it from the tables", () => {
  const table = new OpenTable();
  const file = table.takeFile("1:0:7", "/share/name");
  table.removeName(file, file.path);
  table.removeName(file, file.path);
  table.dropIfUnused(file);
  expect([table.fileCount, table.findFile("1:0:7")]).toEqual([0, undefined]);
});

test("a name that is removed after its last close leaves nothing in the tables", () => {
  const table = new OpenTable();
  const file = table.takeFile("1:0:7", "/share/name");
  table.dropIfUnused(file);
  table.removeName(file, file.path);
  expect([table.fileCount, table.hasOpenBelow("\0")]).toEqual([0, false]);
});

test("of two names delete-pending, renames and removal concern the one that it was opened by", () => {
  const rig = new CachingRig();
  const table = rig.opens;
  const file = table.takeFile("1:0:7", "/share/one");
  const first = rig.open(file);
  const second = rig.open(file);
  table.addName(second, "/share/sub/two");
  expect([first.pathBelow("/share"), second.pathBelow("/share")]).toEqual(["one", "sub/two"]);
  table.renamePaths("/share/sub", "/share/other");
  expect(second.pathBelow("/share")).toBe("other/two");
  expect(table.hasOpenBelow("/share/other")).toBe(true);
  table.setDeletePending(file, second);
  table.remove(second);
  expect(file.pathBelow("/share", file.deletePendingEntry)).toBe("other/two");
  table.removeName(file, "/share/other/two");
  expect([file.deletePending, file.hasName, file.path]).toEqual([false, true, "/share/one"]);
  expect(table.hasOpenBelow("/share/other")).toBe(false);
  table.remove(first);
  expect([table.fileCount, table.hasOpenBelow("/share")]).toEqual([0, false]);
});

test("an open by another name keeps that when the first is removed", () => {
  const rig = new CachingRig();
  const table = rig.opens;
  const file = table.takeFile("1:0:7", "/share/one");
  const first = rig.open(file);
  const second = rig.open(file);
  table.addName(second, "/share/two");
  table.setDeletePending(file, first);
  table.remove(first);
  table.removeName(file, "/share/one");
  expect([file.hasName, file.deletePending, file.path]).toEqual([true, false, "/share/two"]);
  expect(second.pathBelow("/share")).toBe("two");
  table.remove(second);
  expect([table.fileCount, table.hasOpenBelow("/share")]).toEqual([0, false]);
});
