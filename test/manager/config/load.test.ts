import { afterAll, expect, test } from "bun:test";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  buildConfiguration,
  type Configuration,
  loadConfiguration,
} from "../../../src/manager/config/load.ts";
import { ConfigError, parseConfig } from "../../../src/manager/config/parse.ts";
import { Report } from "../../../src/manager/config/report.ts";
import type { Machine } from "../../../src/manager/config/settings.ts";

const MIB = 1024 * 1024;
const MACHINE: Machine = {
  hostName: "box.lan",
  identity: "0123456789abcdef0123456789abcdef",
  memoryBytes: 1024 * MIB,
  hasAesInstructions: true,
  interfaces: [
    { name: "lo", address: "127.0.0.1" },
    { name: "eth0", address: "192.168.1.2" },
    { name: "eth0", address: "fd00::2" },
    { name: "wlan0", address: "10.0.0.2" },
  ],
};

const directory = mkdtempSync(join(tmpdir(), "minismbd-load-"));
afterAll(() => rmSync(directory, { recursive: true }));

function load(text: string): Configuration {
  return buildConfiguration(parseConfig(text, "f"), MACHINE, new Report());
}

function faultOf(text: string): string {
  try {
    load(text);
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
    throw error;
  }
  return "";
}

const global = (text: string) => load(`[global]\n${text}\n`).settings;
const share = (text: string) => load(`[docs]\npath = /srv\n${text}\n`).shares.get("docs");

test("an empty configuration gives the defaults", () => {
  const { settings, shares, warnings, hosts, guestAccount } = load("");
  expect(settings).toMatchObject({
    serverName: "BOX",
    domain: "WORKGROUP",
    addresses: null,
    ports: [445],
    minDialect: 0x0202,
    maxDialect: 0x0311,
    signing: "auto",
    encryption: "auto",
    cryptoProvider: "auto",
    mapToGuest: "never",
    restrictAnonymous: 0,
    maxReadBytes: 4 * MIB,
    maxConnections: 256,
    maxConnectionsPerAddress: 32,
    bufferBudgetBytes: 128 * MIB,
    deadtimeSeconds: 0,
    logLevel: "info",
    debugComponents: [],
  });
  expect(settings.serverGuid).toMatch(/^[\da-f]{32}$/);
  expect([shares.size, warnings.length, hosts, guestAccount]).toEqual([0, 0, null, "nobody"]);
});

test("the snapshot is frozen", () => {
  const configuration = load("[docs]\npath = /srv\n");
  expect(Object.isFrozen(configuration)).toBe(true);
  expect(Object.isFrozen(configuration.settings)).toBe(true);
  expect(Object.isFrozen(configuration.shares.get("docs"))).toBe(true);
});

test.each([
  ["SMB2", 0x0202],
  ["smb2_02", 0x0202],
  ["SMB2_10", 0x0210],
  ["SMB3", 0x0300],
  ["SMB3_00", 0x0300],
  ["SMB3_02", 0x0302],
  ["SMB3_11", 0x0311],
])("min protocol %s", (text, dialect) => {
  expect(global(`server min protocol = ${text}`).minDialect).toBe(dialect);
});

test.each([
  ["server max protocol = SMB2", 0x0210],
  ["max protocol = SMB2_02", 0x0202],
  ["server max protocol = SMB3", 0x0311],
  ["server max protocol = SMB3_00", 0x0300],
])("%s", (line, dialect) => {
  expect(global(line).maxDialect).toBe(dialect);
});

test("an SMB1 dialect is reported as not served", () => {
  const { settings, warnings } = load("[global]\nserver min protocol = NT1\n");
  expect(settings.minDialect).toBe(0x0202);
  expect(warnings).toEqual(["f:2: NT1 is not served, SMB2_02 is the oldest dialect"]);
});

test.each([
  ["server signing = mandatory", "required"],
  ["server signing = required", "required"],
  ["server signing = Forced", "required"],
  ["server signing = auto", "auto"],
  ["server signing = disabled", "auto"],
  ["server signing = desired", "auto"],
] as const)("%s", (line, signing) => {
  expect(global(line).signing).toBe(signing);
});

