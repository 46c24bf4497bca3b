// What is advertised: the bits by dialect, and that every row names a test there is.
import { expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { capabilitiesOf, CIPHERS, FEATURES, SIGNING_ALGORITHMS } from "../../src/wire/features.ts";
import { Capability, Dialect } from "../../src/wire/negotiate.ts";

const ALL = 0xffff_ffff;

test("large transfers from 2.1 on", () => {
  expect(capabilitiesOf(Dialect.SMB_2_0_2, true, ALL)).toBe(0);
  for (const dialect of [Dialect.SMB_2_1, Dialect.SMB_3_0, Dialect.SMB_3_0_2, Dialect.SMB_3_1_1]) {
    expect(capabilitiesOf(dialect, false, 0)).toBe(Capability.LARGE_MTU);
  }
});

test("the encryption bit in 3.0 and 3.0.2 alone, and only to clients that set it", () => {
  const both = Capability.LARGE_MTU | Capability.ENCRYPTION;
  expect(capabilitiesOf(Dialect.SMB_3_0, true, ALL)).toBe(both);
  expect(capabilitiesOf(Dialect.SMB_3_0_2, true, Capability.ENCRYPTION)).toBe(both);
  expect(capabilitiesOf(Dialect.SMB_3_0, true, 0)).toBe(Capability.LARGE_MTU);
  expect(capabilitiesOf(Dialect.SMB_3_0, false, ALL)).toBe(Capability.LARGE_MTU);
  expect(capabilitiesOf(Dialect.SMB_3_1_1, true, ALL)).toBe(Capability.LARGE_MTU);
  expect(capabilitiesOf(Dialect.SMB_2_1, true, ALL)).toBe(Capability.LARGE_MTU);
});

test("algorithms in order of preference", () => {
  expect(CIPHERS).toEqual([2, 1, 4, 3]);
  expect(SIGNING_ALGORITHMS).toEqual([2, 1, 0]);
});

test("every row names a test there is", () => {
  const root = join(import.meta.dir, "../..");
  for (const row of Object.values(FEATURES).flat()) {
    const [file = "", name = ""] = row.test.split("#");
    const path = join(root, file);
    const stands = existsSync(path) && readFileSync(path, "utf8").includes(`test("${name}"`);
    expect(`${row.name}: ${stands ? "held" : `${row.test} is missing`}`).toBe(`${row.name}: held`);
  }
});

test("no value stands twice in a table", () => {
  for (const rows of Object.values(FEATURES)) {
    expect(new Set(rows.map((row) => row.value)).size).toBe(rows.length);
  }
});
