// AppleDouble files that other users and programs put beside a file: what they keep for themselves does not
// become readable, what a Mac stores does not go to them, and none is lost. Needs root.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chmodSync, chownSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { encodeAppleDouble, Maker } from "../../../src/engine/vfs/format/apple-double.ts";
import { CreateDisposition } from "../../../src/wire/command/create.ts";
import { SecurityInformation } from "../../../src/wire/command/query-info.ts";
import { Access } from "../../../src/wire/security/access.ts";
import { Status } from "../../../src/wire/status.ts";
import {
  makeDirectory,
  removeDirectory,
  TESTER,
  TESTER_UID,
  type TestServer,
} from "../../peer/test-server.ts";
import {
  closeFile,
  deleteCall,
  listNames,
  type Mount,
  mountShare,
  openFile,
  READ_WRITE,
  renameFile,
  writeFile,
} from "../client/raw-files.ts";
import { type AceText, setSecurity } from "../client/security-calls.ts";
import { startServer } from "../client/server.ts";
import { getText, listOf, openForWriting, putStream, tryCreate } from "../client/stream-calls.ts";
import { FORK, mountAsMac, TAGS } from "./mac.ts";

/** An account that every Debian has, and its uid. */
const OTHER = { user: "bin", password: "Stranger-Here-5" };
const OTHER_UID = 2;

let path = "";
let server: TestServer;
let mac: Mount;
beforeAll(async () => {
  path = makeDirectory("apple-double-owners");
  chmodSync(path, 0o755);
  chownSync(path, TESTER_UID, TESTER_UID);
  server = await startServer({ users: [TESTER, OTHER], shares: [{ name: "test", path }] });
  mac = await mountAsMac(server, "test");
});
afterAll(async () => {
  mac?.client.close();
  await server?.stop();
  removeDirectory(path);
});

function plant(name: string, data: Uint8Array | string, uid: number, mode: number): void {
  const file = join(path, name);
  writeFileSync(file, data);
  chownSync(file, uid, uid);
  chmodSync(file, mode);
}

function withFork(text: string): Uint8Array<ArrayBuffer> {
  const fork = new TextEncoder().encode(text);
  const head = encodeAppleDouble({
    maker: Maker.MAC,
    finderInfo: new Uint8Array(32).fill(1),
    attributes: [],
    others: [],
    forkBytes: fork.length,
  });
  return Uint8Array.from([...(head ?? []), ...fork]);
}

test("what another user keeps in an AppleDouble file is not read, moved or removed by a file beside it", async () => {
  const file = withFork("private to the other user");
  plant("._mine", file, OTHER_UID, 0o600);
  plant("mine", "data", TESTER_UID, 0o644);
  expect(await listOf(mac, "mine")).toEqual(["::$DATA 4"]);
  await renameFile(mac, "mine", "moved");
  const { fileId } = await openFile(mac, "moved", { desiredAccess: READ_WRITE });
  await mac.client.demand("delete", deleteCall(mac, fileId));
  await closeFile(mac, fileId);
  expect(Uint8Array.from(readFileSync(join(path, "._mine")))).toEqual(file);
});

test("a resource fork is not written into the AppleDouble file of another user", async () => {
  plant("secret", "data", TESTER_UID, 0o600);
  plant("._secret", withFork("bait"), OTHER_UID, 0o644);
  expect(await getText(mac, `secret${FORK}`)).toBe("bait");
  const fork = await openForWriting(mac, `secret${FORK}`, CreateDisposition.OPEN);
  await writeFile(mac, fork, 0, new TextEncoder().encode("a Mac's own"));
  await closeFile(mac, fork);
  expect(await getText(mac, `secret${FORK}`)).toBe("a Mac's own");
  for (const name of readdirSync(path)) {
    const { uid, mode } = statSync(join(path, name));
    const holds = readFileSync(join(path, name)).includes("a Mac's own");
    expect([name, holds && (uid !== TESTER_UID || (mode & 0o077) !== 0)]).toEqual([name, false]);
  }
});

test("a file in the way of an AppleDouble file is not replaced where no other name is free", async () => {
  plant("from", "data", TESTER_UID, 0o644);
  plant("._from", withFork("a fork"), TESTER_UID, 0o644);
  plant("._to", "an ordinary file", TESTER_UID, 0o644);
  for (let i = 1; i <= 9; i++) plant(`._to.${i}`, `file ${i}`, TESTER_UID, 0o644);
  await renameFile(mac, "from", "to");
  expect(readFileSync(join(path, "._to"), "utf8")).toBe("an ordinary file");
  for (let i = 1; i <= 9; i++) expect(readFileSync(join(path, `._to.${i}`), "utf8")).toBe(`file ${i}`);
  expect(readFileSync(join(path, "._from")).includes("a fork")).toBe(true);
});

