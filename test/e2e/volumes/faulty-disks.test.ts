// Disks that are full, read-only or broken, and files that shrink while they are read: the client gets the
// error, data of answered writes is there, and other shares are served. [MS-SMB2] 3.3.5.12, 3.3.5.13;
// [MS-ERREF] 2.3.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Access } from "../../../src/wire/security/access.ts";
import { CreateDisposition, CreateOption } from "../../../src/wire/command/create.ts";
import { Status } from "../../../src/wire/status.ts";
import { canMakeDiskImage, type DiskImage, makeDiskImage } from "../../peer/disk-image.ts";
import { TESTER, type TestServer } from "../../peer/test-server.ts";
import { expectOutcome, outcomeOf } from "../client/attack-rig.ts";
import {
  closeFile,
  createCall,
  createFile,
  type Mount,
  mountShare,
  openFile,
  readCall,
  readFile,
  writeCall,
  writeFile,
} from "../client/raw-files.ts";
import { startServer } from "../client/server.ts";

const MIB = 1024 * 1024;
const CHUNK = new Uint8Array(65_536).fill(0x5a);
const canRun = canMakeDiskImage("ext4");
const disks: DiskImage[] = [];
let full: DiskImage;
let readOnly: DiskImage;
let broken: DiskImage;
let server: TestServer;

beforeAll(async () => {
  if (!canRun) {
    server = await startServer();
    return;
  }
  full = makeDiskImage("ext4", 8 * MIB, ["-N", "64", "-m", "0"]);
  readOnly = makeDiskImage("ext4", 16 * MIB);
  broken = makeDiskImage("ext4", 64 * MIB, ["-O", "^has_journal"]);
  disks.push(full, readOnly, broken);
  writeFileSync(join(readOnly.path, "kept"), "kept", { mode: 0o666 });
  readOnly.remount("remount,ro");
  const shares = [
    { name: "test" },
    { name: "full", path: full.path },
    { name: "readonly", path: readOnly.path },
    { name: "broken", path: broken.path },
  ];
  server = await startServer({ shares });
});
afterAll(async () => {
  await server?.stop();
  for (const disk of disks) disk.remove();
});

async function onShare(share: string, action: (mount: Mount) => Promise<void>): Promise<void> {
  const mount = await mountShare(server, TESTER, share);
  try {
    await action(mount);
  } finally {
    mount.client.close();
  }
}

test.skipIf(!canRun)(
  "a client that fills a disk gets STATUS_DISK_FULL, and what was answered before is there",
  async () => {
    await onShare("full", async (mount) => {
      const fileId = await createFile(mount, "large");
      let written = 0;
      let status: number = Status.SUCCESS;
      while (status === Status.SUCCESS && written < 32 * MIB) {
        status = (await mount.client.request(writeCall(mount, fileId, written, CHUNK))).status;
        if (status === Status.SUCCESS) written += CHUNK.length;
      }
      expectOutcome(status, Status.DISK_FULL);
      expect(await readFile(mount, fileId, written - CHUNK.length, CHUNK.length)).toEqual(CHUNK);
      await closeFile(mount, fileId);
      expect(
        readFileSync(join(full.path, "large"))
          .subarray(0, written)
          .every((byte) => byte === 0x5a),
      ).toBe(true);
    });
  },
);

test.skipIf(!canRun)(
  "after a deletion a client creates files until the inodes are used up, and gets STATUS_DISK_FULL",
  async () => {
    await onShare("full", async (mount) => {
      const large = await openFile(mount, "large", {
        desiredAccess: Access.DELETE,
        createOptions: CreateOption.DELETE_ON_CLOSE,
      });
      await closeFile(mount, large.fileId);
      let status: number = Status.SUCCESS;
      let count = 0;
      while (status === Status.SUCCESS && count < 100) {
        const reply = await mount.client.request(
          createCall(mount, `small-${count}`, {
            desiredAccess: Access.WRITE_DATA,
            createDisposition: CreateDisposition.CREATE,
          }),
        );
        status = reply.status;
        if (status === Status.SUCCESS) count++;
      }
      expectOutcome(status, Status.DISK_FULL);
      expect(count).toBeGreaterThan(10);
    });
  },
);

