import { afterAll, beforeEach, expect, test } from "bun:test";
import {
  chownSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  statSync,
  symlinkSync,
  lchownSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { withFewDescriptors } from "../few-descriptors.ts";
import type { Log } from "../../src/manager/log/log.ts";
import { createManager, type ServerManager } from "../../src/manager/manager.ts";
import { ntHash } from "../../src/manager/users/nt-hash.ts";
import { putUser, updatePasswordFile } from "../../src/manager/users/password-file.ts";
import { SystemAccountFiles } from "../../src/manager/users/system-accounts.ts";
import type { Identity, ShareGrant } from "../../src/port/port.ts";
import { Status } from "../../src/wire/status.ts";

const directory = mkdtempSync(join(tmpdir(), "minismbd-manager-"));
const config = join(directory, "ksmbd.conf");
const passwords = join(directory, "ksmbdpwd.db");
const passwd = join(directory, "passwd");
const docs = join(directory, "docs");
afterAll(() => rmSync(directory, { recursive: true }));

let lines: string[] = [];
const log: Log = {
  error: (text) => lines.push(`error: ${text}`),
  warn: (text) => lines.push(`warn: ${text}`),
  info: (text) => lines.push(`info: ${text}`),
  debug: (text) => lines.push(`debug: ${text}`),
};

beforeEach(() => {
  lines = [];
  rmSync(docs, { recursive: true, force: true });
  rmSync(passwords, { recursive: true, force: true });
  rmSync(join(directory, "group"), { recursive: true, force: true });
  mkdirSync(docs);
  writeFileSync(passwd, "anna:x:1000:1000::/:/x\n");
});

function start(text: string, isRoot = false): ServerManager {
  writeFileSync(config, text);
  const systemAccounts = new SystemAccountFiles(passwd, join(directory, "group"));
  return createManager({ source: { file: config }, passwordFile: passwords, log, systemAccounts, isRoot });
}

function identity(user: string, remoteAddress = "192.168.1.9"): Identity {
  return { user, domain: "", isGuest: false, isAnonymous: user === "", accountVersion: 0, remoteAddress };
}

function identityOfDocs(): ShareGrant["directory"] {
  const { dev, ino } = statSync(docs, { bigint: true });
  const major = Number((dev >> 8n) & 0xfffn);
  const minor = Number((dev & 0xffn) | ((dev >> 12n) & 0xfff00n));
  return {
    device: major * 0x10_0000 + minor,
    inodeHigh: Number(ino >> 32n),
    inodeLow: Number(ino & 0xffff_ffffn),
  };
}

async function connect(manager: ServerManager, share: string, who = identity("anna")) {
  return manager.connectShare({ share, identity: who });
}

const DOCS = `[docs]\npath = ${docs}\n`;

test("connectShare finds a share in any case and returns exactly the fields of a grant", async () => {
  const manager = start(`${DOCS}read only = no\nveto files = /.DS_Store/\nvalid users = anna\n`);
  const grant = await connect(manager, "DOCS");
  const expected: ShareGrant = {
    name: "docs",
    type: "disk",
    directory: identityOfDocs(),
    path: docs,
    mountId: 0,
    readOnly: false,
    encryption: "off",
    signing: "auto",
    credentials: null,
    createMask: 0o744,
    directoryMask: 0o755,
    forceCreateMode: 0,
    forceDirectoryMode: 0,
    inheritOwner: false,
    security: {
      acl: "posix",
      ignoreSystemAcls: false,
      canChange: true,
      writersMayChange: false,
      inheritOwnerName: false,
      inheritPermissions: false,
      inheritAcls: true,
    },
    namedUsers: null,
    domainSids: [],
    asGuest: false,
    isAdmin: false,
    hideDotFiles: true,
    eaSupport: true,
    storeDosAttributes: true,
    modeMapping: { archive: "auto", hidden: false, system: false, readonly: true },
    streams: true,
    streamForm: "samba",
    apple: {
      validatesAfpInfo: true,
      metadata: "auto",
      resource: "auto",
      hidesAppleDouble: true,
      wipesPlaceholder: false,
      listsResourceSize: true,
      listsFinderInfo: true,
      listsAccess: true,
    },
    followSymlinks: false,
    wideLinks: false,
    dfs: { isRoot: false, proxied: "", shuffles: false },
    posixExtensions: true,
    crossMounts: true,
    caseSensitive: false,
    vetoFiles: [".DS_Store"],
    names: {
      characterMap: [],
      reserved: "auto",
      shortNames: "illegal",
      shortNamePrefix: 1,
      newCase: "keep",
      newShortCase: "keep",
    },
    hiding: { files: [], unreadable: false, unwriteable: false, special: false, deleteVetoed: false },
    recycle: null,
    snapshots: {
      kind: "snapper",
      forAll: false,
      folder: ".snapshots",
      base: "",
      mountPoint: "",
      format: "@GMT-%Y.%m.%d-%H.%M.%S",
      prefix: "",
      delimiter: "_GMT",
      isLocalTime: false,
      isAscending: false,
    },
    space: {
      maxDiskBytes: 0,
      cacheSeconds: 0,
      fakeAbilities: 0,
      timeMachineMaxBytes: 0,
      timeMachineMaxMachineBytes: 0,
    },
    posixLocking: false,
    oplocks: true,
    isTimeMachine: false,
    maxConnections: 128,
  };
  expect(grant).toEqual(expected);
  expect(Object.isFrozen(grant)).toBe(true);
  // Plain data that can be sent to another thread.
  expect(structuredClone(grant)).toEqual(expected);
});

test("connectShare fails with STATUS_BAD_NETWORK_NAME or STATUS_ACCESS_DENIED", async () => {
  const manager = start(`${DOCS}valid users = anna\n`);
  expect(await connect(manager, "none")).toEqual({ status: Status.BAD_NETWORK_NAME });
  expect(await connect(manager, "docs", identity("bob"))).toEqual({ status: Status.ACCESS_DENIED });
  expect(await connect(manager, "docs", identity(""))).toEqual({ status: Status.ACCESS_DENIED });
});

test("a missing directory is logged once, and once more when it exists again", async () => {
  const manager = start(DOCS);
  rmSync(docs, { recursive: true });
  expect(await connect(manager, "docs")).toEqual({ status: Status.BAD_NETWORK_NAME });
  expect(await connect(manager, "docs")).toEqual({ status: Status.BAD_NETWORK_NAME });
  expect(lines).toEqual([`warn: share [docs]: ${docs} does not exist, clients get STATUS_BAD_NETWORK_NAME`]);
  mkdirSync(docs);
  expect(await connect(manager, "docs")).toMatchObject({ path: docs });
  expect(lines.at(-1)).toBe(`info: share [docs]: ${docs} exists again`);
});

test("a share whose path is a file fails with STATUS_BAD_NETWORK_NAME", async () => {
  const manager = start(DOCS);
  rmSync(docs, { recursive: true });
  writeFileSync(docs, "");
  expect(await connect(manager, "docs")).toEqual({ status: Status.BAD_NETWORK_NAME });
});

// An attacker creates a missing share path as a symbolic link later.
test.skipIf(process.geteuid?.() !== 0)(
  "a share path that is a symbolic link of another user is not followed",
  async () => {
    const manager = start(DOCS);
    rmSync(docs, { recursive: true });
    symlinkSync("/etc", docs);
    lchownSync(docs, 1000, 1000);
    expect(await connect(manager, "docs")).toEqual({ status: Status.BAD_NETWORK_NAME });
    lchownSync(docs, 0, 0);
    expect(await connect(manager, "docs")).toMatchObject({ path: docs });
  },
);

test("as root, file access runs as the user, else as the directory's owner", async () => {
  const manager = start(DOCS, true);
  expect(await connect(manager, "docs")).toMatchObject({ credentials: { uid: 1000, gid: 1000, groups: [] } });
  if (process.geteuid?.() === 0) chownSync(docs, 77, 78);
  const { uid, gid } = statSync(docs);
  expect(await connect(manager, "docs", identity("bob"))).toMatchObject({
    credentials: { uid, gid, groups: [] },
  });
});

test("a system user added later is found", async () => {
  const manager = start(DOCS, true);
  await connect(manager, "docs", identity("bob"));
  writeFileSync(passwd, "anna:x:1000:1000::/:/x\nbob:x:1001:1001::/:/x\n");
  expect(await connect(manager, "docs", identity("bob"))).toMatchObject({ credentials: { uid: 1001 } });
});

test("while the groups cannot be read, a list that keeps a group out still does", async () => {
  const group = join(directory, "group");
  writeFileSync(group, "staff:x:50:anna\n");
  const manager = start(`${DOCS}invalid users = @staff\n`, true);
  rmSync(group);
  mkdirSync(group);
  expect(await connect(manager, "docs")).toEqual({ status: Status.ACCESS_DENIED });
  expect(lines[0]).toBe(
    `warn: the accounts of ${passwd} and ${group} cannot be read (EISDIR); they stay as they were`,
  );
  rmSync(group, { recursive: true });
  expect(await connect(manager, "docs")).toMatchObject({ path: docs });
});

test("a password file that cannot be read leaves the users as they are, and is read at the next log-on", () => {
  updatePasswordFile(passwords, (table) => putUser(table, "anna", ntHash("one")));
  const manager = start(DOCS);
  const find = (user: string) => manager.findAccount({ user, domain: "" });
  for (const spoil of [() => mkdirSync(passwords), () => symlinkSync(passwords, passwords)]) {
    rmSync(passwords, { recursive: true });
    spoil();
    expect(find("anna")?.ntHash).toBe(ntHash("one"));
    expect(find("anna")?.ntHash).toBe(ntHash("one"));
  }
  expect(lines[0]).toStartWith(`warn: ${passwords}: the password file cannot be read (EISDIR)`);
  rmSync(passwords, { recursive: true });
  updatePasswordFile(passwords, (table) => putUser(table, "bob", ntHash("two")));
  expect([find("anna"), find("bob")?.ntHash]).toEqual([null, ntHash("two")]);
});

test("a force user that does not exist refuses the share", async () => {
  const manager = start(`${DOCS}force user = ghost\n`, true);
  expect(await connect(manager, "docs")).toEqual({ status: Status.ACCESS_DENIED });
  expect(lines).toEqual([
    "warn: share [docs] refused to 'anna' from 192.168.1.9: 'force user' is 'ghost', which is not in /etc/passwd",
  ]);
});

test("hosts allow of [global] and of the share both apply", async () => {
  const manager = start(`[global]\nhosts allow = 192.168.1.\n${DOCS}hosts deny = 192.168.1.66\n`);
  expect(await connect(manager, "docs")).toMatchObject({ name: "docs" });
  expect(await connect(manager, "docs", identity("anna", "192.168.1.66"))).toEqual({
    status: Status.ACCESS_DENIED,
  });
  expect(await connect(manager, "docs", identity("anna", "10.0.0.1"))).toEqual({
    status: Status.ACCESS_DENIED,
  });
  expect(await connect(manager, "IPC$", identity("anna", "10.0.0.1"))).toEqual({
    status: Status.ACCESS_DENIED,
  });
});

test("IPC$ always exists; restrict anonymous decides for anonymous sessions", async () => {
  const open = start(DOCS);
  expect(await connect(open, "ipc$", identity(""))).toMatchObject({ name: "IPC$", type: "pipe", path: "" });
  const closed = start(`[global]\nrestrict anonymous = 2\n${DOCS}`);
  expect(await connect(closed, "IPC$", identity(""))).toEqual({ status: Status.ACCESS_DENIED });
  expect(await connect(closed, "IPC$")).toMatchObject({ type: "pipe" });
});

test("pipes are loaded at first use and list this server's shares", async () => {
  const manager = start(`${DOCS}comment = papers\n`);
  expect(manager.writePipe({ pipe: 1, data: new Uint8Array(1) })).toEqual({ status: Status.INVALID_HANDLE });
  const services = {
    startLogon: () => ({ step: () => ({ kind: "refused" as const }) }),
    beginProof: () => undefined,
  };
  expect(await manager.openPipe({ name: "nosuch", identity: identity("anna"), services })).toEqual({
    status: Status.OBJECT_NAME_NOT_FOUND,
  });
  const opened = await manager.openPipe({ name: "srvsvc", identity: identity("anna"), services });
  if (!("pipe" in opened)) throw new Error("srvsvc did not open");
  manager.closePipe(opened);
  expect(manager.writePipe({ pipe: opened.pipe, data: new Uint8Array(1) })).toEqual({
    status: Status.INVALID_HANDLE,
  });
});

test("findAccount finds users by name, and the guest by the empty name", () => {
  updatePasswordFile(passwords, (table) => putUser(table, "Anna", ntHash("x")));
  const manager = start("[global]\nguest account = visitor\n[user:eve]\npassword = y\n");
  expect(manager.findAccount({ user: "ANNA", domain: "X" })?.name).toBe("Anna");
  expect(manager.findAccount({ user: "eve", domain: "" })?.ntHash).toBe(ntHash("y"));
  expect(manager.findAccount({ user: "visitor", domain: "" })).toBeNull();
  expect(manager.findAccount({ user: "", domain: "" })).toEqual({
    name: "visitor",
    ntHash: "",
    isGuest: true,
    version: 0,
  });
});

test("a user added while the server runs is found without a reload", () => {
  const manager = start(DOCS);
  expect(manager.findAccount({ user: "anna", domain: "" })).toBeNull();
  updatePasswordFile(passwords, (table) => putUser(table, "anna", ntHash("x")));
  expect(manager.findAccount({ user: "anna", domain: "" })?.ntHash).toBe(ntHash("x"));
  writeFileSync(passwords, "garbage\n");
  expect(manager.findAccount({ user: "anna", domain: "" })?.ntHash).toBe(ntHash("x"));
  expect(lines.filter((line) => line.startsWith("error: "))).toHaveLength(1);
});

test("reload uses the new configuration, or keeps all of the old one", async () => {
  const manager = start(DOCS);
  writeFileSync(
    config,
    `[global]\nserver signing = mandatory\ntcp port = 4450\n${DOCS}[more]\npath = ${directory}\n`,
  );
  expect(await manager.reload()).toBeUndefined();
  expect(manager.settings().signing).toBe("required");
  expect(await connect(manager, "more")).toMatchObject({ name: "more" });
  expect(lines).toEqual(["warn: 'tcp port' has changed since the start: restart the server for that"]);

  writeFileSync(config, "[global]\nserver signing = off course\n");
  expect(await manager.reload()).toBeString();
  expect(manager.settings().signing).toBe("required");
  expect(await connect(manager, "more")).toMatchObject({ name: "more" });
  expect(lines.at(-1)).toContain("the configuration stays as it was");

  writeFileSync(config, "[global]\n");
  writeFileSync(passwords, "garbage\n");
  expect(await manager.reload()).toBeString();
  expect(await connect(manager, "more")).toMatchObject({ name: "more" });
});

test("warnings about the configuration are logged at start", () => {
  start("[global]\nworkgruop = X\n");
  expect(lines).toEqual([
    `warn: ${config}:2: 'workgruop' is unknown and has no effect, did you mean 'workgroup'?`,
  ]);
});

test("neither hashes nor passwords are ever logged", async () => {
  updatePasswordFile(passwords, (table) => putUser(table, "anna", ntHash("correcthorse")));
  const manager = start(`${DOCS}[user:eve]\npassword = correcthorse\n`);
  manager.notify({ event: "logon", identity: identity("anna"), dialect: 0x0311 });
  manager.notify({ event: "logonFailed", user: "eve", remoteAddress: "1.2.3.4", reason: "wrong password" });
  await connect(manager, "docs");
  await manager.reload();
  const all = lines.join("\n");
  expect(all).not.toContain("correcthorse");
  expect(all).not.toContain(ntHash("correcthorse"));
  expect(all).toContain("info: 'anna' from 192.168.1.9 logged on with SMB 3.1.1");
});

test("the machine's SID does not change because no descriptors are left when it is first needed", () => {
  const subauthFile = join(directory, "ksmbd.subauth");
  writeFileSync(subauthFile, "1:2:3\n");
  writeFileSync(config, "[global]\n");
  const manager = createManager({ source: { file: config }, passwordFile: passwords, subauthFile, log });
  withFewDescriptors(0, () => {
    expect(manager.machineSid()).toBe("S-1-5-21-1-2-3");
  });
});
