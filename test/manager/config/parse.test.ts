import { expect, test } from "bun:test";
import { ConfigError, foldKey, parseConfig, prependEntry } from "../../../src/manager/config/parse.ts";

function entriesOf(text: string, section = "global"): [string, string][] {
  return (parseConfig(text, "f").get(section)?.entries ?? []).map(({ key, value }) => [key, value]);
}

function faultOf(text: string): string {
  try {
    parseConfig(text, "ksmbd.conf");
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
    throw error;
  }
  return "";
}

test("keys are folded and values trimmed", () => {
  expect(entriesOf("[global]\n\tServer   String =  A  server \r\n")).toEqual([
    ["server string", "A  server"],
  ]);
});

test("; and # begin a comment anywhere", () => {
  const text = "; one\n# two\n[global] ; three\nread only = ; yes\ncomment = a # b ; c\n";
  expect(entriesOf(text)).toEqual([
    ["read only", ""],
    ["comment", "a"],
  ]);
});

test("a comment without a blank before it is marked", () => {
  const entries = parseConfig("[global]\na = b#c\nd = e #f\ng = h\n", "f").get("global")?.entries ?? [];
  expect(entries.map(({ comment }) => comment)).toEqual(["touching", "apart", "none"]);
});

test("sections of the same name in any case are merged", () => {
  const sections = parseConfig("[Docs]\na = 1\n[other]\nb = 2\n[ docs ]\nc = 3\n", "f");
  expect([...sections.keys()]).toEqual(["docs", "other"]);
  expect(sections.get("docs")?.name).toBe("Docs");
  expect(sections.get("docs")?.entries.map(({ key, position }) => `${key} ${position}`)).toEqual([
    "a f:2",
    "c f:6",
  ]);
});

test("a byte order mark is ignored", () => {
  expect(entriesOf("\ufeff[global]\na = 1")).toEqual([["a", "1"]]);
});

test("a value may contain an equals sign", () => {
  expect(entriesOf("[global]\na = b = c\n")).toEqual([["a", "b = c"]]);
});

test.each([
  ["workgroup = X\n", "ksmbd.conf:1: 'workgroup = X' is before any section, write [global] above it"],
  ["[global\n", "ksmbd.conf:1: '[global' is not a section, write [NAME]"],
  ["[a]b\n", "ksmbd.conf:1: '[a]b' is not a section, write [NAME]"],
  ["[a;b]\n", "ksmbd.conf:1: '[a' is not a section, write [NAME]"],
  ["[]\n", "ksmbd.conf:1: the section has no name, write [NAME]"],
  ["\n[global]\nworkgroup\n", "ksmbd.conf:3: 'workgroup' is not 'NAME = VALUE'"],
  ["[global]\n= x\n", "ksmbd.conf:2: there is no name before '=', write 'NAME = VALUE'"],
  ["[global]\na = b\\\n", "ksmbd.conf:2: 'a' ends in '\\': lines are not continued, write it in one line"],
  ["[global]\na = \u0000\n", "ksmbd.conf:2: a control character, take it out"],
])("refuses %j with one line", (text, message) => {
  expect(faultOf(text)).toBe(message);
});

test("the message about an invalid line of a user does not contain the line", () => {
  expect(faultOf("[user:anna]\npassword hunter2\n")).toBe("ksmbd.conf:2: the line is not 'NAME = VALUE'");
});

test("a prepended entry overrides the file's", () => {
  const sections = parseConfig("[global]\na = 1\n", "f");
  prependEntry(sections, "Global", {
    key: foldKey("A"),
    value: "2",
    position: "--option",
    comment: "none",
    whole: "2",
  });
  expect(sections.get("global")?.entries.map(({ value }) => value)).toEqual(["2", "1"]);
});
