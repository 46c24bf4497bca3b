import { expect, test } from "bun:test";
import { buildConfiguration } from "../../../src/manager/config/load.ts";
import { parseConfig } from "../../../src/manager/config/parse.ts";
import { Report } from "../../../src/manager/config/report.ts";
import { readMachine } from "../../../src/manager/config/settings.ts";

function load(text: string) {
  const configuration = buildConfiguration(parseConfig(text, "f"), readMachine(), new Report());
  const shares = [...configuration.shares.values()];
  return { dfs: configuration.settings.dfs, shares, warnings: configuration.warnings.join("\n") };
}

test("DFS is on where a share needs it", () => {
  expect(load("[a]\npath = /tmp\n").dfs).toBe(false);
  expect(load("[a]\npath = /tmp\nmsdfs root = yes\n").dfs).toBe(true);
  expect(load("[a]\nmsdfs proxy = \\S\\a\n").dfs).toBe(true);
  const off = load("[global]\nhost msdfs = no\n[a]\npath = /tmp\nmsdfs root = yes\n");
  expect(off.dfs).toBe(false);
  expect(off.shares[0]?.dfs.isRoot).toBe(false);
  expect(off.warnings).toContain("'msdfs root' has no effect with 'host msdfs = no'");
});

test("a share that stands for others has no path", () => {
  const { shares } = load("[a]\nmsdfs proxy = \\S\\a,\\T\\b c\n[b]\npath = /tmp\nmsdfs proxy = S/a\n");
  expect(shares.map(({ path, dfs }) => [path, dfs.proxied])).toEqual([
    ["", "\\S\\a,\\T\\b c"],
    ["", "S/a"],
  ]);
});

test("'msdfs proxy' without a share is not used", () => {
  const { shares, warnings } = load("[a]\npath = /tmp\nmsdfs proxy = \\S\n[b]\nmsdfs proxy = S\n");
  expect(shares.map(({ name, dfs }) => [name, dfs.proxied])).toEqual([["a", ""]]);
  expect(warnings).toContain("'msdfs proxy' has no share in it and is not used");
});
