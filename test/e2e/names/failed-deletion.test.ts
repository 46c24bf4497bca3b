// Deletions and written data that a close cannot carry out: the CLOSE has the status of what failed, and the log
// names what no client was told. [MS-SMB2] 3.3.4.4, 3.3.5.10; close(2), unlink(2).
import { afterAll, beforeAll, expect, test } from "bun:test";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Errno } from "../../../src/linux/errno.ts";
import { Access, FileGeneric } from "../../../src/wire/security/access.ts";
import { CreateDisposition, CreateOption } from "../../../src/wire/command/create.ts";
import { HEADER_SIZE } from "../../../src/wire/header.ts";
import { Status, statusName } from "../../../src/wire/status.ts";
import { canMountFuse, SlowDisk } from "../../peer/fuse/slow-disk.ts";
import { TESTER, type TestServer } from "../../peer/test-server.ts";
import {
  closeCall,
  closeFile,
  createCall,
  createDirectory,
  createFile,
  deleteCall,
  type Mount,
  mountShare,
  openFile,
  writeFile,
} from "../client/raw-files.ts";
import { startServer } from "../client/server.ts";
import { putStream } from "../client/stream-calls.ts";

const isRoot = process.geteuid?.() === 0;
const DATA = new TextEncoder().encode("data");

/** True where this user can make files immutable on the disk of the tests. */
function canChangeFlags(): boolean {
  const directory = mkdtempSync(join(tmpdir(), "minismbd-flags-"));
  const file = join(directory, "file");
  writeFileSync(file, "");
  const made = Bun.spawnSync(["chattr", "+i", file]).exitCode === 0;
  Bun.spawnSync(["chattr", "-i", file]);
  rmSync(directory, { recursive: true });
  return made;
}
const hasFlags = isRoot && canChangeFlags();

function setFlag(flag: "+i" | "-i" | "+a" | "-a", ...names: string[]): void {
  expect(Bun.spawnSync(["chattr", flag, inShare(...names)]).exitCode).toBe(0);
}

let server: TestServer;
let mount: Mount;
beforeAll(async () => {
  server = await startServer();
  mount = await mountShare(server, TESTER, "test");
});
afterAll(async () => {
  mount.client.close();
  if (hasFlags) Bun.spawnSync(["chattr", "-R", "-f", "-i", "-a", inShare()]);
  await server.stop();
});

const inShare = (...names: string[]): string => join(server.shares.get("test") ?? "", ...names);

async function closeStatus(fileId: Parameters<typeof closeCall>[1]): Promise<string> {
  const { status, message } = await mount.client.request(closeCall(mount, fileId));
  // 3.3.4.4: a failure is answered with an ERROR response, 2.2.2.
  expect(message.u16(HEADER_SIZE)).toBe(status === Status.SUCCESS ? 60 : 9);
  return statusName(status);
}

async function make(name: string): Promise<void> {
  const file = await createFile(mount, name);
  await writeFile(mount, file, 0, DATA);
  await closeFile(mount, file);
}

test("CLOSE of a delete-pending folder that a local program has filled fails with DIRECTORY_NOT_EMPTY", async () => {
  const folder = await createDirectory(mount, "filled");
  await mount.client.demand("DELETE", deleteCall(mount, folder));
  writeFileSync(inShare("filled", "local"), "kept");
  expect(await closeStatus(folder)).toBe("STATUS_DIRECTORY_NOT_EMPTY");
  expect(readFileSync(inShare("filled", "local"), "utf8")).toBe("kept");
  // The failed deletion leaves nothing behind: the folder can be opened again.
  await closeFile(mount, await createDirectory(mount, "filled"));
});

test("CLOSE of a file whose name a local program has removed succeeds", async () => {
  const file = await createFile(mount, "removed");
  await mount.client.demand("DELETE", deleteCall(mount, file));
  rmSync(inShare("removed"));
  expect(await closeStatus(file)).toBe("STATUS_SUCCESS");
});

test.if(hasFlags)(
  "CLOSE of a file that became immutable or append-only fails with ACCESS_DENIED",
  async () => {
    for (const flag of ["i", "a"] as const) {
      const name = `late ${flag}`;
      await make(name);
      const byDisposition = await createFile(mount, name);
      await mount.client.demand("DELETE", deleteCall(mount, byDisposition));
      setFlag(`+${flag}`, name);
      expect(await closeStatus(byDisposition)).toBe("STATUS_ACCESS_DENIED");
      setFlag(`-${flag}`, name);
      const { fileId } = await openFile(mount, name, {
        desiredAccess: Access.DELETE,
        createOptions: CreateOption.DELETE_ON_CLOSE,
      });
      setFlag(`+${flag}`, name);
      expect(await closeStatus(fileId)).toBe("STATUS_ACCESS_DENIED");
      expect(existsSync(inShare(name))).toBe(true);
      setFlag(`-${flag}`, name);
    }
  },
);

test.if(hasFlags)("a file in an append-only folder stays, and the CLOSE says so", async () => {
  await closeFile(mount, await createDirectory(mount, "archive"));
  await make("archive\\file");
  setFlag("+a", "archive");
  const file = await openFile(mount, "archive\\file", { desiredAccess: FileGeneric.ALL });
  await mount.client.demand("DELETE", deleteCall(mount, file.fileId));
  const status = await closeStatus(file.fileId);
  setFlag("-a", "archive");
  expect(status).toBe("STATUS_ACCESS_DENIED");
  expect(existsSync(inShare("archive", "file"))).toBe(true);
});

