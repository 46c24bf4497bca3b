// Zeroed, allocated and copied ranges of a file; fallocate(2), lseek(2), copy_file_range(2).
import { afterAll, beforeAll, expect, test } from "bun:test";
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Errno } from "../../../../src/linux/errno.ts";
import type { ShareContext } from "../../../../src/engine/vfs/context/share-context.ts";
import { copyRangeOf, allocatedRangesOf, zeroRangeOf } from "../../../../src/engine/vfs/disk/data.ts";

// None of these functions uses the context.
const context = {} as ShareContext;
const BLOCK = 65_536;
let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "minismbd-space-"));
});
afterAll(() => rmSync(directory, { recursive: true }));

function withFile<T>(name: string, blocks: number, use: (fd: number, path: string) => T): T {
  const path = join(directory, name);
  writeFileSync(path, Buffer.alloc(blocks * BLOCK, 7), { flush: true });
  const fd = openSync(path, "r+");
  try {
    return use(fd, path);
  } finally {
    closeSync(fd);
  }
}

test("a hole in the middle and one up to the end are punched, and the size stays", () => {
  withFile("hole", 8, (fd, path) => {
    expect(zeroRangeOf(context, fd, BLOCK, BLOCK, true)).toBe(BLOCK);
    expect(zeroRangeOf(context, fd, 7 * BLOCK, 100 * BLOCK, true)).toBe(BLOCK);
    expect(zeroRangeOf(context, fd, 8 * BLOCK, BLOCK, true)).toBe(0);
    expect(zeroRangeOf(context, fd, 100 * BLOCK, BLOCK, true)).toBe(0);
    expect(statSync(path).size).toBe(8 * BLOCK);
    const data = readFileSync(path);
    expect(data.subarray(BLOCK, 2 * BLOCK).every((byte) => byte === 0)).toBe(true);
    expect(data.subarray(0, BLOCK).every((byte) => byte === 7)).toBe(true);
    const ranges = allocatedRangesOf(context, fd, 0, 100 * BLOCK, 10);
    expect(ranges).toEqual([0, BLOCK, 2 * BLOCK, 5 * BLOCK]);
    expect(allocatedRangesOf(context, fd, 0, 100 * BLOCK, 1)).toEqual([0, BLOCK]);
    expect(allocatedRangesOf(context, fd, BLOCK + 3, BLOCK, 10)).toEqual([2 * BLOCK, 3]);
    expect(allocatedRangesOf(context, fd, 7 * BLOCK, BLOCK, 10)).toEqual([]);
    expect(allocatedRangesOf(context, fd, 9 * BLOCK, BLOCK, 10)).toEqual([]);
  });
});

test("zeroing without a hole leaves the neighbouring bytes alone", () => {
  withFile("zeros", 2, (fd, path) => {
    expect(zeroRangeOf(context, fd, 5, 10, false)).toBe(10);
    const data = readFileSync(path);
    expect([...data.subarray(4, 16)]).toEqual([7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7]);
    expect(data.length).toBe(2 * BLOCK);
  });
});

test("a copy between overlapping ranges of one file fails with EOPNOTSUPP", () => {
  withFile("self", 2, (fd) => {
    expect(copyRangeOf(context, fd, 0, fd, 10, 100)).toBe(-Errno.EOPNOTSUPP);
    expect(copyRangeOf(context, fd, 0, fd, BLOCK, 100)).toBe(100);
  });
});
