// A reload judges the sessions, tree connects and opens that exist: what a user would not get any more ends, and everybody
// else notices nothing. Statuses of what has ended: [MS-SMB2] 3.3.5.2.9 (session), 3.3.5.2.11 (tree connect).
import { afterEach, describe, expect, test } from "bun:test";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Access } from "../../../src/wire/security/access.ts";
import { CreateDisposition, OplockLevel } from "../../../src/wire/command/create.ts";
import { Dialect, SecurityMode } from "../../../src/wire/command/negotiate.ts";
import { Command } from "../../../src/wire/header.ts";
import { Status } from "../../../src/wire/status.ts";
import { giveToTester, TESTER, TESTER2, type TestServer, type User } from "../../peer/test-server.ts";
import { expectOutcome, outcomeOf } from "../client/attack-rig.ts";
import { key, leaseV2, openLeased, READ_WRITE_DATA, RWH } from "../client/lease-rig.ts";
import { EXCLUSIVE_NOW, lockOne } from "../client/lock-calls.ts";
import { RawClient } from "../client/raw-client.ts";
import {
  closeFile,
  createCall,
  createDirectory,
  createFile,
  deleteCall,
  type Mount,
  mountShare,
  openFile,
  type Protection,
  readFile,
  writeCall,
  writeFile,
} from "../client/raw-files.ts";
import { linesOf, notifyCall } from "../client/raw-notify.ts";
import { reload, type Setup, startWith } from "../client/reload-rig.ts";

let server: TestServer;
afterEach(() => server.stop());

const FREE = { free: {} };
const DATA = new TextEncoder().encode("some data");

function mountOf(user: User, share: string, protection: Protection = "signed"): Promise<Mount> {
  return mountShare(server, user, share, { protection, dialects: [Dialect.SMB_3_1_1] });
}

/** Outcome of opening the root of the mount's share. */
function probe(mount: Mount): Promise<number | "closed"> {
  return mount.client.outcome(createCall(mount, ""));
}

interface Case {
  readonly before?: Readonly<Record<string, string>>;
  /** Undefined: the share is removed. */
  readonly after: Readonly<Record<string, string>> | undefined;
  readonly globals?: Readonly<Record<string, string>>;
}

const ends: readonly (readonly [string, Case])[] = [
  ["the share was removed", { after: undefined }],
  ["the share is not available", { after: { available: "no" } }],
  ["the user is among `invalid users`", { after: { "invalid users": TESTER.user } }],
  ["the user is not among `valid users`", { after: { "valid users": TESTER2.user } }],
  ["`hosts deny` names the client", { after: { "hosts deny": "127.0.0.1" } }],
  ["`hosts deny` of [global] names the client", { after: {}, globals: { "hosts deny": "127.0.0.1" } }],
  ["the share requires encryption", { after: { "smb3 encryption": "mandatory" } }],
  ["names are vetoed", { after: { "veto files": "/secret/" } }],
  [
    "symlinks are not followed any more",
    { before: { "follow symlinks": "yes" }, after: { "follow symlinks": "no" } },
  ],
  [
    "links may not lead out of the share any more",
    {
      before: { "follow symlinks": "yes", "wide links": "yes", "smb3 unix extensions": "no" },
      after: { "follow symlinks": "yes", "wide links": "no", "smb3 unix extensions": "no" },
    },
  ],
  ["other mounts are not crossed any more", { before: { crossmnt: "yes" }, after: { crossmnt: "no" } }],
  ["stored descriptors count", { before: { acl: "posix" }, after: { acl: "nt" } }],
  ["unreadable files are hidden", { after: { "hide unreadable": "yes" } }],
  ["a recycle bin keeps what is deleted", { after: { "vfs objects": "recycle" } }],
];

