// Renames and links: layouts of [MS-FSCC] 2.4.42.2 and 2.4.43.
import { expect, test } from "bun:test";
import { WireError } from "../../../src/wire/cursor.ts";
import {
  decodeRenameInformation,
  decodeRenameInformationEx,
  encodeRenameInformation,
  encodeRenameInformationEx,
  RenameFlag,
} from "../../../src/wire/fscc/rename.ts";
import { encodeBytes, fromHex, toHex } from "../encoding.ts";

test("round trip of renames and links", () => {
  const value = { flags: RenameFlag.REPLACE_IF_EXISTS, name: "a\\b" };
  const encoded = encodeBytes(encodeRenameInformation, value);
  expect(toHex(encoded)).toBe(`01${"00".repeat(15)}0600000061005c006200`);
  expect(decodeRenameInformation(encoded)).toEqual(value);
});

test("round trip of the Ex forms", () => {
  const value = { flags: RenameFlag.POSIX_SEMANTICS | RenameFlag.IGNORE_READONLY_ATTRIBUTE, name: "x" };
  const encoded = encodeBytes(encodeRenameInformationEx, value);
  expect(toHex(encoded)).toBe(`42${"00".repeat(15)}020000007800`);
  expect(decodeRenameInformationEx(encoded)).toEqual(value);
});

test("a RootDirectory, a truncated name and an odd length throw WireError", () => {
  for (const hex of [
    `01${"00".repeat(7)}01${"00".repeat(7)}020000007800`,
    `01${"00".repeat(15)}040000007800`,
    `01${"00".repeat(15)}010000007800`,
    "0100",
  ]) {
    expect(() => decodeRenameInformation(fromHex(hex))).toThrow(WireError);
    expect(() => decodeRenameInformationEx(fromHex(hex))).toThrow(WireError);
  }
});
