// Names as clients see them: names that are not UTF-8, NFC and NFD, short names, vetoed and hidden names,
// 100,000 names. [MS-FSCC] 2.1.5, [MS-FSA] 2.1.5.6.3, 2.1.5.12.4; smb.conf(5).
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { CreateDisposition, CreateOption } from "../../../src/wire/command/create.ts";
import { FileAttribute } from "../../../src/wire/fscc/attributes.ts";
import { FileInfoClass } from "../../../src/wire/fscc/info-class.ts";
import { decodeQueryInfoResponse, InfoType } from "../../../src/wire/command/query-info.ts";
import { Status } from "../../../src/wire/status.ts";
import { startSubject } from "../../peer/start.ts";
import { giveToTester, TESTER, type TestServer } from "../../peer/test-server.ts";
import { anonymousKib, expectOutcome, outcomeOf } from "../client/attack-rig.ts";
import {
  closeFile,
  createFile,
  deleteCall,
  listDirectory,
  type Mount,
  mountShare,
  openFile,
  READ_WRITE,
  readFile,
  renameCall,
  queryInfoCall,
  writeFile,
} from "../client/raw-files.ts";

let server: TestServer;
let share = "";
let mount: Mount;
beforeAll(async () => {
  server = await startSubject({
    shares: [{ name: "test" }],
    parameters: { "mangled names": "yes" },
  });
  share = server.shares.get("test") ?? "";
});
afterAll(() => server.stop());
beforeEach(async () => {
  mount = await mountShare(server, TESTER, "test");
});
afterEach(() => mount.client.close());

/** Makes a folder that the client can change, with files whose names are given as bytes or text. */
function folderWith(name: string, files: readonly (string | Buffer)[]): string {
  const folder = join(share, name);
  mkdirSync(folder);
  giveToTester(folder);
  for (const file of files) {
    const path = Buffer.concat([Buffer.from(`${folder}/`), Buffer.from(file)]);
    writeFileSync(path, `content of ${name}`);
    giveToTester(path as unknown as string);
  }
  return folder;
}

async function namesIn(folder: string, pattern = "*"): Promise<string[]> {
  const { fileId } = await openFile(mount, folder);
  const records = await listDirectory(mount, fileId, { pattern });
  await closeFile(mount, fileId);
  return records.map((record) => record.name).sort();
}

async function textOf(path: string): Promise<string> {
  const { fileId } = await openFile(mount, path);
  const text = Buffer.from(await readFile(mount, fileId, 0, 1000)).toString();
  await closeFile(mount, fileId);
  return text;
}

describe("names that are not UTF-8 on the disk", () => {
  test("are listed, read, renamed and deleted, and their folder is not empty", async () => {
    const folder = folderWith("bytes", [Buffer.from("caf\xe9", "latin1"), Buffer.from([0xff, 0xfe])]);
    expect(await namesIn("bytes")).toEqual([".", "..", "caf\uf0e9", "\uf0ff\uf0fe"]);
    expect(await textOf("bytes\\CAF\uf0e9")).toBe("content of bytes");
    const options = { desiredAccess: READ_WRITE };
    const { fileId } = await openFile(mount, "bytes\\caf\uf0e9", options);
    await mount.client.demand("RENAME", renameCall(mount, fileId, "bytes\\café", false));
    await closeFile(mount, fileId);
    const directory = await openFile(mount, "bytes", {
      desiredAccess: READ_WRITE,
      createOptions: CreateOption.DIRECTORY_FILE,
    });
    expectOutcome(
      await mount.client.outcome(deleteCall(mount, directory.fileId)),
      Status.DIRECTORY_NOT_EMPTY,
    );
    await closeFile(mount, directory.fileId);
    const other = await openFile(mount, "bytes\\\uf0ff\uf0fe", options);
    await mount.client.demand("DELETE", deleteCall(mount, other.fileId));
    await closeFile(mount, other.fileId);
    expect(readdirSync(folder)).toEqual(["café"]);
  });
});

