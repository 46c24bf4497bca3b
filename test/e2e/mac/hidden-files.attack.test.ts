// A folder in which thousands of hidden AppleDouble files follow each other: a listing passes them without
// keeping the event loop, which `startServer` watches. Needs root.
import { afterAll, describe, expect, test } from "bun:test";
import { chownSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { canMakePluggedDisk, makePluggedDisk } from "../../peer/plugged-disk.ts";
import { TESTER, TESTER_UID } from "../../peer/test-server.ts";
import { TAGGED_FILE } from "../../vectors/apple-double.ts";
import { closeFile, listDirectory, mountShare, openFile } from "../client/raw-files.ts";
import { startServer } from "../client/server.ts";

const FILES = 30_000;

const ends: (() => Promise<void> | void)[] = [];
afterAll(async () => {
  for (const end of ends.reverse()) await end();
});

describe.skipIf(!canMakePluggedDisk("ramfs"))("on ramfs, which lists the newest files first", () => {
  test("a listing passes 30,000 hidden files in a row without keeping the event loop", async () => {
    const disk = makePluggedDisk("ramfs");
    ends.push(() => disk.remove());
    const path = join(disk.path, "share");
    mkdirSync(path);
    for (let i = 0; i < FILES; i++) writeFileSync(join(path, `f${i}`), "");
    for (let i = 0; i < FILES; i++) writeFileSync(join(path, `._f${i}`), TAGGED_FILE);
    chownSync(path, TESTER_UID, TESTER_UID);
    const server = await startServer({ shares: [{ name: "test", path }] });
    const mount = await mountShare(server, TESTER, "test");
    const { fileId } = await openFile(mount, "");
    expect((await listDirectory(mount, fileId)).length).toBe(FILES + 2);
    await closeFile(mount, fileId);
    mount.client.close();
    // Throws where the event loop was kept.
    await server.stop();
  });
});
