import { expect, test } from "bun:test";
import { suggest } from "../../../src/manager/config/suggest.ts";
import {
  parseBoolean,
  parseInteger,
  parseList,
  parseOctal,
  parseSize,
  parseVetoFiles,
  unquote,
} from "../../../src/manager/config/values.ts";

test("booleans are parsed in every spelling, and nothing else is", () => {
  for (const text of ["yes", "Yes", "TRUE", "1", "on", "enable", "enabled"])
    expect(parseBoolean(text)).toBe(true);
  for (const text of ["no", "False", "0", "off", "disabled"]) expect(parseBoolean(text)).toBe(false);
  for (const text of ["yesterday", "maybe", "", "2"]) expect(parseBoolean(text)).toBeUndefined();
});

test.each([
  ["0", 0],
  ["65536", 65_536],
  ["64K", 65_536],
  ["64kb", 65_536],
  ["4 MB", 4_194_304],
  ["1G", 1_073_741_824],
  ["1E", Number.MAX_SAFE_INTEGER],
  ["4X", undefined],
  ["-1", undefined],
  ["", undefined],
])("size %j", (text, bytes) => {
  expect(parseSize(text)).toBe(bytes);
});

test("integers and octal modes are parsed", () => {
  expect(parseInteger("10")).toBe(10);
  expect(parseInteger("0x40")).toBe(64);
  expect(parseInteger("1.5")).toBeUndefined();
  expect(parseInteger("99999999999999999999")).toBeUndefined();
  expect(parseOctal("0744")).toBe(0o744);
  expect(parseOctal("7777")).toBe(0o7777);
  expect(parseOctal("0788")).toBeUndefined();
  expect(parseOctal("77777")).toBeUndefined();
});

test("lists are split at blanks and commas, except within quotes", () => {
  expect(parseList("anna, bob\t@staff  +team")).toEqual(["anna", "bob", "@staff", "+team"]);
  expect(parseList('"John Doe" @"domain users",x')).toEqual(["John Doe", "@domain users", "x"]);
  expect(parseList(" , ")).toEqual([]);
});

test("quotes around a whole value are removed", () => {
  expect(unquote('"/srv/my files"')).toBe("/srv/my files");
  expect(unquote('a "b" c')).toBe('a "b" c');
});

test("veto files need a leading slash", () => {
  expect(parseVetoFiles("/.DS_Store/Thumbs.db/._*/")).toEqual([".DS_Store", "Thumbs.db", "._*"]);
  expect(parseVetoFiles(".DS_Store")).toBeUndefined();
});

test("suggest returns the nearest name, and undefined if none is near", () => {
  const known = ["browseable", "read only", "valid users", "path"];
  expect(suggest("browsaeble", known)).toBe("browseable");
  expect(suggest("valid user", known)).toBe("valid users");
  expect(suggest("pth", known)).toBe("path");
  expect(suggest("socket options", known)).toBeUndefined();
});
