// DOS wildcards: the rules of [MS-FSA] 2.1.4.4, and quadratic time for every pattern.
import { expect, test } from "bun:test";
import { WireError } from "../../../src/wire/cursor.ts";
import { compileExpression, hasWildcard, isNameInExpression } from "../../../src/wire/fscc/expression.ts";
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
  // < matches anything but the last dot.
  ["<.txt", ["a.txt", "a.b.txt"], ["a.txt.b", "atxt"]],
  ["<", ["abc", ""], ["abc.txt", "a."]],
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

// A slow recursive implementation of the same rules, for short inputs.
function oracle(pattern: string, name: string, p = 0, n = 0): boolean {
  if (p === pattern.length) return n === name.length;
  const mark = pattern[p];
  const unit = name[n];
  const rest = () => oracle(pattern, name, p + 1, n);
  const eat = () => oracle(pattern, name, p + 1, n + 1);
  if (mark === "*" || mark === "<") {
    const mayEat = unit !== undefined && !(mark === "<" && n === name.lastIndexOf("."));
    return rest() || (mayEat && oracle(pattern, name, p, n + 1));
  }
  if (mark === ">") return unit === undefined || unit === "." ? rest() : eat();
  if (mark === '"') return unit === undefined ? rest() : unit === "." && eat();
  return unit !== undefined && (mark === "?" || mark === unit) && eat();
}

test("agrees with a recursive implementation on every short pattern", () => {
  const marks = ["a", ".", "*", "?", "<", ">", '"'];
  const names = ["", "a", ".", "aa", "a.", ".a", "a.a", "aa.a", "a.a.a", "..a", "aaa."];
  const patterns = [""];
  for (let at = 0; (patterns[at]?.length ?? 4) < 4; at++)
    for (const mark of marks) patterns.push(patterns[at] + mark);
  for (const pattern of patterns) {
    if (pattern === "" || pattern === "*.*") continue;
    const matches = compileExpression(pattern);
    for (const name of names) {
      if (matches(name) !== oracle(pattern, name)) throw new Error(`${pattern} on ${name}`);
    }
  }
  expect(patterns.length).toBe(2801);
});

test("a hostile pattern is matched within a second; one too long throws WireError", () => {
  const matches = compileExpression(`${"*a".repeat(120)}b`);
  const start = performance.now();
  expect(matches("a".repeat(255))).toBe(false);
  expect(performance.now() - start).toBeLessThan(1000);
  expect(() => compileExpression("*".repeat(513))).toThrow(WireError);
});
