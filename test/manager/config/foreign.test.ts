// Samba's parameters: none is unknown, and each that has no effect says what holds instead.
import { describe, expect, test } from "bun:test";
import { foreignWord, moduleWord, REFUSED_PARAMETERS } from "../../../src/manager/config/foreign.ts";
import { buildConfiguration } from "../../../src/manager/config/load.ts";
import { ConfigError, foldKey, parseConfig } from "../../../src/manager/config/parse.ts";
import { Report } from "../../../src/manager/config/report.ts";
import { findParameter } from "../../../src/manager/config/schema.ts";
import { readMachine } from "../../../src/manager/config/settings.ts";

const MACHINE = readMachine();

function notesOf(text: string) {
  const report = new Report();
  const { warnings } = buildConfiguration(parseConfig(text, "smb.conf"), MACHINE, report);
  return { warnings, notes: report.notes() };
}

describe.skipIf(Bun.which("testparm") === null)("of Debian's testparm", () => {
  test("every parameter is effective, refused, or has a word", () => {
    const printed = Bun.spawnSync(["testparm", "-sv", "/dev/null"], { stderr: "ignore" }).stdout.toString();
    const names = [...printed.matchAll(/^\t([^=\n]+?) = /gm)].map(([, name = ""]) => foldKey(name));
    expect(names.length).toBeGreaterThan(400);
    const unknown = names.filter(
      (name) =>
        findParameter(name) === undefined &&
        foreignWord(name) === undefined &&
        moduleWord(name) === undefined &&
        !REFUSED_PARAMETERS.has(name),
    );
    expect(unknown).toEqual(["include"]);
  });
});

test("a parameter without effect is named in one line of the log, and explained with its line for testparm", () => {
  const { warnings, notes } = notesOf(
    "[global]\nsocket options = TCP_NODELAY\nwins support = yes\n[docs]\npath = /srv\nfruit:locking = netatalk\n",
  );
  expect(warnings).toEqual([
    "Samba parameters that have no effect here: socket options, wins support, fruit:locking",
  ]);
  expect(notes.map(({ kind, position }) => `${kind} ${position}`)).toEqual([
    "info smb.conf:2",
    "info smb.conf:3",
    "info smb.conf:6",
  ]);
  expect(notes[0]?.text).toBe(
    "'socket options' has no effect: the server sets its sockets, buffers, threads and processes itself",
  );
});

test("nothing is said where the value asks for what the server does anyway", () => {
  const lines = [
    "security = user",
    "server role = standalone server",
    "load printers = no",
    "disable netbios = yes",
    "dns proxy = No",
    "unix charset = UTF-8",
    "fruit:metadata = stream",
  ];
  expect(notesOf(`[global]\n${lines.join("\n")}\n`).warnings).toEqual([]);
});

test.each(["preexec = /bin/true", "root preexec close = yes", "only user = yes"])(
  "`%s` in [global] refuses the file",
  (line) => {
    expect(() => notesOf(`[global]\n${line}\n`)).toThrow(ConfigError);
  },
);
