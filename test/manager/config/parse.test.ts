import { describe, expect, test } from "bun:test";
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

const samba = (text: string) => [
  ...(parseConfig(text, "smb.conf").get("global")?.entries ?? []).map(({ key, value }) => [key, value]),
];

// As Debian's testparm 4.17 prints them.
test.each([
  ["a = one\\\ntwo", [["a", "onetwo"]]],
  ["a = one \\\n   two \\\n\tthree", [["a", "one two three"]]],
  ["a = b\\ \nc", [["a", "bc"]]],
  ["# a comment \\\nb = c", [["b", "c"]]],
  [
    "a = x\\\n# y\nb = c",
    [
      ["a", "x# y"],
      ["b", "c"],
    ],
  ],
  ["a = end\\", [["a", "end\\"]]],
])("in smb.conf %j is read as %j", (text, entries) => {
  expect(samba(`[global]\n${text}`)).toEqual(entries);
});

test("in smb.conf lines before any section and those of [globals] belong to [global]", () => {
  expect(samba("a = 1\n[docs]\nb = 2\n[Globals]\nc = 3\n")).toEqual([
    ["a", "1"],
    ["c", "3"],
  ]);
});

describe("include", () => {
  const parse = (files: Readonly<Record<string, string>>) =>
    parseConfig(files["main"] ?? "", "main", {
      readIncluded: (name) => ({ file: name, text: files[name] ?? "" }),
    });

  test("lines are read in place: the file goes on with the section, and what follows with the file's last", () => {
    const sections = parse({ main: "[a]\nx = 1\ninclude = f\ny = 2\n", f: "z = 3\n[b]\nv = 4\n" });
    const keys = [...sections].map(([name, { entries }]) => [name, entries.map(({ key }) => key).join(" ")]);
    expect(keys).toEqual([
      ["a", "x z"],
      ["b", "v y"],
    ]);
    expect(sections.get("b")?.entries[0]?.position).toBe("f:3");
  });

  test.each([
    [{ main: "[global]\ninclude = main\n" }, "main:2: 'main' includes itself, by way of main"],
    [
      { main: "[global]\ninclude = f\n", f: "include = main\n" },
      "f:1: 'main' includes itself, by way of main, f",
    ],
    [{ main: "[global]\ninclude =\n" }, "main:2: 'include' names no file"],
  ])("refuses %j", (files, message) => {
    expect(() => parse(files as Record<string, string>)).toThrow(message);
  });

  test("a chain of files is not followed without end", () => {
    const chain = { readIncluded: (name: string) => ({ file: name, text: `include = ${name}x\n` }) };
    expect(() => parseConfig("[global]\ninclude = f\n", "main", chain)).toThrow("more than 32 files");
  });
});

describe("copy", () => {
  test("copies of copies hold their lines, which those of the share override", () => {
    const { copied, entries } =
      parseConfig("[a]\nx = 1\n[b]\ncopy = A\ny = 2\n[c]\nx = 3\ncopy = b\n", "f").get("c") ?? {};
    expect(copied?.map(({ key, position }) => [key, position])).toEqual([
      ["x", "f:2"],
      ["y", "f:5"],
    ]);
    expect(entries?.map(({ key }) => key)).toEqual(["x"]);
  });

  test.each(["[a]\ncopy = a\n", "[a]\ncopy = b\n[b]\nx = 1\n", "[global]\nx = 1\n[a]\ncopy = global\n"])(
    "%j is a fault of the share",
    (text) => {
      const [fault] = parseConfig(text, "f").get("a")?.faults ?? [];
      expect(fault?.message).toContain("'copy' needs a share above");
    },
  );

  test("the fault of a share is that of its copies", () => {
    expect(parseConfig("[a]\nnonsense\n[b]\ncopy = a\n", "f").get("b")?.faults).toHaveLength(1);
  });

  test("shares that copy each other twice do not grow without end", () => {
    const lines = ["[s0]\nx = 1\ny = 2\n"];
    for (let i = 1; i < 40; i++) lines.push(`[s${i}]\ncopy = s${i - 1}\ncopy = s${i - 1}\n`);
    expect(() => parseConfig(lines.join(""), "f")).toThrow("lines by copying");
  });
});
