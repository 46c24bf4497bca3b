// The reader of DNS messages: against dns-packet's, on messages that take long to read, and on mutated ones.
import { expect, test } from "bun:test";
import { decode, encode, type Packet } from "dns-packet";
import { decodeMessage } from "../../../src/manager/discovery/dns-decode.ts";
import { encodeMessage } from "../../../src/manager/discovery/dns-message.ts";
import { pointerChain } from "./worst-messages.ts";

const RECORDS = [
  { name: "box.local", type: "A", ttl: 120, flush: true, data: "10.0.0.1" },
  {
    name: "Box 2._smb._tcp.local",
    type: "SRV",
    ttl: 120,
    data: { priority: 0, weight: 0, port: 445, target: "box.local" },
  },
  { name: "Box 2._smb._tcp.local", type: "TXT", ttl: 4500, data: ["a=b", "", "c=\u00e4"] },
  { name: "_smb._tcp.local", type: "PTR", ttl: 4500, data: "Box 2._smb._tcp.local" },
];
const QUESTIONS = [
  { name: "box.local", type: "ANY", wantsUnicast: false },
  { name: ".", type: "A", wantsUnicast: false },
];
const MESSAGE = encodeMessage({
  id: 77,
  isResponse: true,
  questions: QUESTIONS,
  answers: RECORDS,
  additionals: RECORDS,
});

test("reads what dns-packet reads of a message that it wrote", () => {
  const theirs = decode(Buffer.from(MESSAGE));
  const ours = decodeMessage(MESSAGE);
  expect(ours).toMatchObject({
    id: 77,
    isResponse: true,
    isTruncated: false,
    questions: QUESTIONS,
    authorities: [],
  });
  const rows = (theirs.answers ?? []).map((record) => {
    const { name, type, ttl, flush, data } = record as unknown as Record<string, unknown>;
    return { name, type, ttl, flush, data };
  });
  expect(ours?.answers).toEqual(rows as never);
  expect(ours?.additionals).toEqual(rows as never);
});

test("names may be pointers, to names and to the ends of names", () => {
  // box.local at 12; a question for it, one for a.box.local, one for local.
  const head = "000100000004000000000000";
  const questions = "03626f78056c6f63616c0000010001" + "c00c00018001" + "0161c00c001c0001" + "c010000c0001";
  const message = decodeMessage(Buffer.from(head + questions, "hex"));
  expect(message?.questions).toEqual([
    { name: "box.local", type: "A", wantsUnicast: false },
    { name: "box.local", type: "A", wantsUnicast: true },
    { name: "a.box.local", type: "AAAA", wantsUnicast: false },
    { name: "local", type: "PTR", wantsUnicast: false },
  ]);
});

test.each([
  ["a pointer to itself", "00010000000100000000 0000 c00c 0001 0001"],
  ["a pointer forward", "00010000000100000000 0000 c012 0001 0001 00"],
  ["two pointers in a circle", "00010000000200000000 0000 0161c010 0001 0001 c00c 0001 0001"],
  ["a label beyond the end", "00010000000100000000 0000 3f61"],
  ["an old kind of label", "00010000000100000000 0000 4161 00 0001 0001"],
  ["more records than there are", "00010000000200000000 0000 0161 00 0001 0001"],
  ["another operation", "00012800000100000000 0000 0161 00 0001 0001"],
  ["an error", "00018003000100000000 0000 0161 00 0001 0001"],
])("%s is no message", (_, hex) => {
  expect(decodeMessage(Buffer.from(hex.replaceAll(" ", ""), "hex"))).toBeUndefined();
});

test("a name of more than 255 characters is none", () => {
  expect(decodeMessage(pointerChain(1, 0, 120))).toBeDefined();
  expect(decodeMessage(pointerChain(1, 0, 140))).toBeUndefined();
});

test.each([
  [200, 0, 120],
  [120, 400, 120],
  [60, 1400, 120],
  [290, 2300, 0],
])("%d records whose names follow %d pointers and %d labels are read in a moment", (records, hops, units) => {
  const message = pointerChain(records, hops, units);
  expect(message.length).toBeLessThanOrEqual(9000);
  // Each once to warm up; dns-packet's reader takes up to 600 ms for one of them.
  let best = Number.POSITIVE_INFINITY;
  for (let i = 0; i < 10; i++) {
    const began = performance.now();
    expect(decodeMessage(message)?.answers).toHaveLength(records + 1);
    best = Math.min(best, performance.now() - began);
  }
  expect(best).toBeLessThan(10);
});

test("mutated and shortened messages are read or not, and never thrown at the caller", () => {
  let seed = 1;
  const random = (below: number): number => (seed = (seed * 48_271) % 2_147_483_647) % below;
  const whole = Buffer.concat([MESSAGE, pointerChain(20, 20, 20).subarray(12)]);
  for (let i = 0; i < 20_000; i++) {
    const bytes = Buffer.from(i % 2 === 0 ? MESSAGE : whole);
    for (let n = random(6); n >= 0; n--) bytes[random(bytes.length)] = random(256);
    decodeMessage(bytes.subarray(0, random(4) === 0 ? random(bytes.length) : bytes.length));
  }
  expect(decodeMessage(MESSAGE)).toBeDefined();
});

test("a message of 9000 bytes is read, a longer one and one of more than 300 records are not", () => {
  const fill = (length: number) =>
    encode({
      type: "response",
      answers: [{ name: "a", type: "NULL", data: Buffer.alloc(length - 25) }],
    } as Packet);
  expect([fill(9000).length, decodeMessage(fill(9000))?.answers.length]).toEqual([9000, 1]);
  expect(decodeMessage(fill(9001))).toBeUndefined();
  expect(decodeMessage(pointerChain(299, 0, 1))?.answers).toHaveLength(300);
  expect(decodeMessage(pointerChain(300, 0, 1))).toBeUndefined();
});
