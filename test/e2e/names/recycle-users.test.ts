// The recycle bin of a share with several accounts: every deletion that succeeds has taken the file away, into a
// repository that the user can read. vfs_recycle(8).
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chmodSync, chownSync, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { TestServer, User } from "../../peer/test-server.ts";
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
  readFile,
  writeFile,
} from "../client/raw-files.ts";
import { startServer } from "../client/server.ts";

// Accounts that every Debian has: uid 1 and 5.
const ANNA: User = { user: "daemon", password: "Correct-Horse-9" };
const BERT: User = { user: "games", password: "Battery-Staple-7" };
const SHARES = {
  plain: { "vfs objects": "recycle", "recycle:keeptree": "yes", "recycle:versions": "yes" },
  users: { "vfs objects": "recycle", "recycle:repository": ".bin/%U" },
  locked: { "vfs objects": "recycle", "recycle:keeptree": "yes" },
} as const;

describe.skipIf(process.getuid?.() !== 0)("two accounts that delete their own files", () => {
  let server: TestServer;
  const mounts = new Map<string, Mount>();
  beforeAll(async () => {
    const shares = Object.entries(SHARES).map(([name, parameters]) => ({ name, parameters }));
    server = await startServer({ users: [ANNA, BERT], shares });
    for (const name of Object.keys(SHARES)) {
      const root = at(name);
      chownSync(root, 0, 0);
      chmodSync(root, name === "locked" ? 0o755 : 0o777);
      for (const { user, password } of [ANNA, BERT])
        mounts.set(`${user}@${name}`, await mountShare(server, { user, password }, name));
    }
  });
  afterAll(async () => {
    for (const { client } of mounts.values()) client.close();
    await server?.stop();
  });

  const at = (share: string, ...names: string[]): string => join(server.shares.get(share) ?? "", ...names);

  function mountOf({ user }: User, share: string): Mount {
    const mount = mounts.get(`${user}@${share}`);
    if (mount === undefined) throw new Error("no such mount");
    return mount;
  }

  async function makeAndDelete(user: User, share: string, path: string, text: string): Promise<void> {
    const mount = mountOf(user, share);
    const made = await createFile(mount, path);
    await writeFile(mount, made, 0, Buffer.from(text));
    await closeFile(mount, made);
    const { fileId } = await openFile(mount, path, { desiredAccess: READ_WRITE });
    await mount.client.demand("DELETE", deleteCall(mount, fileId));
    await closeFile(mount, fileId);
    expect(existsSync(at(share, ...path.split("\\")))).toBe(false);
  }

  test("the second one's arrive in a repository of his own, as .recycle is the first one's", async () => {
    await makeAndDelete(ANNA, "plain", "hers", "hers");
    await makeAndDelete(BERT, "plain", "his", "his");
    await makeAndDelete(BERT, "plain", "his", "again");
    await closeFile(mountOf(BERT, "plain"), await createDirectory(mountOf(BERT, "plain"), "folder"));
    await makeAndDelete(BERT, "plain", "folder\\below", "below");
    expect(readFileSync(at("plain", ".recycle", "hers"), "utf8")).toBe("hers");
    expect(statSync(at("plain", ".recycle")).mode & 0o7777).toBe(0o700);
    expect(readFileSync(at("plain", ".recycle-5", "his"), "utf8")).toBe("his");
    expect(readFileSync(at("plain", ".recycle-5", "Copy #1 of his"), "utf8")).toBe("again");
    expect(readFileSync(at("plain", ".recycle-5", "folder", "below"), "utf8")).toBe("below");
    const { mode, uid } = statSync(at("plain", ".recycle-5"));
    expect([mode & 0o7777, uid]).toEqual([0o700, 5]);
    // He finds them there, and deletes them for good there.
    const mount = mountOf(BERT, "plain");
    const folder = await openFile(mount, ".recycle-5");
    expect((await listDirectory(mount, folder.fileId)).map(({ name }) => name).sort()).toEqual([
      ".",
      "..",
      "Copy #1 of his",
      "folder",
      "his",
    ]);
    await closeFile(mount, folder.fileId);
    const { fileId } = await openFile(mount, ".recycle-5\\his", { desiredAccess: READ_WRITE });
    expect(await readFile(mount, fileId, 0, 10)).toEqual(new Uint8Array(Buffer.from("his")));
    await mount.client.demand("DELETE", deleteCall(mount, fileId));
    await closeFile(mount, fileId);
    expect(existsSync(at("plain", ".recycle-5", "his"))).toBe(false);
    expect(existsSync(at("plain", ".recycle-5", "Copy #2 of his"))).toBe(false);
  });

  test("with %U in the repository each one's arrive in the place of that name", async () => {
    await makeAndDelete(ANNA, "users", "hers", "hers");
    await makeAndDelete(BERT, "users", "his", "his");
    expect(readFileSync(at("users", ".bin", ANNA.user, "hers"), "utf8")).toBe("hers");
    expect(readFileSync(at("users", ".bin", BERT.user, "his"), "utf8")).toBe("his");
    for (const { user } of [ANNA, BERT])
      expect(statSync(at("users", ".bin", user)).mode & 0o7777).toBe(0o700);
  });

  test("where the share's own folder is closed to both, in the first folder that each may write", async () => {
    for (const [name, uid] of [
      ["anna", 1],
      ["bert", 5],
    ] as const) {
      mkdirSync(at("locked", name, "deep"), { recursive: true });
      chownSync(at("locked", name), uid, uid);
      chownSync(at("locked", name, "deep"), uid, uid);
    }
    await makeAndDelete(ANNA, "locked", "anna\\deep\\hers", "hers");
    await makeAndDelete(BERT, "locked", "bert\\his", "his");
    expect(readFileSync(at("locked", "anna", ".recycle-1", "deep", "hers"), "utf8")).toBe("hers");
    expect(readFileSync(at("locked", "bert", ".recycle-5", "his"), "utf8")).toBe("his");
  });

  test("a file in a folder that its owner may not write is not deleted, and nothing is made there", async () => {
    mkdirSync(at("locked", "fixed"), { mode: 0o755 });
    writeFileSync(at("locked", "fixed", "his"), "kept");
    chownSync(at("locked", "fixed", "his"), 5, 5);
    await expect(makeAndDelete(BERT, "locked", "fixed\\his", "kept")).rejects.toThrow("STATUS_ACCESS_DENIED");
    expect(existsSync(at("locked", "fixed", "his"))).toBe(true);
    expect(existsSync(at("locked", "fixed", ".recycle-5"))).toBe(false);
  });
});
