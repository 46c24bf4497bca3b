// Rules of CREATE and of changes to files that gentest found to be missing.
// [MS-SMB2] 2.2.13, 3.3.5.9, 3.3.5.12; [MS-FSA] 2.1.4.17, 2.1.5.1, 2.1.5.1.2.1, 2.1.5.12.27.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { Access, FileGeneric } from "../../../src/wire/security/access.ts";
import { decodeBufferResponse } from "../../../src/wire/command/buffer-response.ts";
import { CreateDisposition, CreateOption, type CreateRequest } from "../../../src/wire/command/create.ts";
import { Writer } from "../../../src/wire/cursor.ts";
import type { FileId } from "../../../src/wire/file-id.ts";
import { FileAttribute } from "../../../src/wire/fscc/attributes.ts";
import {
  type AllInformation,
  type BasicChange,
  decodeAllInformation,
  encodeBasicChange,
} from "../../../src/wire/fscc/file-information.ts";
import { FileInfoClass } from "../../../src/wire/fscc/info-class.ts";
import { InfoType } from "../../../src/wire/command/query-info.ts";
import { ReadRequestOffset } from "../../../src/wire/command/read.ts";
import { Status } from "../../../src/wire/status.ts";
import type { TestServer } from "../../peer/test-server.ts";
import { mountTest } from "../client/attack-rig.ts";
import {
  closeFile,
  createCall,
  deleteCall,
  type Mount,
  openFile,
  queryInfoCall,
  readCall,
  setInfoCall,
  writeFile,
} from "../client/raw-files.ts";
import { startServer } from "../client/server.ts";

let server: TestServer;
let mount: Mount;
beforeAll(async () => {
  server = await startServer();
  mount = await mountTest(server);
});
afterAll(async () => {
  mount.client.close();
  await server.stop();
});

const LONG_AGO = { seconds: 1_000_000_000, nanoseconds: 0 };
const BYTES = new Uint8Array(100).fill(7);

async function statusOfCreate(name: string, options: Partial<CreateRequest>): Promise<number> {
  return (await mount.client.request(createCall(mount, name, options))).status;
}

async function create(name: string, options: Partial<CreateRequest> = {}): Promise<FileId> {
  const opened = await openFile(mount, name, {
    desiredAccess: FileGeneric.ALL,
    createDisposition: CreateDisposition.CREATE,
    ...options,
  });
  return opened.fileId;
}

async function query(fileId: FileId): Promise<AllInformation> {
  const call = queryInfoCall(mount, fileId, InfoType.FILE, FileInfoClass.ALL);
  return decodeAllInformation(
    decodeBufferResponse((await mount.client.demand("QUERY_INFO", call)).message).buffer,
  );
}

async function setBasic(fileId: FileId, change: Partial<BasicChange>): Promise<void> {
  const writer = new Writer(new Uint8Array(64));
  encodeBasicChange(writer, {
    birth: undefined,
    access: undefined,
    modify: undefined,
    change: undefined,
    attributes: 0,
    ...change,
  });
  const buffer = writer.bytes.slice(0, writer.position);
  await mount.client.demand("SET_INFO", setInfoCall(mount, fileId, FileInfoClass.BASIC, buffer));
}