test.if(hasFlags)(
  "the deletion of an immutable or append-only file is refused before its CLOSE",
  async () => {
    for (const flag of ["i", "a"] as const) {
      const name = `early ${flag}`;
      await make(name);
      setFlag(`+${flag}`, name);
      const { fileId } = await openFile(mount, name, { desiredAccess: Access.DELETE });
      const refused = (await mount.client.request(deleteCall(mount, fileId))).status;
      const options = { desiredAccess: Access.DELETE, createOptions: CreateOption.DELETE_ON_CLOSE };
      const unopened = (await mount.client.request(createCall(mount, name, options))).status;
      setFlag(`-${flag}`, name);
      expect([refused, unopened].map(statusName)).toEqual(["STATUS_ACCESS_DENIED", "STATUS_ACCESS_DENIED"]);
      expect(await closeStatus(fileId)).toBe("STATUS_SUCCESS");
      expect(existsSync(inShare(name))).toBe(true);
    }
  },
);

test.if(isRoot)("a mount point is not deleted: a folder with a disk, a file with a bind mount", async () => {
  await make("bound");
  await closeFile(mount, await createDirectory(mount, "disk"));
  writeFileSync(join(server.directory, "source"), "source", { mode: 0o666 });
  const attach = (): void => {
    Bun.spawnSync(["mount", "-t", "tmpfs", "-o", "mode=777", "none", inShare("disk")]);
    Bun.spawnSync(["mount", "--bind", join(server.directory, "source"), inShare("bound")]);
  };
  const detach = (): void => {
    for (const name of ["disk", "bound"]) Bun.spawnSync(["umount", "-l", inShare(name)]);
  };
  const opened = [];
  for (const name of ["disk", "bound"]) {
    const { fileId } = await openFile(mount, name, { desiredAccess: Access.DELETE });
    await mount.client.demand("DELETE", deleteCall(mount, fileId));
    opened.push(fileId);
  }
  attach();
  try {
    // The names belong to other objects now, which stay.
    for (const fileId of opened) expect(await closeStatus(fileId)).toBe("STATUS_SUCCESS");
    expect(existsSync(inShare("disk"))).toBe(true);
    for (const name of ["disk", "bound"]) {
      const options = { desiredAccess: Access.DELETE, createOptions: CreateOption.DELETE_ON_CLOSE };
      const { status } = await mount.client.request(createCall(mount, name, options));
      expect(statusName(status)).toBe("STATUS_ACCESS_DENIED");
    }
  } finally {
    detach();
  }
  expect(readFileSync(inShare("bound"), "utf8")).toBe("data");
});

test.if(hasFlags)("CLOSE of a delete-pending stream that stays fails with ACCESS_DENIED", async () => {
  await make("with stream");
  await putStream(mount, "with stream:tag", "red");
  const { fileId } = await openFile(mount, "with stream:tag", { desiredAccess: Access.DELETE });
  await mount.client.demand("DELETE", deleteCall(mount, fileId));
  setFlag("+i", "with stream");
  const status = await closeStatus(fileId);
  setFlag("-i", "with stream");
  expect(status).toBe("STATUS_ACCESS_DENIED");
  await closeFile(mount, (await openFile(mount, "with stream:tag")).fileId);
});

test.if(hasFlags)("a deletion that fails when the connection ends is in the log", async () => {
  await make("lost");
  const other = await mountShare(server, TESTER, "test");
  await openFile(other, "lost", {
    desiredAccess: Access.DELETE,
    createOptions: CreateOption.DELETE_ON_CLOSE,
  });
  setFlag("+i", "lost");
  other.client.close();
  const end = performance.now() + 10_000;
  while (!server.log().includes(`delete on close of "${inShare("lost")}" failed`) && performance.now() < end)
    await Bun.sleep(20);
  setFlag("-i", "lost");
  expect(server.log()).toContain(`delete on close of "${inShare("lost")}" failed with errno ${Errno.EPERM}`);
});

test.if(await canMountFuse())(
  "CLOSE fails with DISK_FULL where the file system stores data at close(2) and cannot",
  async () => {
    const disk = await SlowDisk.mount();
    const own = await startServer({ shares: [{ name: "disk", path: disk.folder }] });
    try {
      const remote = await mountShare(own, TESTER, "disk");
      const file = await createFile(remote, "file");
      await writeFile(remote, file, 0, DATA);
      await disk.failClose(Errno.ENOSPC);
      const closed = await remote.client.request(closeCall(remote, file));
      expect(statusName(closed.status)).toBe("STATUS_DISK_FULL");
      expect((await remote.client.request(closeCall(remote, file))).status).toBe(Status.FILE_CLOSED);
      // Nothing was written through this open: a failure does not concern its client.
      const { fileId } = await openFile(remote, "file");
      await closeFile(remote, fileId);
      await disk.failClose(0);
      const again = await createFile(remote, "file");
      await writeFile(remote, again, 0, DATA);
      await closeFile(remote, again);
      expect(own.log()).toContain(`could not be stored: close(2) failed with errno ${Errno.ENOSPC}`);
      remote.client.close();
    } finally {
      await own.stop();
      await disk.dispose();
    }
  },
  20_000,
);

test("an open with DELETE_ON_CLOSE of a folder with entries keeps it, and one status says so", async () => {
  await closeFile(mount, await createDirectory(mount, "full"));
  await make("full\\child");
  const options = {
    desiredAccess: Access.DELETE,
    createDisposition: CreateDisposition.OPEN,
    createOptions: CreateOption.DELETE_ON_CLOSE | CreateOption.DIRECTORY_FILE,
  };
  const { fileId } = await openFile(mount, "full", options);
  expect(await closeStatus(fileId)).toBe("STATUS_DIRECTORY_NOT_EMPTY");
  expect(existsSync(inShare("full", "child"))).toBe(true);
});
