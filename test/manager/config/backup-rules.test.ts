// `time machine` and the options without which Macs do not back up.
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

function read(globals: readonly string[], ...lines: string[]) {
  const text = `[global]\n${globals.join("\n")}\n[macs]\npath = /srv\n${lines.join("\n")}\n`;
  const { shares, warnings } = buildConfiguration(parseConfig(text, "f"), MACHINE, new Report());
  const [share] = shares.values();
  return { share, warnings };
}

const ON = "fruit:time machine = yes";

test("a target of Time Machine takes no locks of the system's own, whatever the share says", () => {
  const { share, warnings } = read([], ON, "posix locking = yes", "time machine max size per machine = 2G");
  expect(share).toMatchObject({ isTimeMachine: true, posixLocking: false });
  expect(share?.space).toMatchObject({ timeMachineMaxBytes: 0, timeMachineMaxMachineBytes: 2 * 2 ** 30 });
  expect(warnings).toEqual([]);
  expect(read([], "posix locking = yes").share).toMatchObject({ isTimeMachine: false, posixLocking: true });
});

test("what keeps Macs from backing up is said, for such shares alone", () => {
  const off = (name: string): string => `Macs do not back up to the share without '${name} = yes'`;
  for (const [globals, lines, name] of [
    [["fruit:aapl = no"], [], "fruit:aapl"],
    [["smb2 leases = no"], [], "smb2 leases"],
    [[], ["oplocks = no"], "oplocks"],
  ] as const) {
    expect(read(globals, ON, ...lines).warnings).toEqual([expect.stringContaining(off(name))]);
    expect(read(globals, ...lines).warnings).toEqual([]);
  }
});
