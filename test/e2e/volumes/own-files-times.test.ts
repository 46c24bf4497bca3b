// The server's own files in a folder (the sidecar, the recycle bin) do not move the folder's dates: a copy that
// keeps dates would lose them. [MS-FSA] 2.1.5.15.2 knows of changes of the folder's own entries only.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chmodSync, chownSync, existsSync, readdirSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { CreateOption } from "../../../src/wire/command/create.ts";
import type { FileId } from "../../../src/wire/file-id.ts";
import { Access } from "../../../src/wire/security/access.ts";
import { Status } from "../../../src/wire/status.ts";
import { canMakePluggedDisk, makePluggedDisk, type PluggedDisk } from "../../peer/plugged-disk.ts";
import { TESTER, type TestServer } from "../../peer/test-server.ts";
import { readAll, setAttributes, setBasic } from "../client/attribute-calls.ts";
import {
  closeFile,
  createDirectory,
  createFile,
  deleteCall,
  type Mount,
  mountShare,
  openFile,
  READ_WRITE,
  renameCall,
} from "../client/raw-files.ts";
import { startServer } from "../client/server.ts";
import { putStream } from "../client/stream-calls.ts";

const LONG_AGO = { seconds: 1_000_000_000, nanoseconds: 0 };
const OLD = { access: LONG_AGO, modify: LONG_AGO, change: LONG_AGO };
const FOLDER = {
  desiredAccess: Access.READ_DATA | Access.READ_ATTRIBUTES | Access.WRITE_ATTRIBUTES,
  createOptions: CreateOption.DIRECTORY_FILE,
};

let mount: Mount;

async function makeFile(name: string): Promise<void> {
  await closeFile(mount, await createFile(mount, name));
}

async function makeFolder(name: string): Promise<void> {
  await closeFile(mount, await createDirectory(mount, name));
}

async function dateBack(name: string): Promise<void> {
  const { fileId } = await openFile(mount, name, FOLDER);
  expect(await setBasic(mount, fileId, OLD)).toBe(Status.SUCCESS);
  await closeFile(mount, fileId);
}

async function expectOld(name: string): Promise<void> {
  const { fileId } = await openFile(mount, name, FOLDER);
  const { accessSeconds, modifySeconds, changeSeconds } = await readAll(mount, fileId);
  await closeFile(mount, fileId);
  const { seconds } = LONG_AGO;
  expect({ name, accessSeconds, modifySeconds, changeSeconds }).toEqual({
    name,
    accessSeconds: seconds,
    modifySeconds: seconds,
    changeSeconds: seconds,
  });
}

async function withFile(name: string, action: (fileId: FileId) => Promise<unknown>): Promise<void> {
  const { fileId } = await openFile(mount, name, {
    desiredAccess: READ_WRITE | Access.WRITE_EA | Access.READ_EA,
  });
  await action(fileId);
  await closeFile(mount, fileId);
}

const setNote = (name: string, text: string): Promise<void> =>
  withFile(name, async (fileId) => {
    expect(await setAttributes(mount, fileId, { NOTE: text })).toBe(Status.SUCCESS);
  });