test.each([
  ["smb3 encryption = mandatory", "required"],
  ["smb3 encryption = disabled", "off"],
  ["smb3 encryption = auto", "auto"],
  ["smb encrypt = required", "required"],
  ["server smb encrypt = desired", "desired"],
  ["server smb encrypt = if_required", "auto"],
  ["smb3 encryption = yes", "desired"],
] as const)("%s", (line, encryption) => {
  expect(global(line).encryption).toBe(encryption);
});

// An invalid value of a security parameter must not open anything.
test.each([
  [
    "server signing = mandatry",
    "f:2: 'mandatry' is not a value of 'server signing', write one of auto, mandatory",
  ],
  ["smb3 encryption = aes256", "write one of disabled, auto, desired, mandatory"],
  ["server min protocol = SMB4", "is not a value of 'server min protocol'"],
  ["map to guest = anybody", "write one of never, bad user, bad password"],
  ["restrict anonymous = 3", "f:2: '3' is not a value of 'restrict anonymous', write 0 to 2"],
  ["restrict anonymous = yes", "write a number"],
  ["crypto provider = openssl", "write one of auto, native, pure"],
  ["read only = yep", "write yes or no"],
  ["guest ok = maybe", "write yes or no"],
  ["bind interfaces only = lan", "write yes or no"],
  ["create mask = rwx", "write an octal mode"],
  ["hosts allow = @laptops", "'@laptops' is not an address"],
  ["server min protocol = SMB3_11\nserver max protocol = SMB2_10", "nobody could connect"],
  ["smb3 encryption = mandatory\nserver max protocol = SMB2_10", "encryption needs 'server max protocol'"],
  [
    "include = /etc/more.conf",
    "f:2: 'include' is not possible here, put the lines of that file into this one",
  ],
  ["bind interfaces only = yes", "needs 'interfaces'"],
])("refused: %s", (line, message) => {
  const text = `[global]\n${line}\n[docs]\npath = /srv\n`;
  expect(faultOf(text)).toContain(message);
});

test.each([
  ["interfaces = eth0", ["192.168.1.2", "fd00::2"]],
  ["interfaces = eth* lo", ["192.168.1.2", "fd00::2", "127.0.0.1"]],
  ["interfaces = 10.0.0.0/8", ["10.0.0.2"]],
  ["interfaces = 192.168.1.2", ["192.168.1.2"]],
  ["interfaces = 127.0.0.2", ["127.0.0.2"]],
])("bind interfaces only: %s", (line, addresses) => {
  expect(global(`bind interfaces only = yes\n${line}`).addresses).toEqual(addresses);
});

test("interfaces without 'bind interfaces only' limit nothing", () => {
  expect(global("interfaces = eth0").addresses).toBeNull();
  expect(global("bind interfaces only = yes\ninterfaces = br-lan").addresses).toEqual([]);
});

test("numbers have suffixes and ranges; zero means the maximum", () => {
  expect(global("smb2 max read = 1M").maxReadBytes).toBe(MIB);
  expect(global("smb2 max read = 16M").maxReadBytes).toBe(8 * MIB);
  expect(global("smb2 max read = 1K").maxReadBytes).toBe(65_536);
  expect(global("max connections = 1K").maxConnections).toBe(1024);
  expect(global("max active sessions = 0").maxSessions).toBe(65_536);
  expect(global("max open files = 100000").maxOpenFiles).toBe(65_536);
  expect(global("deadtime = 15").deadtimeSeconds).toBe(900);
  expect(global("tcp port = 4450").ports).toEqual([4450]);
  expect(global("smb ports = 1445 139")).toMatchObject({ ports: [1445] });
  expect(global("smb ports = 445, 4450 4450 445 8445")).toMatchObject({ ports: [445, 4450, 8445] });
  expect(load("[global]\ntcp port = 445 70000 x\n").warnings).toEqual([
    expect.stringContaining("'70000' is left out"),
    expect.stringContaining("'x' is left out"),
  ]);
  expect(load("[global]\nsmb2 max write = lots\n").warnings).toEqual([
    "f:2: 'lots' is not a value of 'smb2 max write', write a size such as 64K or 4M; the default is used",
  ]);
});

test.each([
  ["2", "info"],
  ["0", "error"],
  ["1 auth:3", "warn"],
  ["10", "debug"],
  ["Debug", "debug"],
] as const)("log level %s", (text, level) => {
  expect(global(`log level = ${text}`).logLevel).toBe(level);
});

