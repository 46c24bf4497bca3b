// NTFS by ntfs-3g: to Linux, a file of at most one byte that is SYSTEM and not HIDDEN is a FIFO or a socket, and the
// driver cannot set SPARSE_FILE. Clients see neither. [MS-FSCC] 2.6; [MS-FSA] 2.1.5.10.36.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { AT_FDCWD, Open, closeFd, openAt } from "../../../src/linux/open.ts";
import { Scratch } from "../../../src/linux/libc.ts";
import { getXattr } from "../../../src/linux/xattr.ts";
import { CreateDisposition, type CreateRequest } from "../../../src/wire/command/create.ts";
import { FileAttribute } from "../../../src/wire/fscc/attributes.ts";
import { Fsctl } from "../../../src/wire/fscc/fsctl.ts";
import { FileInfoClass } from "../../../src/wire/fscc/info-class.ts";
import { FileGeneric } from "../../../src/wire/security/access.ts";
import { Status } from "../../../src/wire/status.ts";
import { canMakePluggedDisk, makePluggedDisk, type PluggedDisk } from "../../peer/plugged-disk.ts";
import { TESTER, type TestServer } from "../../peer/test-server.ts";
import { readAll, setBasic } from "../client/attribute-calls.ts";
import {
  closeFile,
  createCall,
  deleteCall,
  ioctlCall,
  listDirectory,
  type Mount,
  mountShare,
  openFile,
  readFile,
  setInfoCall,
  writeFile,
} from "../client/raw-files.ts";
import { startServer } from "../client/server.ts";

const { SYSTEM, HIDDEN, ARCHIVE, SPARSE_FILE } = FileAttribute;
const WORDS = Buffer.from("words");
const DISK = "NTFS by FUSE";