describe("composed and decomposed names", () => {
  const nfc = "\u00dcb\u00e9r";
  const nfd = nfc.normalize("NFD");
  const apple = { command: 1, requestBitmap: 7, clientCapabilities: 7 } as const;

  test("are two names for a client; for a Mac they are one name if only one exists", async () => {
    folderWith("forms", [nfd]);
    expect(await outcomeOf(openFile(mount, `forms\\${nfc}`))).toBe(Status.OBJECT_NAME_NOT_FOUND);
    const mac = await mountShare(server, TESTER, "test");
    await openFile(mac, "", { contexts: { apple } });
    const { fileId } = await openFile(mac, `forms\\${nfc}`);
    await writeFile(
      mac,
      (await openFile(mac, `forms\\${nfc}`, { desiredAccess: READ_WRITE })).fileId,
      0,
      Buffer.from("by a Mac"),
    );
    await closeFile(mac, fileId);
    expect((await textOf(`forms\\${nfd}`)).startsWith("by a Mac")).toBe(true);
    expect(
      await outcomeOf(
        openFile(mac, `forms\\${nfc}`, {
          createDisposition: CreateDisposition.CREATE,
          desiredAccess: READ_WRITE,
        }),
      ),
    ).toBe(Status.OBJECT_NAME_COLLISION);
    // Other clients can create the composed name beside it.
    await closeFile(mount, await createFile(mount, `forms\\${nfc}`));
    expect(await namesIn("forms")).toEqual([".", "..", nfd, nfc]);
    mac.client.close();
  });
});

describe("short names", () => {
  test("are listed, open files, match patterns and are returned by QUERY_INFO", async () => {
    folderWith("short", ["A long file name.txt", "README.md", "two: colons"]);
    const { fileId } = await openFile(mount, "short");
    const records = await listDirectory(mount, fileId, { infoClass: FileInfoClass.BOTH_DIRECTORY });
    const shorts = Object.fromEntries(records.map(({ name, shortName }) => [name, shortName]));
    expect(shorts["A long file name.txt"]).toBe("AR4S99~7.TXT");
    expect(shorts["README.md"]).toBe("");
    expect(shorts["."]).toBe("");
    expect(await textOf("short\\ar4s99~7.txt")).toBe("content of short");
    expect(await namesIn("short", "AR4S*.TXT")).toEqual(["A long file name.txt"]);
    const opened = await openFile(mount, "short\\A long file name.txt");
    const reply = await mount.client.demand(
      "QUERY_INFO",
      queryInfoCall(mount, opened.fileId, InfoType.FILE, FileInfoClass.ALTERNATE_NAME),
    );
    const { buffer } = decodeQueryInfoResponse(reply.message);
    expect(Buffer.from(buffer.subarray(4)).toString("utf16le")).toBe("AR4S99~7.TXT");
    const cut = queryInfoCall(mount, opened.fileId, InfoType.FILE, FileInfoClass.ALTERNATE_NAME, 3);
    expectOutcome(await mount.client.outcome(cut), Status.INFO_LENGTH_MISMATCH);
  });
});

