// File information classes: layouts of [MS-FSCC] 2.4, round trips, malformed buffers.
import { expect, test } from "bun:test";
import { WireError } from "../../../src/wire/cursor.ts";
import {
  type AllInformation,
  decodeAllInformation,
  decodeAttributeTagInformation,
  decodeBasicChange,
  decodeBasicInformation,
  decodeCompressionInformation,
  decodeDispositionInformation,
  decodeIdInformation,
  decodeInternalInformation,
  decodeNameInformation,
  decodeNetworkOpenInformation,
  decodeSizeInformation,
  decodeStandardInformation,
  decodeUint32Information,
  encodeAllInformation,
  encodeAttributeTagInformation,
  encodeBasicChange,
  encodeBasicInformation,
  encodeCompressionInformation,
  encodeDispositionInformation,
  encodeIdInformation,
  encodeInternalInformation,
  encodeNameInformation,
  encodeNetworkOpenInformation,
  encodeSizeInformation,
  encodeStandardInformation,
  encodeUint32Information,
} from "../../../src/wire/fscc/file-information.ts";
import { FileInfoClass, queryFileSize, setFileSize } from "../../../src/wire/fscc/info-class.ts";
import { encodeBytes, fromHex, toHex } from "../encoding.ts";

const times = {
  birthSeconds: 0,
  birthNanoseconds: 0,
  accessSeconds: 1,
  accessNanoseconds: 100,
  modifySeconds: -1,
  modifyNanoseconds: 900,
  changeSeconds: 1_700_000_000,
  changeNanoseconds: 999_999_900,
};
const metadata = { ...times, allocated: 8192, size: 5000, attributes: 0x20 };

test("round trip of FileBasicInformation", () => {
  const encoded = encodeBytes(encodeBasicInformation, { ...times, attributes: 0 });
  // 1970-01-01 is 116444736000000000 ticks after 1601; attributes 0 are sent as NORMAL.
  expect(toHex(encoded.subarray(0, 16))).toBe("00803ed5deb19d018116d7d5deb19d01");
  expect(decodeBasicInformation(encoded)).toEqual({ ...times, attributes: 0x80 });
  expect(encoded.length).toBe(queryFileSize(FileInfoClass.BASIC) ?? 0);
});

test("FileBasicInformation of SET_INFO", () => {
  const change = {
    birth: undefined,
    access: "stop",
    modify: "resume",
    change: { seconds: 1, nanoseconds: 0 },
    attributes: 0x01,
  } as const;
  const encoded = encodeBytes(encodeBasicChange, change);
  expect(toHex(encoded.subarray(0, 24))).toBe(`${"00".repeat(8)}${"ff".repeat(8)}fe${"ff".repeat(7)}`);
  expect(decodeBasicChange(encoded)).toEqual(change);
  encoded.set(fromHex("fdffffffffffffff"), 8);
  expect(() => decodeBasicChange(encoded)).toThrow(WireError);
  expect(encoded.length).toBe(setFileSize(FileInfoClass.BASIC) ?? 0);
});

test("round trip of the standard class", () => {
  const value = { allocated: 8192, size: 5000, links: 2, deletePending: true, isDirectory: false };
  const encoded = encodeBytes(encodeStandardInformation, value);
  expect(toHex(encoded)).toBe("0020000000000000881300000000000002000000 0100 0000".replaceAll(" ", ""));
  expect(decodeStandardInformation(encoded)).toEqual(value);
});

test("round trip of file IDs", () => {
  const value = { inodeLow: 0xffff_ffff, inodeHigh: 1, volumeLow: 2, volumeHigh: 3 };
  const internal = encodeBytes(encodeInternalInformation, value);
  expect(decodeInternalInformation(internal)).toEqual({ inodeLow: 0xffff_ffff, inodeHigh: 1 });
  const id = encodeBytes(encodeIdInformation, value);
  expect(toHex(id)).toBe(`0200000003000000ffffffff01000000${"00".repeat(8)}`);
  expect(decodeIdInformation(id)).toEqual(value);
});

test("round trip of single fields", () => {
  expect(decodeUint32Information(encodeBytes(encodeUint32Information, 0xffff_fffe))).toBe(0xffff_fffe);
  expect(decodeSizeInformation(encodeBytes(encodeSizeInformation, 2 ** 45))).toBe(2 ** 45);
  expect(() => decodeSizeInformation(fromHex("0000000000000080"))).toThrow(WireError);
  expect(decodeDispositionInformation(encodeBytes(encodeDispositionInformation, true))).toBe(true);
  expect(decodeDispositionInformation(fromHex("00"))).toBe(false);
  expect(() => decodeDispositionInformation(fromHex(""))).toThrow(WireError);
});

test("round trip of network open", () => {
  const encoded = encodeBytes(encodeNetworkOpenInformation, metadata);
  expect(encoded.length).toBe(56);
  expect(decodeNetworkOpenInformation(encoded)).toEqual(metadata);
});

test("round trip of attribute tag", () => {
  const value = { attributes: 0x400, reparseTag: 0xa000_000c };
  expect(toHex(encodeBytes(encodeAttributeTagInformation, value))).toBe("000400000c0000a0");
  expect(decodeAttributeTagInformation(fromHex("000400000c0000a0"))).toEqual(value);
});

test("round trip of compression", () => {
  const encoded = encodeBytes(encodeCompressionInformation, { compressedSize: 4096, format: 0 });
  expect(encoded.length).toBe(16);
  expect(decodeCompressionInformation(encoded)).toEqual({ compressedSize: 4096, format: 0 });
});

test("round trip of names", () => {
  expect(toHex(encodeBytes(encodeNameInformation, "aß"))).toBe("040000006100df00");
  expect(decodeNameInformation(fromHex("040000006100df00"))).toBe("aß");
  expect(() => decodeNameInformation(fromHex("060000006100df00"))).toThrow(WireError);
  expect(() => decodeNameInformation(fromHex("030000006100df00"))).toThrow(WireError);
});

test("round trip of FileAllInformation", () => {
  const value: AllInformation = {
    ...metadata,
    inodeLow: 1,
    inodeHigh: 2,
    links: 1,
    deletePending: false,
    isDirectory: true,
    eaSize: 3,
    accessFlags: 0x1f_01ff,
    position: 4,
    mode: 5,
    alignment: 0,
    name: "\\folder",
  };
  const encoded = encodeBytes(encodeAllInformation, value);
  expect(encoded.length).toBe(100 + value.name.length * 2);
  // [MS-FSA] 2.1.5.12: the offset of the name, rounded up to 8.
  expect(queryFileSize(FileInfoClass.ALL)).toBe(104);
  expect(decodeAllInformation(encoded)).toEqual(value);
});
