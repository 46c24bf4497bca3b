// How programs of macOS save and copy, step by step as smbfs sends it: documents are replaced by renames and keep
// tags and resource forks, libraries lock their databases, folders are copied with all that belongs to them. On a
// disk of Linux and on exFAT, where tags and forks are in the sidecar.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { randomBytes } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { CreateDisposition, CreateOption, type CreateRequest } from "../../../src/wire/command/create.ts";
import { LockFlag } from "../../../src/wire/command/lock.ts";
import type { FileId } from "../../../src/wire/file-id.ts";
import { Access } from "../../../src/wire/security/access.ts";
import { Status } from "../../../src/wire/status.ts";
import { canMakePluggedDisk, makePluggedDisk, type PluggedDisk } from "../../peer/plugged-disk.ts";
import type { TestServer } from "../../peer/test-server.ts";
import { leasingClient, leaseV2, openLeased, RWH } from "../client/lease-rig.ts";
import { EXCLUSIVE_NOW, lockOne, SHARED_NOW } from "../client/lock-calls.ts";
import {
  closeFile,
  createCall,
  type Mount,
  openFile,
  READ_WRITE,
  readFile,
  writeFile,
} from "../client/raw-files.ts";
import { startServer } from "../client/server.ts";
import { afpInfo, MAC_QUERY, mountAsMac, TAGS_ATTRIBUTE } from "./mac.ts";
import { MacFiles } from "./mac-files.ts";

const RED = "bplist00\u00a1\u0001URed\n6";
const FINDER = Buffer.from(afpInfo("TEXTttxt")).toString("latin1");

let disk: PluggedDisk | undefined;
let server: TestServer;
beforeAll(async () => {
  disk = canMakePluggedDisk("exFAT by FUSE") ? makePluggedDisk("exFAT by FUSE") : undefined;
  const shares = [{ name: "linux" }, ...(disk === undefined ? [] : [{ name: "exfat", path: disk.path }])];
  server = await startServer({ shares });
});
afterAll(async () => {
  await server?.stop();
  disk?.remove();
});

const randomKey = (): number => randomBytes(1)[0] ?? 7;

function mountMac(share: string): Promise<Mount> {
  return mountAsMac(server, share, MAC_QUERY, leasingClient());
}