describe.skipIf(!canMakePluggedDisk(DISK))(DISK, () => {
  let disk: PluggedDisk;
  let server: TestServer;
  let mount: Mount;
  const at = (name: string): string => join(disk.path, name);

  beforeAll(async () => {
    disk = makePluggedDisk(DISK);
    const shares = [
      { name: "test", path: disk.path },
      { name: "closed", path: disk.path, parameters: { "read only": "yes" } },
    ];
    server = await startServer({ shares });
    mount = await mountShare(server, TESTER, "test");
  });
  afterAll(async () => {
    try {
      mount?.client.close();
      await server?.stop();
    } finally {
      disk?.remove();
    }
  });

  function open(name: string, options: Partial<CreateRequest> = {}) {
    return openFile(mount, name, { desiredAccess: FileGeneric.ALL, ...options });
  }

  async function make(name: string, attributes: number, data?: Uint8Array): Promise<void> {
    const createDisposition = CreateDisposition.CREATE;
    const { fileId } = await open(name, { createDisposition, fileAttributes: attributes });
    if (data !== undefined) await writeFile(mount, fileId, 0, data);
    await closeFile(mount, fileId);
  }

  async function attributesOf(name: string): Promise<number> {
    const { fileId } = await open(name);
    const { attributes } = await readAll(mount, fileId);
    await closeFile(mount, fileId);
    return attributes;
  }

  async function listed(name: string, on = mount): Promise<number | undefined> {
    const { fileId } = await openFile(on, "");
    const entries = await listDirectory(on, fileId);
    await closeFile(on, fileId);
    return entries.find((entry) => entry.name === name)?.stat.attributes;
  }

  /** The attributes that Windows would see. */
  function onDisk(name: string): number {
    const fd = openAt(AT_FDCWD, at(name), Open.PATH);
    const room = new Scratch(4);
    const length = getXattr(fd, "system.ntfs_attrib_be", room);
    closeFd(fd);
    expect(length).toBe(4);
    return room.view.getUint32(0, false);
  }

  /** A file that everybody opens, reads and writes, with these attributes. */
  async function expectUsable(name: string, attributes: number): Promise<void> {
    expect(statSync(at(name)).isFile()).toBe(true);
    expect([await attributesOf(name), await listed(name)]).toEqual([attributes, attributes]);
    const { fileId } = await open(name);
    await writeFile(mount, fileId, 0, WORDS);
    expect(Buffer.from(await readFile(mount, fileId, 0, 5))).toEqual(WORDS);
    await closeFile(mount, fileId);
    expect(readFileSync(at(name), "utf8")).toBe("words");
    // With data in it, Windows sees the attribute, too.
    expect([await attributesOf(name), onDisk(name) & SYSTEM]).toEqual([attributes | ARCHIVE, SYSTEM]);
  }

  async function remove(name: string): Promise<void> {
    const { fileId } = await open(name);
    await mount.client.demand("DELETE", deleteCall(mount, fileId));
    await closeFile(mount, fileId);
    expect(() => statSync(at(name))).toThrow("ENOENT");
  }

  async function sparse(name: string, input: number): Promise<void> {
    const { fileId } = await open(name);
    const call = ioctlCall(mount, Fsctl.SET_SPARSE, Uint8Array.of(input), fileId, 0);
    expect((await mount.client.request(call)).status).toBe(Status.SUCCESS);
    const { attributes } = await readAll(mount, fileId);
    expect((attributes & SPARSE_FILE) !== 0).toBe(input === 1);
    await closeFile(mount, fileId);
  }

  test("an empty file with SYSTEM is made, opened, written and removed", async () => {
    await make("made", SYSTEM);
    await expectUsable("made", SYSTEM | ARCHIVE);
    await remove("made");
  });

  test("an empty file gets SYSTEM by SET_INFO, or when it is overwritten", async () => {
    await make("set", 0);
    const { fileId } = await open("set");
    expect(await setBasic(mount, fileId, { attributes: SYSTEM })).toBe(Status.SUCCESS);
    expect((await readAll(mount, fileId)).attributes).toBe(SYSTEM);
    await closeFile(mount, fileId);
    await expectUsable("set", SYSTEM);
    const createDisposition = CreateDisposition.OVERWRITE;
    const again = await open("set", { createDisposition, fileAttributes: SYSTEM });
    expect((await readAll(mount, again.fileId)).attributes).toBe(SYSTEM | ARCHIVE);
    await closeFile(mount, again.fileId);
    await expectUsable("set", SYSTEM | ARCHIVE);
  });

  test.each([0, 1])("a file with SYSTEM is cut to %d bytes and stays one", async (size) => {
    const name = `cut ${size}`;
    await make(name, SYSTEM, WORDS);
    expect(await attributesOf(name)).toBe(SYSTEM | ARCHIVE);
    expect(onDisk(name) & SYSTEM).toBe(SYSTEM);
    const { fileId } = await open(name);
    const end = new Uint8Array(8);
    end[0] = size;
    await mount.client.demand("EOF", setInfoCall(mount, fileId, FileInfoClass.END_OF_FILE, end));
    expect((await readAll(mount, fileId)).size).toBe(size);
    await closeFile(mount, fileId);
    await expectUsable(name, SYSTEM | ARCHIVE);
  });

  test("an empty file loses HIDDEN and keeps SYSTEM, then loses that", async () => {
    await make("both", HIDDEN | SYSTEM);
    expect(onDisk("both") & (HIDDEN | SYSTEM)).toBe(HIDDEN | SYSTEM);
    for (const attributes of [SYSTEM, ARCHIVE]) {
      const { fileId } = await open("both");
      expect(await setBasic(mount, fileId, { attributes })).toBe(Status.SUCCESS);
      await closeFile(mount, fileId);
      expect([await attributesOf("both"), await listed("both")]).toEqual([attributes, attributes]);
      expect(statSync(at("both")).isFile()).toBe(true);
    }
  });

  test("what others left as a FIFO is listed, opened and removed as a file with SYSTEM", async () => {
    for (const name of ["left", "unused"]) Bun.spawnSync(["mkfifo", at(name)]);
    expect(statSync(at("left")).isFIFO()).toBe(true);
    expect(await listed("left")).toBe(SYSTEM | ARCHIVE);
    await remove("unused");
    expect(await attributesOf("left")).toBe(SYSTEM | ARCHIVE);
    await expectUsable("left", SYSTEM | ARCHIVE);
  });

  test("a read-only share leaves a FIFO as it is and opens no data of it", async () => {
    Bun.spawnSync(["mkfifo", at("pipe")]);
    const closed = await mountShare(server, TESTER, "closed");
    expect((await closed.client.request(createCall(closed, "pipe"))).status).not.toBe(Status.SUCCESS);
    expect(await listed("pipe", closed)).toBe(FileAttribute.REPARSE_POINT);
    closed.client.close();
    expect(statSync(at("pipe")).isFIFO()).toBe(true);
  });

  test("FSCTL_SET_SPARSE sets an attribute that is shown and listed, and clears it", async () => {
    await make("sparse", 0);
    for (const [input, expected] of [
      [1, SPARSE_FILE | ARCHIVE],
      [0, ARCHIVE],
    ] as const) {
      await sparse("sparse", input);
      expect([await attributesOf("sparse"), await listed("sparse")]).toEqual([expected, expected]);
    }
    writeFileSync(at("sparse"), "words");
    await sparse("sparse", 1);
    expect(await attributesOf("sparse")).toBe(SPARSE_FILE | ARCHIVE);
    await sparse("sparse", 0);
    expect(await attributesOf("sparse")).toBe(ARCHIVE);
  });

  test("SPARSE_FILE and SYSTEM of an empty file are kept together", async () => {
    await make("together", SYSTEM);
    const { fileId } = await open("together");
    await mount.client.demand("SET_SPARSE", ioctlCall(mount, Fsctl.SET_SPARSE, Uint8Array.of(1), fileId, 0));
    await closeFile(mount, fileId);
    await expectUsable("together", SYSTEM | SPARSE_FILE | ARCHIVE);
  });
});
