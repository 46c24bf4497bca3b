// `include` with variables of the client, which smbd reads at each connection: a file that restricts one client must not
// be passed over, so the configuration is refused where there is one.
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { loadConfiguration } from "../../../src/manager/config/load.ts";

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "minismbd-include-"));
});
afterEach(() => rmSync(directory, { recursive: true }));

function load(include: string, files: readonly string[] = []) {
  for (const name of files) writeFileSync(join(directory, name), "[docs]\nhosts deny = ALL\n");
  const file = join(directory, "smb.conf");
  writeFileSync(file, `[global]\ninclude = ${directory}/${include}\n[docs]\npath = /srv\n`);
  return loadConfiguration({ file });
}

/** What people's files have: machine, address, user, group, the name by which the server was called. */
const VARIABLES = ["%m", "%I", "%U", "%u", "%G", "%L", "%M", "%a", "%$(HOME)"];

describe.each(VARIABLES)("include = smb.conf.%s", (variable) => {
  test("is named and has no effect where no file is meant", () => {
    const { warnings, shares } = load(`smb.conf.${variable}`, [
      "smb.conf.",
      "other.conf",
      "smb.conf.anna.bak",
      "smb.conf.anna~",
    ]);
    expect(warnings.join()).toContain("no such file exists for any client, the line has no effect");
    expect([...shares.keys()]).toEqual(["docs"]);
  });

  test("refuses the configuration where a file is meant for one client", () => {
    expect(() => load(`smb.conf.${variable}`, ["smb.conf.anna"])).toThrow(
      /smb\.conf:2: 'include = .*' differs by client \(smb\.conf\.anna\), which is not supported/,
    );
  });
});

test("a directory that differs by client is refused", () => {
  expect(() => load("%U/smb.conf")).toThrow("a directory that differs by client is not supported");
});

test("variables of the server alone are replaced", () => {
  const { shares } = load("%h.conf", [`${hostname()}.conf`]);
  expect(shares.get("docs")?.hosts).not.toBeNull();
});

test("a file that does not exist is named, and so is a directory that does not", () => {
  for (const include of ["none.conf", "none/smb.conf.%m"])
    expect(load(include).warnings.join()).toContain("the line has no effect");
});

test("a directory that cannot be read may have such a file", () => {
  expect(() => load(`${"x".repeat(300)}/smb.conf.%m`)).toThrow("cannot be read (ENAMETOOLONG)");
});
