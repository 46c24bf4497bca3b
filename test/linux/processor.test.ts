// AES instructions by /proc/cpuinfo, with the lines of several processors.
import { expect, test } from "bun:test";
import { hasAesInstructions } from "../../src/linux/processor.ts";

const has = (...lines: readonly string[]) => hasAesInstructions(() => lines.join("\n"));

test("a processor whose flags or Features name aes has AES instructions", () => {
  // AMD EPYC, and a Raspberry Pi 5 (Cortex-A76).
  expect(
    has("processor\t: 0", "flags\t\t: fpu sse4_2 movbe popcnt aes xsave avx", "bugs\t\t: spectre_v1"),
  ).toBe(true);
  expect(has("processor\t: 0", "Features\t: fp asimd evtstrm aes pmull sha1 sha2 crc32", "")).toBe(true);
});

test("a processor without aes has none", () => {
  // Raspberry Pi 4 (Cortex-A72), and an Atom D525. `vaes` and a model's name are not `aes`.
  expect(has("processor\t: 0", "BogoMIPS\t: 108.00", "Features\t: fp asimd evtstrm crc32 cpuid", "")).toBe(
    false,
  );
  expect(has("model name\t: aes", "flags\t\t: fpu sse2 ssse3 vaes", "bugs\t\t:")).toBe(false);
});

test("a processor whose abilities are not listed counts as one with AES instructions", () => {
  expect(has("")).toBe(true);
  expect(has("processor\t: 0", "hart\t\t: 0", "isa\t\t: rv64imafdc")).toBe(true);
});
