// Named streams in the open table: a file stays while one of its streams is open, and each has its own share
// modes; [MS-FSA] 2.1.5.1.2.2.
import { expect, test } from "bun:test";
import type { Open } from "../../../src/engine/state/open.ts";
import { OpenTable } from "../../../src/engine/state/open-table.ts";
import { Access } from "../../../src/wire/security/access.ts";
import { ShareAccess } from "../../../src/wire/command/create.ts";

const ALL = ShareAccess.READ | ShareAccess.WRITE | ShareAccess.DELETE;

function openOf(
  table: OpenTable,
  file: ReturnType<OpenTable["takeFile"]>,
  access: number,
  share: number,
): Open {
  const holder = { opens: new Set<Open>() };
  const open = { id: table.nextId(), file, sharingAccess: access, shareAccess: share } as unknown as Open;
  Object.assign(open, { tree: holder, session: holder, countIn: () => undefined });
  table.add(open);
  return open;
}

test("a file stays in the table until its last stream is closed", () => {
  const table = new OpenTable();
  const base = table.takeFile("1:2", "/share/f");
  const one = table.takeStream(base, "ONE");
  const two = table.takeStream(base, "TWO");
  expect(table.takeStream(base, "ONE")).toBe(one);
  expect([one.identity, one.base, one.path, one.pathBelow("/share")]).toEqual([
    "1:2:ONE",
    base,
    "/share/f",
    "f",
  ]);
  const first = openOf(table, one, Access.READ_DATA, ALL);
  const second = openOf(table, two, Access.READ_DATA, ALL);
  expect([base.isOpen, base.opens.size, table.fileCount]).toEqual([true, 0, 3]);
  expect(table.hasOpenBelow("/share")).toBe(true);
  expect(table.remove(first)).toBe(true);
  expect([base.isOpen, table.findFile("1:2"), table.fileCount]).toEqual([true, base, 2]);
  expect(table.remove(second)).toBe(true);
  expect([base.isOpen, table.findFile("1:2"), table.fileCount]).toEqual([false, undefined, 0]);
  expect(table.hasOpenBelow("/share")).toBe(false);
});

test("the path of a stream is that of its file, also after a rename", () => {
  const table = new OpenTable();
  const base = table.takeFile("1:2", "/share/d/f");
  const stream = table.takeStream(base, "S");
  table.renamePaths("/share/d", "/share/e");
  expect(stream.path).toBe("/share/e/f");
});

test("share modes count among opens of one stream, and not with the file's data", () => {
  const table = new OpenTable();
  const base = table.takeFile("1:2", "/f");
  const stream = table.takeStream(base, "S");
  openOf(table, stream, Access.WRITE_DATA, 0);
  expect(table.conflicts(stream, Access.READ_DATA, ALL)).toBe(true);
  expect(table.conflicts(base, Access.READ_DATA | Access.WRITE_DATA, 0)).toBe(false);
  expect(table.conflicts(table.takeStream(base, "T"), Access.WRITE_DATA, 0)).toBe(false);
});

test("an open stream without share DELETE prevents DELETE of the file, and not the other way round", () => {
  const table = new OpenTable();
  const base = table.takeFile("1:2", "/f");
  const stream = table.takeStream(base, "S");
  const kept = openOf(table, stream, Access.READ_DATA, ShareAccess.READ);
  expect(table.conflicts(base, Access.DELETE, ALL)).toBe(true);
  // Overwriting would remove the stream.
  expect(table.conflicts(base, Access.WRITE_DATA, ALL, true)).toBe(true);
  expect(table.conflicts(base, Access.WRITE_DATA, ALL)).toBe(false);
  table.remove(kept);
  openOf(table, base, Access.READ_DATA, ShareAccess.READ);
  expect(table.conflicts(table.takeStream(base, "S"), Access.DELETE, ALL)).toBe(false);
});

test("a renamed stream is found by its new name only", () => {
  const table = new OpenTable();
  const base = table.takeFile("1:2", "/f");
  const stream = table.takeStream(base, "OLD");
  const open = openOf(table, stream, Access.READ_DATA, ALL);
  table.renameStream(stream, "NEW");
  expect(table.takeStream(base, "NEW")).toBe(stream);
  expect(table.findFile("1:2:OLD")).toBeUndefined();
  table.remove(open);
  expect(table.fileCount).toBe(0);
});

test("a stream that was closed before its rename ended does not come back", () => {
  const table = new OpenTable();
  const base = table.takeFile("1:2", "/f");
  const stream = table.takeStream(base, "OLD");
  const other = openOf(table, table.takeStream(base, "OTHER"), Access.READ_DATA, ALL);
  table.remove(openOf(table, stream, Access.READ_DATA, ALL));
  table.renameStream(stream, "NEW");
  table.remove(other);
  expect(table.fileCount).toBe(0);
});

test("a delete-pending file stays in the table until it is dropped", () => {
  const table = new OpenTable();
  const base = table.takeFile("1:2", "/f");
  const open = openOf(table, base, Access.DELETE, ALL);
  base.deletePending = true;
  expect(table.remove(open)).toBe(true);
  expect([table.takeFile("1:2", "/f"), base.isOpen, base.hasDeletePending]).toEqual([base, false, true]);
  table.dropIfUnused(base);
  expect([table.fileCount, table.takeFile("1:2", "/f").hasDeletePending]).toEqual([0, false]);
});

test("so does a stream of it, and a delete-pending stream", () => {
  const table = new OpenTable();
  const base = table.takeFile("1:2", "/f");
  const whole = openOf(table, base, Access.READ_DATA, ALL);
  const stream = table.takeStream(base, "S");
  const open = openOf(table, stream, Access.DELETE, ALL);
  stream.deletePending = true;
  table.remove(open);
  expect(table.takeStream(base, "S")).toBe(stream);
  table.dropIfUnused(stream);
  expect(base.streams).toBeUndefined();
  table.remove(whole);
  expect(table.fileCount).toBe(0);
});
