// Disks without extended attributes, and disks with attributes of their own: what a client stores beside the
// data reads back, moves and is removed with its file and directory, and disturbs no request. [MS-FSCC] 2.6,
// 2.4.15; [MS-FSA] 2.1.5.1.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { closeSync, existsSync, openSync, readdirSync, rmSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { Access } from "../../../src/wire/security/access.ts";
import { CreateDisposition, CreateOption } from "../../../src/wire/command/create.ts";
import type { FileId } from "../../../src/wire/file-id.ts";
import { FileAttribute } from "../../../src/wire/fscc/attributes.ts";
import { Status } from "../../../src/wire/status.ts";
import {
  canMakePluggedDisk,
  makePluggedDisk,
  PLUGGED_KINDS,
  type PluggedDisk,
} from "../../peer/plugged-disk.ts";
import { TESTER, type TestServer } from "../../peer/test-server.ts";
import {
  attributeList,
  readAll,
  readAttributes,
  setAttributes,
  setBasic,
} from "../client/attribute-calls.ts";
import {
  closeFile,
  createCall,
  deleteCall,
  linkCall,
  listDirectory,
  type Mount,
  mountShare,
  openFile,
  renameCall,
} from "../client/raw-files.ts";
import { startServer } from "../client/server.ts";
import { demandSmbclient } from "../client/smbclient.ts";

const HIDDEN_SYSTEM = FileAttribute.HIDDEN | FileAttribute.SYSTEM | FileAttribute.ARCHIVE;
const EVERYTHING = { desiredAccess: Access.MAXIMUM_ALLOWED };
const OPENED = { ...EVERYTHING, createDisposition: CreateDisposition.OPEN };
const DIRECTORY = { ...EVERYTHING, createOptions: CreateOption.DIRECTORY_FILE };

async function makeFile(mount: Mount, name: string): Promise<FileId> {
  return (await openFile(mount, name, { ...EVERYTHING, createDisposition: CreateDisposition.CREATE })).fileId;
}

async function makeFolder(mount: Mount, name: string): Promise<FileId> {
  return (await openFile(mount, name, { ...DIRECTORY, createDisposition: CreateDisposition.CREATE })).fileId;
}

/** Writes to the file until the disk is full. */
function fillDisk(path: string): void {
  const file = openSync(path, "w");
  for (let bytes = 1_048_576; bytes >= 512; bytes /= 2) {
    try {
      for (;;) if (writeSync(file, new Uint8Array(bytes)) < bytes) break;
    } catch {
      // Too little room: half as much may fit.
    }
  }
  closeSync(file);
}

