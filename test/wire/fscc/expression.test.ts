// DOS wildcards: the rules of [MS-FSA] 2.1.4.4, and quadratic time for every pattern.
import { expect, test } from "bun:test";
import { WireError } from "../../../src/wire/cursor.ts";
import { compileExpression, hasWildcard, isNameInExpression } from "../../../src/wire/fscc/expression.ts";
import { patterns, PATTERN_NAMES, RECORDED_PATTERNS } from "./pattern-names.ts";
import { upcase } from "../../../src/wire/fscc/upcase.ts";

const rules: readonly (readonly [string, readonly string[], readonly string[]])[] = [
  ["*", ["", "a", "a.b"], []],
  ["*.*", ["a", "a.b", "."], []],
  ["", ["a"], []],
  ["name", ["name", "NAME", "Name"], ["name2", "nam", ""]],
  ["*.txt", ["a.txt", "a.b.TXT", ".txt"], ["a.txt2", "txt"]],
  ["a*c*e", ["ace", "abcde", "accce"], ["acd", "bace", "ac"]],
  ["a?c", ["abc", "a.c"], ["ac", "abbc"]],
  ["???", ["abc"], ["ab", "abcd"]],
  // > matches one character, or nothing before a dot and at the end.
  ["a>>>", ["a", "ab", "abcd"], ["abcde", "a.b"]],
  [">>>>.txt", ["abcd.txt", "a.txt", ".txt"], ["abcde.txt", "abcd.tx"]],
  ['>>>"txt', ["ab.txt"], ["abcd.txt"]],
  // " matches a dot, or nothing at the end.
  ['a"', ["a", "a."], ["ab", "a.b"]],
  ['a"b', ["a.b"], ["ab", "a"]],
  ['a""', ["a", "a.", "a.."], ["a.b"]],
  // < matches anything up to the last dot, and the dot or not.
  ["<.txt", ["a.txt", "a.b.txt"], ["a.txt.b", "atxt"]],
  ["<txt", ["Fine.txt", "txt", "a.b.txt"], ["a.txt.b"]],
  ["<", ["abc", "", "a."], ["abc.txt"]],
  ["a<.c", ["a.c", "a.b.c"], ["a.b.d"]],
  ['<"*', ["a.b.c", "abc", "a."], []],
  ["ä*", ["Äpfel", "ärger"], ["apfel"]],
];

for (const [expression, inside, outside] of rules) {
  test(`${expression || "(empty)"}`, () => {
    for (const name of inside)
      expect(`${name}: ${isNameInExpression(expression, name)}`).toBe(`${name}: true`);
    for (const name of outside)
      expect(`${name}: ${isNameInExpression(expression, name)}`).toBe(`${name}: false`);
  });
}

test("matches case-sensitively on request", () => {
  expect(isNameInExpression("A*", "abc", true)).toBe(false);
  expect(isNameInExpression("A*", "Abc", true)).toBe(true);
  expect(isNameInExpression("Abc", "abc", true)).toBe(false);
});

test("upcase keeps the length and maps no other letter into ASCII", () => {
  expect(upcase("straße")).toBe("STRAßE");
  expect(upcase("ıſ")).toBe("ıſ");
  expect(upcase("éя")).toBe("ÉЯ");
});

test("hasWildcard recognises the five wildcards", () => {
  for (const mark of '*?<>"') expect(hasWildcard(`a${mark}`)).toBe(true);
  expect(hasWildcard("a.b")).toBe(false);
});

// smbd does not take `*.*` for `*`; Windows' clients do so themselves before they send it.
test("agrees with smbd 4.17 on every pattern of up to five marks", async () => {
  const recorded = Bun.gunzipSync(await Bun.file(RECORDED_PATTERNS).bytes());
  const bytesEach = PATTERN_NAMES.length / 8;
  let at = 0;
  for (const pattern of patterns()) {
    const matches = compileExpression(pattern);
    const found = new Uint8Array(bytesEach);
    PATTERN_NAMES.forEach((name, i) => {
      if (matches(name)) found[i >> 3] = (found[i >> 3] ?? 0) | (1 << (i & 7));
    });
    const expected = recorded.subarray(at, at + bytesEach);
    if (pattern !== "*.*" && Buffer.compare(found, expected) !== 0)
      expect([pattern, ...found]).toEqual([pattern, ...expected]);
    at += bytesEach;
  }
  expect(at).toBe(recorded.length);
});

test("a hostile pattern is matched within a second; one too long throws WireError", () => {
  const matches = compileExpression(`${"*a".repeat(120)}b`);
  const start = performance.now();
  expect(matches("a".repeat(255))).toBe(false);
  expect(performance.now() - start).toBeLessThan(1000);
  expect(() => compileExpression("*".repeat(513))).toThrow(WireError);
});
