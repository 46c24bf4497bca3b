// CREATE and QUERY_INFO in one compound, as Explorer, Finder and the Linux client ask for a file's facts; [MS-SMB2] 3.3.5.2.7.2.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { CreateDisposition } from "../../../src/wire/command/create.ts";
import { InfoType, decodeQueryInfoResponse } from "../../../src/wire/command/query-info.ts";
import { FILE_ID_ALL_ONES } from "../../../src/wire/file-id.ts";
import { FileInfoClass } from "../../../src/wire/fscc/info-class.ts";
import { HeaderFlag } from "../../../src/wire/header.ts";
import { Status } from "../../../src/wire/status.ts";
import { giveToTester, TESTER, type TestServer } from "../../peer/test-server.ts";
import type { Call } from "../client/raw-calls.ts";
import {
  closeCall,
  createCall,
  type Mount,
  mountShare,
  queryInfoCall,
  READ_WRITE,
  writeCall,
} from "../client/raw-files.ts";
import { startServer } from "../client/server.ts";

let server: TestServer;
let mount: Mount;

beforeAll(async () => {
  server = await startServer();
  mount = await mountShare(server, TESTER, "test");
});
afterAll(async () => {
  mount.client.close();
  await server.stop();
});

function at(name: string): string {
  return join(server.shares.get("test") ?? "", name);
}

function makeFile(name: string, size: number): void {
  writeFileSync(at(name), new Uint8Array(size));
  giveToTester(at(name));
}

const query = (): Call => queryInfoCall(mount, FILE_ID_ALL_ONES, InfoType.FILE, FileInfoClass.STANDARD);
const close = (): Call => closeCall(mount, FILE_ID_ALL_ONES);

/** Runs calls as one related compound. Returns EndOfFile of each QUERY_INFO of FileStandardInformation. */
async function sizesIn(calls: readonly Call[]): Promise<number[]> {
  const related = calls.map((call, index) =>
    index === 0 ? call : { ...call, flags: HeaderFlag.RELATED_OPERATIONS },
  );
  const replies = await Promise.all(mount.client.compound(related));
  expect(replies.map(({ status }) => status)).toEqual(calls.map(() => Status.SUCCESS));
  return replies
    .filter((_, index) => calls[index]?.command === query().command)
    .map(({ message }) => {
      const { buffer } = decodeQueryInfoResponse(message);
      return Number(new DataView(buffer.buffer, buffer.byteOffset).getBigUint64(8, true));
    });
}

test("QUERY_INFO behind CREATE tells the size that CREATE found", async () => {
  makeFile("plain", 1234);
  expect(await sizesIn([createCall(mount, "plain"), query(), query(), close()])).toEqual([1234, 1234]);
});

test("QUERY_INFO behind CREATE and WRITE tells the size after the WRITE", async () => {
  makeFile("written", 10);
  const create = createCall(mount, "written", { desiredAccess: READ_WRITE });
  const write = writeCall(mount, FILE_ID_ALL_ONES, 0, new Uint8Array(5000));
  expect(await sizesIn([create, query(), write, query(), close()])).toEqual([10, 5000]);
  makeFile("written2", 10);
  const second = createCall(mount, "written2", { desiredAccess: READ_WRITE });
  expect(await sizesIn([second, write, query(), close()])).toEqual([5000]);
});

test("QUERY_INFO behind a CREATE that overwrites, or makes, tells 0", async () => {
  makeFile("overwritten", 99);
  for (const name of ["overwritten", "new"]) {
    const createDisposition = CreateDisposition.OVERWRITE_IF;
    const create = createCall(mount, name, { desiredAccess: READ_WRITE, createDisposition });
    expect(await sizesIn([create, query(), close()])).toEqual([0]);
  }
});

test("QUERY_INFO behind a second CREATE tells of the second file", async () => {
  makeFile("one", 1);
  makeFile("two", 2);
  const calls = [createCall(mount, "one"), createCall(mount, "two"), query(), close()];
  expect(await sizesIn(calls)).toEqual([2]);
});

test("QUERY_INFO in a later compound tells what the file has become since", async () => {
  makeFile("growing", 7);
  expect(await sizesIn([createCall(mount, "growing"), query(), close()])).toEqual([7]);
  makeFile("growing", 70);
  expect(await sizesIn([createCall(mount, "growing"), query(), close()])).toEqual([70]);
});
