// QUERY_DIRECTORY with a name instead of a pattern, as FindFirstFile and the Finder send it: it is looked up, and
// the folder is not read. [MS-SMB2] 3.3.5.18, [MS-FSA] 2.1.5.6.3.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import {
  decodeQueryDirectoryResponse,
  QueryDirectoryFlag,
} from "../../../src/wire/command/query-directory.ts";
import type { FileId } from "../../../src/wire/file-id.ts";
import { decodeDirectoryEntries } from "../../../src/wire/fscc/directory-entry.ts";
import { FileInfoClass } from "../../../src/wire/fscc/info-class.ts";
import { Status, statusName } from "../../../src/wire/status.ts";
import { startSubject } from "../../peer/start.ts";
import { TESTER, type TestServer } from "../../peer/test-server.ts";
import { type Mount, mountShare, queryDirectoryCall } from "../client/raw-files.ts";
import { echo, makeFolder, onDisk, openFolder } from "../client/worst-frames.ts";

let server: TestServer;
let mount: Mount;
let folder: FileId;
let large: FileId;

beforeAll(async () => {
  server = await startSubject({
    shares: [{ name: "test", parameters: { "veto files": "/*.secret/", "mangled names": "yes" } }],
  });
  mkdirSync(onDisk(server, "folder"));
  for (const name of ["Letter.txt", "twin", "TWIN", "A long name.text", "Über", "hidden.secret", ".minismbd"])
    writeFileSync(onDisk(server, "folder", name), name);
  writeFileSync(onDisk(server, "outside"), "");
  makeFolder(server, "large", 20_000);
  mount = await mountShare(server, TESTER, "test");
  folder = await openFolder(mount, "folder");
  large = await openFolder(mount, "large");
}, 60_000);

afterAll(() => server.stop());

/** The names that a new search finds, or its status. */
async function search(id: FileId, pattern: string, flags: number = QueryDirectoryFlag.REOPEN) {
  const reply = await mount.client.request(queryDirectoryCall(mount, id, { pattern, flags }));
  if (reply.status !== Status.SUCCESS) return statusName(reply.status);
  const { buffer } = decodeQueryDirectoryResponse(reply.message);
  return decodeDirectoryEntries(FileInfoClass.ID_BOTH_DIRECTORY, buffer).map((entry) => entry.name);
}

async function shortNameOf(name: string): Promise<string> {
  const reply = await mount.client.demand(
    "QUERY_DIRECTORY",
    queryDirectoryCall(mount, folder, { pattern: name, flags: QueryDirectoryFlag.REOPEN }),
  );
  const { buffer } = decodeQueryDirectoryResponse(reply.message);
  return decodeDirectoryEntries(FileInfoClass.ID_BOTH_DIRECTORY, buffer)[0]?.shortName ?? "";
}

test("a name finds its file in any case, spelled as on disk", async () => {
  for (const pattern of ["Letter.txt", "LETTER.TXT", "letter.txt"])
    expect(await search(folder, pattern)).toEqual(["Letter.txt"]);
  expect(await search(folder, "üBER")).toEqual(["Über"]);
  expect(await search(folder, "twin")).toEqual(["twin"]);
  expect(await search(folder, "TWIN")).toEqual(["TWIN"]);
});

test("a short name finds the file with the long one", async () => {
  const short = await shortNameOf("A long name.text");
  expect(short).toMatch(/~/);
  expect(await search(folder, short)).toEqual(["A long name.text"]);
  expect(await search(folder, short.toLowerCase())).toEqual(["A long name.text"]);
});

test("a name that is missing, vetoed or no name gets STATUS_NO_SUCH_FILE", async () => {
  for (const pattern of [
    "missing",
    "hidden.secret",
    ".minismbd",
    "../outside",
    "..\\outside",
    "/",
    "Letter.txt/",
  ])
    expect(await search(folder, pattern)).toBe("STATUS_NO_SUCH_FILE");
});

test("`.` and `..` are found", async () => {
  expect(await search(folder, ".")).toEqual(["."]);
  expect(await search(folder, "..")).toEqual([".."]);
});

test("the search ends after the name, and starts again with another name or pattern", async () => {
  expect(await search(folder, "Letter.txt")).toEqual(["Letter.txt"]);
  expect(await search(folder, "Letter.txt", 0)).toBe("STATUS_NO_MORE_FILES");
  const restart = QueryDirectoryFlag.RESTART_SCANS;
  expect(await search(folder, "letter.txt", restart)).toEqual(["Letter.txt"]);
  expect(await search(folder, "*.txt", restart)).toEqual(["Letter.txt"]);
  expect(await search(folder, "TWIN", restart)).toEqual(["TWIN"]);
  expect(await search(folder, "", restart)).toEqual(["TWIN"]);
});

test("a name among 20,000 takes hardly longer than an ECHO", async () => {
  const count = 50;
  const timed = async (work: () => Promise<unknown>): Promise<number> => {
    const started = performance.now();
    for (let i = 0; i < count; i++) await work();
    return performance.now() - started;
  };
  const ratios: number[] = [];
  for (let attempt = 0; attempt < 5; attempt++) {
    const plain = await timed(() => echo(mount));
    const look = await timed(async () => expect(await search(large, "entry 17777")).toEqual(["entry 17777"]));
    ratios.push(look / plain);
  }
  // Measured: 1.3; reading the folder takes over a hundred times as long.
  expect(Math.min(...ratios)).toBeLessThan(8);
});
