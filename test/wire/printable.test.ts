// Text of clients in log lines.
import { describe, expect, test } from "bun:test";
import { lineOfError, printable } from "../../src/wire/printable.ts";

describe("text of a client", () => {
  test.each([
    ["a line break", "a\nb", "a\\u{a}b"],
    ["a carriage return", "a\rb", "a\\u{d}b"],
    ["an escape sequence", "\u001b[31mred", "\\u{1b}[31mred"],
    ["C1 controls, which some terminals obey", "\u009b31m\u0085", "\\u{9b}31m\\u{85}"],
    ["a change of direction", "gpj.\u202eexe", "gpj.\\u{202e}exe"],
    ["separators", "a\u2028b\u2029c", "a\\u{2028}b\\u{2029}c"],
    ["a lone surrogate", "a\ud800b", "a\\u{d800}b"],
    ["ordinary letters", "Größe 漢字 🎞", "Größe 漢字 🎞"],
  ])("with %s is one printable line", (_, text, shown) => {
    expect(printable(text)).toBe(shown);
  });

  test("is cut where it is too long", () => {
    expect(printable("x".repeat(10_000)).length).toBe(8192);
    expect(printable("abc", 2)).toBe("ab");
  });
});

test("an error with its stack is one line", () => {
  const line = lineOfError(new Error("bad\nname"));
  expect(line).toContain("bad\\u{a}name");
  expect(line).toContain(" < ");
  expect(line).not.toContain("\n");
});