test("the server's name is short, upper case and printable", () => {
  expect(global("netbios name = my file server, number 1").serverName).toBe("MYFILESERVERNUM");
  expect(global("netbios name = ,").serverName).toBe("MINISMBD");
});

test("the first non-empty value counts, and sections of one name are merged", () => {
  const docs = "[docs]\npath =\nread only = no\npath = /a\n[other]\npath = /o\n";
  const { shares, warnings } = load(`${docs}[DOCS]\npath = /b\nread only = yes\n`);
  expect(shares.get("docs")).toMatchObject({ name: "docs", path: "/a", readOnly: false });
  expect(warnings).toEqual([
    "f:2: 'path' names nothing and has no effect, give a value or take it out",
    "f:8: 'path' is already set at f:4, that value is used",
    "f:9: 'read only' is already set at f:3, that value is used",
  ]);
});

test.each([
  ["writable = yes", false],
  ["writeable = yes", false],
  ["write ok = yes", false],
  ["writable = no", true],
  ["writable = yes\nread only = yes", true],
  ["write ok = no\nwritable = yes", false],
  ["", true],
])("%j: read only is %p", (lines, readOnly) => {
  expect(share(lines)?.readOnly).toBe(readOnly);
});

test("Samba's spellings of share parameters are accepted", () => {
  const text =
    "public = yes\nbrowsable = no\ndirectory mode = 0700\ncreate mode = 0600\ngroup = +staff\nreadonly = no";
  expect(share(text)).toMatchObject({
    guestOk: true,
    browseable: false,
    directoryMask: 0o700,
    createMask: 0o600,
    forceGroup: "staff",
    readOnly: false,
  });
});

test("[global] sets the defaults of shares, except for parameters with a meaning of their own there", () => {
  const { shares } = load(
    "[global]\nguest ok = yes\ncreate mask = 0640\nmax connections = 7\nguest account = visitor\nsmb3 encryption = mandatory\n" +
      "[docs]\npath = /srv\n[own]\npath = /own\nguest ok = no\nsmb encrypt = desired\nmax connections = 3\n",
  );
  expect(shares.get("docs")).toMatchObject({
    guestOk: true,
    createMask: 0o640,
    maxConnections: 128,
    guestAccount: "",
    encryption: "off",
  });
  expect(shares.get("own")).toMatchObject({ guestOk: false, encryption: "desired", maxConnections: 3 });
});

test("a share with available = no does not exist", () => {
  expect(load("[docs]\npath = /srv\navailable = no\n").shares.size).toBe(0);
});

test("unknown parameters get a hint; Samba's get one line", () => {
  const { warnings } = load(
    "[global]\nworkgruop = X\nsocket options = TCP_NODELAY\nwinbind cache time = 3\nfrobnicate = 1\n" +
      "[docs]\npath = /srv\ntcp port = 1\nvfs objects = fruit\nfruit:metadata = stream\n",
  );
  expect(warnings).toEqual([
    "f:2: 'workgruop' is unknown and has no effect, did you mean 'workgroup'?",
    "f:5: 'frobnicate' is unknown and has no effect, take it out",
    "f:8: 'tcp port' has no effect in a share, write it in [global]",
    "Samba parameters that have no effect here: socket options, winbind cache time",
  ]);
});

// What OpenWrt's init script writes on a device with 64 MiB.
test("OpenWrt's configuration is accepted without warnings", () => {
  const { settings, shares, warnings } = load(
    "[global]\n\tnetbios name = OpenWrt\n\tserver string = Ksmbd on OpenWrt\n\tworkgroup = WORKGROUP\n\tinterfaces = eth0\n" +
      "\tbind interfaces only = yes\n\tipc timeout = 20\n\tdeadtime = 15\n\tmap to guest = Bad User\n\tserver signing = auto\n" +
      "\tsmb2 max read = 64K\n\tsmb2 max write = 64K\n\tsmb2 max trans = 64K\n\tcache read buffers = no\n" +
      "\tcache trans buffers = no\n\n[testshare]\n\tpath = /tmp\n\tforce user = root\n\tforce group = root\n" +
      "\tcreate mask = 0666\n\tdirectory mask = 0777\n\tread only = no\n\tguest ok = yes\n",
  );
  expect(warnings).toEqual([]);
  expect(settings).toMatchObject({
    serverName: "OPENWRT",
    addresses: ["192.168.1.2", "fd00::2"],
    deadtimeSeconds: 900,
    mapToGuest: "bad-user",
    maxReadBytes: 65_536,
  });
  expect(shares.get("testshare")).toMatchObject({
    forceUser: "root",
    forceGroup: "root",
    createMask: 0o666,
    readOnly: false,
    guestOk: true,
  });
});