test.skipIf(!canRun)("a client reads a read-only disk, and every change is refused", async () => {
  await onShare("readonly", async (mount) => {
    const opened = await openFile(mount, "kept");
    expect(new TextDecoder().decode(await readFile(mount, opened.fileId, 0, 4))).toBe("kept");
    await closeFile(mount, opened.fileId);
    const refused = [Status.MEDIA_WRITE_PROTECTED, Status.ACCESS_DENIED];
    const fresh = createCall(mount, "fresh", { createDisposition: CreateDisposition.CREATE });
    expectOutcome(await mount.client.outcome(fresh), ...refused);
    const folder = createCall(mount, "folder", {
      createDisposition: CreateDisposition.CREATE,
      createOptions: CreateOption.DIRECTORY_FILE,
    });
    expectOutcome(await mount.client.outcome(folder), ...refused);
    const write = createCall(mount, "kept", { desiredAccess: Access.WRITE_DATA });
    expectOutcome(await mount.client.outcome(write), ...refused);
    const overwrite = createCall(mount, "kept", {
      desiredAccess: Access.WRITE_DATA,
      createDisposition: CreateDisposition.OVERWRITE,
    });
    expectOutcome(await mount.client.outcome(overwrite), ...refused);
  });
  expect(readFileSync(join(readOnly.path, "kept"), "utf8")).toBe("kept");
});

test.skipIf(!canRun)(
  "an I/O error of the disk fails the request that meets it, and nothing else",
  async () => {
    const path = join(broken.path, "data");
    writeFileSync(path, new Uint8Array(32 * MIB).fill(1), { mode: 0o666 });
    broken.remount("remount,ro");
    broken.remount("remount,rw");
    broken.cut(8 * MIB);
    writeFileSync("/proc/sys/vm/drop_caches", "1");
    await onShare("broken", async (mount) => {
      const opened = await openFile(mount, "data");
      const statuses: number[] = [];
      for (let at = 0; at < 32; at++) {
        const reply = await mount.client.request(readCall(mount, opened.fileId, at * MIB, 65_536));
        statuses.push(reply.status);
      }
      expect(statuses.some((status) => status !== Status.SUCCESS)).toBe(true);
      for (const status of statuses) {
        expectOutcome(status, Status.SUCCESS, Status.UNEXPECTED_IO_ERROR);
      }
      await onShare("test", async (other) => {
        const fileId = await createFile(other, "fine");
        await writeFile(other, fileId, 0, CHUNK);
        expect(await readFile(other, fileId, 0, CHUNK.length)).toEqual(CHUNK);
        await closeFile(other, fileId);
      });
      await closeFile(mount, opened.fileId);
    });
  },
);

test("a read of a file that shrinks meanwhile succeeds or gets STATUS_END_OF_FILE", async () => {
  await onShare("test", async (mount) => {
    const fileId = await createFile(mount, "shrinking");
    for (let at = 0; at < 32; at++) await writeFile(mount, fileId, at * CHUNK.length, CHUNK);
    const path = join(server.shares.get("test") ?? "", "shrinking");
    for (let size = 32 * CHUNK.length; size > 0; size -= CHUNK.length + 1000) {
      const reads = Array.from({ length: 32 }, (_, at) =>
        outcomeOf(readFile(mount, fileId, at * CHUNK.length, CHUNK.length)),
      );
      truncateSync(path, size);
      for (const outcome of await Promise.all(reads)) {
        expectOutcome(outcome, Status.SUCCESS, Status.END_OF_FILE);
      }
    }
    await closeFile(mount, fileId);
  });
});
