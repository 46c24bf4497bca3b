// What libraries of macOS' programs ask of a server beside reading and writing: SQLite's locks, which on smbfs are
// bytes that are locked exclusively, flock(2) of whole files, files that are renamed while they are open, and the
// trash. afpLock of SQLite's os_unix.c, smbfs_vnop_advlock of Apple's published SMBClient sources.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { CreateDisposition, CreateOption } from "../../../src/wire/command/create.ts";
import { LockFlag } from "../../../src/wire/command/lock.ts";
import { FILE_ID_ALL_ONES, type FileId } from "../../../src/wire/file-id.ts";
import { Access } from "../../../src/wire/security/access.ts";
import { Status } from "../../../src/wire/status.ts";
import type { TestServer } from "../../peer/test-server.ts";
import {
  key,
  leaseAck,
  leaseV2,
  leasingClient,
  nextLeaseBreak,
  openLeased,
  RWH,
} from "../client/lease-rig.ts";
import { EXCLUSIVE_NOW, lockOne } from "../client/lock-calls.ts";
import {
  closeFile,
  deleteCall,
  type Mount,
  openFile,
  READ_WRITE,
  readCall,
  readFile,
  writeFile,
} from "../client/raw-files.ts";
import { MAC_QUERY, mountAsMac, startForMacs } from "./mac.ts";
import { MacFiles, statusesOf } from "./mac-files.ts";

/** SQLite's bytes: who wants to write next, who will write, and those of which each reader locks one. */
const [PENDING, RESERVED, FIRST, SHARED] = [0x4000_0000, 0x4000_0001, 0x4000_0002, 510];

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

/** A database that a Mac has open. */
class Database {
  private readonly mount: Mount;
  private readonly fileId: FileId;
  private readonly sharedByte: number;

  constructor(mount: Mount, fileId: FileId, sharedByte: number) {
    this.mount = mount;
    this.fileId = fileId;
    this.sharedByte = FIRST + sharedByte;
  }

  static async open(mount: Mount, name: string, sharedByte: number): Promise<Database> {
    const options = { desiredAccess: READ_WRITE, createDisposition: CreateDisposition.OPEN_IF };
    return new Database(mount, (await openFile(mount, name, options)).fileId, sharedByte);
  }

  private async lock(offset: number, length = 1): Promise<boolean> {
    const status = await this.mount.client.outcome(
      lockOne(this.mount, this.fileId, offset, length, EXCLUSIVE_NOW),
    );
    if (status !== Status.SUCCESS) expect(status).toBe(Status.LOCK_NOT_GRANTED);
    return status === Status.SUCCESS;
  }

  private async unlock(offset: number, length = 1): Promise<void> {
    const call = lockOne(this.mount, this.fileId, offset, length, LockFlag.UNLOCK);
    expect(await this.mount.client.outcome(call)).toBe(Status.SUCCESS);
  }

  async startReading(): Promise<boolean> {
    if (!(await this.lock(PENDING))) return false;
    const isShared = await this.lock(this.sharedByte);
    await this.unlock(PENDING);
    return isShared;
  }

  stopReading(): Promise<void> {
    return this.unlock(this.sharedByte);
  }

  reserve(): Promise<boolean> {
    return this.lock(RESERVED);
  }

  /** From reading and reserved. Readers that are left keep it from writing, and no new one begins. */
  async startWriting(): Promise<boolean> {
    if (!(await this.lock(PENDING))) return false;
    await this.unlock(this.sharedByte);
    if (await this.lock(FIRST, SHARED)) return true;
    expect(await this.lock(this.sharedByte)).toBe(true);
    await this.unlock(PENDING);
    return false;
  }

  async stopWriting(): Promise<void> {
    await this.unlock(FIRST, SHARED);
    await this.unlock(RESERVED);
    await this.unlock(PENDING);
  }

  write(page: number, data: Uint8Array): Promise<number> {
    return writeFile(this.mount, this.fileId, page * 4096, data);
  }

  read(page: number): Promise<Uint8Array> {
    return readFile(this.mount, this.fileId, page * 4096, 4096);
  }

  close(): Promise<void> {
    return closeFile(this.mount, this.fileId);
  }
}

test("two Macs read a database at once, and one writes it when the other has stopped", async () => {
  const library = "Photos Library.photoslibrary";
  for (const folder of [library, `${library}\\database`]) await files.makeFolder(folder);
  const name = `${library}\\database\\Photos.sqlite`;
  const [mine, theirs] = [await Database.open(mac, name, 17), await Database.open(other, name, 400)];
  expect(await mine.startReading()).toBe(true);
  expect(await theirs.startReading()).toBe(true);
  expect(await mine.reserve()).toBe(true);
  expect(await theirs.reserve()).toBe(false);
  expect(await mine.startWriting()).toBe(false);
  await theirs.stopReading();
  expect(await mine.startWriting()).toBe(true);
  expect(await theirs.startReading()).toBe(false);
  for (const suffix of ["-wal", "-shm", "-journal"]) await files.write(`${name}${suffix}`, "pages");
  await mine.write(0, new Uint8Array(4096).fill(0x51));
  await files.remove(`${name}-journal`);
  await mine.stopWriting();
  expect(await theirs.startReading()).toBe(true);
  expect(await theirs.read(0)).toEqual(new Uint8Array(4096).fill(0x51));
  await theirs.stopReading();
  // A Mac that goes without a word leaves no lock behind.
  expect(await mine.startReading()).toBe(true);
  await mine.close();
  await theirs.close();
});

