// The lists linked by NextEntryOffset: streams, extended attributes and change notifications.
import { expect, test } from "bun:test";
import { WireError, Writer } from "../../../src/wire/cursor.ts";
import {
  appendExtendedAttribute,
  decodeAttributeNames,
  decodeExtendedAttributes,
  encodeAttributeNames,
  encodeExtendedAttributes,
  type ExtendedAttribute,
  extendedAttributeRoom,
} from "../../../src/wire/fscc/extended-attribute.ts";
import {
  appendChange,
  type Change,
  changeRoom,
  decodeChanges,
  NotifyAction,
} from "../../../src/wire/fscc/notify.ts";
import {
  appendStream,
  decodeStreams,
  type StreamInformation,
  streamRoom,
} from "../../../src/wire/fscc/stream.ts";
import { encodeBytes, fromHex } from "../encoding.ts";

function appendAll<T>(
  values: readonly T[],
  append: (writer: Writer, value: T, previous: number) => number,
  room: (writer: Writer, value: T) => number,
): Uint8Array {
  const writer = new Writer(new Uint8Array(1024));
  let previous = -1;
  for (const value of values) {
    const end = writer.position + room(writer, value);
    previous = append(writer, value, previous);
    expect(writer.position).toBe(end);
  }
  return writer.bytes.subarray(0, writer.position);
}

test("round trip of streams", () => {
  const streams: readonly StreamInformation[] = [
    { name: "::$DATA", size: 5, allocated: 4096 },
    { name: ":AFP_AfpInfo:$DATA", size: 60, allocated: 60 },
  ];
  expect(decodeStreams(appendAll(streams, appendStream, streamRoom))).toEqual([...streams]);
  expect(decodeStreams(new Uint8Array(0))).toEqual([]);
});

test("round trip of change notifications", () => {
  const changes: readonly Change[] = [
    { action: NotifyAction.ADDED, name: "a" },
    { action: NotifyAction.RENAMED_OLD_NAME, name: "folder\\b" },
    { action: NotifyAction.RENAMED_NEW_NAME, name: "c" },
  ];
  expect(decodeChanges(appendAll(changes, appendChange, changeRoom))).toEqual([...changes]);
});

const attributes: readonly ExtendedAttribute[] = [
  { flags: 0, name: "user.one", value: Uint8Array.of(1, 2, 3) },
  { flags: 0x80, name: "B", value: new Uint8Array(0) },
  { flags: 0, name: "C", value: Uint8Array.of(9) },
];

test("round trip of extended attributes", () => {
  const encoded = appendAll(attributes, appendExtendedAttribute, extendedAttributeRoom);
  expect(decodeExtendedAttributes(encoded)).toEqual([...attributes]);
  expect(encodeBytes(encodeExtendedAttributes, attributes)).toEqual(encoded);
  const names = ["first", "x", "third"];
  expect(decodeAttributeNames(encodeBytes(encodeAttributeNames, names))).toEqual(names);
});

const broken: Readonly<Record<string, string>> = {
  "a name without its end": "00000000 00 01 0000 41 42",
  "a value cut off": "00000000 00 01 0200 41 00 01",
  "a step into the entry": "08000000 00 01 0100 41 00 01 00 00000000 00 01 0000 42 00",
  "an unaligned step": "0b000000 00 01 0100 41 00 01 00000000 00 01 0000 42 00",
  "a step to the very end": "0c000000 00 01 0100 41 00 01 00",
  "a step past the end": "00010000 00 01 0100 41 00 01 00",
};

for (const [what, hex] of Object.entries(broken)) {
  test(`extended attributes with ${what} throw WireError`, () => {
    expect(() => decodeExtendedAttributes(fromHex(hex))).toThrow(WireError);
  });
}

test("lists of streams and changes with a backward offset throw WireError", () => {
  expect(() => decodeStreams(fromHex(`08000000 02000000 ${"00".repeat(16)} 4100`))).toThrow(WireError);
  expect(() => decodeChanges(fromHex("04000000 01000000 02000000 4100"))).toThrow(WireError);
});
