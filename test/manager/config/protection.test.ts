// A configuration never fails open: what an empty, cut, misspelt or doubled value of a parameter that protects does, for
// every such parameter of the schema, in ksmbd's and in Samba's dialect.
import { expect, test } from "bun:test";
import { buildConfiguration, type Configuration } from "../../../src/manager/config/load.ts";
import { ConfigError, type Dialect, dialectOf, parseConfig } from "../../../src/manager/config/parse.ts";
import { Report } from "../../../src/manager/config/report.ts";
import { findParameter, PARAMETERS } from "../../../src/manager/config/schema.ts";
import type { Parameter } from "../../../src/manager/config/schema/parameter.ts";
import { readMachine } from "../../../src/manager/config/settings.ts";

const MACHINE = readMachine();
const protecting: readonly Parameter[] = (PARAMETERS as readonly Parameter[]).filter(
  ({ security }) => security,
);
const ofWords = new Set(["text", "list", "veto"]);

function load(lines: readonly string[], dialect: Dialect = "ksmbd"): Configuration {
  return buildConfiguration(parseConfig(lines.join("\n"), "f", { dialect }), MACHINE, new Report());
}

/** The file with one line of the parameter's scope. */
function linesWith({ name, scope }: Parameter, ...lines: readonly string[]): string[] {
  const share = ["[docs]", "path = /srv"];
  if (name.startsWith("recycle:")) share.push("vfs objects = recycle");
  const more = name === "bind interfaces only" ? ["interfaces = 127.0.0.1"] : [];
  return scope === "global" ? ["[global]", ...more, ...lines, ...share] : [...share, ...lines];
}

/** Why the file is refused, or why its share is left out; "" where both are served. */
function faultOf(action: () => Configuration): string {
  try {
    const { shares, warnings } = action();
    if (shares.size > 0) return "";
    return warnings.find((line) => line.endsWith("; share [docs] is left out")) ?? "";
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
    throw error;
  }
}

test("the schema marks the parameters that protect", () => {
  const names = protecting.map(({ name }) => name);
  for (const name of ["server signing", "smb3 encryption", "valid users", "hosts allow", "read only"])
    expect(names).toContain(name);
});

const all = protecting.map((parameter) => [parameter.name, parameter] as const);
const words = all.filter(([, { type }]) => ofWords.has(type));
const others = all.filter(([, { type }]) => !ofWords.has(type));

test.each(all)("%s: a comment that leaves no value refuses the file, or the share", (name, parameter) => {
  for (const line of [`${name} = ; value`, `${name} = # value`])
    expect(faultOf(() => load(linesWith(parameter, line)))).toMatch(/^f:\d+: a comment cuts '.*' to ''/);
});

test.each(words)("%s: an empty value is warned of", (name, parameter) => {
  const { warnings } = load(linesWith(parameter, `${name} =`));
  expect(warnings.join("\n")).toContain(`'${name}' names nothing`);
});

test.each(others)("%s: an empty value refuses the file, or the share", (name, parameter) => {
  expect(faultOf(() => load(linesWith(parameter, `${name} =`)))).toContain(`'${name}' has no value`);
});

test.each(others)("%s: a value that is not understood refuses the file, or the share", (name, parameter) => {
  for (const value of ["certainly", "mandatroy", "-", "0x"])
    expect(faultOf(() => load(linesWith(parameter, `${name} = ${value}`)))).toMatch(/^f:\d+: /);
});

const defaults = others.filter(([, { scope }]) => scope !== "global");

test.each(defaults)("%s: a value in [global] that is not understood refuses the file", (name) => {
  expect(() => load(["[global]", `${name} = certainly`, "[docs]", "path = /srv"])).toThrow(ConfigError);
});

test.each(words)(
  "%s: a comment in the middle of a word refuses the file, or the share",
  (name, parameter) => {
    const line = parameter.type === "veto" ? `${name} = /a#b/c/` : `${name} = a#b`;
    expect(faultOf(() => load(linesWith(parameter, line)))).toContain("a comment cuts");
  },
);

