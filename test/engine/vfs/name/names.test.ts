// Mapped characters against the tables of Apple's and Linux's SMB clients (SFM:
// fs/smb/client/cifs_unicode.h), and case folding against Windows.
import { describe, expect, test } from "bun:test";
import {
  foldName,
  joinPath,
  splitPath,
  toClientName,
  toDiskName,
} from "../../../../src/engine/vfs/name/names.ts";

// cifs_unicode.h: SFM_DOUBLEQUOTE 0xF020, SFM_ASTERISK 0xF021, SFM_COLON 0xF022, SFM_LESSTHAN 0xF023,
// SFM_GRTRTHAN 0xF024, SFM_QUESTION 0xF025, SFM_SLASH 0xF026, SFM_PIPE 0xF027, SFM_SPACE 0xF028, SFM_PERIOD
// 0xF029.
const pairs: [string, string][] = [
  ['say "hi"', "say \uf020hi\uf020"],
  ["*", "\uf021"],
  ["12:30", "12\uf02230"],
  ["<tag>", "\uf023tag\uf024"],
  ["why?", "why\uf025"],
  ["back\\slash", "back\uf026slash"],
  ["a|b", "a\uf027b"],
  ["ends with space ", "ends with space\uf028"],
  ["ends with dot.", "ends with dot\uf029"],
  ["two..", "two.\uf029"],
  ["bell\x07", "bell\uf007"],
  ["\x01\x1f", "\uf001\uf01f"],
];

describe("mapping", () => {
  test.each(pairs)("%j on disk is %j to clients", (disk, client) => {
    expect(toClientName(disk)).toBe(client);
    expect(toDiskName(client)).toBe(disk);
  });

  test("ordinary names are not changed", () => {
    for (const name of ["plain.txt", ".hidden", "a. b", "Grüße", "\uf029middle", "\uf02a"]) {
      expect(toClientName(name)).toBe(name);
      expect(toDiskName(name)).toBe(name);
    }
  });

  test("no mapping yields `.` or `..`", () => {
    expect(toDiskName("\uf029")).toBeUndefined();
    expect(toDiskName(".\uf029")).toBeUndefined();
    expect(toDiskName("..\uf029")).toBe("...");
  });
});

describe("folding", () => {
  test("names that differ in case are equal", () => {
    expect(foldName("ReadMe.TXT")).toBe("README.TXT");
    expect(foldName("Größe")).toBe(foldName("GRÖßE"));
    expect(foldName("ÿ")).toBe(foldName("Ÿ"));
    expect(foldName("ωμέγα")).toBe(foldName("ΩΜΈΓΑ"));
    expect(foldName("привет")).toBe(foldName("ПРИВЕТ"));
  });

  test("one UTF-16 unit stays one unit", () => {
    expect(foldName("ß")).toBe("ß");
    expect(foldName("ß")).not.toBe(foldName("SS"));
    expect(foldName("ﬁ")).toBe("ﬁ");
    expect(foldName("😀a")).toBe("😀A");
  });

  test("no other letter becomes an ASCII one", () => {
    expect(foldName("ı")).not.toBe(foldName("i"));
    expect(foldName("ſ")).not.toBe(foldName("s"));
  });

  test("composed and decomposed forms are equal", () => {
    expect(foldName("Cafe\u0301")).toBe(foldName("CAFÉ"));
    expect(foldName("U\u0308ber")).toBe(foldName("über"));
  });
});

test("paths are split and joined at the last slash", () => {
  expect(splitPath("a/b/c")).toEqual({ parent: "a/b", name: "c" });
  expect(splitPath("c")).toEqual({ parent: "", name: "c" });
  expect(splitPath("")).toEqual({ parent: "", name: "" });
  expect(joinPath("", "c")).toBe("c");
  expect(joinPath("a/b", "c")).toBe("a/b/c");
});
