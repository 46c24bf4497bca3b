// Sections that are no share, and shares that are left out.
import { expect, test } from "bun:test";
import { buildConfiguration, type Configuration } from "../../../src/manager/config/load.ts";
import { ConfigError, parseConfig } from "../../../src/manager/config/parse.ts";
import { Report } from "../../../src/manager/config/report.ts";
import { readMachine } from "../../../src/manager/config/settings.ts";

const MACHINE = readMachine();

function load(text: string): Configuration {
  return buildConfiguration(parseConfig(text, "f"), MACHINE, new Report());
}

test.each([
  ["[docs]\ncomment = x\n", "f:1: share [docs] is left out: it has no path, write 'path = /DIRECTORY'"],
  ["[docs]\npath = srv\n", "f:1: share [docs] is left out: its path 'srv' is not absolute"],
  [
    "[docs]\npath = /home/%d\n",
    "f:1: share [docs] is left out: its path '/home/%d' has the variable %d, which has no value here",
  ],
  [
    "[docs]\npath = /home\nvalid users = %x\n",
    "f:3: '%x' in 'valid users' has no value here; share [docs] is left out",
  ],
  ["[printers]\nprintable = yes\n", "f:1: share [printers] is left out: printers are not served"],
  [
    "[a/b]\npath = /srv\n",
    'f:1: share [a/b] is left out: a name has at most 63 bytes and none of "\\/[]:|<>+=;,*?',
  ],
])("left out: %j", (text, warning) => {
  const { shares, warnings } = load(text);
  expect(shares.size).toBe(0);
  expect(warnings).toContain(warning);
});

test("a guest account that is root leaves the share out, and in [global] is said with the shares that let no guest in", () => {
  const text =
    "'guest account' is root, who may do everything; write another account, such as 'guest account = nobody'";
  for (const name of ["root", "ROOT"]) {
    const { shares, warnings } = load(
      `[docs]\npath = /srv\nguest account = ${name}\n[forced]\npath = /srv\nforce user = root\n`,
    );
    expect([...shares.keys()]).toEqual(["forced"]);
    expect(warnings).toContain(`f:3: ${text}; share [docs] is left out`);
    const common = load(`[global]\nguest account = ${name}\n[docs]\npath = /srv\nguest ok = yes\n`);
    expect([...common.shares.keys()]).toEqual(["docs"]);
    expect(common.warnings.join()).toContain(
      "f:2: 'guest account' is root, who may do everything: [docs] let",
    );
  }
});

test("a section without a path whose name is nearly [global] refuses the file: what it protects would be lost", () => {
  for (const name of ["globals", "Gobal", "gloabl"])
    expect(() => load(`[${name}]\nserver signing = mandatory\n`)).toThrow(ConfigError);
  expect(load("[globe]\npath = /srv\n").shares.size).toBe(1);
});

test("the fault of one share is its own", () => {
  const { shares, warnings } = load(
    "[a]\npath = /a\nguest ok = perhaps\n[b]\npath = /b\n[c]\npath = /c\nnonsense\n",
  );
  expect([...shares.keys()]).toEqual(["b"]);
  expect(warnings).toEqual([
    "f:3: 'perhaps' is not a value of 'guest ok', write yes or no; share [a] is left out",
    "f:8: 'nonsense' is not 'NAME = VALUE'; share [c] is left out",
  ]);
});

test("[homes] is the pattern of homes in smb.conf; in ksmbd.conf one with a fixed path is a share", () => {
  const read = (text: string, dialect: "ksmbd" | "samba") =>
    buildConfiguration(parseConfig(text, "f", { dialect }), MACHINE, new Report());
  const fixed = "[homes]\npath = /home\n";
  expect(read(fixed, "ksmbd")).toMatchObject({
    homes: null,
    shares: new Map([["homes", { path: "/home" }]]),
  });
  expect(read(fixed, "samba").homes?.path).toBe("/home");
  for (const text of ["[homes]\n", "[homes]\npath = /srv/%S\n"]) {
    const { homes, shares } = read(text, "ksmbd");
    expect([homes?.name, shares.size]).toEqual(["homes", 0]);
  }
});
