// Options for symbolic links, in smb.conf(5)'s spelling.
import { expect, test } from "bun:test";
import { buildConfiguration } from "../../../src/manager/config/load.ts";
import { parseConfig } from "../../../src/manager/config/parse.ts";
import { Report } from "../../../src/manager/config/report.ts";
import type { Machine } from "../../../src/manager/config/settings.ts";

const MACHINE: Machine = {
  hostName: "box",
  identity: "0".repeat(32),
  memoryBytes: 2 ** 30,
  hasAesInstructions: true,
  interfaces: [],
};

function linksOf(globals: readonly string[], ...lines: string[]) {
  const text = `[global]\n${globals.join("\n")}\n[docs]\npath = /srv\n${lines.join("\n")}\n`;
  const { shares, warnings } = buildConfiguration(parseConfig(text, "f"), MACHINE, new Report());
  const [share] = shares.values();
  return [share?.followSymlinks, share?.wideLinks, warnings.filter((line) => line.includes("wide links"))];
}

const FOLLOW = "follow symlinks = yes";
const WIDE = "wide links = yes";

test("links are followed only with follow symlinks, and only below the share", () => {
  expect(linksOf([])).toEqual([false, false, []]);
  expect(linksOf([], FOLLOW)).toEqual([true, false, []]);
});

test("wide links need follow symlinks, and exclude the POSIX extensions", () => {
  for (const [globals, lines, isWide] of [
    [[], [WIDE], false],
    [[], [WIDE, FOLLOW], false],
    [[WIDE, FOLLOW], [], false],
    [[], [WIDE, FOLLOW, "smb3 unix extensions = no"], true],
    [["smb3 unix extensions = no"], [WIDE, FOLLOW], true],
    [[], [WIDE, FOLLOW, "allow insecure wide links = yes"], true],
    [["allow insecure wide links = yes"], [WIDE, FOLLOW], true],
  ] as const) {
    const [follows, wide, warnings] = linksOf(globals, ...lines);
    expect([globals, lines, wide]).toEqual([globals, lines, isWide]);
    expect(follows).toBe([...globals, ...lines].includes(FOLLOW));
    expect(warnings).toHaveLength(1);
  }
});