describe("a tree connect ends where", () => {
  test.each(ends)("%s", async (_, { before = {}, after, globals }) => {
    server = await startWith({ shares: { test: before, ...FREE } });
    const mount = await mountOf(TESTER, "test");
    const file = await createFile(mount, "file");
    const other: Mount = { ...mount, treeId: await mount.client.connectTree(mount.session, "free") };
    const shares = after === undefined ? FREE : { test: after, ...FREE };
    await reload(server, globals === undefined ? { shares } : { shares, globals });
    expectOutcome(await mount.client.outcome(writeCall(mount, file, 0, DATA)), Status.NETWORK_NAME_DELETED);
    expectOutcome(await probe(mount), Status.NETWORK_NAME_DELETED);
    const isForAll = globals !== undefined;
    expectOutcome(await probe(other), isForAll ? Status.NETWORK_NAME_DELETED : Status.SUCCESS);
    mount.client.close();
  });
});

test("a share with another path ends the tree connect, and a new one gets the new path", async () => {
  server = await startWith({ shares: { test: {}, ...FREE } });
  const path = join(server.directory, "elsewhere");
  mkdirSync(path);
  giveToTester(path);
  const mount = await mountOf(TESTER, "test");
  await reload(server, { shares: { test: { path }, ...FREE } });
  expectOutcome(await probe(mount), Status.NETWORK_NAME_DELETED);
  const again: Mount = { ...mount, treeId: await mount.client.connectTree(mount.session, "test") };
  await closeFile(again, await createFile(again, "file"));
  expect(readFileSync(join(path, "file")).length).toBe(0);
  mount.client.close();
});

describe("a session ends where", () => {
  const changed = { ...TESTER, password: "Other-Password-1" };
  test.each([
    ["its user was deleted", [TESTER2], Status.LOGON_FAILURE],
    ["its user has another password", [changed, TESTER2], Status.SUCCESS],
  ] as const)("%s", async (_, users, again) => {
    server = await startWith({ shares: FREE });
    const signed = await mountOf(TESTER, "free");
    const sealed = await mountOf(TESTER, "free", "sealed");
    const other = await mountOf(TESTER2, "free");
    await reload(server, { shares: FREE, users });
    const reply = await signed.client.request(createCall(signed, ""));
    expectOutcome(reply.status, Status.USER_SESSION_DELETED);
    expect(reply.signature).toBe("right");
    expectOutcome(await probe(sealed), Status.USER_SESSION_DELETED, "closed");
    expectOutcome(await probe(other), Status.SUCCESS);
    expectOutcome(await outcomeOf(signed.client.logOn(changed)), again);
    for (const { client } of [signed, sealed, other]) client.close();
  });

  test("its user was deleted and added again between two reloads", async () => {
    server = await startWith({ shares: FREE });
    const mount = await mountOf(TESTER, "free");
    // The server reads the file at this log-on without a reload.
    writeFileSync(join(server.directory, "ksmbdpwd.db"), "", { mode: 0o600 });
    const client = await RawClient.connect(server);
    await client.negotiate();
    expectOutcome(await outcomeOf(client.logOn(TESTER2)), Status.LOGON_FAILURE);
    client.close();
    await reload(server, { shares: FREE });
    expectOutcome(await probe(mount), Status.USER_SESSION_DELETED);
    mount.client.close();
  });

  test("it is a guest's and guests are not accepted any more", async () => {
    const shares = { free: { "guest ok": "yes" } };
    server = await startWith({ shares, globals: { "map to guest": "bad user" } });
    const client = await RawClient.connect(server);
    await client.negotiate({ dialects: [Dialect.SMB_3_0] });
    const session = await client.logOn({ user: "nobody-knows", password: "x", withoutMechListMic: true });
    session.signs = false;
    const mount: Mount = { client, session, treeId: await client.connectTree(session, "free") };
    expectOutcome(await probe(mount), Status.SUCCESS);
    await reload(server, { shares });
    expectOutcome(await probe(mount), Status.USER_SESSION_DELETED);
    client.close();
  });
});

test("an invalid configuration changes nothing, but a deleted user's session ends", async () => {
  server = await startWith({ shares: FREE });
  const mount = await mountOf(TESTER, "free");
  const other = await mountOf(TESTER2, "free");
  await reload(server, { shares: {}, globals: { "server signing": "perhaps" }, users: [TESTER2] });
  expectOutcome(await probe(mount), Status.USER_SESSION_DELETED);
  expectOutcome(await probe(other), Status.SUCCESS);
  for (const { client } of [mount, other]) client.close();
});

