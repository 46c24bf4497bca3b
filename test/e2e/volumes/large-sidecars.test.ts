// Sidecars with very many entries, on a disk without extended attributes whose calls the event loop makes itself: no
// request that reads or empties one keeps the event loop.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FileAttribute } from "../../../src/wire/fscc/attributes.ts";
import { FileInfoClass } from "../../../src/wire/fscc/info-class.ts";
import { Status } from "../../../src/wire/status.ts";
import { TESTER, type TestServer } from "../../peer/test-server.ts";
import {
  closeFile,
  createDirectory,
  createFile,
  deleteCall,
  listDirectory,
  type Mount,
  mountShare,
  queryDirectoryCall,
  setInfoCall,
} from "../client/raw-files.ts";
import { startServer } from "../client/server.ts";

const ENTRIES = 60_000;
/** Processor time at a stretch: more than a collection of garbage takes, far less than 60,000 names. */
const LIMIT_MS = 40;
const isRoot = process.getuid?.() === 0;

describe.if(isRoot)("a folder with 60,000 entries in its sidecar", () => {
  let disk: string;
  let server: TestServer;
  let mount: Mount;
  beforeAll(async () => {
    disk = mkdtempSync(join(tmpdir(), "minismbd-sidecars-"));
    // ramfs has no extended attributes.
    await Bun.$`mount -t ramfs none ${disk}`.quiet();
    await Bun.$`chmod 777 ${disk}`;
    server = await startServer({
      shares: [{ name: "ram", path: disk }],
      environment: { MINISMBD_LOOP_LIMIT_MS: String(LIMIT_MS) },
    });
    mount = await mountShare(server, TESTER, "ram");
  });
  afterAll(async () => {
    mount?.client.close();
    await server?.stop();
    await Bun.$`umount -l ${disk}`.quiet().nothrow();
    rmSync(disk, { recursive: true, force: true });
  });

  /** A folder that a client has made, with entries of files that another program has removed. */
  async function makeFolder(name: string): Promise<void> {
    await closeFile(mount, await createDirectory(mount, name));
    const sidecar = join(disk, name, ".minismbd");
    mkdirSync(sidecar, { recursive: true });
    for (let i = 0; i < ENTRIES; i++) writeFileSync(join(sidecar, `IMG_${i}.JPG.values`), "");
  }

  async function setSystem(name: string): Promise<void> {
    const file = await createFile(mount, name);
    const basic = new Uint8Array(40);
    new DataView(basic.buffer).setUint32(32, FileAttribute.SYSTEM, true);
    expect((await mount.client.request(setInfoCall(mount, file, FileInfoClass.BASIC, basic))).status).toBe(
      Status.SUCCESS,
    );
    await closeFile(mount, file);
  }

  test("is listed, with the attributes of what is in it", async () => {
    await makeFolder("listed");
    for (let i = 0; i < 20; i++) await setSystem(`listed\\file ${i}`);
    const folder = await createDirectory(mount, "listed");
    const entries = await listDirectory(mount, folder);
    const files = entries.filter(({ name }) => name.startsWith("file"));
    expect(files.map(({ stat }) => stat.attributes & FileAttribute.SYSTEM)).toEqual(
      Array.from({ length: 20 }, () => FileAttribute.SYSTEM),
    );
    const one = queryDirectoryCall(mount, folder, { pattern: "file 7", flags: 0x10 });
    expect((await mount.client.request(one)).status).toBe(Status.SUCCESS);
    await closeFile(mount, folder);
  }, 60_000);

  test("gets further entries", async () => {
    await makeFolder("filled");
    // One in 64 looks for entries without a file.
    for (let i = 0; i < 400; i++) await setSystem(`filled\\file ${i}`);
  }, 60_000);

  test("is removed with them when it has no files", async () => {
    await makeFolder("removed");
    const folder = await createDirectory(mount, "removed");
    expect((await mount.client.request(deleteCall(mount, folder))).status).toBe(Status.SUCCESS);
    await closeFile(mount, folder);
    expect(existsSync(join(disk, "removed"))).toBe(false);
  }, 60_000);
});
