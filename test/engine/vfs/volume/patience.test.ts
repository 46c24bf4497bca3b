// How long a call that writes data to the disk is waited for.
import { afterEach, expect, mock, spyOn, test } from "bun:test";
import { Patience } from "../../../../src/engine/vfs/volume/patience.ts";
import * as writeback from "../../../../src/linux/writeback.ts";

afterEach(() => mock.restore());

test("a flush is given up after ten time-outs without a sign that the kernel writes", () => {
  spyOn(writeback, "pagesWritten").mockReturnValue(7);
  const patience = Patience.of("sync");
  const left = Array.from({ length: 10 }, () => patience?.isLeft());
  expect(left).toEqual([...Array.from({ length: 9 }, () => true), false]);
});

test("a flush is waited for as long as the kernel writes pages to disks", () => {
  let pages = 0;
  const counts = spyOn(writeback, "pagesWritten").mockImplementation(() => ++pages);
  const patience = Patience.of("flushValue");
  for (let i = 0; i < 1000; i++) expect(patience?.isLeft()).toBe(true);
  counts.mockReturnValue(pages);
  for (let i = 0; i < 9; i++) expect(patience?.isLeft()).toBe(true);
  expect(patience?.isLeft()).toBe(false);
});

test("no other call is waited for after its time-out", () => {
  expect(Patience.of("readData")).toBeUndefined();
  expect(writeback.pagesWritten()).toBeGreaterThanOrEqual(0);
});