describe("a connection is closed where its NEGOTIATE does not satisfy the settings any more", () => {
  const signing = SecurityMode.SIGNING_ENABLED | SecurityMode.SIGNING_REQUIRED;
  test.each([
    ["signing is required", { "server signing": "mandatory" }, "signed"],
    ["encryption is required", { "smb3 encryption": "mandatory" }, "sealed"],
  ] as const)("%s", async (_, globals, kept) => {
    // A session of the server's own choice encrypts from the start: only that one satisfies the new settings.
    const before = kept === "sealed" ? { "smb3 encryption": "desired" } : {};
    server = await startWith({ shares: FREE, globals: before });
    const weak = await mountShare(server, TESTER, "free", {
      dialects: [kept === "sealed" ? Dialect.SMB_2_1 : Dialect.SMB_3_1_1],
      protection: "plain",
    });
    const strong = await mountShare(server, TESTER, "free", {
      dialects: [Dialect.SMB_3_1_1],
      securityMode: signing,
      protection: kept,
    });
    await reload(server, { shares: FREE, globals });
    expectOutcome(await probe(weak), "closed");
    expectOutcome(await probe(strong), Status.SUCCESS);
    for (const { client } of [weak, strong]) client.close();
  });

  test("its dialect is too old", async () => {
    server = await startWith({ shares: FREE });
    const old = await mountShare(server, TESTER, "free", { dialects: [Dialect.SMB_2_1] });
    const current = await mountOf(TESTER, "free");
    await reload(server, { shares: FREE, globals: { "server min protocol": "SMB3_00" } });
    expectOutcome(await probe(old), "closed");
    expectOutcome(await probe(current), Status.SUCCESS);
    for (const { client } of [old, current]) client.close();
  });
});

const READ_ONLY: Setup = { shares: { test: { "read only": "yes" } } };

describe("where the share is read-only now", () => {
  test("an open file can be read and not written, and CREATE grants no more than that", async () => {
    server = await startWith({ shares: { test: {} } });
    const mount = await mountOf(TESTER, "test");
    const file = await createFile(mount, "file");
    await writeFile(mount, file, 0, DATA);
    await reload(server, READ_ONLY);
    expectOutcome(await mount.client.outcome(writeCall(mount, file, 0, DATA)), Status.ACCESS_DENIED);
    expect(await readFile(mount, file, 0, 100)).toEqual(DATA);
    const writing = createCall(mount, "file", { desiredAccess: Access.WRITE_DATA });
    expectOutcome(await mount.client.outcome(writing), Status.ACCESS_DENIED);
    await closeFile(mount, file);
    mount.client.close();
  });

  test("a user of `write list` goes on, and one who has left it cannot write", async () => {
    const list = `${TESTER.user} ${TESTER2.user}`;
    const limited = (users: string): Setup => ({
      shares: { test: { "read only": "yes", "write list": users, "force user": "daemon" } },
    });
    server = await startWith(limited(list));
    const one = await mountOf(TESTER, "test");
    const two = await mountOf(TESTER2, "test");
    const [ofOne, ofTwo] = [await createFile(one, "one"), await createFile(two, "two")];
    await reload(server, limited(TESTER2.user));
    expectOutcome(await one.client.outcome(writeCall(one, ofOne, 0, DATA)), Status.ACCESS_DENIED);
    expectOutcome(await two.client.outcome(writeCall(two, ofTwo, 0, DATA)), Status.SUCCESS);
    for (const { client } of [one, two]) client.close();
  });

  test("deletions that are due are not carried out", async () => {
    server = await startWith({ shares: { test: { "vfs objects": "recycle" } } });
    const mount = await mountOf(TESTER, "test");
    const pending = await createFile(mount, "pending");
    await mount.client.demand("SET_INFO", deleteCall(mount, pending));
    await closeFile(mount, await createFile(mount, "on close"));
    const { fileId } = await openFile(mount, "on close", {
      desiredAccess: Access.DELETE,
      createOptions: 0x1000,
    });
    await reload(server, { shares: { test: { "read only": "yes", "vfs objects": "recycle" } } });
    await closeFile(mount, fileId);
    mount.client.close();
    const path = server.shares.get("test") ?? "";
    await Bun.sleep(100);
    for (const name of ["pending", "on close"]) expect(readFileSync(join(path, name)).length).toBe(0);
  });

  test("a durable open is reconnected without the right to write", async () => {
    server = await startWith({ shares: { test: {} } });
    const clientGuid = key(9);
    const mountAgain = (): Promise<Mount> => mountShare(server, TESTER, "test", { clientGuid });
    const first = await mountAgain();
    const contexts = { durableRequest: true as const };
    const { fileId } = await openFile(first, "file", {
      desiredAccess: READ_WRITE_DATA,
      createDisposition: CreateDisposition.OPEN_IF,
      oplockLevel: OplockLevel.BATCH,
      contexts,
    });
    await writeFile(first, fileId, 0, DATA);
    first.client.close();
    await Bun.sleep(100);
    await reload(server, READ_ONLY);
    const second = await mountAgain();
    const found = await openFile(second, "file", { contexts: { durableReconnect: fileId } });
    const writing = writeCall(second, found.fileId, 0, DATA);
    expectOutcome(await second.client.outcome(writing), Status.ACCESS_DENIED);
    expect(await readFile(second, found.fileId, 0, 100)).toEqual(DATA);
    second.client.close();
  });
});