describe("CREATE", () => {
  test("delete-on-close needs DELETE in DesiredAccess; MAXIMUM_ALLOWED alone is refused", async () => {
    const options = {
      createDisposition: CreateDisposition.OPEN_IF,
      createOptions: CreateOption.DELETE_ON_CLOSE,
    };
    const most = { ...options, desiredAccess: Access.MAXIMUM_ALLOWED };
    expect(await statusOfCreate("gone", most)).toBe(Status.INVALID_PARAMETER);
    const named = { ...options, desiredAccess: Access.MAXIMUM_ALLOWED | Access.DELETE };
    expect(await statusOfCreate("gone", named)).toBe(Status.SUCCESS);
  });

  test("a CREATE of a directory with TEMPORARY gets STATUS_INVALID_PARAMETER", async () => {
    const options = {
      createDisposition: CreateDisposition.CREATE,
      createOptions: CreateOption.DIRECTORY_FILE,
      fileAttributes: FileAttribute.TEMPORARY,
    };
    expect(await statusOfCreate("temporary", options)).toBe(Status.INVALID_PARAMETER);
    expect(await statusOfCreate("temporary", { ...options, fileAttributes: 0 })).toBe(Status.SUCCESS);
  });

  test("CREATE ignores both synchronous I/O options", async () => {
    const both = CreateOption.SYNCHRONOUS_IO_ALERT | CreateOption.SYNCHRONOUS_IO_NONALERT;
    const options = { createDisposition: CreateDisposition.CREATE, createOptions: both };
    expect(await statusOfCreate("synchronous", options)).toBe(Status.SUCCESS);
  });

  test("an unsupported option with an unknown one gets STATUS_NOT_SUPPORTED", async () => {
    const createOptions = CreateOption.OPEN_BY_FILE_ID | 0x0100_0000;
    expect(await statusOfCreate("nothing", { createOptions })).toBe(Status.NOT_SUPPORTED);
  });

  test("MAXIMUM_ALLOWED of a READONLY file lacks write, append and delete-child access", async () => {
    await closeFile(mount, await create("fixed", { fileAttributes: FileAttribute.READONLY }));
    const { fileId } = await openFile(mount, "fixed", { desiredAccess: Access.MAXIMUM_ALLOWED });
    const refused = Access.WRITE_DATA | Access.APPEND_DATA | Access.DELETE_CHILD;
    expect((await query(fileId)).accessFlags).toBe(FileGeneric.ALL & ~refused);
  });
});

describe("a change of data", () => {
  test("sets ARCHIVE; a write of 0 bytes does not", async () => {
    const file = await create("archived");
    await setBasic(file, { attributes: FileAttribute.NORMAL });
    expect((await query(file)).attributes & FileAttribute.ARCHIVE).toBe(0);
    await writeFile(mount, file, 0, new Uint8Array(0));
    expect((await query(file)).attributes & FileAttribute.ARCHIVE).toBe(0);
    await writeFile(mount, file, 0, BYTES);
    expect((await query(file)).attributes & FileAttribute.ARCHIVE).toBe(FileAttribute.ARCHIVE);
  });

  test("keeps the modification time set through the same open until the client resumes updates", async () => {
    const file = await create("dated");
    await setBasic(file, { modify: LONG_AGO });
    await writeFile(mount, file, 0, BYTES);
    expect((await query(file)).modifySeconds).toBe(LONG_AGO.seconds);
    await setBasic(file, { modify: "resume" });
    await writeFile(mount, file, 0, BYTES);
    expect((await query(file)).modifySeconds).toBeGreaterThan(LONG_AGO.seconds);
  });

  test("through another open sets the modification time", async () => {
    const file = await create("dated by another");
    await setBasic(file, { modify: LONG_AGO });
    const { fileId } = await openFile(mount, "dated by another", { desiredAccess: Access.WRITE_DATA });
    await writeFile(mount, fileId, 0, BYTES);
    expect((await query(file)).modifySeconds).toBeGreaterThan(LONG_AGO.seconds);
  });

  test("keeps a modification time whose updates the client stopped", async () => {
    const file = await create("stopped");
    await setBasic(file, { modify: LONG_AGO });
    await setBasic(file, { modify: "resume" });
    await setBasic(file, { modify: "stop" });
    await writeFile(mount, file, 0, BYTES);
    expect((await query(file)).modifySeconds).toBe(LONG_AGO.seconds);
  });
});

describe("FileAllInformation", () => {
  test("a READ moves the position, even one that fails MinimumCount; a WRITE does not", async () => {
    const file = await create("position");
    await writeFile(mount, file, 0, BYTES);
    expect((await query(file)).position).toBe(0);
    const call = readCall(mount, file, 40, 100);
    const edit = (_bytes: Uint8Array, view: DataView): void =>
      view.setUint32(ReadRequestOffset.MINIMUM_COUNT, 80, true);
    expect((await mount.client.request({ ...call, edit })).status).toBe(Status.END_OF_FILE);
    expect((await query(file)).position).toBe(100);
  });

  test("a directory with a pending deletion has 0 links", async () => {
    const directory = await create("empty", { createOptions: CreateOption.DIRECTORY_FILE });
    expect((await query(directory)).links).toBe(1);
    await mount.client.demand("SET_INFO", deleteCall(mount, directory));
    expect((await query(directory)).links).toBe(0);
  });
});
