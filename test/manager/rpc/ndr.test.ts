// NDR: alignment, strings and pointers; C706 14.2 and 14.3. The strings are from test/vectors/rpc-samba.json.
import { expect, test } from "bun:test";
import { MAX_STRING_UNITS, MAX_STUB_BYTES, NdrReader, NdrWriter } from "../../../src/manager/rpc/ndr.ts";
import { WireError } from "../../../src/wire/cursor.ts";
import { createInputs } from "../../fuzz/bytes.ts";
import { hex } from "./rpc-rig.ts";

// `media` and `127.0.0.1` as rpcclient writes them.
const MEDIA = "0600000000000000060000006d0065006400690061000000";
const HOST = "0a000000000000000a0000003100320037002e0030002e0030002e0031000000";

test("strings are read and written as rpcclient does", () => {
  const writer = new NdrWriter();
  writer.string("media");
  expect(writer.finish()).toEqual(hex(MEDIA));
  expect(new NdrReader(hex(MEDIA), true).string()).toBe("media");
  const reader = new NdrReader(hex(`00000200${HOST}00000000`), true);
  reader.skipServerName();
  reader.skipServerName();
  expect(() => reader.skipServerName()).toThrow(WireError);
});

test("numbers are aligned to their size", () => {
  const writer = new NdrWriter();
  writer.u16(1);
  writer.u32(2);
  writer.u16(3);
  writer.string("");
  expect(writer.finish()).toEqual(hex("010000000200000003000000010000000000000001000000" + "0000"));
  const reader = new NdrReader(writer.finish(), true);
  expect([reader.u16(), reader.u32(), reader.u16(), reader.string()]).toEqual([1, 2, 3, ""]);
  expect(() => reader.u16()).toThrow(WireError);
});

test("each pointer has a referent of its own, a null pointer none", () => {
  const writer = new NdrWriter();
  writer.pointer();
  writer.pointer(false);
  writer.pointer();
  const reader = new NdrReader(writer.finish(), true);
  const [first, none, second] = [reader.u32(), reader.u32(), reader.u32()];
  expect(none).toBe(0);
  expect(new Set([first, none, second]).size).toBe(3);
});

test("a string without terminator is accepted; an embedded NUL or a too long string is refused", () => {
  const text = (units: string): string => {
    const count = `0${units.length / 4}000000`;
    return new NdrReader(hex(`${count}00000000${count}${units}`), true).string();
  };
  expect(text("61006200")).toBe("ab");
  expect(text("")).toBe("");
  expect(() => text("610000006200")).toThrow(WireError);
  expect(() => text("610000000000")).toThrow(WireError);
  const writer = new NdrWriter();
  writer.string("x".repeat(MAX_STRING_UNITS));
  expect(() => new NdrReader(writer.finish(), true).string()).toThrow(WireError);
});

test("the writer's buffer grows within any value, up to its limit", () => {
  for (let lead = 500; lead < 520; lead++) {
    const writer = new NdrWriter();
    for (let i = 0; i < lead; i++) writer.u16(i);
    writer.u32(0xdead_beef);
    writer.string("end");
    const reader = new NdrReader(writer.finish(), true);
    for (let i = 0; i < lead; i++) expect(reader.u16()).toBe(i);
    expect(reader.u32()).toBe(0xdead_beef);
    expect(reader.string()).toBe("end");
  }
  const writer = new NdrWriter();
  const half = "x".repeat(MAX_STUB_BYTES / 4);
  writer.string(half);
  expect(() => writer.string(half)).toThrow(RangeError);
});

test("fuzz: reading ends and throws only WireError", () => {
  let read = 0;
  for (const input of createInputs([hex(MEDIA), hex(`00000200${HOST}65000000`)], 20_000, 14)) {
    const reader = new NdrReader(input, read % 2 === 0);
    try {
      reader.skipServerName();
      reader.u16();
      reader.string();
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
    }
    read++;
  }
  expect(read).toBeGreaterThan(20_000);
});