test("a user who loses nothing notices nothing: opens, leases, locks, watches and a transfer go on", async () => {
  const keep = { keep: {} };
  server = await startWith({ shares: { test: {}, ...keep } });
  const mount = await mountOf(TESTER2, "keep");
  const loser = await mountOf(TESTER, "test");
  const { client } = mount;
  const leased = await openLeased(mount, "leased", leaseV2(1, RWH));
  const { fileId } = await openFile(mount, "data", {
    desiredAccess: READ_WRITE_DATA,
    createDisposition: CreateDisposition.OPEN_IF,
  });
  await client.demand("LOCK", lockOne(mount, fileId, 1 << 24, 10, EXCLUSIVE_NOW));
  const folder = await createDirectory(mount, "folder");
  const watch = client.start(notifyCall(mount, folder));
  await watch.interim;
  const block = new Uint8Array(60_000);
  for (let round = 0; round < 4; round++) {
    const turning =
      round % 2 === 0
        ? reload(server, { shares: { ...keep, ...(round === 0 && { test: {} }) }, users: [TESTER2] })
        : reload(server, { shares: { test: { "read only": "yes" }, ...keep } });
    let isDone = false;
    void turning.then(() => (isDone = true));
    for (let at = 0; !isDone || at < 10; at++) {
      block.fill(at);
      expect(await writeFile(mount, fileId, (at % 16) * block.length, block)).toBe(block.length);
      expect(await readFile(mount, fileId, (at % 16) * block.length, block.length)).toEqual(block);
    }
    await turning;
  }
  expectOutcome(await probe(loser), Status.USER_SESSION_DELETED, "closed");
  const { fileId: second } = await openFile(mount, "data", { desiredAccess: READ_WRITE_DATA });
  const inTheWay = await client.outcome(lockOne(mount, second, 1 << 24, 10, EXCLUSIVE_NOW));
  expectOutcome(inTheWay, Status.LOCK_NOT_GRANTED);
  await writeFile(mount, leased.fileId, 0, DATA);
  // No lease was broken: nothing came unasked.
  expect(client.unclaimed.filter(({ header }) => header.command === Command.OPLOCK_BREAK)).toEqual([]);
  await closeFile(mount, await createFile(mount, "folder\\new"));
  expect(linesOf(await watch.reply)).toEqual(["+new"]);
  for (const each of [mount, loser]) each.client.close();
});
