// Finder shows folders: it lists them with a lease, asks about many files at once for icons and previews, and lists
// them again when somebody else has changed them. smb2fs_smb_cmpd_query_dir, smb2fs_smb_cmpd_query_async and
// smbfs_vnop_strategy of Apple's published SMBClient sources.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { appendFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  CreateDisposition,
  CreateOption,
  decodeCreateResponse,
  ShareAccess,
} from "../../../src/wire/command/create.ts";
import { CompletionFilter } from "../../../src/wire/command/change-notify.ts";
import {
  decodeQueryDirectoryResponse,
  QueryDirectoryFlag,
} from "../../../src/wire/command/query-directory.ts";
import { decodeQueryInfoResponse, InfoType } from "../../../src/wire/command/query-info.ts";
import { decodeReadResponse } from "../../../src/wire/command/read.ts";
import { FILE_ID_ALL_ONES, type FileId } from "../../../src/wire/file-id.ts";
import { decodeDirectoryEntries } from "../../../src/wire/fscc/directory-entry.ts";
import { FileInfoClass } from "../../../src/wire/fscc/info-class.ts";
import { decodeStreams } from "../../../src/wire/fscc/stream.ts";
import { Access } from "../../../src/wire/security/access.ts";
import { Status } from "../../../src/wire/status.ts";
import { againstSmbd } from "../../peer/start.ts";
import { giveToTester, type TestServer } from "../../peer/test-server.ts";
import {
  isQuiet,
  key,
  leaseAck,
  leaseV2,
  leasingClient,
  nextLeaseBreak,
  RH,
  RWH,
  withLease,
} from "../client/lease-rig.ts";
import type { Reply } from "../client/raw-calls.ts";
import {
  closeFile,
  createCall,
  type Mount,
  openFile,
  queryDirectoryCall,
  queryInfoCall,
  readCall,
} from "../client/raw-files.ts";
import { linesOf, startWaiting } from "../client/raw-notify.ts";
import { afpInfo, MAC_QUERY, mountAsMac, startForMacs } from "./mac.ts";
import { MacFiles, statusesOf } from "./mac-files.ts";

const FOLDER = {
  desiredAccess: Access.READ_ATTRIBUTES | Access.READ_DATA | Access.SYNCHRONIZE,
  createOptions: CreateOption.DIRECTORY_FILE,
};
const NOTHING = Array<string>(3).fill("OBJECT_NAME_NOT_FOUND");
/** The compounds that macOS has under way for a folder's icons. */
const AT_ONCE = 10;

let server: TestServer;
let mac: Mount;
let files: MacFiles;
let other: Mount;
beforeAll(async () => {
  server = await startForMacs();
  mac = await mountAsMac(server, "test", MAC_QUERY, leasingClient());
  files = new MacFiles(mac);
  other = await mountAsMac(server, "test", MAC_QUERY, leasingClient());
});
afterAll(async () => {
  mac?.client.close();
  other?.client.close();
  await server?.stop();
});

const at = (...names: string[]): string => join(server.shares.get("test") ?? "", ...names);

function messageOf(reply: Reply | undefined) {
  if (reply === undefined) throw new Error("no reply");
  return reply.message;
}

function namesOf(reply: Reply | undefined): string[] {
  const { buffer } = decodeQueryDirectoryResponse(messageOf(reply));
  const entries = decodeDirectoryEntries(FileInfoClass.ID_BOTH_DIRECTORY, buffer);
  return entries.map(({ name }) => name).filter((name) => name !== "." && name !== "..");
}

async function makePictures(folder: string, count: number): Promise<string[]> {
  await files.makeFolder(folder);
  const names = Array.from({ length: count }, (_, i) => `IMG_${1000 + i}.JPG`);
  for (const [i, name] of names.entries()) {
    writeFileSync(at(folder, name), `\xff\xd8 picture ${i} ${"x".repeat(9000)} end of ${i}`, "latin1");
    giveToTester(at(folder, name));
  }
  return names;
}