test("another owner's file that is renamed over one does not get its metadata", async () => {
  const folder = join(path, "common");
  mkdirSync(folder);
  chmodSync(folder, 0o777);
  plant("common/new", "data", OTHER_UID, 0o644);
  plant("common/old", "data", TESTER_UID, 0o644);
  plant("common/._old", withFork("a fork"), TESTER_UID, 0o644);
  const stranger = await mountShare(server, OTHER, "test");
  await renameFile(stranger, "common\\new", "common\\old", true);
  expect(readdirSync(folder)).toEqual(["old"]);
  stranger.client.close();
});

test("an AppleDouble file that a user may not read gives no streams of a file that the user may read", async () => {
  plant("open", "data", TESTER_UID, 0o666);
  plant("._closed", withFork("a private fork"), TESTER_UID, 0o600);
  await renameFile(mac, "._closed", "._open");
  expect(await getText(mac, `open${FORK}`)).toBe("a private fork");
  const stranger = await mountShare(server, OTHER, "test");
  expect(await listOf(stranger, "open")).toEqual(["::$DATA 4"]);
  expect(await tryCreate(stranger, `open${FORK}`)).not.toBe("STATUS_SUCCESS");
  expect(await listNames(stranger, "")).toContain("._open");
  await putStream(stranger, `open${TAGS}`, "a stranger's tags");
  expect(statSync(join(path, "._open")).mode & 0o777).toBe(0o600);
  await putStream(mac, `open${TAGS}`, "the owner's tags");
  expect(await getText(mac, `open${FORK}`)).toBe("a private fork");
  expect(statSync(join(path, "._open")).mode & 0o777).toBe(0o600);
  expect(await tryCreate(stranger, `open${FORK}`)).not.toBe("STATUS_SUCCESS");
  stranger.client.close();
});

test("users who have one owner on disk read no AppleDouble file whose object's descriptor keeps them out", async () => {
  const folder = makeDirectory("apple-double-descriptors");
  chmodSync(folder, 0o777);
  const parameters = { acl: "nt", "fruit:resource": "file" };
  const users = [
    { user: "anna-without-account", password: "third-3" },
    { user: "bert-without-account", password: "fourth-4" },
  ] as const;
  const common = await startServer({ users, shares: [{ name: "test", path: folder, parameters }] });
  try {
    const anna = await mountShare(common, users[0], "test");
    const bert = await mountShare(common, users[1], "test");
    await putStream(anna, "diary", "data");
    await putStream(anna, "._diary", withFork("a fork"));
    const all = { desiredAccess: Access.WRITE_DAC | Access.READ_CONTROL };
    const { fileId } = await openFile(anna, "diary", all);
    const owner: AceText = ["A", 0, 0x001f_01ff, "S-1-3-4"];
    expect(await tryCreate(bert, "._diary")).toBe("STATUS_SUCCESS");
    expect(await setSecurity(anna, fileId, { aces: [owner] }, SecurityInformation.DACL)).toBe(Status.SUCCESS);
    await closeFile(anna, fileId);
    for (const name of ["diary", `diary${FORK}`, "._diary"])
      expect([name, await tryCreate(bert, name)]).toEqual([name, "STATUS_ACCESS_DENIED"]);
    expect(await getText(anna, `diary${FORK}`)).toBe("a fork");
    const fork = await openForWriting(anna, `diary${FORK}`, CreateDisposition.OVERWRITE_IF);
    await writeFile(anna, fork, 0, new TextEncoder().encode("anna's own"));
    await closeFile(anna, fork);
    expect(await tryCreate(bert, "._diary")).toBe("STATUS_ACCESS_DENIED");
    anna.client.close();
    bert.client.close();
  } finally {
    await common.stop();
    removeDirectory(folder);
  }
});

describe.each(["another client", "a Mac"])("%s", (who) => {
  test("that makes a file private makes its AppleDouble file private", async () => {
    plant("letter", "data", TESTER_UID, 0o644);
    plant("._letter", withFork("a fork"), TESTER_UID, 0o644);
    const mode: AceText = ["D", 0, 0, `S-1-5-88-3-${0o600}`];
    const owner: AceText = ["A", 0, 0x001f_01ff, "S-1-3-4"];
    const { fileId } = await openFile(mac, "letter", {
      desiredAccess: Access.WRITE_DAC | Access.READ_CONTROL,
    });
    const aces = who === "a Mac" ? [mode] : [owner];
    expect(await setSecurity(mac, fileId, { aces }, SecurityInformation.DACL)).toBe(Status.SUCCESS);
    await closeFile(mac, fileId);
    const modes = ["letter", "._letter"].map((name) => statSync(join(path, name)).mode & 0o077);
    expect(modes).toEqual([0, 0]);
    expect(await getText(mac, `letter${FORK}`)).toBe("a fork");
  });
});
