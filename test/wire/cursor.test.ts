// Message, Reader and Writer: bounds, UTF-16, 64-bit values; times and headers.
import { expect, test } from "bun:test";
import { decodeUtf16, EMPTY, Message, Reader, WireError, wireError, Writer } from "../../src/wire/cursor.ts";
import { readFiletime, readTime, writeFiletime, writeFiletimeChange } from "../../src/wire/filetime.ts";
import { get64, HEADER_SIZE, HeaderFlag, readHeader, set64, writeHeader } from "../../src/wire/header.ts";
import { encodeBytes, fromHex, toHex } from "./encoding.ts";

test("Message throws WireError past its length, even if the buffer is longer", () => {
  const message = new Message(new Uint8Array(100), 10, 20);
  expect(message.u32(16)).toBe(0);
  expect(() => message.u32(17)).toThrow(WireError);
  expect(() => message.u8(-1)).toThrow(WireError);
  expect(() => message.u64(13)).toThrow(WireError);
  expect(message.range(12, 8).byteOffset).toBe(22);
  expect(() => message.range(12, 9)).toThrow(WireError);
  expect(message.range(5000, 0)).toEqual(EMPTY);
  expect(() => message.dynamic(4, 1, 5)).toThrow(WireError);
  expect(message.dynamic(0, 0, 5)).toEqual(EMPTY);
});

test("Reader throws WireError past its bytes", () => {
  const reader = new Reader(fromHex("0102030405060708"));
  expect(reader.u16()).toBe(0x0201);
  expect(reader.remaining).toBe(6);
  expect(() => reader.range(7)).toThrow(WireError);
  expect(() => reader.seek(9)).toThrow(WireError);
  reader.seek(0);
  expect(reader.big64()).toBe(0x0807_0605_0403_0201n);
  expect(() => reader.u8()).toThrow(WireError);
});

test("UTF-16 keeps byte order marks; lone surrogates and odd lengths throw WireError", () => {
  expect(decodeUtf16(fromHex("fffe6100"))).toBe("\ufeffa");
  expect(decodeUtf16(fromHex("3dd800de"))).toBe("😀");
  expect(decodeUtf16(fromHex("fdff"))).toBe("\ufffd");
  for (const hex of ["3dd8", "00de", "00de3dd8", "3dd86100", "61"]) {
    expect(() => decodeUtf16(fromHex(hex))).toThrow(WireError);
  }
  const text = "\ufeffä\0😀";
  expect(decodeUtf16(encodeBytes((writer, value: string) => writer.utf16(value), text))).toBe(text);
});

test("Writer throws RangeError when its buffer is too small", () => {
  const writer = new Writer(new Uint8Array(3));
  expect(() => writer.u32(1)).toThrow(RangeError);
});

test("wireError creates no stack trace", () => {
  const limit = Error.stackTraceLimit;
  expect((wireError("x").stack ?? "").includes(" at ")).toBe(false);
  expect(Error.stackTraceLimit).toBe(limit);
});

test("align counts from the SMB2 header, wherever it is in the buffer", () => {
  const writer = new Writer(new Uint8Array(64), 3);
  writer.u8(1);
  writer.align(8);
  expect(writer.offset()).toBe(8);
  expect(writer.position).toBe(11);
});

test("converts FILETIME without losing a tick", () => {
  // 2024-02-29 12:34:56.7890123 UTC, by Python's datetime: 133536836967890123 ticks.
  const ticks = 133_536_836_967_890_123n;
  const seconds = Date.UTC(2024, 1, 29, 12, 34, 56) / 1000;
  const bytes = encodeBytes((writer) => writeFiletime(writer, seconds, 789_012_300), undefined);
  expect(new Reader(bytes).big64()).toBe(ticks);
  expect(readFiletime(new Reader(bytes))).toEqual({ seconds, nanoseconds: 789_012_300 });
  for (const each of [1n, 10_000_000n, ticks, 0x7fff_ffff_ffff_ffffn, 116_444_735_999_999_999n]) {
    const time = readTime(new Reader(encodeBytes((writer) => writer.big64(each), undefined)));
    const again = encodeBytes((writer) => writeFiletime(writer, time.seconds, time.nanoseconds), undefined);
    expect(new Reader(again).big64()).toBe(each);
  }
});

test("reads and writes the special FILETIME values", () => {
  for (const [hex, time] of [
    ["0000000000000000", undefined],
    ["ffffffffffffffff", "stop"],
    ["feffffffffffffff", "resume"],
  ] as const) {
    expect(readFiletime(new Reader(fromHex(hex)))).toBe(time);
    expect(toHex(encodeBytes((writer) => writeFiletimeChange(writer, time), undefined))).toBe(hex);
  }
});

test("writes and reads headers", () => {
  const header = {
    creditCharge: 1,
    status: 0xc000_0022,
    command: 5,
    credits: 31,
    flags: HeaderFlag.SERVER_TO_REDIR,
    nextCommand: 120,
    messageId: 2 ** 40 + 7,
    asyncId: 0,
    treeId: 9,
    sessionId: 2 ** 52 + 1,
  };
  const async = { ...header, flags: header.flags | HeaderFlag.ASYNC_COMMAND, asyncId: 2 ** 33, treeId: 0 };
  for (const each of [header, async]) {
    const bytes = encodeBytes(writeHeader, each);
    expect(bytes.length).toBe(HEADER_SIZE);
    expect(readHeader(new DataView(bytes.buffer, bytes.byteOffset), 0)).toEqual(each);
  }
  const view = new DataView(new ArrayBuffer(8));
  set64(view, 0, 2 ** 52 + 12_345);
  expect(get64(view, 0)).toBe(2 ** 52 + 12_345);
});
