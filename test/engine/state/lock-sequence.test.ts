// Lock sequences: a replay of a request that was carried out is recognized; [MS-SMB2] 3.3.5.14.
import { expect, test } from "bun:test";
import { LockSequences } from "../../../src/engine/state/lock-sequence.ts";

test("the same number at the same index is a replay, another number invalidates the entry", () => {
  const sequences = new LockSequences();
  expect(sequences.isReplay(1, 0)).toBe(false);
  sequences.remember(1, 0);
  expect(sequences.isReplay(1, 0)).toBe(true);
  expect(sequences.isReplay(2, 0)).toBe(false);
  expect(sequences.isReplay(1, 1)).toBe(false);
  // The request with number 1 failed and was not remembered: the one before it is no longer recognized
  // either.
  expect(sequences.isReplay(1, 0)).toBe(false);
});

test.each([0, 65, 0xfff_ffff])("index %d is ignored", (index) => {
  const sequences = new LockSequences();
  sequences.remember(index, 5);
  expect(sequences.isReplay(index, 5)).toBe(false);
});

test("index 64 is valid", () => {
  const sequences = new LockSequences();
  sequences.remember(64, 15);
  expect(sequences.isReplay(64, 15)).toBe(true);
});