for (const kind of PLUGGED_KINDS) {
  describe.skipIf(!canMakePluggedDisk(kind))(kind, () => {
    let disk: PluggedDisk;
    let server: TestServer;

    beforeAll(async () => {
      disk = makePluggedDisk(kind);
      server = await startServer({ shares: [{ name: "test", path: disk.path }] });
    });
    afterAll(async () => {
      try {
        await server?.stop();
      } finally {
        disk?.remove();
      }
    });

    async function onShare(action: (mount: Mount) => Promise<void>): Promise<void> {
      const mount = await mountShare(server, TESTER, "test");
      try {
        await action(mount);
      } finally {
        mount.client.close();
      }
    }

    /** Makes a file with DOS attributes and an extended attribute that contains its name. */
    async function make(mount: Mount, name: string): Promise<void> {
      const fileId = await makeFile(mount, name);
      expect(await setBasic(mount, fileId, { attributes: HIDDEN_SYSTEM })).toBe(Status.SUCCESS);
      expect(await setAttributes(mount, fileId, attributeList({ NOTE: `of ${name}` }))).toBe(Status.SUCCESS);
      await closeFile(mount, fileId);
    }

    async function expectKept(mount: Mount, name: string, note: string): Promise<void> {
      const { fileId } = await openFile(mount, name, EVERYTHING);
      const all = await readAll(mount, fileId);
      expect(all.attributes).toBe(HIDDEN_SYSTEM);
      expect(await readAttributes(mount, fileId)).toEqual({ NOTE: note });
      await closeFile(mount, fileId);
    }

    async function names(mount: Mount, folder: string): Promise<string[]> {
      const { fileId } = await openFile(mount, folder, DIRECTORY);
      const entries = await listDirectory(mount, fileId);
      await closeFile(mount, fileId);
      return entries.map(({ name }) => name).sort();
    }

    async function move(mount: Mount, name: string, to: string, replaces: boolean): Promise<void> {
      const { fileId } = await openFile(mount, name, EVERYTHING);
      expect((await mount.client.request(renameCall(mount, fileId, to, replaces))).status).toBe(0);
      await closeFile(mount, fileId);
    }

    async function remove(mount: Mount, name: string): Promise<number> {
      const { fileId } = await openFile(mount, name, EVERYTHING);
      const { status } = await mount.client.request(deleteCall(mount, fileId));
      await closeFile(mount, fileId);
      return status;
    }

    test("DOS and extended attributes follow a file that is renamed, moved, replaced or removed", async () => {
      await onShare(async (mount) => {
        await closeFile(mount, await makeFolder(mount, "a"));
        await closeFile(mount, await makeFolder(mount, "b"));
        await make(mount, "a\\one");
        await expectKept(mount, "a\\one", "of a\\one");
        await expectKept(mount, "A\\ONE", "of a\\one");
        await move(mount, "a\\one", "a\\two", false);
        await move(mount, "a\\two", "b\\two", false);
        await make(mount, "b\\three");
        await move(mount, "b\\two", "b\\three", true);
        await expectKept(mount, "b\\three", "of a\\one");
        await move(mount, "b\\three", "b\\THREE", false);
        await expectKept(mount, "b\\three", "of a\\one");
        expect(await names(mount, "b")).toEqual([".", "..", "THREE"]);
        expect(await remove(mount, "b\\THREE")).toBe(Status.SUCCESS);
        const fileId = await makeFile(mount, "b\\three");
        expect((await readAll(mount, fileId)).attributes).toBe(FileAttribute.ARCHIVE);
        expect(await readAttributes(mount, fileId)).toBe(Status.NO_EAS_ON_FILE);
        await closeFile(mount, fileId);
        for (const name of ["b\\three", "a", "b"]) expect(await remove(mount, name)).toBe(Status.SUCCESS);
      });
      expect(readdirSync(disk.path)).toEqual([]);
    });

    test("a directory that another program moves or copies keeps its attributes and its files'", async () => {
      await onShare(async (mount) => {
        const folder = await makeFolder(mount, "tree");
        expect(await setBasic(mount, folder, { attributes: FileAttribute.HIDDEN })).toBe(Status.SUCCESS);
        await closeFile(mount, folder);
        await make(mount, "tree\\file");
        Bun.spawnSync(["mv", join(disk.path, "tree"), join(disk.path, "moved")]);
        await expectKept(mount, "moved\\file", "of tree\\file");
        const { fileId } = await openFile(mount, "moved", DIRECTORY);
        const { attributes } = await readAll(mount, fileId);
        // The NTFS driver sets ARCHIVE on directories that change.
        const said = attributes & ~FileAttribute.ARCHIVE;
        expect(said).toBe(FileAttribute.HIDDEN | FileAttribute.DIRECTORY);
        await closeFile(mount, fileId);
        if (kind !== "NTFS by FUSE") {
          // `cp` copies the sidecar, which lies in the directory.
          Bun.spawnSync(["cp", "-a", join(disk.path, "moved"), join(disk.path, "copy")]);
          await expectKept(mount, "copy\\file", "of tree\\file");
          expect(await remove(mount, "copy\\file")).toBe(Status.SUCCESS);
          expect(await remove(mount, "copy")).toBe(Status.SUCCESS);
        }
        expect(await remove(mount, "moved")).toBe(Status.DIRECTORY_NOT_EMPTY);
        expect(await remove(mount, "moved\\file")).toBe(Status.SUCCESS);
        expect(await remove(mount, "moved")).toBe(Status.SUCCESS);
      });
      expect(readdirSync(disk.path)).toEqual([]);
    });

    test("a renamed file keeps the attributes that are set through a handle from before the rename", async () => {
      await onShare(async (mount) => {
        const fileId = await makeFile(mount, "before");
        expect((await mount.client.request(renameCall(mount, fileId, "after", false))).status).toBe(0);
        expect(await setBasic(mount, fileId, { attributes: HIDDEN_SYSTEM })).toBe(Status.SUCCESS);
        expect(await setAttributes(mount, fileId, attributeList({ NOTE: "late" }))).toBe(Status.SUCCESS);
        await closeFile(mount, fileId);
        await expectKept(mount, "after", "late");
        expect(await remove(mount, "after")).toBe(Status.SUCCESS);
      });
    });

    test("a hard link is made, or fails with STATUS_NOT_SUPPORTED on exFAT, so that programs copy instead", async () => {
      await onShare(async (mount) => {
        const fileId = await makeFile(mount, "first");
        const { status } = await mount.client.request(linkCall(mount, fileId, "second", false));
        expect(status).toBe(kind === "exFAT by FUSE" ? Status.NOT_SUPPORTED : Status.SUCCESS);
        await closeFile(mount, fileId);
        expect(await remove(mount, "first")).toBe(Status.SUCCESS);
        if (status === Status.SUCCESS) expect(await remove(mount, "second")).toBe(Status.SUCCESS);
      });
    });

    test("a client cannot see, open or make the sidecar under any spelling", async () => {
      await onShare(async (mount) => {
        await make(mount, "file");
        const spellings = [
          ".minismbd",
          ".MiniSMBd",
          "MINISM~1",
          ".minismbd\uf029",
          ".minismbd::$INDEX_ALLOCATION",
        ];
        for (const spelling of spellings) {
          for (const name of [spelling, `${spelling}\\file.values`]) {
            const { status } = await mount.client.request(createCall(mount, name, OPENED));
            expect([name, status]).not.toEqual([name, Status.SUCCESS]);
          }
        }
        expect(await names(mount, "")).toEqual([".", "..", "file"]);
        expect(await remove(mount, "file")).toBe(Status.SUCCESS);
      });
    });

    test("requests succeed when the sidecar is damaged or a file is in its place", async () => {
      await onShare(async (mount) => {
        await make(mount, "file");
        const entry = join(disk.path, ".minismbd", "file.values");
        expect(existsSync(entry)).toBe(kind !== "NTFS by FUSE");
        if (existsSync(entry)) {
          writeFileSync(entry, "garbage");
          const { fileId } = await openFile(mount, "file", EVERYTHING);
          expect((await readAll(mount, fileId)).attributes).toBe(FileAttribute.ARCHIVE);
          await closeFile(mount, fileId);
          rmSync(join(disk.path, ".minismbd"), { recursive: true });
          writeFileSync(join(disk.path, ".minismbd"), "no directory");
          const again = await openFile(mount, "file", EVERYTHING);
          expect(await setBasic(mount, again.fileId, { attributes: HIDDEN_SYSTEM })).toBe(Status.SUCCESS);
          expect((await readAll(mount, again.fileId)).attributes).toBe(HIDDEN_SYSTEM);
          await closeFile(mount, again.fileId);
        }
        expect(await remove(mount, "file")).toBe(Status.SUCCESS);
      });
      expect(readdirSync(disk.path)).toEqual([]);
    });

    test("setting attributes on a full or read-only disk fails and leaves the stored ones", async () => {
      await onShare(async (mount) => {
        await make(mount, "file");
        // No access to the data: a file open for writing would prevent the remount of the disk as read-only.
        const { fileId } = await openFile(mount, "file", {
          desiredAccess: Access.READ_ATTRIBUTES | Access.WRITE_ATTRIBUTES | Access.READ_EA | Access.WRITE_EA,
        });
        const large = attributeList({ LARGE: "x".repeat(60_000) });
        if (kind === "exFAT by FUSE") {
          fillDisk(join(disk.path, "filler"));
          expect(await setAttributes(mount, fileId, large)).toBe(Status.DISK_FULL);
          rmSync(join(disk.path, "filler"));
        }
        if (kind === "ramfs") {
          Bun.spawnSync(["mount", "-o", "remount,ro", disk.path]);
          const hidden = { attributes: FileAttribute.HIDDEN };
          expect(await setBasic(mount, fileId, hidden)).toBe(Status.MEDIA_WRITE_PROTECTED);
          expect(await setAttributes(mount, fileId, large)).toBe(Status.MEDIA_WRITE_PROTECTED);
          Bun.spawnSync(["mount", "-o", "remount,rw", disk.path]);
        }
        await closeFile(mount, fileId);
        await expectKept(mount, "file", "of file");
        expect(await remove(mount, "file")).toBe(Status.SUCCESS);
      });
      expect(readdirSync(disk.path)).toEqual([]);
    });

    test("smbclient sets and shows attributes, streams and times", async () => {
      writeFileSync(join(server.directory, "data"), "data");
      const inPlace = { cwd: server.directory };
      await demandSmbclient(server, ["put data one", "mkdir dir", "setmode dir +s"], inPlace);
      await demandSmbclient(server, ["put data one:stream", "setmode one +hr"], inPlace);
      const listing = await demandSmbclient(server, ["ls"]);
      expect(listing).toMatch(/ one +AHR +4 /);
      expect(listing).toMatch(/ dir +DS +0 /);
      expect(await demandSmbclient(server, ["allinfo one"])).toContain("[:stream:$DATA], 4 bytes");
      await demandSmbclient(server, ["utimes one 2015:03:04-05:06:08 -1 2016:07:08-09:10:12 -1"]);
      const info = await demandSmbclient(server, ["allinfo one"]);
      expect(info).toMatch(/create_time: +\w+ Mar +4 05:06:08 2015/);
      expect(info).toMatch(/write_time: +\w+ Jul +8 09:10:12 2016/);
      await demandSmbclient(server, ["setmode one -r", "deltree one", "rmdir dir"]);
      expect(readdirSync(disk.path)).toEqual([]);
    });
  });
}