describe("a share with vetoed and hidden names", () => {
  let hiding: TestServer;
  let root = "";
  let strict: Mount;
  beforeAll(async () => {
    hiding = await startSubject({
      shares: [
        {
          name: "test",
          parameters: {
            "veto files": "/.DS_Store/._*/",
            "delete veto files": "yes",
            "hide files": "/*.ini/",
            "hide special files": "yes",
          },
        },
      ],
    });
    root = hiding.shares.get("test") ?? "";
    strict = await mountShare(hiding, TESTER, "test");
  });
  afterAll(async () => {
    strict.client.close();
    await hiding.stop();
  });

  function fill(name: string, ...files: string[]): string {
    const folder = join(root, name);
    mkdirSync(folder);
    for (const file of files) writeFileSync(join(folder, file), "");
    for (const path of [folder, ...files.map((file) => join(folder, file))]) giveToTester(path);
    return folder;
  }

  async function remove(name: string): Promise<number> {
    const { fileId } = await openFile(strict, name, {
      desiredAccess: READ_WRITE,
      createOptions: CreateOption.DIRECTORY_FILE,
    });
    const { status } = await strict.client.request(deleteCall(strict, fileId));
    await closeFile(strict, fileId);
    return status;
  }

  test("deletes a folder with its vetoed names if it has no other", async () => {
    const gone = fill("gone", ".DS_Store", "._x");
    const stays = fill("stays", ".DS_Store", "real");
    expect(await remove("gone")).toBe(Status.SUCCESS);
    expect(existsSync(gone)).toBe(false);
    expect(await remove("stays")).toBe(Status.DIRECTORY_NOT_EMPTY);
    expect(readdirSync(stays).sort()).toEqual([".DS_Store", "real"]);
  });

  test("refuses a vetoed name as not found, and a path below it as path not found", async () => {
    const folder = fill("vetoed", ".DS_Store");
    const disposition = { desiredAccess: READ_WRITE, createDisposition: CreateDisposition.OPEN_IF };
    for (const options of [{}, disposition]) {
      expect(await outcomeOf(openFile(strict, "vetoed\\.ds_store", options))).toBe(
        Status.OBJECT_NAME_NOT_FOUND,
      );
      expect(await outcomeOf(openFile(strict, "vetoed\\._x\\y", options))).toBe(Status.OBJECT_PATH_NOT_FOUND);
    }
    const long = "\u00e4".repeat(128);
    expect(await outcomeOf(openFile(strict, `vetoed\\${long}`, disposition))).toBe(
      Status.OBJECT_NAME_INVALID,
    );
    expect(await outcomeOf(openFile(strict, "vetoed\\.\uf029", disposition))).toBe(
      Status.OBJECT_NAME_INVALID,
    );
    expect(readdirSync(folder)).toEqual([".DS_Store"]);
  });

  test("sets HIDDEN on names that match `hide files` or start with a dot, until a rename", async () => {
    fill("marks", "desktop.INI", ".dot", "plain");
    const { fileId: listing } = await openFile(strict, "marks");
    const records = await listDirectory(strict, listing);
    expect(
      records
        .filter(({ stat }) => (stat.attributes & FileAttribute.HIDDEN) !== 0)
        .map(({ name }) => name)
        .sort(),
    ).toEqual([".dot", "desktop.INI"]);
    const file = await openFile(strict, "marks\\.dot", { desiredAccess: READ_WRITE });
    expect(file.file.attributes & FileAttribute.HIDDEN).toBe(FileAttribute.HIDDEN);
    await strict.client.demand("RENAME", renameCall(strict, file.fileId, "marks\\dot", false));
    const reply = await strict.client.demand(
      "QUERY_INFO",
      queryInfoCall(strict, file.fileId, InfoType.FILE, FileInfoClass.BASIC),
    );
    const { buffer } = decodeQueryInfoResponse(reply.message);
    const attributes = new DataView(buffer.buffer, buffer.byteOffset + 32).getUint32(0, true);
    expect(attributes & FileAttribute.HIDDEN).toBe(0);
    await closeFile(strict, file.fileId);
  });
});

test("a client lists a folder of 100,000 names, each once, in bounded memory and time", async () => {
  const folder = join(share, "many");
  mkdirSync(folder);
  for (let i = 0; i < 100_000; i++) writeFileSync(join(folder, `entry number ${i}`), "");
  const warm = await openFile(mount, "many");
  await listDirectory(mount, warm.fileId, { pattern: "entry number 1*", outputBufferLength: 65_536 });
  await closeFile(mount, warm.fileId);
  const before = anonymousKib(server);
  const start = performance.now();
  const { fileId } = await openFile(mount, "many");
  const names = new Set(
    (await listDirectory(mount, fileId, { outputBufferLength: 65_536 })).map(({ name }) => name),
  );
  const elapsed = performance.now() - start;
  expect(names.size).toBe(100_002);
  expect(elapsed).toBeLessThan(30_000);
  expect(anonymousKib(server) - before).toBeLessThan(32_768);
  await closeFile(mount, fileId);
  // An open by another case makes the server search all names.
  const found = await openFile(mount, "MANY\\ENTRY NUMBER 99999");
  await closeFile(mount, found.fileId);
  expect(anonymousKib(server) - before).toBeLessThan(65_536);
}, 120_000);