test.skipIf(againstSmbd)(
  "a folder is listed with a lease, and again when another Mac has changed it",
  async () => {
    await files.makeFolder("shared");
    await files.write("shared\\a.txt", "a");
    const list = (fileId: FileId, flags: number) => queryDirectoryCall(mac, fileId, { flags });
    const { RESTART_SCANS } = QueryDirectoryFlag;
    const replies = await files.open(
      "shared",
      withLease(leaseV2(44, RH), { ...FOLDER, createDisposition: CreateDisposition.OPEN }),
      list(FILE_ID_ALL_ONES, RESTART_SCANS),
    );
    const { fileId, contexts } = decodeCreateResponse(messageOf(replies[0]));
    expect(contexts.lease?.state).toBe(RH);
    expect(namesOf(replies[1])).toEqual(["a.txt"]);
    expect((await mac.client.request(list(fileId, 0))).status).toBe(Status.NO_MORE_FILES);
    // What the Mac itself does to streams and what another reads does not end what it knows.
    await files.setAttribute("shared\\a.txt", "AFP_AfpInfo", afpInfo("TEXTttxt"));
    expect(await new MacFiles(other).read("shared\\a.txt")).toBe("a");
    const others = new MacFiles(other).write("shared\\b.txt", "b");
    const broken = await nextLeaseBreak(mac);
    expect(broken?.leaseKey).toEqual(key(44));
    await mac.client.request(leaseAck(mac, key(44), broken?.newLeaseState ?? 0));
    await others;
    const again = await mac.client.request(list(fileId, RESTART_SCANS));
    expect(namesOf(again).sort()).toEqual(["a.txt", "b.txt"]);
    await closeFile(mac, fileId);
    expect(await isQuiet(mac)).toBe(true);
  },
);

test("one name is looked up by a listing of one entry", async () => {
  await makePictures("looked up", 3);
  const { RESTART_SCANS, RETURN_SINGLE_ENTRY } = QueryDirectoryFlag;
  const look = (pattern: string) =>
    files.chain(
      "looked up",
      FOLDER,
      queryDirectoryCall(mac, FILE_ID_ALL_ONES, { flags: RESTART_SCANS | RETURN_SINGLE_ENTRY, pattern }),
    );
  expect(namesOf((await look("img_1001.jpg"))[1])).toEqual(["IMG_1001.JPG"]);
  expect(statusesOf(await look("IMG_1009.JPG"))).toEqual(["SUCCESS", "NO_SUCH_FILE", "SUCCESS"]);
});

test("icon view reads Finder information and streams of many files at once", async () => {
  const names = await makePictures("icons", 40);
  for (const name of names.slice(0, 5))
    await files.setAttribute(`icons\\${name}`, "AFP_AfpInfo", afpInfo("JPEGprvw"));
  for (const name of names.slice(3, 8)) await files.setAttribute(`icons\\${name}`, "AFP_Resource", "icns");
  const finder = (name: string) =>
    files.chain(
      `icons\\${name}:AFP_AfpInfo`,
      { desiredAccess: Access.READ_DATA },
      readCall(mac, FILE_ID_ALL_ONES, 0, 60),
    );
  const streams = (name: string) =>
    files.chain(
      `icons\\${name}`,
      {
        desiredAccess: Access.READ_ATTRIBUTES | Access.SYNCHRONIZE,
        contexts: { maximalAccess: { timestamp: undefined } },
      },
      queryInfoCall(mac, FILE_ID_ALL_ONES, InfoType.FILE, FileInfoClass.STREAM, 32 * 1024),
    );
  for (let start = 0; start < names.length; start += AT_ONCE) {
    const some = names.slice(start, start + AT_ONCE);
    const [infos, lists] = await Promise.all([Promise.all(some.map(finder)), Promise.all(some.map(streams))]);
    for (const [i, replies] of infos.entries()) {
      if (start + i >= 5) expect(statusesOf(replies)).toEqual(NOTHING);
      else expect(decodeReadResponse(messageOf(replies[1])).data).toEqual(afpInfo("JPEGprvw"));
    }
    for (const [i, replies] of lists.entries()) {
      const found = decodeStreams(decodeQueryInfoResponse(messageOf(replies[1])).buffer);
      const expected = ["::$DATA"];
      if (start + i < 5) expected.push(":AFP_AfpInfo:$DATA");
      if (start + i >= 3 && start + i < 8) expected.push(":AFP_Resource:$DATA");
      expect(found.map(({ name }) => name).sort()).toEqual(expected);
    }
  }
});

