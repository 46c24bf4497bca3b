// The feature tables: capabilities by dialect, and existence of the test that each row names.
import { expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { capabilitiesOf, CIPHERS, FEATURES, SIGNING_ALGORITHMS } from "../../src/wire/features.ts";
import { Capability, Dialect } from "../../src/wire/command/negotiate.ts";

const ALL = 0xffff_ffff;

test("DFS is announced in every dialect if allowed", () => {
  for (const dialect of Object.values(Dialect)) {
    if (dialect === Dialect.WILDCARD) continue;
    expect(capabilitiesOf(dialect, 0, Capability.DFS)).toBe(Capability.DFS);
    expect(capabilitiesOf(dialect, ALL, ALL & ~Capability.DFS) & Capability.DFS).toBe(0);
  }
});

test("LARGE_MTU is announced from SMB 2.1 on", () => {
  expect(capabilitiesOf(Dialect.SMB_2_0_2, ALL, ALL) & Capability.LARGE_MTU).toBe(0);
  for (const dialect of [Dialect.SMB_2_1, Dialect.SMB_3_0, Dialect.SMB_3_0_2, Dialect.SMB_3_1_1]) {
    expect(capabilitiesOf(dialect, 0, Capability.LARGE_MTU)).toBe(Capability.LARGE_MTU);
  }
});

test("ENCRYPTION is announced only in SMB 3.0 and 3.0.2, to clients that set it", () => {
  const bit = Capability.ENCRYPTION;
  expect(capabilitiesOf(Dialect.SMB_3_0, ALL, bit)).toBe(bit);
  expect(capabilitiesOf(Dialect.SMB_3_0_2, bit, ALL) & bit).toBe(bit);
  expect(capabilitiesOf(Dialect.SMB_3_0, 0, bit)).toBe(0);
  expect(capabilitiesOf(Dialect.SMB_3_0, ALL, 0)).toBe(0);
  expect(capabilitiesOf(Dialect.SMB_3_1_1, ALL, bit)).toBe(0);
  expect(capabilitiesOf(Dialect.SMB_2_1, ALL, bit)).toBe(0);
});

test("MULTI_CHANNEL is announced in SMB 3.x if allowed, to clients that set it", () => {
  const bit = Capability.MULTI_CHANNEL;
  for (const dialect of [Dialect.SMB_3_0, Dialect.SMB_3_0_2, Dialect.SMB_3_1_1]) {
    expect(capabilitiesOf(dialect, ALL, bit)).toBe(bit);
    expect(capabilitiesOf(dialect, ALL, 0)).toBe(0);
    expect(capabilitiesOf(dialect, 0, bit)).toBe(0);
  }
  expect(capabilitiesOf(Dialect.SMB_2_1, ALL, bit)).toBe(0);
});

test("ciphers and signing algorithms are in order of preference", () => {
  expect(CIPHERS).toEqual([2, 4, 1, 3]);
  expect(SIGNING_ALGORITHMS).toEqual([2, 1, 0]);
});

test("the test of every row exists", () => {
  const root = join(import.meta.dir, "../..");
  for (const row of Object.values(FEATURES).flat()) {
    const [file = "", name = ""] = row.test.split("#");
    const path = join(root, file);
    const stands = existsSync(path) && readFileSync(path, "utf8").includes(`test("${name}"`);
    expect(`${row.name}: ${stands ? "held" : `${row.test} is missing`}`).toBe(`${row.name}: held`);
  }
});

test("no table has a value twice", () => {
  for (const rows of Object.values(FEATURES)) {
    expect(new Set(rows.map((row) => row.value)).size).toBe(rows.length);
  }
});

test("LEASING is announced from SMB 2.1 on, DIRECTORY_LEASING in SMB 3.x to clients that set it", () => {
  const { LEASING, DIRECTORY_LEASING } = Capability;
  expect(capabilitiesOf(Dialect.SMB_2_0_2, ALL, LEASING | DIRECTORY_LEASING)).toBe(0);
  expect(capabilitiesOf(Dialect.SMB_2_1, 0, LEASING | DIRECTORY_LEASING)).toBe(LEASING);
  for (const dialect of [Dialect.SMB_3_0, Dialect.SMB_3_0_2, Dialect.SMB_3_1_1]) {
    expect(capabilitiesOf(dialect, 0, LEASING | DIRECTORY_LEASING)).toBe(LEASING);
    expect(capabilitiesOf(dialect, ALL, LEASING | DIRECTORY_LEASING)).toBe(LEASING | DIRECTORY_LEASING);
    expect(capabilitiesOf(dialect, ALL, 0)).toBe(0);
  }
});
