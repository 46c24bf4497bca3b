// What the right to write a folder gives on the files of others in it, without stored descriptors: unlink(2) and
// rename(2) ask the folder and its sticky bit alone; [MS-FSA] 2.1.5.1.2.1 (FILE_DELETE_CHILD).
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chmodSync, chownSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Access, FileGeneric } from "../../../src/wire/security/access.ts";
import { CreateOption, type CreateRequest } from "../../../src/wire/command/create.ts";
import { statusName } from "../../../src/wire/status.ts";
import type { TestServer, User } from "../../peer/test-server.ts";
import {
  closeFile,
  createCall,
  createFile,
  deleteCall,
  type Mount,
  mountShare,
  openFile,
  renameCall,
  writeFile,
} from "../client/raw-files.ts";
import { startServer } from "../client/server.ts";

// An account that every Debian has: uid 1.
const USER: User = { user: "daemon", password: "Correct-Horse-9" };
const DELETING = { desiredAccess: Access.DELETE };
const DENIED = "STATUS_ACCESS_DENIED";

// Only root can serve users with uids of their own.
describe.skipIf(process.getuid?.() !== 0)("root's files in a folder of the user", () => {
  let server: TestServer;
  let mount: Mount;
  beforeAll(async () => {
    server = await startServer({ users: [USER] });
    mount = await mountShare(server, USER, "test");
    for (const [name, mode, uid] of [
      ["his", 0o755, 1],
      ["other", 0o755, 1],
      ["sticky", 0o1777, 0],
      ["writable", 0o777, 0],
      ["closed", 0o755, 0],
      ["unsearchable", 0o622, 0],
    ] as const) {
      mkdirSync(at(name));
      chmodSync(at(name), mode);
      chownSync(at(name), uid, uid);
    }
  });
  afterAll(async () => {
    mount?.client.close();
    await server?.stop();
  });

  const at = (...names: string[]): string => join(server.shares.get("test") ?? "", ...names);

  function putRoots(mode: number, ...names: string[]): void {
    writeFileSync(at(...names), "root's");
    chmodSync(at(...names), mode);
  }

  async function open(path: string, options: Partial<CreateRequest> = DELETING) {
    return openFile(mount, path, options);
  }

  async function statusOfOpen(path: string, options: Partial<CreateRequest> = DELETING): Promise<string> {
    return statusName((await mount.client.request(createCall(mount, path, options))).status);
  }

  test("are deleted, by SET_INFO and by DELETE_ON_CLOSE, also unreadable ones and empty folders", async () => {
    for (const mode of [0o644, 0o600]) {
      putRoots(mode, "his", "video.mp4");
      const { fileId } = await open("his\\video.mp4");
      await mount.client.demand("DELETE", deleteCall(mount, fileId));
      await closeFile(mount, fileId);
      expect(existsSync(at("his", "video.mp4"))).toBe(false);
    }
    putRoots(0o644, "writable", "on close");
    const doomed = await open("writable\\on close", {
      ...DELETING,
      createOptions: CreateOption.DELETE_ON_CLOSE,
    });
    await closeFile(mount, doomed.fileId);
    expect(existsSync(at("writable", "on close"))).toBe(false);
    mkdirSync(at("his", "folder"));
    const folder = await open("his\\folder", { ...DELETING, createOptions: CreateOption.DIRECTORY_FILE });
    await mount.client.demand("DELETE", deleteCall(mount, folder.fileId));
    await closeFile(mount, folder.fileId);
    expect(existsSync(at("his", "folder"))).toBe(false);
  });

  test("are renamed and moved, and replaced by a rename", async () => {
    putRoots(0o644, "his", "old");
    const { fileId } = await open("his\\old");
    await mount.client.demand("RENAME", renameCall(mount, fileId, "his\\new", false));
    await mount.client.demand("MOVE", renameCall(mount, fileId, "other\\moved", false));
    await closeFile(mount, fileId);
    expect(readFileSync(at("other", "moved"), "utf8")).toBe("root's");
    const own = await createFile(mount, "other\\own");
    await writeFile(mount, own, 0, Buffer.from("own"));
    await mount.client.demand("REPLACE", renameCall(mount, own, "other\\moved", true));
    await closeFile(mount, own);
    expect(readFileSync(at("other", "moved"), "utf8")).toBe("own");
  });

  test("show DELETE as maximal access and grant it for MAXIMUM_ALLOWED, but no right to write", async () => {
    putRoots(0o644, "his", "shown");
    const options = {
      desiredAccess: Access.MAXIMUM_ALLOWED,
      contexts: { maximalAccess: { timestamp: undefined } },
    };
    const opened = await open("his\\shown", options);
    const rights = opened.contexts.maximalAccess?.maximalAccess ?? 0;
    expect(rights & Access.DELETE).toBe(Access.DELETE);
    expect(rights & (Access.WRITE_DATA | Access.APPEND_DATA | Access.WRITE_DAC)).toBe(0);
    await mount.client.demand("DELETE", deleteCall(mount, opened.fileId));
    await closeFile(mount, opened.fileId);
    expect(existsSync(at("his", "shown"))).toBe(false);
    putRoots(0o644, "his", "shown");
    expect(await statusOfOpen("his\\shown", { desiredAccess: FileGeneric.WRITE | Access.DELETE })).toBe(
      DENIED,
    );
    expect(readFileSync(at("his", "shown"), "utf8")).toBe("root's");
  });

  test("stay in a sticky folder, in one that the user may not write, and in one without search", async () => {
    for (const folder of ["sticky", "closed", "unsearchable"]) {
      putRoots(0o644, folder, "kept");
      const kept = [];
      kept.push(await statusOfOpen(`${folder}\\kept`));
      const doomed = { ...DELETING, createOptions: CreateOption.DELETE_ON_CLOSE };
      kept.push(await statusOfOpen(`${folder}\\kept`, doomed));
      for (const status of kept) expect([DENIED, "STATUS_OBJECT_PATH_NOT_FOUND"]).toContain(status);
      expect(existsSync(at(folder, "kept"))).toBe(true);
    }
    const options = {
      desiredAccess: Access.MAXIMUM_ALLOWED,
      contexts: { maximalAccess: { timestamp: undefined } },
    };
    const opened = await open("sticky\\kept", options);
    expect((opened.contexts.maximalAccess?.maximalAccess ?? -1) & Access.DELETE).toBe(0);
    expect(statusName((await mount.client.request(deleteCall(mount, opened.fileId))).status)).toBe(DENIED);
    await closeFile(mount, opened.fileId);
  });

  test("keep their streams: these are in the file, which the user may not write", async () => {
    putRoots(0o644, "his", "streamed");
    Bun.spawnSync(["setfattr", "-n", "user.DosStream.tag:$DATA", "-v", "red\\000", at("his", "streamed")]);
    expect(await statusOfOpen("his\\streamed:tag", { desiredAccess: Access.READ_DATA })).toBe(
      "STATUS_SUCCESS",
    );
    expect(await statusOfOpen("his\\streamed:tag")).toBe(DENIED);
  });
});