test("flock of a whole file keeps another Mac from reading until it is undone, up to the last byte of 64 bits", async () => {
  await files.write("whole.lock", "text");
  const { fileId } = await openFile(mac, "whole.lock", { desiredAccess: READ_WRITE });
  const { fileId: theirs } = await openFile(other, "whole.lock", { desiredAccess: Access.READ_DATA });
  const read = () => other.client.outcome(readCall(other, theirs, 0, 4));
  // What macOS asks for, and what it asks for where a server refuses that.
  for (const length of [0xffff_ffff_ffff_ffffn, 0x0fff_ffff_ffff_ffffn]) {
    expect(await mac.client.outcome(lockOne(mac, fileId, 0n, length, EXCLUSIVE_NOW))).toBe(Status.SUCCESS);
    expect(await read()).toBe(Status.FILE_LOCK_CONFLICT);
    expect(await mac.client.outcome(lockOne(mac, fileId, 0n, length, LockFlag.UNLOCK))).toBe(Status.SUCCESS);
    expect(await read()).toBe(Status.SUCCESS);
  }
  for (const [offset, length] of [
    [0x8000_0000_0000_0000n, 5n],
    [0xffff_ffff_ffff_ffffn, 1n],
  ] as const) {
    expect(await mac.client.outcome(lockOne(mac, fileId, offset, length, EXCLUSIVE_NOW))).toBe(
      Status.SUCCESS,
    );
    const again = lockOne(other, theirs, offset, length, EXCLUSIVE_NOW);
    expect(await other.client.outcome(again)).toBe(Status.LOCK_NOT_GRANTED);
  }
  await closeFile(mac, fileId);
  await closeFile(other, theirs);
});

test("a Mac renames a file that it keeps open: it is asked for the lease, and the handle stays", async () => {
  await files.write("open.txt", "before");
  const opened = await openLeased(mac, "open.txt", leaseV2(0x31, RWH), { desiredAccess: READ_WRITE });
  const renamed = files.rename("open.txt", "renamed.txt").then(() => undefined);
  // One break for the open and, but from smbd, one for the rename; [MS-FSA] 2.1.5.15.11.
  let breaks = 0;
  for (;;) {
    const broken = await Promise.race([renamed, nextLeaseBreak(mac)]);
    if (broken === undefined) break;
    expect(broken.leaseKey).toEqual(key(0x31));
    await mac.client.request(leaseAck(mac, key(0x31), broken.newLeaseState));
    breaks++;
  }
  await renamed;
  expect(breaks).toBeGreaterThan(0);
  await writeFile(mac, opened.fileId, 0, new Uint8Array(Buffer.from("after!")));
  await closeFile(mac, opened.fileId);
  expect(readFileSync(at("renamed.txt"), "latin1")).toBe("after!");
  expect(existsSync(at("open.txt"))).toBe(false);
});

test("what a Mac moves to the trash comes back, and the trash is emptied folder by folder", async () => {
  await files.makeFolder("kept");
  await files.makeFolder("kept\\inner");
  await files.write("kept\\inner\\.DS_Store", "presets");
  await files.write("kept\\inner\\a.txt", "a");
  for (const folder of [".Trashes", ".Trashes\\501"]) await files.makeFolder(folder);
  await files.rename("kept", ".Trashes\\501\\kept");
  expect(await files.list(".Trashes\\501")).toEqual(["kept"]);
  await files.rename(".Trashes\\501\\kept", "kept");
  expect(await files.read("kept\\inner\\a.txt")).toBe("a");
  await files.rename("kept", ".Trashes\\501\\kept 12.30.15");
  const top = ".Trashes\\501\\kept 12.30.15";
  const options = {
    desiredAccess: Access.READ_ATTRIBUTES | Access.DELETE | Access.SYNCHRONIZE,
    createOptions: CreateOption.DIRECTORY_FILE,
  };
  const tooEarly = await files.chain(`${top}\\inner`, options, deleteCall(mac, FILE_ID_ALL_ONES));
  expect(statusesOf(tooEarly)).toEqual(["SUCCESS", "DIRECTORY_NOT_EMPTY", "SUCCESS"]);
  for (const name of [
    `${top}\\inner\\a.txt`,
    `${top}\\inner\\.DS_Store`,
    `${top}\\inner`,
    top,
    ".Trashes\\501",
    ".Trashes",
  ])
    await files.remove(name);
  expect(existsSync(at(".Trashes"))).toBe(false);
});