test("a custom icon is a file with a carriage return in its name and a resource fork", async () => {
  await files.makeFolder("icon");
  await files.write("icon\\Icon\uf00d", "");
  await files.setAttribute("icon\\Icon\uf00d", "AFP_Resource", "icns of the folder");
  await files.setAttribute("icon\\Icon\uf00d", "AFP_AfpInfo", afpInfo("iconMACS"));
  expect(await files.list("icon")).toEqual(["Icon\uf00d"]);
  expect(await new MacFiles(other).attributeOf("icon\\Icon\uf00d", "AFP_Resource")).toBe(
    "icns of the folder",
  );
  await files.remove("icon\\Icon\uf00d");
  expect(await files.list("icon")).toEqual([]);
});

test("previews read the start and the end of many files, and tell no open window of a change", async () => {
  const names = await makePictures("previews", 30);
  const { fileId } = await openFile(mac, "previews", FOLDER);
  const { FILE_NAME, DIR_NAME, ATTRIBUTES, CREATION, SECURITY, STREAM_SIZE, STREAM_WRITE } = CompletionFilter;
  const filter = FILE_NAME | DIR_NAME | ATTRIBUTES | CREATION | SECURITY | STREAM_SIZE | STREAM_WRITE;
  const window = await startWaiting(mac, fileId, { filter, outputBytes: 65_536 });
  const previews = await Promise.all(
    names.map((name) =>
      files.chain(
        `previews\\${name}`,
        {
          desiredAccess: Access.READ_DATA | Access.READ_ATTRIBUTES | Access.READ_EA,
          contexts: { maximalAccess: { timestamp: undefined }, queryOnDiskId: true },
        },
        readCall(mac, FILE_ID_ALL_ONES, 0, 4096),
        readCall(mac, FILE_ID_ALL_ONES, 8192, 4096),
      ),
    ),
  );
  const text = (reply: Reply | undefined) =>
    Buffer.from(decodeReadResponse(messageOf(reply)).data).toString("latin1");
  for (const [i, [, start, end]] of previews.entries()) {
    expect(text(start).slice(0, 14)).toStartWith(`\xff\xd8 picture ${i} `.slice(0, 12));
    expect(text(end)).toEndWith(` end of ${i}`);
  }
  appendFileSync(at("previews", "new.txt"), "by a program");
  expect(linesOf(await window.reply)[0]).toBe("+new.txt");
  await closeFile(mac, fileId);
});

test("a second Mac writes .DS_Store once the first gives up the handle that it keeps", async () => {
  await files.makeFolder("presets");
  const options = withLease(leaseV2(71, RWH), {
    desiredAccess: Access.READ_DATA | Access.WRITE_DATA | Access.READ_ATTRIBUTES,
    shareAccess: 0,
    fileAttributes: 0x22,
  });
  const first = await openFile(mac, "presets\\.DS_Store", options);
  expect(first.contexts.lease?.state).toBe(RWH);
  const asked = other.client.start(
    createCall(other, "presets\\.DS_Store", { ...options, contexts: { lease: leaseV2(72, RWH) } }),
  );
  const broken = await nextLeaseBreak(mac);
  expect((broken?.newLeaseState ?? RH) & 2).toBe(0);
  await closeFile(mac, first.fileId);
  const second = await asked.reply;
  expect(second.status).toBe(Status.SUCCESS);
  const { fileId, file } = decodeCreateResponse(second.message);
  expect(file.attributes & 2).toBe(2);
  // While it writes, the first is refused at once and shows the folder as it is.
  const shareAccess = ShareAccess.READ | ShareAccess.DELETE;
  const refused = mac.client.outcome(createCall(mac, "presets\\.DS_Store", { shareAccess }));
  const asks = await nextLeaseBreak(other);
  await other.client.request(leaseAck(other, key(72), asks?.newLeaseState ?? 0));
  expect(await refused).toBe(Status.SHARING_VIOLATION);
  await closeFile(other, fileId);
});