test("an empty list of users causes a warning", () => {
  expect(load("[docs]\npath = /srv\nvalid users =\n").warnings).toEqual([
    "f:3: 'valid users' names nothing and has no effect, give a value or take it out",
  ]);
});

test("users in the configuration have a password, or an NT hash in hex or base64", () => {
  // The NT hash of "password": openssl dgst -md4 -provider legacy, of the UTF-16LE text.
  const hash = "8846f7eaee8fb117ad06bdd830b7586c";
  const base64 = Buffer.from(hash, "hex").toString("base64");
  const { users } = load(
    `[user:Anna]\npassword = password\n[user: bob]\nnt hash = ${hash.toUpperCase()}\n[user:eve]\nnt hash = ${base64}\ncomment = x\n`,
  );
  expect([...users]).toEqual([
    ["Anna", hash],
    ["bob", hash],
    ["eve", hash],
  ]);
});

test.each([
  ["[user:anna]\n", "f:1: user 'anna' has no password, write 'password =' or 'nt hash ='"],
  [
    "[user:anna]\npassword = secret#1\n",
    "f:2: ';' and '#' begin a comment, for a password with one write its 'nt hash'",
  ],
  [
    "[user:anna]\npassword = secret #1\n",
    "f:2: ';' and '#' begin a comment, for a password with one write its 'nt hash'",
  ],
  ["[user:anna]\nnt hash = 123\n", "f:2: 'nt hash' is 32 hexadecimal digits, or the base64 of ksmbdpwd.db"],
  [
    "[user:anna]\npath = /x\n",
    "f:2: 'path' does not belong to a user, write 'password', 'nt hash' or 'comment'",
  ],
  ["[user:]\npassword = x\n", "f:1: a user name must not be empty"],
  [
    "[user:anna]\npassword = x\n[user:Anna]\npassword = y\n",
    "f:4: user 'anna' has two passwords: names have no case here, take one out",
  ],
])("user refused: %j", (text, message) => {
  expect(faultOf(text)).toBe(message);
});

test("no message or warning contains a password", () => {
  const secret = "correcthorse";
  for (const text of [
    `[user:anna]\npassword ${secret}\n`,
    `[user:anna]\npassword = ${secret}#x\n`,
    `[user:anna]\nnt hash = ${secret}\n`,
    `[user:anna]\npassword = ${secret}\\\n`,
  ]) {
    let output: string;
    try {
      output = load(text).warnings.join("\n");
    } catch (error) {
      output = String(error);
    }
    expect(output).not.toContain(secret);
  }
});

test("configuration files: missing, not UTF-8, overridden, readable by everybody", () => {
  const file = join(directory, "ksmbd.conf");
  expect(() => loadConfiguration({ file, machine: MACHINE })).toThrow(
    `${file}: there is no such configuration file, name another with -C`,
  );
  writeFileSync(file, Uint8Array.of(0x5b, 0xff, 0x5d));
  expect(() => loadConfiguration({ file, machine: MACHINE })).toThrow("is not UTF-8");
  writeFileSync(file, "[global]\ntcp port = 1\n[user:anna]\npassword = x\n");
  chmodSync(file, 0o644);
  const overrides = [{ section: "global", key: "TCP Port", value: "2", position: "--port" }];
  const { settings, warnings } = loadConfiguration({ file, overrides, machine: MACHINE });
  expect(settings.ports).toEqual([2]);
  expect(warnings).toContain(`${file}: it contains passwords and everybody can read it, run chmod 640 on it`);
});

test("password log-ons, and other users than one, keep an eighth of the sessions, and one place at least", () => {
  expect(global("max guest sessions = 9999\nmax active sessions = 80")).toMatchObject({
    maxGuestSessions: 70,
    maxSessionsPerUser: 70,
  });
  expect(global("max active sessions = 1")).toMatchObject({
    maxGuestSessions: 1,
    maxSessionsPerUser: 1,
  });
});
