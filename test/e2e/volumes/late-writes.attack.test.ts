// WRITEs that nobody waits for any more: of a client that closed the file or lost its connection. They must not
// land on what other requests write later.
import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Command } from "../../../src/wire/header.ts";
import { CreateDisposition } from "../../../src/wire/command/create.ts";
import { FileInfoClass } from "../../../src/wire/fscc/info-class.ts";
import { Status } from "../../../src/wire/status.ts";
import { canMountFuse } from "../../peer/fuse/slow-disk.ts";
import type { Call } from "../client/raw-calls.ts";
import {
  callOn,
  closeFile,
  createFile,
  type Mount,
  openFile,
  READ_WRITE,
  setInfoCall,
  writeCall,
  writeFile,
} from "../client/raw-files.ts";
import { SlowShare } from "../client/slow-share.ts";

const PAGE = 4096;
/** WRITEs under way when their client goes. */
const WRITES = 120;
const DELAY_MS = 10;
const OLD = 0x41;
const NEW = 0x42;

function echoOn(mount: Mount): Call {
  return callOn(mount, Command.ECHO, (writer) => writer.u32(4));
}

describe.if(await canMountFuse())("WRITEs under way on a slow disk", () => {
  const slow = new SlowShare();

  /** Starts WRITEs all over the file, the last one at its beginning. Returns how to close the file. */
  async function startWrites(old: Mount, name: string): Promise<() => Promise<void>> {
    const { fileId } = await openFile(old, name, {
      desiredAccess: READ_WRITE,
      createDisposition: CreateDisposition.OPEN_IF,
    });
    await old.client.request({ ...echoOn(old), credits: 256 });
    await slow.disk.hold(DELAY_MS);
    const data = new Uint8Array(PAGE).fill(OLD);
    for (let i = WRITES; i >= 0; i--) old.client.start(writeCall(old, fileId, i * PAGE, data));
    // The server has them all.
    await old.client.request(echoOn(old));
    return () => closeFile(old, fileId);
  }

  /** Returns the file when the disk has carried out every request. */
  async function whenSettled(name: string): Promise<Buffer> {
    await slow.disk.go();
    const last = await slow.mount();
    await closeFile(last, await createFile(last, "last"));
    last.client.close();
    await Bun.sleep(300);
    return readFileSync(join(slow.disk.folder, name));
  }

  const WAYS = ["loses its connection", "closes the file"] as const;

  test.each(WAYS)(
    "of a client that %s do not replace what is written later",
    async (way) => {
      const name = `rewritten, ${way}`;
      const [old, next] = [await slow.mount(), await slow.mount()];
      const close = await startWrites(old, name);
      if (way === "closes the file") await close();
      else old.client.close();
      const { fileId } = await openFile(next, name, { desiredAccess: READ_WRITE });
      expect(await writeFile(next, fileId, 0, new Uint8Array(PAGE).fill(NEW))).toBe(PAGE);
      expect((await whenSettled(name))[0]).toBe(NEW);
      for (const each of [old, next]) each.client.close();
    },
    30_000,
  );

  test.each(WAYS)(
    "of a client that %s do not follow a CREATE that empties the file",
    async (way) => {
      const name = `emptied, ${way}`;
      const [old, next] = [await slow.mount(), await slow.mount()];
      const close = await startWrites(old, name);
      if (way === "closes the file") await close();
      else old.client.close();
      const fileId = await createFile(next, name);
      expect(await writeFile(next, fileId, 0, new Uint8Array(10).fill(NEW))).toBe(10);
      expect((await whenSettled(name)).toString()).toBe("B".repeat(10));
      for (const each of [old, next]) each.client.close();
    },
    30_000,
  );

  test("of an open that is closed do not replace what another open writes later", async () => {
    const name = "open twice";
    const [old, next] = [await slow.mount(), await slow.mount()];
    const fileId = await createFile(next, name);
    const close = await startWrites(old, name);
    await close();
    expect(await writeFile(next, fileId, 0, new Uint8Array(PAGE).fill(NEW))).toBe(PAGE);
    expect((await whenSettled(name))[0]).toBe(NEW);
    for (const each of [old, next]) each.client.close();
  }, 30_000);

  test("of others keep changes waiting, which are not made when their open is closed meanwhile", async () => {
    const name = "closed";
    const [old, next] = [await slow.mount(), await slow.mount()];
    const fileId = await createFile(next, name);
    const close = await startWrites(old, name);
    await close();
    const size = new Uint8Array(8);
    const changes = [
      writeCall(next, fileId, 0, new Uint8Array(PAGE).fill(NEW)),
      setInfoCall(next, fileId, FileInfoClass.END_OF_FILE, size),
      setInfoCall(next, fileId, FileInfoClass.ALLOCATION, size),
    ].map((call) => next.client.start(call));
    await closeFile(next, fileId);
    expect((await whenSettled(name))[0]).toBe(OLD);
    for (const { reply } of changes) expect((await reply).status).toBe(Status.FILE_CLOSED);
    for (const each of [old, next]) each.client.close();
  }, 30_000);
});
