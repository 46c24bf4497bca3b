// Search patterns of QUERY_DIRECTORY: [MS-FSA] 2.1.4.4 (wildcards), 2.1.5.6.3 (short names); names of Macs.
import { describe, expect, test } from "bun:test";
import { compilePattern } from "../../../../src/engine/command/query/search-pattern.ts";
import { WireError } from "../../../../src/wire/cursor.ts";

/** A store in which one long name has a short name. */
const shortNames = {
  isForMac: false,
  shortNameOf: (name: string) => (name === "long file name.text" ? "LFN~1.TEX" : ""),
};
const forMac = { isForMac: true };
const composed = "caf\u00e9.txt";
const decomposed = "cafe\u0301.txt";

describe("a pattern without wildcards", () => {
  test.each([
    ["file.txt", "file.txt", true],
    ["FILE.TXT", "file.txt", true],
    ["file.txt", "file.txt.bak", false],
    ["file", "file.txt", false],
  ])("%p on %p is %p, in any case", (pattern, name, expected) => {
    expect(compilePattern(pattern, undefined)(name)).toBe(expected);
  });
});

describe("[MS-FSA] 2.1.4.4", () => {
  test.each([
    ["*", "no dot", true],
    ["*.*", "no dot", true],
    ["", "any", true],
    ["*.txt", "a.txt", true],
    ["*.txt", "a.text", false],
    ["?.txt", "a.txt", true],
    ["?.txt", ".txt", false],
    // DOS_STAR, DOS_QM and DOS_DOT.
    ["<.txt", "a.b.txt", true],
    [">>>.txt", "a.txt", true],
    [">>>.txt", "abcd.txt", false],
    ['a"', "a", true],
    ['a"', "a.", true],
    ['a"txt', "atxt", false],
  ])("pattern %p on %p is %p", (pattern, name, expected) => {
    expect(compilePattern(pattern, undefined)(name)).toBe(expected);
  });

  test("a pattern of more than 512 UTF-16 units is refused", () => {
    expect(() => compilePattern("a".repeat(513), undefined)).toThrow(WireError);
  });
});

describe("[MS-FSA] 2.1.5.6.3: a pattern matches short names, too", () => {
  test.each([
    ["LFN~1.TEX", "long file name.text", true],
    ["*.tex", "long file name.text", true],
    ["*.text", "long file name.text", true],
    ["*.tex", "other.text", false],
    ["lfn~1.*", "other.text", false],
  ])("%p on %p is %p", (pattern, name, expected) => {
    expect(compilePattern(pattern, shortNames)(name)).toBe(expected);
  });

  test("but not in a share without short names", () => {
    expect(compilePattern("*.tex", { isForMac: false })("long file name.text")).toBe(false);
  });
});

describe("a decomposed name on disk", () => {
  test.each([
    ["matches a Mac's composed pattern", composed, decomposed, forMac, true],
    ["matches a Mac's composed pattern with a wildcard", "caf\u00e9*", decomposed, forMac, true],
    ["matches its own form", decomposed, decomposed, forMac, true],
    ["does not match the composed pattern of another client", composed, decomposed, shortNames, false],
    ["does not match another name of a Mac", "cafe.txt", decomposed, forMac, false],
  ])("%s", (_, pattern, name, store, expected) => {
    expect(compilePattern(pattern, store)(name)).toBe(expected);
  });
});
