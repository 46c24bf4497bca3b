// A configuration never fails open: what an empty, cut, misspelt or doubled value of a parameter that protects does, for
// every such parameter of the schema, in ksmbd's and in Samba's dialect.
import { expect, test } from "bun:test";
import { buildConfiguration, type Configuration } from "../../../src/manager/config/load.ts";
import { ConfigError, type Dialect, dialectOf, parseConfig } from "../../../src/manager/config/parse.ts";
import { Report } from "../../../src/manager/config/report.ts";
import { PARAMETERS } from "../../../src/manager/config/schema.ts";
import type { Parameter } from "../../../src/manager/config/schema/parameter.ts";
import { readMachine } from "../../../src/manager/config/settings.ts";

const MACHINE = readMachine();
const protecting: readonly Parameter[] = (PARAMETERS as readonly Parameter[]).filter(
  ({ security }) => security,
);
const ofWords = new Set(["text", "list", "veto"]);

function load(lines: readonly string[], dialect: Dialect = "ksmbd"): Configuration {
  return buildConfiguration(parseConfig(lines.join("\n"), "f", dialect), MACHINE, new Report());
}

/** The file with one line of the parameter's scope. */
function linesWith({ scope }: Parameter, ...lines: readonly string[]): string[] {
  const share = ["[docs]", "path = /srv"];
  return scope === "global" ? ["[global]", ...lines, ...share] : [...share, ...lines];
}

function faultOf(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
    throw error;
  }
  return "";
}

test("the schema marks the parameters that protect", () => {
  const names = protecting.map(({ name }) => name);
  for (const name of ["server signing", "smb3 encryption", "valid users", "hosts allow", "read only"])
    expect(names).toContain(name);
});

const all = protecting.map((parameter) => [parameter.name, parameter] as const);
const words = all.filter(([, { type }]) => ofWords.has(type));
const others = all.filter(([, { type }]) => !ofWords.has(type));

test.each(all)("%s: a comment that leaves no value refuses the file", (name, parameter) => {
  for (const line of [`${name} = ; value`, `${name} = # value`])
    expect(faultOf(() => load(linesWith(parameter, line)))).toMatch(/^f:\d+: a comment cuts '.*' to ''/);
});

test.each(words)("%s: an empty value is warned of", (name, parameter) => {
  const { warnings } = load(linesWith(parameter, `${name} =`));
  expect(warnings.join("\n")).toContain(`'${name}' names nothing`);
});

test.each(others)("%s: an empty value refuses the file", (name, parameter) => {
  expect(faultOf(() => load(linesWith(parameter, `${name} =`)))).toContain(`'${name}' has no value`);
});

test.each(others)("%s: a value that is not understood refuses the file", (name, parameter) => {
  for (const value of ["certainly", "mandatroy", "-", "0x"])
    expect(faultOf(() => load(linesWith(parameter, `${name} = ${value}`)))).toMatch(/^f:\d+: /);
});

test.each(words)("%s: a comment in the middle of a word refuses the file", (name, parameter) => {
  const line = parameter.type === "veto" ? `${name} = /a#b/c/` : `${name} = a#b`;
  expect(faultOf(() => load(linesWith(parameter, line)))).toContain("a comment cuts");
});

test("in smb.conf comments begin at a line's start only", () => {
  const { shares } = load(
    ["[docs]", "  # a comment", "path = /srv/g #1/v", "; another", "veto files = /#recycle/secret/"],
    "samba",
  );
  expect(shares.get("docs")?.path).toBe("/srv/g #1/v");
  expect(shares.get("docs")?.vetoFiles).toEqual(["#recycle", "secret"]);
});

test("in smb.conf a value with a comment is not cut, and refused if it protects", () => {
  expect(faultOf(() => load(["[global]", "server signing = mandatory # always"], "samba"))).toContain(
    "'mandatory # always' is not a value of 'server signing'",
  );
});

test("in ksmbd.conf a path that a comment cuts is warned of with both readings", () => {
  const { shares, warnings } = load(["[docs]", "path = /srv/g #1/v"]);
  expect(shares.get("docs")?.path).toBe("/srv/g");
  expect(warnings).toEqual([
    "f:2: a comment cuts 'path = /srv/g #1/v' to '/srv/g', smb.conf reads the whole; put a comment on a line of its own",
  ]);
});

test("the last of several values counts in smb.conf, the first in ksmbd.conf; both are named", () => {
  const lines = ["[docs]", "path = /srv", "read only = no", "writable = no", "read only = yes"];
  const samba = load(lines, "samba");
  expect(samba.shares.get("docs")?.readOnly).toBe(true);
  expect(samba.warnings).toEqual([
    "f:4: 'writable' replaces the value at f:3",
    "f:5: 'read only' replaces the value at f:4",
  ]);
  const ksmbd = load(lines);
  expect(ksmbd.shares.get("docs")?.readOnly).toBe(false);
  expect(ksmbd.warnings).toContain("f:5: 'read only' is already set at f:3, that value is used");
});

test.each([
  ["/etc/samba/smb.conf", "samba"],
  ["/tmp/lan.smb.conf", "samba"],
  ["/etc/ksmbd/ksmbd.conf", "ksmbd"],
  ["minismbd.conf", "ksmbd"],
  ["notsmb.conf", "ksmbd"],
])("%s is read in the dialect of %s", (file, dialect) => {
  expect<string>(dialectOf(file)).toBe(dialect);
});