/** Parameters whose value, if it is not what was meant, gives nobody more than the default gives. */
const NOT_PROTECTING = [
  ...["netbios name", "netbios aliases", "workgroup", "server string", "tcp port", "log file", "comment"],
  ...[
    "log level",
    "multicast dns register",
    "ws discovery",
    "llmnr",
    "netbios name service",
    "reload on change",
    "metrics port",
    "web port",
    "web certificate",
    "web key",
  ],
  ...["host msdfs", "msdfs shuffle referrals"],
  ...["kerberos support", "kerberos service name", "kerberos keytab file", "kerberos clock skew"],
  "server spn names",
  // Limits: an invalid one falls back to the default, which limits as well.
  ...["logon timeout", "logon failure delay", "max connections", "max ip connections"],
  ...["max unauthenticated connections", "max active sessions", "max user sessions", "max guest sessions"],
  ...["max unfinished logons", "max open files", "max user open files", "max total open files"],
  ...["max locks per open", "max locks per file", "max total locks", "max waiting requests"],
  ...[
    "max outstanding requests",
    "max log size",
    "max notify handles",
    "max notify watches",
    "smb2 max credits",
    "smb2 max read",
    "smb2 max write",
  ],
  ...["smb2 max trans", "smbd max io size", "buffer budget", "deadtime", "ipc timeout", "volume timeout"],
  ...[
    "oplock break timeout",
    "max disk size",
    "dfree cache time",
    "time machine max size",
    "time machine max size per machine",
    "access based share enum",
  ],
  // What is offered to clients that may connect.
  ...["smb3 unix extensions", "change notify", "kernel change notify", "smb2 leases", "durable handles"],
  ...[
    "server multi channel support",
    "fruit:aapl",
    "aapl model",
    "fruit:readdir_attr",
    "fruit:nfs_aces",
    "fruit:posix_rename",
    "fruit:copyfile",
    "readdir_attr:aapl_rsize",
    "readdir_attr:aapl_finder_info",
    "readdir_attr:aapl_max_access",
    "share:fake_fscaps",
    "cache read buffers",
  ],
  ...[
    "cache trans buffers",
    "oplocks",
    "posix locking",
    "streams",
    "stream form",
    "fruit:validate_afpinfo",
    "fruit:metadata",
    "fruit:resource",
    "fruit:veto_appledouble",
    "fruit:wipe_intentionally_left_blank_rfork",
    "fruit:zero_file_id",
    "ea support",
  ],
  ...["time machine"],
  // Names and attributes as clients see them.
  ...["hide dot files", "hide files", "case sensitive", "store dos attributes", "map archive", "map hidden"],
  ...["map system", "map readonly", "mangled names", "mangling method", "mangle prefix", "preserve case"],
  ...["short preserve case", "default case", "catia:mappings", "fruit:encoding"],
  // Where previous versions are found, and what the recycle bin keeps.
  ...["shadow:snapdir", "shadow:basedir", "shadow:mountpoint", "shadow:format", "shadow:snapprefix"],
  ...["shadow:delimiter", "shadow:localtime", "shadow:sort", "recycle:repository", "recycle:keeptree"],
  ...["recycle:versions", "recycle:touch", "recycle:touch_mtime", "recycle:exclude", "recycle:exclude_dir"],
  ...["recycle:noversions", "recycle:minsize", "recycle:maxsize", "recycle:maxage", "recycle:limit"],
];

test("every parameter protects, or is listed here as one that does not", () => {
  const unmarked = (PARAMETERS as readonly Parameter[]).filter(({ security }) => !security);
  expect(unmarked.map(({ name }) => name).toSorted()).toEqual(NOT_PROTECTING.toSorted());
});

test.each(all)("%s: a misspelt name refuses the file, or the share", (name, parameter) => {
  const misspelt = [`${name}s`, name.slice(0, -1), name.replace(/^(.)(.)/, "$2$1")];
  const unknown = misspelt.filter((text) => findParameter(text) === undefined);
  expect(unknown.length).toBeGreaterThan(1);
  for (const text of unknown)
    expect(faultOf(() => load(linesWith(parameter, `${text} = x`)))).toMatch(/' is unknown, write '/);
});

test.each(all)("%s: a second value is named with both places", (name, parameter) => {
  const [one, other] = twoValuesOf(parameter);
  const lines = linesWith(parameter, `${name} = ${one}`, `${name} = ${other}`);
  const at = lines.indexOf(`${name} = ${other}`) + 1;
  const first = lines.findIndex((line) => line.startsWith(`${name} = `)) + 1;
  expect(load(lines).warnings).toContain(
    `f:${at}: '${name}' is already set at f:${first}, that value is used`,
  );
  expect(load(lines, "samba").warnings.join("\n")).toContain(`f:${at}: '${name}' replaces the value at f:`);
});

function twoValuesOf({ name, type, choices, max }: Parameter): readonly [string, string] {
  if (choices !== undefined) {
    const spellings = Object.values(choices).map(([usual]) => usual ?? "");
    return [spellings[0] ?? "", spellings[1] ?? ""];
  }
  if (type === "boolean") return ["no", "yes"];
  if (type === "integer" || type === "octal") return ["0", max === 2 ? "1" : "0700"];
  if (type === "veto") return ["/a/", "/b/"];
  if (name.endsWith("encryption algorithms")) return ["AES-128-GCM", "AES-256-GCM"];
  if (name.endsWith("signing algorithms")) return ["AES-128-CMAC", "HMAC-SHA256"];
  if (name.startsWith("hosts")) return ["10.0.0.1", "10.0.0.2"];
  return name === "path" || name === "root directory" ? ["/srv/a", "/srv/b"] : ["a", "b"];
}

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
