// EaSize in directory listings: the size that FileEaInformation says; [MS-FSCC] 2.4.8, 2.4.14, 2.4.17, 2.4.18.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { closeSync, openSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setXattr } from "../../../src/linux/xattr.ts";
import { decodeBufferResponse } from "../../../src/wire/command/buffer-response.ts";
import { CreateDisposition, CreateOption } from "../../../src/wire/command/create.ts";
import { Access } from "../../../src/wire/security/access.ts";
import { InfoType } from "../../../src/wire/command/query-info.ts";
import { FileInfoClass } from "../../../src/wire/fscc/info-class.ts";
import { canMakePluggedDisk, makePluggedDisk, PLUGGED_KINDS } from "../../peer/plugged-disk.ts";
import { giveToTester, TESTER, type TestServer } from "../../peer/test-server.ts";
import {
  closeFile,
  listDirectory,
  type Mount,
  mountShare,
  openFile,
  queryInfoCall,
} from "../client/raw-files.ts";
import { setAttributes } from "../client/attribute-calls.ts";
import { startServer } from "../client/server.ts";
import { putStream } from "../client/stream-calls.ts";

const SET_BY = {
  plain: [],
  one: [["user.a", "1"]],
  two: [
    ["user.a", "12345"],
    ["user.größe", "1"],
  ],
} as const;

let server: TestServer;
let mount: Mount;
beforeAll(async () => {
  server = await startServer();
  mount = await mountShare(server, TESTER, "test");
  for (const [name, values] of Object.entries(SET_BY)) {
    writeFileSync(at(name), "");
    giveToTester(at(name));
    for (const [key, value] of values) setAttribute(at(name), key, value);
    // Values of the server do not count.
    await putStream(mount, `${name}:stream`, "data");
  }
  symlinkSync("missing", at("link"));
});
afterAll(async () => {
  mount.client.close();
  await server.stop();
});

function setAttribute(path: string, name: string, value: string): void {
  const fd = openSync(path, "r");
  expect(setXattr(fd, name, new TextEncoder().encode(value))).toBe(0);
  closeSync(fd);
}

const at = (name: string): string => join(server.shares.get("test") ?? "", name);

async function eaSizeOf(mount: Mount, name: string): Promise<number> {
  const { fileId } = await openFile(mount, name);
  const reply = await mount.client.demand(
    "EA",
    queryInfoCall(mount, fileId, InfoType.FILE, FileInfoClass.EA),
  );
  await closeFile(mount, fileId);
  const { buffer } = decodeBufferResponse(reply.message);
  return new DataView(buffer.buffer, buffer.byteOffset).getUint32(0, true);
}

const CLASSES = [
  ["FileFullDirectoryInformation", FileInfoClass.FULL_DIRECTORY],
  ["FileBothDirectoryInformation", FileInfoClass.BOTH_DIRECTORY],
  ["FileIdBothDirectoryInformation", FileInfoClass.ID_BOTH_DIRECTORY],
  ["FileIdFullDirectoryInformation", FileInfoClass.ID_FULL_DIRECTORY],
] as const;

test.each(CLASSES)("%s has the EaSize of FileEaInformation", async (_, infoClass) => {
  const root = await openFile(mount, "");
  const listed = await listDirectory(mount, root.fileId, { infoClass });
  await closeFile(mount, root.fileId);
  for (const [name, values] of Object.entries(SET_BY)) {
    const size = await eaSizeOf(mount, name);
    expect(size > 0).toBe(values.length > 0);
    expect([name, listed.find((entry) => entry.name === name)?.eaSize]).toEqual([name, size]);
  }
  // A reparse point has its tag there.
  expect(listed.find(({ name }) => name === "link")?.eaSize).not.toBe(0);
});

// Disks without extended attributes: they are in the sidecar.
for (const kind of PLUGGED_KINDS) {
  test.skipIf(!canMakePluggedDisk(kind))(`a listing has the EaSize on ${kind}`, async () => {
    const disk = makePluggedDisk(kind);
    const own = await startServer({ shares: [{ name: "test", path: disk.path }] });
    try {
      const plugged = await mountShare(own, TESTER, "test");
      const options = { [CreateOption.DIRECTORY_FILE]: "folder", 0: "file" };
      for (const [createOptions, what] of Object.entries(options))
        for (const [name, values] of Object.entries(SET_BY)) {
          const { fileId } = await openFile(plugged, `${what} ${name}`, {
            desiredAccess: Access.MAXIMUM_ALLOWED,
            createDisposition: CreateDisposition.CREATE,
            createOptions: Number(createOptions),
          });
          for (const [key, value] of values)
            await setAttributes(plugged, fileId, { [key.slice("user.".length)]: value });
          await closeFile(plugged, fileId);
          await putStream(plugged, `${what} ${name}:stream`, "data");
        }
      for (const infoClass of [FileInfoClass.ID_BOTH_DIRECTORY, FileInfoClass.FULL_DIRECTORY]) {
        const root = await openFile(plugged, "");
        const listed = await listDirectory(plugged, root.fileId, { infoClass });
        await closeFile(plugged, root.fileId);
        for (const what of Object.values(options))
          for (const [key, values] of Object.entries(SET_BY)) {
            const name = `${what} ${key}`;
            const size = await eaSizeOf(plugged, name);
            expect([name, size > 0]).toEqual([name, values.length > 0]);
            expect([name, listed.find((entry) => entry.name === name)?.eaSize]).toEqual([name, size]);
          }
      }
      plugged.client.close();
    } finally {
      await own.stop();
      disk.remove();
    }
  });
}
