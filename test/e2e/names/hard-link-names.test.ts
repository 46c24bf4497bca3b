// A file with two hard links that is open by both names: deletion and rename apply to the name of the open.
// [MS-FSA] 2.1.5.5 (removal of a link), 2.1.5.15.11 (rename of a link).
import { afterAll, beforeAll, expect, test } from "bun:test";
import { chmodSync, linkSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Access } from "../../../src/wire/security/access.ts";
import { CreateDisposition } from "../../../src/wire/command/create.ts";
import type { FileId } from "../../../src/wire/file-id.ts";
import { Status } from "../../../src/wire/status.ts";
import { TESTER, type TestServer } from "../../peer/test-server.ts";
import { closeFile, deleteCall, type Mount, mountShare, openFile, renameCall } from "../client/raw-files.ts";
import { startServer } from "../client/server.ts";

let server: TestServer;
let mount: Mount;
let share = "";
beforeAll(async () => {
  server = await startServer();
  share = server.shares.get("test") ?? "";
  mount = await mountShare(server, TESTER, "test");
});
afterAll(async () => {
  await server?.stop();
});

function makeNames(folder: string): void {
  mkdirSync(join(share, folder));
  chmodSync(join(share, folder), 0o777);
  writeFileSync(join(share, folder, "one"), "data");
  chmodSync(join(share, folder, "one"), 0o666);
  linkSync(join(share, folder, "one"), join(share, folder, "two"));
}

async function open(name: string): Promise<FileId> {
  const options = { desiredAccess: Access.MAXIMUM_ALLOWED, createDisposition: CreateDisposition.OPEN };
  return (await openFile(mount, name, options)).fileId;
}

for (const lastClosed of ["one", "two"]) {
  test(`a deletion by the second name removes that name when ${lastClosed} is closed last`, async () => {
    const folder = `delete-${lastClosed}`;
    makeNames(folder);
    const one = await open(`${folder}\\one`);
    const two = await open(`${folder}\\two`);
    expect((await mount.client.request(deleteCall(mount, two))).status).toBe(Status.SUCCESS);
    for (const id of lastClosed === "one" ? [two, one] : [one, two]) await closeFile(mount, id);
    expect(readdirSync(join(share, folder))).toEqual(["one"]);
  });
}

test("a rename changes the name of its open, which can then be deleted", async () => {
  makeNames("rename");
  const one = await open("rename\\one");
  const two = await open("rename\\two");
  const reply = await mount.client.request(renameCall(mount, two, "rename\\three", false));
  expect(reply.status).toBe(Status.SUCCESS);
  expect(readdirSync(join(share, "rename")).sort()).toEqual(["one", "three"]);
  const again = await mount.client.request(renameCall(mount, one, "rename\\four", false));
  expect(again.status).toBe(Status.SUCCESS);
  expect(readdirSync(join(share, "rename")).sort()).toEqual(["four", "three"]);
  await closeFile(mount, one);
  expect((await mount.client.request(deleteCall(mount, two))).status).toBe(Status.SUCCESS);
  await closeFile(mount, two);
  expect(readdirSync(join(share, "rename"))).toEqual(["four"]);
});
