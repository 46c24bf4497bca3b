// Files that are there and cannot be read are not missing ones.
import { afterAll, expect, test } from "bun:test";
import { lstatSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { updateConfigFile } from "../../../src/manager/config/config-file.ts";
import { loadConfiguration } from "../../../src/manager/config/load.ts";

const directory = mkdtempSync(join(tmpdir(), "minismbd-config-file-"));
afterAll(() => rmSync(directory, { recursive: true }));
// Root may read every file, but nobody can follow a link to itself.
const unreadable = join(directory, "loop");
symlinkSync(unreadable, unreadable);

test("a user map that cannot be reached is a fault, and does not map nobody", () => {
  const file = join(directory, "ksmbd.conf");
  writeFileSync(file, `[global]\nusername map = ${unreadable}\n`);
  expect(() => loadConfiguration({ file })).toThrow("cannot be read (ELOOP)");
});

test("a configuration that cannot be reached is not replaced by one with nothing but the change", () => {
  const change = (text: string): string => `${text}[new]\npath = /srv\n`;
  expect(() => updateConfigFile(unreadable, change)).toThrow("cannot be read (ELOOP)");
  expect(lstatSync(unreadable).isSymbolicLink()).toBe(true);
});