describe.each(["linux", "exfat"])("on %s", (share) => {
  const canRun = share === "linux" || canMakePluggedDisk("exFAT by FUSE");
  let mac: Mount;
  let files: MacFiles;
  beforeAll(async () => {
    if (!canRun) return;
    mac = await mountMac(share);
    files = new MacFiles(mac);
  });
  afterAll(() => mac?.client.close());

  /** A document with tags, type and creator, and a resource fork. */
  async function makeDocument(name: string, text: string): Promise<void> {
    await files.write(name, text);
    await files.setAttribute(name, TAGS_ATTRIBUTE, RED);
    await files.setAttribute(name, "AFP_AfpInfo", afpInfo("TEXTttxt"));
    await files.setAttribute(name, "AFP_Resource", `fork of ${text}`);
  }

  async function expectDocument(name: string, text: string): Promise<void> {
    expect(await files.read(name)).toBe(text);
    expect(await files.attributeOf(name, TAGS_ATTRIBUTE)).toBe(RED);
    expect((await files.attributeOf(name, "AFP_AfpInfo")).slice(16, 24)).toBe(FINDER.slice(16, 24));
    expect(await files.attributeOf(name, "AFP_Resource")).toBe(`fork of ${text}`);
  }

  test.skipIf(!canRun)(
    "TextEdit replaces a document by one from a folder beside it, tags included",
    async () => {
      await files.makeFolder("texts");
      await makeDocument("texts\\letter.rtf", "first");
      for (const text of ["second", "third"]) {
        const aside = "texts\\letter.rtf.sb-0a1b2c3d-XyZ123";
        await files.makeFolder(aside);
        await makeDocument(`${aside}\\letter.rtf`, text);
        await files.renameOnto(`${aside}\\letter.rtf`, "texts\\letter.rtf");
        await files.remove(aside);
        await expectDocument("texts\\letter.rtf", text);
      }
      expect(await files.list("texts")).toEqual(["letter.rtf"]);
    },
  );

  test.skipIf(!canRun)(
    "Preview exchanges a document that it has open with one from TemporaryItems",
    async () => {
      await files.makeFolder("pictures");
      const aside = ".TemporaryItems\\folders.501\\TemporaryItems\\(A Document Being Saved By Preview)";
      for (const [i] of aside.split("\\").entries())
        await files.makeFolder(
          aside
            .split("\\")
            .slice(0, i + 1)
            .join("\\"),
        );
      await makeDocument("pictures\\cat.png", "old cat");
      const leaseKey = randomKey();
      const { fileId } = await openLeased(mac, "pictures\\cat.png", leaseV2(leaseKey, RWH), {
        desiredAccess: READ_WRITE,
      });
      await makeDocument(`${aside}\\cat.png`, "new cat");
      // The rename asks for the lease that the Mac has, so that it is not broken.
      const own = leaseV2(leaseKey, RWH);
      await files.rename("pictures\\cat.png", `${aside}\\cat (old).png`, {
        oplockLevel: 0xff,
        contexts: { lease: own },
      });
      await files.rename(`${aside}\\cat.png`, "pictures\\cat.png");
      expect(Buffer.from(await readFile(mac, fileId, 0, 100)).toString()).toBe("old cat");
      await closeFile(mac, fileId);
      expect(mac.client.unclaimed).toEqual([]);
      await expectDocument(`${aside}\\cat (old).png`, "old cat");
      await files.remove(`${aside}\\cat (old).png`);
      await expectDocument("pictures\\cat.png", "new cat");
    },
  );

  test.skipIf(!canRun)(
    "Finder copies a folder with tags, forks, types and dates, and its own file",
    async () => {
      for (const folder of ["source", "source\\inner", "copy", "copy\\inner"]) await files.makeFolder(folder);
      await files.setAttribute("source", TAGS_ATTRIBUTE, RED);
      const names = ["a.txt", "inner\\b\uf022c \uf029.txt", "inner\\empty"];
      for (const [i, name] of names.entries()) {
        await makeDocument(`source\\${name}`, i === 2 ? "" : `text ${i}`);
        await files.setTimes(`source\\${name}`, 1_500_000_000 + i);
      }
      await files.setAttribute("copy", TAGS_ATTRIBUTE, await files.attributeOf("source", TAGS_ATTRIBUTE));
      await files.write("copy\\.DS_Store", new Uint8Array(6148).fill(1));
      for (const [i, name] of names.entries()) {
        await files.write(`copy\\${name}`, await files.read(`source\\${name}`));
        for (const attribute of [TAGS_ATTRIBUTE, "AFP_AfpInfo", "AFP_Resource"]) {
          const value = await files.attributeOf(`source\\${name}`, attribute);
          await files.setAttribute(`copy\\${name}`, attribute, value);
        }
        await files.setTimes(`copy\\${name}`, 1_500_000_000 + i);
      }
      for (const [i, name] of names.entries())
        await expectDocument(`copy\\${name}`, i === 2 ? "" : `text ${i}`);
      expect(await files.attributeOf("copy", TAGS_ATTRIBUTE)).toBe(RED);
      expect(await files.list("copy")).toEqual([".DS_Store", "a.txt", "inner"]);
      const onDisk = join(server.shares.get(share) ?? "", "copy");
      // Two seconds are the least that exFAT's driver keeps.
      expect(Math.abs(statSync(join(onDisk, "a.txt")).mtimeMs / 1000 - 1_500_000_000)).toBeLessThanOrEqual(2);
    },
  );

  test.skipIf(!canRun)("Photos' databases are locked against a second Mac, and read beside it", async () => {
    const library = "Photos Library.photoslibrary";
    for (const folder of [library, `${library}\\database`]) await files.makeFolder(folder);
    const other = await mountMac(share);
    const options: Partial<CreateRequest> = {
      desiredAccess: READ_WRITE,
      createDisposition: CreateDisposition.OPEN_IF,
      createOptions: CreateOption.NON_DIRECTORY_FILE,
    };
    const open = async (mount: Mount, name: string): Promise<FileId> =>
      (await openFile(mount, `${library}\\database\\${name}`, options)).fileId;
    const databases = ["Photos.sqlite", "metaSchema.db"];
    for (const name of databases) {
      const [first, second] = [await open(mac, name), await open(other, name)];
      const lock = (mount: Mount, offset: number, length: number, flags: number) =>
        mount.client.outcome(lockOne(mount, mount === mac ? first : second, offset, length, flags));
      // sqlite3: pending byte, reserved byte, 510 bytes that readers share.
      const [pending, reserved, shared] = [0x4000_0000, 0x4000_0001, 0x4000_0002];
      for (const mount of [mac, other])
        expect(await lock(mount, shared, 510, SHARED_NOW)).toBe(Status.SUCCESS);
      expect(await lock(mac, reserved, 1, EXCLUSIVE_NOW)).toBe(Status.SUCCESS);
      expect(await lock(other, reserved, 1, EXCLUSIVE_NOW)).toBe(Status.LOCK_NOT_GRANTED);
      expect(await lock(mac, pending, 1, EXCLUSIVE_NOW)).toBe(Status.SUCCESS);
      expect(await lock(mac, shared, 510, LockFlag.UNLOCK)).toBe(Status.SUCCESS);
      expect(await lock(mac, shared, 510, EXCLUSIVE_NOW)).toBe(Status.LOCK_NOT_GRANTED);
      expect(await lock(other, shared, 510, LockFlag.UNLOCK)).toBe(Status.SUCCESS);
      expect(await lock(mac, shared, 510, EXCLUSIVE_NOW)).toBe(Status.SUCCESS);
      await files.write(`${library}\\database\\${name}-journal`, "journal");
      await writeFile(mac, first, 0, new Uint8Array(4096).fill(0x51));
      expect(await lock(other, shared, 510, SHARED_NOW)).toBe(Status.LOCK_NOT_GRANTED);
      await files.remove(`${library}\\database\\${name}-journal`);
      for (const [offset, length] of [
        [shared, 510],
        [reserved, 1],
        [pending, 1],
      ] as const)
        expect(await lock(mac, offset, length, LockFlag.UNLOCK)).toBe(Status.SUCCESS);
      expect(await lock(other, shared, 510, SHARED_NOW)).toBe(Status.SUCCESS);
      expect(await readFile(other, second, 0, 4096)).toEqual(new Uint8Array(4096).fill(0x51));
      await closeFile(other, second);
      await closeFile(mac, first);
    }
    // O_EXLOCK: nobody else opens the file.
    const lockName = `${library}\\database\\photos.lock`;
    const exclusive = await openFile(mac, lockName, { ...options, shareAccess: 0 });
    const refused = await other.client.outcome(
      createCall(other, lockName, { desiredAccess: Access.READ_DATA }),
    );
    expect(refused).toBe(Status.SHARING_VIOLATION);
    await closeFile(mac, exclusive.fileId);
    expect(readFileSync(join(server.shares.get(share) ?? "", library, "database/Photos.sqlite")).length).toBe(
      4096,
    );
    other.client.close();
  });
});
