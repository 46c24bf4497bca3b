// When a server-side copy overlaps itself; [MS-SMB2] 3.3.5.15.6, [MS-FSA] 2.1.5.10.4
// (FSCTL_DUPLICATE_EXTENTS).
import { expect, test } from "bun:test";
import { rangesOverlap } from "../../../../src/engine/command/ioctl/copy-stretch.ts";
import { SharedFile } from "../../../../src/engine/state/open.ts";

const file = new SharedFile("1:2", "/share/a");
const other = new SharedFile("1:3", "/share/b");

test.each([
  ["overlap", "the target begins with the last byte of the source", 0, 9, 10],
  ["do not overlap", "the target begins after the source", 0, 10, 10],
  ["overlap", "the source begins with the last byte of the target", 9, 0, 10],
  ["do not overlap", "the source begins after the target", 10, 0, 10],
  ["overlap", "source and target are the same range", 5, 5, 10],
  ["do not overlap", "both ranges are empty", 5, 5, 0],
  ["overlap", "the ranges lie above 2^32 and share a byte", 2 ** 40, 2 ** 40 + 9, 10],
  ["do not overlap", "the ranges lie above 2^32 and touch", 2 ** 40, 2 ** 40 + 10, 10],
])("ranges of one file %s if %s", (verdict, _, sourceOffset, targetOffset, length) => {
  const chunk = { sourceOffset, targetOffset, length };
  expect(rangesOverlap({ file }, { file }, chunk)).toBe(verdict === "overlap");
  expect(rangesOverlap({ file }, { file: other }, chunk)).toBe(false);
});
