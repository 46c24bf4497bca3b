// ChannelSequence of requests on one open; [MS-SMB2] 3.3.5.2.10 (checking), 3.3.4.1 (counting down).
import { describe, expect, test } from "bun:test";
import {
  enterSequence,
  leaveSequence,
  takeSequence,
} from "../../../src/engine/connection/channel-sequence.ts";
import type { Exchange } from "../../../src/engine/connection/exchange.ts";
import type { Open } from "../../../src/engine/state/open.ts";
import { HeaderFlag } from "../../../src/wire/header.ts";
import { type NtStatus, Status } from "../../../src/wire/status.ts";

const { FILE_NOT_AVAILABLE, SUCCESS } = Status;

interface Counts {
  readonly number: number;
  readonly outstanding: number;
  readonly outstandingBefore: number;
}

function openWith(counts: Counts): Open {
  return { sequence: { ...counts } } as Open;
}

function sent(
  command: "READ" | "WRITE",
  channelSequence: number,
  isReplay = false,
  isAtLeast3 = true,
): Exchange {
  const fields = {
    connection: { isAtLeast3 },
    channelSequence,
    row: { mayChangeData: command === "WRITE" },
    flags: isReplay ? HeaderFlag.REPLAY_OPERATION : 0,
  };
  return fields as unknown as Exchange;
}

/** [title, request, counts before it, status, counts after it] */
type Case = readonly [string, Exchange, readonly number[], NtStatus, readonly number[]];

const CASES: readonly Case[] = [
  ["the open's number is counted", sent("WRITE", 5), [5, 2, 0], SUCCESS, [5, 3, 0]],
  ["a newer number moves what is outstanding", sent("WRITE", 6), [5, 2, 1], SUCCESS, [6, 1, 3]],
  ["0x7fff ahead is newer", sent("WRITE", 0x8004), [5, 0, 0], SUCCESS, [0x8004, 1, 0]],
  ["0x8000 ahead is stale", sent("WRITE", 0x8005), [5, 0, 0], FILE_NOT_AVAILABLE, [5, 0, 0]],
  ["the number wraps at 16 bits", sent("WRITE", 0), [0xffff, 1, 0], SUCCESS, [0, 1, 1]],
  ["a WRITE with a stale number fails", sent("WRITE", 4), [5, 2, 1], FILE_NOT_AVAILABLE, [5, 2, 1]],
  ["a READ with a stale number is carried out", sent("READ", 4), [5, 2, 1], SUCCESS, [5, 2, 1]],
  [
    "a replay runs when nothing earlier is outstanding",
    sent("WRITE", 5, true),
    [5, 0, 0],
    SUCCESS,
    [5, 1, 0],
  ],
  [
    "a replay fails while an earlier request is outstanding",
    sent("WRITE", 5, true),
    [5, 0, 1],
    FILE_NOT_AVAILABLE,
    [5, 0, 1],
  ],
  [
    "a replay with a newer number runs when nothing is outstanding",
    sent("WRITE", 6, true),
    [5, 0, 0],
    SUCCESS,
    [6, 1, 0],
  ],
  [
    "a replay with a newer number fails while requests of the current one are outstanding, and advances the number",
    sent("WRITE", 6, true),
    [5, 2, 0],
    FILE_NOT_AVAILABLE,
    [6, 0, 2],
  ],
  [
    "a READ replayed while an earlier request is outstanding is not counted",
    sent("READ", 5, true),
    [5, 1, 1],
    SUCCESS,
    [5, 1, 1],
  ],
  ["a stale replay fails", sent("WRITE", 4, true), [5, 2, 1], FILE_NOT_AVAILABLE, [5, 2, 1]],
  [
    "dialects before 3.0 have no ChannelSequence",
    sent("WRITE", 4, true, false),
    [5, 0, 1],
    SUCCESS,
    [5, 0, 1],
  ],
];

describe("3.3.5.2.10", () => {
  test.each(CASES)("%s", (_, exchange, [number = 0, outstanding = 0, before = 0], status, expected) => {
    const open = openWith({ number, outstanding, outstandingBefore: before });
    expect(enterSequence(exchange, open)).toBe(status);
    expect([open.sequence.number, open.sequence.outstanding, open.sequence.outstandingBefore]).toEqual([
      ...expected,
    ]);
  });
});

test("3.3.4.1: the end of a READ with a stale number counts nothing down", () => {
  const open = openWith({ number: 5, outstanding: 0, outstandingBefore: 1 });
  const stale = sent("READ", 4);
  expect(enterSequence(stale, open)).toBe(SUCCESS);
  leaveSequence(stale, open);
  expect(open.sequence).toEqual({ number: 5, outstanding: 0, outstandingBefore: 1 });
});

test("3.3.5.9.12: what is outstanding of the lost connection ends, though the reconnect brings another number", () => {
  for (const number of [2, 0]) {
    const open = openWith({ number: 1, outstanding: 0, outstandingBefore: 0 });
    const lost = sent("WRITE", 1);
    enterSequence(lost, open);
    takeSequence(open, number);
    expect(enterSequence(sent("WRITE", number, true), open)).toBe(FILE_NOT_AVAILABLE);
    leaveSequence(lost, open);
    expect(open.sequence).toEqual({ number, outstanding: 0, outstandingBefore: 0 });
    expect(enterSequence(sent("WRITE", number + 1, true), open)).toBe(SUCCESS);
  }
});

test("3.3.4.1: a response lowers the count that its request is in", () => {
  const open = openWith({ number: 1, outstanding: 0, outstandingBefore: 0 });
  const first = sent("WRITE", 1);
  const second = sent("WRITE", 2);
  enterSequence(first, open);
  enterSequence(second, open);
  expect(open.sequence).toEqual({ number: 2, outstanding: 1, outstandingBefore: 1 });
  expect(enterSequence(sent("WRITE", 2, true), open)).toBe(FILE_NOT_AVAILABLE);
  leaveSequence(first, open);
  expect(open.sequence).toEqual({ number: 2, outstanding: 1, outstandingBefore: 0 });
  leaveSequence(second, open);
  expect(open.sequence).toEqual({ number: 2, outstanding: 0, outstandingBefore: 0 });
  leaveSequence(second, open);
  expect(open.sequence).toEqual({ number: 2, outstanding: 0, outstandingBefore: 0 });
});
