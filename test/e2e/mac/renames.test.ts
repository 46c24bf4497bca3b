// A Mac renames folders in which files are open (`fruit:posix_rename`).
import { afterAll, beforeAll, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { CreateOption } from "../../../src/wire/command/create.ts";
import { Access } from "../../../src/wire/security/access.ts";
import { Status } from "../../../src/wire/status.ts";
import { TESTER, type TestServer } from "../../peer/test-server.ts";
import {
  closeFile,
  createDirectory,
  createFile,
  type Mount,
  mountShare,
  openFile,
  renameCall,
  writeFile,
} from "../client/raw-files.ts";
import { startServer } from "../client/server.ts";
import { mountAsMac } from "./mac.ts";

let server: TestServer;
let other: Mount;
beforeAll(async () => {
  server = await startServer();
  other = await mountShare(server, TESTER, "test");
});
afterAll(async () => {
  other?.client.close();
  await server?.stop();
});

async function renameFolder(mount: Mount, name: string, newName: string): Promise<number> {
  const { fileId } = await openFile(mount, name, {
    desiredAccess: Access.DELETE | Access.READ_ATTRIBUTES,
    createOptions: CreateOption.DIRECTORY_FILE,
  });
  const reply = await mount.client.request(renameCall(mount, fileId, newName, false));
  await closeFile(mount, fileId);
  return reply.status;
}

test("a Mac renames a folder in which another client has a file open, other clients do not", async () => {
  const mac = await mountAsMac(server, "test");
  await closeFile(mac, await createDirectory(mac, "folder"));
  await closeFile(mac, await createDirectory(mac, "folder\\sub"));
  const held = await createFile(other, "folder\\sub\\file");
  expect(await renameFolder(other, "folder", "refused")).toBe(Status.ACCESS_DENIED);
  expect(await renameFolder(mac, "folder", "renamed")).toBe(Status.SUCCESS);
  await writeFile(other, held, 0, Buffer.from("written after"));
  await closeFile(other, held);
  const path = join(server.shares.get("test") ?? "", "renamed", "sub", "file");
  expect(readFileSync(path, "utf8")).toBe("written after");
  mac.client.close();
});

test("with fruit:posix_rename = no a Mac is refused as others are", async () => {
  const without = await startServer({ parameters: { "fruit:posix_rename": "no" } });
  try {
    const mac = await mountAsMac(without, "test");
    await closeFile(mac, await createDirectory(mac, "folder"));
    const held = await createFile(mac, "folder\\file");
    expect(await renameFolder(mac, "folder", "renamed")).toBe(Status.ACCESS_DENIED);
    await closeFile(mac, held);
    mac.client.close();
  } finally {
    await without.stop();
  }
});
