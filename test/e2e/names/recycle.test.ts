// The recycle bin, vfs_recycle(8). The first part also passes against Debian's smbd (SERVER=smbd).
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { CreateDisposition, CreateOption } from "../../../src/wire/command/create.ts";
import { againstSmbd, startSubject } from "../../peer/start.ts";
import { TESTER, type TestServer } from "../../peer/test-server.ts";
import {
  closeFile,
  createDirectory,
  createFile,
  deleteCall,
  listDirectory,
  type Mount,
  mountShare,
  openFile,
  READ_WRITE,
  removeFile,
  renameCall,
  writeFile,
} from "../client/raw-files.ts";

let server: TestServer;
let share = "";
let mount: Mount;
beforeAll(async () => {
  server = await startSubject({
    shares: [
      {
        name: "test",
        parameters: {
          "vfs objects": "recycle",
          "recycle:repository": ".bin/%U",
          "recycle:keeptree": "yes",
          "recycle:versions": "yes",
          "recycle:exclude": "*.tmp",
          "recycle:maxsize": "1000",
        },
      },
    ],
  });
  share = server.shares.get("test") ?? "";
  mount = await mountShare(server, TESTER, "test");
});
afterAll(async () => {
  mount.client.close();
  await server.stop();
});

async function write(path: string, text: string): Promise<void> {
  const file = await createFile(mount, path);
  await writeFile(mount, file, 0, Buffer.from(text));
  await closeFile(mount, file);
}

const inBin = (...names: string[]): string => join(share, ".bin", TESTER.user, ...names);

describe("as in Samba", () => {
  test("a deleted file moves into the user's repository with its folders; older versions stay", async () => {
    await closeFile(mount, await createDirectory(mount, "docs"));
    for (const text of ["first", "second", "third"]) {
      await write("docs\\letter.txt", text);
      await removeFile(mount, "docs\\letter.txt");
    }
    expect(existsSync(join(share, "docs", "letter.txt"))).toBe(false);
    expect(readdirSync(inBin("docs")).sort()).toEqual([
      "Copy #1 of letter.txt",
      "Copy #2 of letter.txt",
      "letter.txt",
    ]);
    expect(readFileSync(inBin("docs", "letter.txt"), "utf8")).toBe("first");
    expect(readFileSync(inBin("docs", "Copy #2 of letter.txt"), "utf8")).toBe("third");
    expect(statSync(inBin()).mode & 0o7777).toBe(0o700);
  });

  test("delete-on-close recycles; excluded, large and binned files and folders are unlinked", async () => {
    const { fileId } = await openFile(mount, "on close", {
      desiredAccess: READ_WRITE,
      createDisposition: CreateDisposition.CREATE,
      createOptions: CreateOption.DELETE_ON_CLOSE,
    });
    await closeFile(mount, fileId);
    expect(existsSync(inBin("on close"))).toBe(true);
    await write("x.tmp", "");
    await removeFile(mount, "x.tmp");
    await write("large", "x".repeat(1001));
    await removeFile(mount, "large");
    await closeFile(mount, await createDirectory(mount, "folder"));
    const folder = await openFile(mount, "folder", {
      desiredAccess: READ_WRITE,
      createOptions: CreateOption.DIRECTORY_FILE,
    });
    await mount.client.demand("DELETE", deleteCall(mount, folder.fileId));
    await closeFile(mount, folder.fileId);
    expect(readdirSync(inBin()).sort()).toEqual(["docs", "on close"]);
    await removeFile(mount, `.bin\\${TESTER.user}\\on close`);
    expect(readdirSync(inBin()).sort()).toEqual(["docs"]);
  });

  test("a file that a rename replaces is not recycled", async () => {
    await write("old", "old");
    await write("new", "new");
    const { fileId } = await openFile(mount, "new", { desiredAccess: READ_WRITE });
    await mount.client.demand("RENAME", renameCall(mount, fileId, "old", true));
    await closeFile(mount, fileId);
    expect(existsSync(inBin("old"))).toBe(false);
    expect(readFileSync(join(share, "old"), "utf8")).toBe("new");
  });
});

describe.skipIf(againstSmbd)("beyond what Samba does", () => {
  test("a file that cannot move into the bin is not deleted, and the CLOSE fails", async () => {
    await write("precious", "data");
    // A file stands in place of the repository's folder.
    await closeFile(mount, await createDirectory(mount, "blocked"));
    await write("blocked\\precious", "data");
    await write(`.bin\\${TESTER.user}\\blocked`, "in the way");
    await expect(removeFile(mount, "blocked\\precious")).rejects.toThrow("STATUS_NOT_A_DIRECTORY");
    expect(readFileSync(join(share, "blocked", "precious"), "utf8")).toBe("data");
    const { fileId } = await openFile(mount, "blocked");
    expect((await listDirectory(mount, fileId)).map(({ name }) => name)).toContain("precious");
    await closeFile(mount, fileId);
  });

  test.if(process.geteuid?.() === 0)("a disk mounted below the share has its own repository", async () => {
    const disk = join(share, "disk");
    mkdirSync(disk);
    Bun.spawnSync(["mount", "-t", "tmpfs", "-o", "mode=777", "none", disk]);
    try {
      await closeFile(mount, await createDirectory(mount, "disk\\sub"));
      await write("disk\\sub\\file", "on a disk");
      await removeFile(mount, "disk\\sub\\file");
      expect(readFileSync(join(disk, ".bin", TESTER.user, "sub", "file"), "utf8")).toBe("on a disk");
    } finally {
      Bun.spawnSync(["umount", "-l", disk]);
    }
    rmdirSync(disk);
  });
});
