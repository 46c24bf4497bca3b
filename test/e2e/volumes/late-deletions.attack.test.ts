// Deletions and renames that a slow disk is still asked about when their open is closed: of a client that has logged
// off, or closed the file without waiting. [MS-FSA] 2.1.5.15.3, 2.1.5.15.11.
import { describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { ShareAccess } from "../../../src/wire/command/create.ts";
import { Status } from "../../../src/wire/status.ts";
import { Command } from "../../../src/wire/header.ts";
import { canMountFuse } from "../../peer/fuse/slow-disk.ts";
import {
  callOn,
  closeCall,
  closeFile,
  createFile,
  deleteCall,
  openFile,
  READ_WRITE,
  renameCall,
} from "../client/raw-files.ts";
import { SlowShare } from "../client/slow-share.ts";

describe.if(await canMountFuse())("a file is not deleted or renamed later by an open that is closed", () => {
  const slow = new SlowShare();

  test("of a client that has logged off, though another one has it", async () => {
    const [gone, other] = [await slow.mount(), await slow.mount()];
    const kept = await createFile(other, "kept");
    const { fileId } = await openFile(gone, "kept", { desiredAccess: READ_WRITE });
    await slow.disk.stall();
    const deleted = gone.client.start(deleteCall(gone, fileId));
    const logoff = callOn(gone, Command.LOGOFF, (writer) => writer.u32(4));
    expect(await gone.client.outcome(logoff)).toBe(Status.SUCCESS);
    await slow.disk.go();
    expect((await deleted.reply).status).toBe(Status.FILE_CLOSED);
    await closeFile(other, kept);
    expect(existsSync(join(slow.disk.folder, "kept"))).toBe(true);
    for (const each of [gone, other]) each.client.close();
  }, 30_000);

  test("of a client that has closed it without waiting, which is told so", async () => {
    const hasty = await slow.mount();
    const fileId = await createFile(hasty, "closed");
    await slow.disk.stall();
    const deleted = hasty.client.start(deleteCall(hasty, fileId));
    expect(await hasty.client.outcome(closeCall(hasty, fileId))).toBe(Status.SUCCESS);
    await slow.disk.go();
    expect((await deleted.reply).status).toBe(Status.FILE_CLOSED);
    expect(existsSync(join(slow.disk.folder, "closed"))).toBe(true);
    hasty.client.close();
  }, 30_000);

  test("while another client has it, and shares no deletion", async () => {
    const [hasty, other] = [await slow.mount(), await slow.mount()];
    const fileId = await createFile(hasty, "named");
    await slow.disk.stall();
    const renamed = hasty.client.start(renameCall(hasty, fileId, "renamed", false));
    expect(await hasty.client.outcome(closeCall(hasty, fileId))).toBe(Status.SUCCESS);
    const opening = openFile(other, "named", { shareAccess: ShareAccess.READ });
    await slow.disk.go();
    expect((await renamed.reply).status).toBe(Status.FILE_CLOSED);
    await opening;
    expect(existsSync(join(slow.disk.folder, "named"))).toBe(true);
    for (const each of [hasty, other]) each.client.close();
  }, 30_000);
});
