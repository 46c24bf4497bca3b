// The checks of FSCTL_SRV_COPYCHUNK before anything is copied; [MS-SMB2] 3.3.5.15.6, limits 3.3.3.
import { describe, expect, test } from "bun:test";
import {
  checkHandles,
  isWithinLimits,
  joinChunks,
} from "../../../../src/engine/command/ioctl/server-copy.ts";
import { Access } from "../../../../src/wire/security/access.ts";
import { Status, statusName } from "../../../../src/wire/status.ts";

const MIB = 1_048_576;

function chunksOf(count: number, length: number) {
  return Array.from({ length: count }, (_, i) => ({
    sourceOffset: i * length,
    targetOffset: i * length,
    length,
  }));
}

describe("isWithinLimits", () => {
  test.each([
    ["no chunk", 0, 0, true],
    ["256 chunks", 256, 1, true],
    ["257 chunks", 257, 1, false],
    ["a chunk of 1 MiB", 1, MIB, true],
    ["a chunk of 1 MiB and a byte", 1, MIB + 1, false],
    ["an empty chunk", 1, 0, false],
    ["16 MiB in all", 16, MIB, true],
    ["17 MiB in all", 17, MIB, false],
  ])("[MS-SMB2] 3.3.5.15.6: %s (%d of %d bytes): within the limits is %p", (_, count, length, expected) => {
    expect(isWithinLimits(chunksOf(count, length))).toBe(expected);
  });
});

describe("checkHandles", () => {
  const { READ_DATA, WRITE_DATA, APPEND_DATA, EXECUTE, READ_ATTRIBUTES } = Access;
  const READ_WRITE = READ_DATA | WRITE_DATA;
  test.each<[string, keyof typeof Status, number, number, boolean]>([
    ["COPYCHUNK with a target opened for reading and writing", "SUCCESS", READ_DATA, READ_WRITE, true],
    ["COPYCHUNK with a target opened for writing", "ACCESS_DENIED", READ_DATA, WRITE_DATA, true],
    ["COPYCHUNK_WRITE with a target opened for writing", "SUCCESS", READ_DATA, WRITE_DATA, false],
    ["a target opened for appending", "SUCCESS", READ_DATA, APPEND_DATA, false],
    ["a target opened for reading", "ACCESS_DENIED", READ_DATA, READ_DATA, false],
    ["a source opened for execution", "SUCCESS", EXECUTE, WRITE_DATA, false],
    ["a source opened for writing", "ACCESS_DENIED", WRITE_DATA, WRITE_DATA, false],
    ["a source opened for attributes", "ACCESS_DENIED", READ_ATTRIBUTES, WRITE_DATA, false],
  ])("[MS-SMB2] 3.3.5.15.6: %s gets STATUS_%s", (_, expected, sourceAccess, targetAccess, readsTarget) => {
    const source = { isDirectory: false, handle: {}, grantedAccess: sourceAccess };
    const target = { isDirectory: false, handle: {}, grantedAccess: targetAccess };
    expect(statusName(checkHandles(source, target, readsTarget))).toBe(`STATUS_${expected}`);
  });

  const file = { isDirectory: false, handle: {}, grantedAccess: READ_WRITE };
  const directory = { ...file, isDirectory: true };
  const withoutData = { ...file, handle: undefined };
  test.each([
    ["a directory as the source", directory, file],
    ["a directory as the target", file, directory],
    ["a source without data", withoutData, file],
    ["a target without data", file, withoutData],
  ])("%s is refused with STATUS_ACCESS_DENIED", (_, source, target) => {
    expect(checkHandles(source, target, false)).toBe(Status.ACCESS_DENIED);
  });
});

describe("joinChunks", () => {
  const chunk = (sourceOffset: number, targetOffset: number, length = MIB) => ({
    sourceOffset,
    targetOffset,
    length,
  });

  test("chunks that continue each other in source and target are one, up to the limit", () => {
    const chunks = chunksOf(16, MIB);
    expect(joinChunks(chunks, 0, 16 * MIB)).toEqual({ ...chunk(0, 0, 16 * MIB), count: 16 });
    expect(joinChunks(chunks, 14, 16 * MIB)).toEqual({ ...chunk(14 * MIB, 14 * MIB, 2 * MIB), count: 2 });
    expect(joinChunks(chunks, 3, 4 * MIB - 1)).toEqual({ ...chunk(3 * MIB, 3 * MIB, 3 * MIB), count: 3 });
    expect(joinChunks(chunks, 3, 0)).toEqual({ ...chunk(3 * MIB, 3 * MIB), count: 1 });
    expect(joinChunks(chunks, 16, MIB)).toBeUndefined();
  });

  test("a gap in the source or in the target ends them", () => {
    expect(joinChunks([chunk(0, 0), chunk(MIB + 1, MIB)], 0, 16 * MIB)?.count).toBe(1);
    expect(joinChunks([chunk(0, 0), chunk(MIB, MIB + 1)], 0, 16 * MIB)?.count).toBe(1);
    expect(joinChunks([chunk(MIB, MIB), chunk(0, 0)], 0, 16 * MIB)?.count).toBe(1);
  });
});