/** Disks on which all values that clients store beside data are in the sidecar. */
for (const kind of ["ramfs", "exFAT by FUSE"] as const) {
  describe.skipIf(!canMakePluggedDisk(kind))(kind, () => {
    let disk: PluggedDisk;
    let server: TestServer;

    beforeAll(async () => {
      disk = makePluggedDisk(kind);
      server = await startServer({ shares: [{ name: "test", path: disk.path }] });
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

    const hasSidecar = (folder: string): boolean => existsSync(join(disk.path, folder, ".minismbd"));

    test("a folder keeps its dates when the first stream or attribute of a file in it is stored", async () => {
      for (const folder of ["stream", "attribute"]) {
        await makeFolder(folder);
        await makeFile(`${folder}\\file`);
        await dateBack(folder);
        if (folder === "stream") await putStream(mount, "stream\\file:s", "text");
        else await setNote("attribute\\file", "text");
        expect(hasSidecar(folder)).toBe(true);
        await expectOld(folder);
      }
    });

    test("a folder keeps its dates when the last stored value of its files is removed", async () => {
      await makeFolder("last");
      await makeFile("last\\file");
      await setNote("last\\file", "text");
      await dateBack("last");
      await setNote("last\\file", "");
      expect(hasSidecar("last")).toBe(false);
      await expectOld("last");
    });

    test("a folder keeps its dates when a rename into it fails", async () => {
      await makeFolder("from");
      await makeFolder("to");
      await makeFile("from\\file");
      await setNote("from\\file", "text");
      await makeFile("to\\file");
      await dateBack("from");
      await dateBack("to");
      await withFile("from\\file", async (fileId) => {
        const { status } = await mount.client.request(renameCall(mount, fileId, "to\\file", false));
        expect(status).toBe(Status.OBJECT_NAME_COLLISION);
      });
      await expectOld("from");
      await expectOld("to");
    });

    test("a folder keeps its dates when the sidecar replaces a file of its name", async () => {
      await makeFolder("replaced");
      await makeFile("replaced\\file");
      writeFileSync(join(disk.path, "replaced", ".minismbd"), "no directory");
      await dateBack("replaced");
      await setNote("replaced\\file", "text");
      await expectOld("replaced");
    });

    test("dates that an open has frozen stay frozen when a file's stream is stored", async () => {
      await makeFolder("frozen");
      await makeFile("frozen\\file");
      await dateBack("frozen");
      const { fileId } = await openFile(mount, "frozen", FOLDER);
      await setBasic(mount, fileId, { access: "stop", modify: "stop", change: "stop" });
      await putStream(mount, "frozen\\file:s", "text");
      const { modifySeconds, changeSeconds } = await readAll(mount, fileId);
      expect([modifySeconds, changeSeconds]).toEqual([LONG_AGO.seconds, LONG_AGO.seconds]);
      await closeFile(mount, fileId);
      await expectOld("frozen");
    });

    test("a folder's date moves when a client makes or removes a file that has values", async () => {
      await makeFolder("moves");
      await makeFile("moves\\kept");
      await makeFile("moves\\file");
      await setNote("moves\\file", "text");
      await dateBack("moves");
      await withFile("moves\\file", (fileId) => mount.client.request(deleteCall(mount, fileId)));
      expect(readdirSync(join(disk.path, "moves"))).toEqual(["kept"]);
      expect(statSync(join(disk.path, "moves")).mtimeMs).toBeGreaterThan(Date.now() - 60_000);
    });
  });
}

describe("recycle bin", () => {
  let server: TestServer;
  let path = "";

  beforeAll(async () => {
    const parameters = { "vfs objects": "recycle", "recycle:keeptree": "yes" };
    server = await startServer({ shares: [{ name: "test", parameters }] });
    path = server.shares.get("test") ?? "";
    mount = await mountShare(server, TESTER, "test");
  });
  afterAll(async () => {
    mount?.client.close();
    await server?.stop();
  });

  test("the share's root keeps its date when the first deletion in a folder makes the bin", async () => {
    await makeFolder("folder");
    // As root, the root of the share is not the user's: only the server may date it.
    if (process.getuid?.() === 0) chownSync(path, 0, 0);
    chmodSync(path, 0o777);
    await makeFile("folder\\file");
    utimesSync(path, LONG_AGO.seconds, LONG_AGO.seconds);
    await withFile("folder\\file", (fileId) => mount.client.request(deleteCall(mount, fileId)));
    expect(existsSync(join(path, ".recycle", "folder", "file"))).toBe(true);
    expect(statSync(path).mtimeMs).toBe(LONG_AGO.seconds * 1000);
  });
});
