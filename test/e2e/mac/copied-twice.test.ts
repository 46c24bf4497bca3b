// A folder of a Mac that another client copies to the server twice, `._NAME` before NAME as sorted listings have
// it: the second copy overwrites or replaces NAME. On ext4 and on a disk without extended attributes.
// Needs root.
import { afterAll, describe, expect, test } from "bun:test";
import { chownSync, existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { canMakePluggedDisk, makePluggedDisk } from "../../peer/plugged-disk.ts";
import { makeDirectory, removeDirectory, TESTER, TESTER_UID } from "../../peer/test-server.ts";
import { TAG_BYTES, TAGGED_FILE, TYPED_FILE } from "../../vectors/apple-double.ts";
import {
  closeFile,
  deleteCall,
  linkCall,
  mountShare,
  READ_WRITE,
  renameCall,
  renameFile,
} from "../client/raw-files.ts";
import { makeFile, mountPosix, openPosix } from "../client/posix-calls.ts";
import { startServer } from "../client/server.ts";
import { getBytes, getText, listOf, putStream, tryCreate } from "../client/stream-calls.ts";
import { afpInfo, INFO, mountAsMac, TAGS } from "./mac.ts";

const ends: (() => Promise<void> | void)[] = [];
afterAll(async () => {
  for (const end of ends.reverse()) await end();
});

function directoryOn(kind: "ext4" | "ramfs"): string {
  if (kind === "ramfs") {
    const disk = makePluggedDisk(kind);
    ends.push(() => disk.remove());
    return disk.path;
  }
  const path = makeDirectory("copied-twice");
  ends.push(() => removeDirectory(path));
  return path;
}

const kinds = (["ext4", "ramfs"] as const).filter((kind) => kind === "ext4" || canMakePluggedDisk(kind));

describe.each(kinds)("on %s", (kind) => {
  test("another client that copies a Mac's files again loses no metadata, a Mac that overwrites one does", async () => {
    const path = join(directoryOn(kind), "share");
    mkdirSync(path);
    chownSync(path, TESTER_UID, TESTER_UID);
    const server = await startServer({ shares: [{ name: "test", path }] });
    ends.push(() => server.stop());
    const other = await mountShare(server, TESTER, "test");
    for (const data of ["first", "second"]) {
      await putStream(other, "._photo", TAGGED_FILE);
      await putStream(other, "photo", data);
    }
    expect(readFileSync(join(path, "photo"), "utf8")).toBe("second");
    expect(Uint8Array.from(readFileSync(join(path, "._photo")))).toEqual(Uint8Array.from(TAGGED_FILE));
    const mac = await mountAsMac(server, "test");
    expect(await getBytes(mac, `photo${TAGS}`)).toEqual(TAG_BYTES);
    await putStream(other, "photo:note", "a stream elsewhere");
    await putStream(other, "photo", "third");
    expect(await listOf(other, "photo")).not.toContain(":note:$DATA 18");
    await putStream(mac, "photo", "by a Mac");
    expect(await listOf(mac, "photo")).toEqual(["::$DATA 8"]);
    // rsync writes a file under another name, and renames it over the old one.
    await putStream(other, "._photo", TAGGED_FILE);
    await putStream(other, ".photo.A1b2C3", "by rsync");
    await renameFile(other, ".photo.A1b2C3", "photo", true);
    expect(await getText(mac, "photo")).toBe("by rsync");
    expect(await getBytes(mac, `photo${TAGS}`)).toEqual(TAG_BYTES);
    // A file with metadata of its own brings that along.
    await putStream(other, "._new photo", TYPED_FILE);
    await putStream(other, "new photo", "with its own");
    await renameFile(other, "new photo", "photo", true);
    expect(await getBytes(mac, `photo${INFO}`)).toEqual(afpInfo("WAVEPTul"));
    expect(await tryCreate(mac, `photo${TAGS}`)).toBe("STATUS_OBJECT_NAME_NOT_FOUND");
    mac.client.close();
    other.client.close();
  });
  test("a client with the POSIX extensions, which sees the file, loses none by a rename or a removal", async () => {
    const path = join(directoryOn(kind), "share");
    mkdirSync(path);
    chownSync(path, TESTER_UID, TESTER_UID);
    const server = await startServer({ shares: [{ name: "test", path }] });
    ends.push(() => server.stop());
    const posix = await mountPosix(server);
    const other = await mountShare(server, TESTER, "test");
    await putStream(other, "._photo", TAGGED_FILE);
    await putStream(other, "photo", "old");
    await makeFile(posix, ".photo.part", 0o644, "new");
    const part = await openPosix(posix, ".photo.part", { desiredAccess: READ_WRITE });
    await posix.client.demand("rename", renameCall(posix, part.fileId, "photo", true));
    await closeFile(posix, part.fileId);
    expect(readFileSync(join(path, "photo"), "utf8")).toBe("new");
    expect(existsSync(join(path, "._photo"))).toBe(true);
    const { fileId } = await openPosix(posix, "photo", { desiredAccess: READ_WRITE });
    await posix.client.demand("delete", deleteCall(posix, fileId));
    await closeFile(posix, fileId);
    expect(existsSync(join(path, "photo"))).toBe(false);
    expect(Uint8Array.from(readFileSync(join(path, "._photo")))).toEqual(Uint8Array.from(TAGGED_FILE));
    await makeFile(posix, "photo", 0o644, "newest");
    const named = await openPosix(posix, "photo", { desiredAccess: READ_WRITE });
    await posix.client.demand("link", linkCall(posix, named.fileId, "second name", false));
    await posix.client.demand("rename", renameCall(posix, named.fileId, "photo~", false));
    await closeFile(posix, named.fileId);
    expect(readdirSync(path).sort()).toEqual(["._photo", "photo~", "second name"]);
    posix.client.close();
    other.client.close();
  });
});
