// `include`: files that are the same for all clients, and paths whose variables name one for each client; smb.conf(5).
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { hostname, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { withFewDescriptors } from "../../few-descriptors.ts";
import { readConfiguration } from "../../../src/manager/client-configurations.ts";
import { cleanName, type ClientFacts } from "../../../src/manager/config/client-paths.ts";

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "minismbd-include-"));
});
afterEach(() => rmSync(directory, { recursive: true }));

const ANNA: ClientFacts = {
  user: "anna",
  workstation: "Anna",
  remoteAddress: "fd00::7",
  localAddress: "anna",
  group: "anna",
};

function load(include: string, files: readonly string[] = []) {
  for (const name of files) {
    mkdirSync(dirname(join(directory, name)), { recursive: true });
    writeFileSync(join(directory, name), "[docs]\nhosts deny = ALL\n");
  }
  const file = join(directory, "smb.conf");
  writeFileSync(
    file,
    `[global]\nnetbios name = anna\ninclude = ${directory}/${include}\n[docs]\npath = /srv\n`,
  );
  return readConfiguration({ file });
}

function hostsFor({ clients, loaded }: ReturnType<typeof load>, facts: ClientFacts) {
  const { shares } = clients.forClient(() => facts)?.configuration ?? loaded;
  return shares.get("docs")?.hosts;
}

describe.each(["%m", "%U", "%G", "%i"])("include = smb.conf.%s", (variable) => {
  test("reads the file of that client alone", () => {
    const read = load(`smb.conf.${variable}`, ["smb.conf.anna"]);
    expect(hostsFor(read, ANNA)).not.toBeNull();
    const bob = { ...ANNA, user: "bob", workstation: "bob", localAddress: "bob", group: "bob" };
    expect(hostsFor(read, bob)).toBeNull();
  });

  test("is silent where no client has a file, editors' copies aside", () => {
    const files = ["smb.conf.", "other.conf", "smb.conf.anna.bak", "smb.conf.anna~"];
    const { loaded, clients } = load(`smb.conf.${variable}`, files);
    expect(loaded.warnings).toEqual([]);
    expect(clients.forClient(() => ANNA)).toBeUndefined();
  });
});

test("a client whose file could not be read for want of descriptors connects as soon as there are some", () => {
  const read = load("smb.conf.%U", ["smb.conf.anna"]);
  withFewDescriptors(0, () => {
    expect(() => hostsFor(read, ANNA)).toThrow("cannot be read (EMFILE)");
  });
  expect(hostsFor(read, ANNA)).not.toBeNull();
});

test("%I, %M, %j and %J are the address, %L and %N the server's name, %a what smbd says", () => {
  for (const name of ["%I", "%M"]) expect(hostsFor(load(`i/${name}`, ["i/fd00::7"]), ANNA)).not.toBeNull();
  expect(hostsFor(load("j/%j", ["j/fd00__7"]), ANNA)).not.toBeNull();
  expect(hostsFor(load("J/%J", ["J/fd00--7"]), ANNA)).not.toBeNull();
  for (const name of ["%L", "%N"]) expect(hostsFor(load(`l/${name}`, ["l/ANNA"]), ANNA)).not.toBeNull();
  expect(hostsFor(load("a/%a", ["a/Vista"]), ANNA)).not.toBeNull();
});

test("%m is the address where the client names no machine", () => {
  const facts = { ...ANNA, workstation: "", remoteAddress: "192.0.2.7" };
  expect(hostsFor(load("%m.conf", ["192.0.2.7.conf"]), facts)).not.toBeNull();
});

test("%G of a user without an account names no file", () => {
  expect(hostsFor(load("%G.conf", ["%G.conf"]), { ...ANNA, group: undefined })).toBeNull();
});

test("names are cleaned as smbd does it, and are never a directory", () => {
  expect(cleanName(" Lap-Top.7_x ")).toBe("lap-top.7_x");
  expect(cleanName("Ab$C/../x\0\\é")).toBe("ab_c_.._x___");
  expect([".", "..", "..."].map(cleanName)).toEqual(["_", "__", "___"]);
  expect(cleanName("n".repeat(1000))).toHaveLength(64);
});

// smbd leaves these as they are, so that it reads a file for nobody.
describe.each(["%u", "%S", "%$(HOME)"])("include = smb.conf.%s", (variable) => {
  test("is named and has no effect where no file is meant", () => {
    expect(load(`smb.conf.${variable}`).loaded.warnings.join()).toContain("has no value here");
  });

  test("refuses the configuration where a file is meant for one client", () => {
    expect(() => load(`smb.conf.${variable}`, ["smb.conf.anna"])).toThrow(
      /smb\.conf:3: 'include = .*smb\.conf\.anna is there/,
    );
  });
});

test("variables of the server alone are replaced", () => {
  expect(load("%h.conf", [`${hostname()}.conf`]).loaded.shares.get("docs")?.hosts).not.toBeNull();
});

test("a file that does not exist is named", () => {
  expect(load("none.conf").loaded.warnings.join()).toContain("the line has no effect");
});

test("what is strange in a client's file is said when the configuration is read, once for each", () => {
  writeFileSync(join(directory, "smb.conf.anna"), "[docs]\nno such thing = 1\n[global]\ndeadtime = 7\n");
  const { warnings } = load("smb.conf.%U").loaded;
  expect(warnings.map((line) => line.replaceAll(`${directory}/`, ""))).toEqual([
    "smb.conf.anna:4: 'deadtime' is the same for all clients and has no effect in a file for some of them",
    "smb.conf.anna:2: 'no such thing' is unknown and has no effect, take it out",
  ]);
});

test("the file of one client is read again when it has changed", () => {
  const read = load("smb.conf.%U", ["smb.conf.anna"]);
  const first = read.clients.forClient(() => ANNA);
  expect(read.clients.forClient(() => ANNA)).toBe(first);
  writeFileSync(join(directory, "smb.conf.anna"), "[docs]\ncomment = of anna\n");
  expect(hostsFor(read, ANNA)).toBeNull();
});
