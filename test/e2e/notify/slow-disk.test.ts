// CHANGE_NOTIFY on a disk that only workers ask (FUSE): a client learns of every change in order, and of no
// name in a folder that its user may not list.
import { describe, expect, test } from "bun:test";
import { chmodSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { canMountFuse } from "../../peer/fuse/slow-disk.ts";
import { TESTER2 } from "../../peer/test-server.ts";
import {
  closeFile,
  createDirectory,
  createFile,
  deleteCall,
  type Mount,
  openFile,
  renameCall,
} from "../client/raw-files.ts";
import { linesOf, notifyCall, startWaiting } from "../client/raw-notify.ts";
import { Access } from "../../../src/wire/security/access.ts";
import { SlowShare } from "../client/slow-share.ts";

const WATCH = { recursive: true, outputBytes: 65_536 };
const MARK = "+zz-mark";

async function remove(on: Mount, name: string): Promise<void> {
  const { fileId } = await openFile(on, name, { desiredAccess: Access.DELETE });
  await on.client.demand("delete", deleteCall(on, fileId));
  await closeFile(on, fileId);
}

describe.if(await canMountFuse())("on a disk that only workers ask", () => {
  const slow = new SlowShare();

  /** The changes that a client learns of until it learns of the folder that is made after `change`. */
  async function watchDuring(directory: string, change: (other: Mount) => Promise<void>): Promise<string[]> {
    const on = await slow.mount();
    const other = await slow.mount();
    const { fileId } = await openFile(on, directory, { desiredAccess: Access.LIST_DIRECTORY });
    let pending = await startWaiting(on, fileId, WATCH);
    await change(other);
    await closeFile(other, await createDirectory(other, `${directory}\\zz-mark`));
    const told: string[] = [];
    while (!told.includes(MARK)) {
      told.push(...linesOf(await pending.reply));
      pending = on.client.start(notifyCall(on, fileId, WATCH));
    }
    on.client.close();
    other.client.close();
    return told.filter((line) => line !== MARK);
  }

  function makeFolder(name: string, mode: number): void {
    mkdirSync(join(slow.disk.folder, name));
    chmodSync(join(slow.disk.folder, name), mode);
  }

  test("files created, renamed and deleted below a folder are reported in order, none as lost", async () => {
    makeFolder("tree", 0o777);
    const names = Array.from({ length: 20 }, (_, i) => `sub\\f${i}`);
    const told = await watchDuring("tree", async (other) => {
      await closeFile(other, await createDirectory(other, "tree\\sub"));
      for (const name of names) await closeFile(other, await createFile(other, `tree\\${name}`));
      const { fileId } = await openFile(other, "tree\\sub\\f0", { desiredAccess: Access.DELETE });
      await other.client.demand("rename", renameCall(other, fileId, "tree\\sub\\g", false));
      await closeFile(other, fileId);
      for (const name of names.slice(1)) await remove(other, `tree\\${name}`);
    });
    const made = names.map((name) => `+${name}`);
    const gone = names.slice(1).map((name) => `-${name}`);
    expect(told).toEqual(["+sub", ...made, "<sub\\f0", ">sub\\g", ...gone]);
  });

  test("names in a folder that the user may not list are not reported, those around it are", async () => {
    makeFolder("mixed", 0o777);
    makeFolder("mixed/open", 0o777);
    // Others may make files there, and list nothing.
    makeFolder("mixed/closed", 0o733);
    const told = await watchDuring("mixed", async (other) => {
      const second = await slow.mount(TESTER2);
      for (const name of ["closed\\a", "open\\b", "closed\\c", "open\\d"])
        await closeFile(second, await createFile(second, `mixed\\${name}`));
      second.client.close();
      await closeFile(other, await createFile(other, "mixed\\e"));
    });
    expect(told).toEqual(["+open\\b", "+open\\d", "+e"]);
  });

  test("a change waits for a disk that is slow to answer", async () => {
    makeFolder("held", 0o777);
    makeFolder("held/sub", 0o777);
    const told = await watchDuring("held", async (other) => {
      await slow.disk.hold(30);
      await closeFile(other, await createFile(other, "held\\sub\\f"));
      await closeFile(other, await createFile(other, "held\\sub\\g"));
      await slow.disk.go();
    });
    expect(told).toEqual(["+sub\\f", "+sub\\g"]);
  });
});
