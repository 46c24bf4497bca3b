// Large named streams are read, written and sized in parts: the cost follows the request, in bytes written to
// the disk and in memory, on disks with extended attributes and without; old forms are read, and a killed server
// loses nothing that it has flushed. [MS-FSA] 2.1.5.3, 2.1.5.4. Needs root.
import { afterAll, describe, expect, test } from "bun:test";
import { chownSync, existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";

import { join } from "node:path";
import { encodeEntry } from "../../../src/engine/vfs/sidecar/format.ts";
import { CreateDisposition, CreateOption } from "../../../src/wire/command/create.ts";
import { encodeFlushRequest } from "../../../src/wire/command/flush.ts";
import type { FileId } from "../../../src/wire/file-id.ts";
import { encodeSizeInformation } from "../../../src/wire/fscc/file-information.ts";
import { FileInfoClass } from "../../../src/wire/fscc/info-class.ts";
import { Command } from "../../../src/wire/header.ts";
import { canMakeDiskImage, makeDiskImage } from "../../peer/disk-image.ts";
import { canMakePluggedDisk, makePluggedDisk, type PluggedKind } from "../../peer/plugged-disk.ts";
import { TESTER, TESTER_UID, type TestServer } from "../../peer/test-server.ts";
import { bytesOf } from "../client/attribute-calls.ts";
import {
  callOn,
  closeFile,
  deleteCall,
  type Mount,
  mountShare,
  openFile,
  READ_WRITE,
  readFile,
  renameCall,
  setInfoCall,
  writeFile,
} from "../client/raw-files.ts";
import { startServer } from "../client/server.ts";
import { listOf, openForWriting, queryStreamsOf } from "../client/stream-calls.ts";

const MIB = 1024 * 1024;
const LARGE_BYTES = 15 * MIB;
const CHUNK_BYTES = 512 * 1024;
const WRITES = 50;
/** Of the old server: 750 MiB. Each of the 50 requests may cost some calls of a few KiB. */
const MAX_WRITTEN_BYTES = 2 * MIB;
const CLIENTS = 4;
const ROUNDS = 30;
/** Four copies of the stream would be 60 MiB. */
const MAX_GROWTH_KIB = 24 * 1024;

interface Disk {
  readonly path: string;
  remove(): void;
}

const ext4 = { name: "ext4", can: canMakeDiskImage("ext4"), make: () => makeDiskImage("ext4", 128 * MIB) };
const plugged = (name: PluggedKind) => ({
  name,
  can: canMakePluggedDisk(name),
  make: () => makePluggedDisk(name),
});
const DISKS: readonly { name: string; can: boolean; make: () => Disk }[] = [
  ext4,
  plugged("ramfs"),
  plugged("exFAT by FUSE"),
];

const made: Disk[] = [];
afterAll(() => {
  for (const disk of made) disk.remove();
});

async function onDisk(
  make: () => Disk,
  action: (mount: Mount, server: TestServer, path: string) => Promise<void>,
): Promise<void> {
  const disk = make();
  made.push(disk);
  const path = join(disk.path, "share");
  mkdirSync(path);
  // exFAT has no owners; there the mount option says whose the files are.
  try {
    chownSync(path, TESTER_UID, TESTER_UID);
  } catch {}
  const server = await startServer({ shares: [{ name: "test", path }] });
  try {
    const mount = await mountShare(server, TESTER, "test");
    await action(mount, server, path);
    mount.client.close();
  } finally {
    await server.stop();
  }
}

/** The byte at an offset of a large stream. */
const byteAt = (offset: number): number => (offset * 13 + (offset >> 9)) & 0xff;

function pattern(offset: number, length: number): Uint8Array {
  return new Uint8Array(length).map((_, i) => byteAt(offset + i));
}

async function putLarge(mount: Mount, name: string, bytes = LARGE_BYTES): Promise<void> {
  const id = await openForWriting(mount, name);
  for (let at = 0; at < bytes; at += CHUNK_BYTES)
    await writeFile(mount, id, at, pattern(at, Math.min(CHUNK_BYTES, bytes - at)));
  await closeFile(mount, id);
}

async function expectLarge(mount: Mount, name: string, bytes = LARGE_BYTES): Promise<void> {
  const { fileId, file } = await openFile(mount, name);
  expect([name, file.size]).toEqual([name, bytes]);
  for (let at = 0; at < bytes; at += CHUNK_BYTES) {
    const length = Math.min(CHUNK_BYTES, bytes - at);
    const got = await readFile(mount, fileId, at, length);
    expect([name, at, Buffer.compare(got, pattern(at, length))]).toEqual([name, at, 0]);
  }
  await closeFile(mount, fileId);
}

/** Bytes that the process has passed to write(2) and its like; data sent to sockets is not among them. */
function writtenBytes(pid: number): number {
  const line = /^wchar: (\d+)/m.exec(readFileSync(`/proc/${pid}/io`, "latin1"));
  return Number(line?.[1]);
}

function anonymousKib(pid: number): number {
  return Number(/^RssAnon:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "latin1"))?.[1]);
}

/** The sidecar's files; data files as "data". */
function kept(...folder: string[]): string[] {
  const path = join(...folder, ".minismbd");
  const names = existsSync(path) ? readdirSync(path) : [];
  return names.map((name) => name.replace(/^[0-9a-f]{16}\.data$/, "data")).sort();
}

async function flush(mount: Mount, fileId: FileId): Promise<void> {
  await mount.client.demand(
    "FLUSH",
    callOn(mount, Command.FLUSH, (writer) => encodeFlushRequest(writer, { fileId })),
  );
}

/** An entry of an earlier version, with a stream of `bytes` in it. */
function writeOldEntry(folder: string, name: string, bytes: number): void {
  const value = new Uint8Array(bytes + 1);
  for (let at = 0; at < bytes; at++) value[at] = byteAt(at);
  const unknown = { birth: Number.NaN, entryBirth: Number.NaN, size: 0, modified: 0 };
  const inodes = { inodeLow: 1, inodeHigh: 1, entryInodeLow: 1, entryInodeHigh: 1 };
  const small = new TextEncoder().encode("small\0");
  const values = new Map([
    ["user.DosStream.old:$DATA", value],
    ["user.DosStream.small:$DATA", small],
  ]);
  const image = encodeEntry({ name, ...unknown, ...inodes }, values);
  mkdirSync(join(folder, ".minismbd"), { recursive: true });
  writeFileSync(join(folder, ".minismbd", `${name}.values`), image?.bytes ?? "");
}

/** The most anonymous memory beyond that at the start while `action` runs. */
async function growthKib(pid: number, action: () => Promise<unknown>): Promise<number> {
  const before = anonymousKib(pid);
  let most = before;
  const timer = setInterval(() => {
    most = Math.max(most, anonymousKib(pid));
  }, 5);
  await action();
  clearInterval(timer);
  return Math.max(most, anonymousKib(pid)) - before;
}

/** Reads single bytes of a large stream, and lists the streams. */
async function readAround(server: TestServer, name: string, stream: string): Promise<void> {
  const mount = await mountShare(server, TESTER, "test");
  const { fileId } = await openFile(mount, `${name}:${stream}`);
  for (let i = 0; i < ROUNDS; i++) {
    const at = (i * 524_287) % LARGE_BYTES;
    expect((await readFile(mount, fileId, at, 1))[0]).toBe(byteAt(at));
    const { streams } = await queryStreamsOf(mount, fileId);
    expect(streams.find((one) => one.name === `:${stream}:$DATA`)?.size).toBe(LARGE_BYTES);
  }
  await closeFile(mount, fileId);
  mount.client.close();
}

for (const { name, can, make } of DISKS) {
  describe.skipIf(!can)(name, () => {
    test("a stream of 15 MiB is written byte by byte, read and truncated in parts", async () => {
      await onDisk(make, async (mount, server, path) => {
        await putLarge(mount, "f:s");
        const id = (await openFile(mount, "f:s", { desiredAccess: READ_WRITE })).fileId;
        const before = writtenBytes(server.pid);
        for (let i = 0; i < WRITES; i++) {
          const at = i * 300_007;
          await writeFile(mount, id, at, Uint8Array.of(byteAt(at) ^ 0xff));
        }
        expect(writtenBytes(server.pid) - before).toBeLessThan(MAX_WRITTEN_BYTES);
        for (let i = 0; i < WRITES; i++) {
          const at = i * 300_007;
          expect((await readFile(mount, id, at, 1))[0]).toBe(byteAt(at) ^ 0xff);
          await writeFile(mount, id, at, Uint8Array.of(byteAt(at)));
        }
        await expectLarge(mount, "f:s");
        const sizes = [8 * MIB + 1, 70_000];
        for (const size of sizes) {
          const buffer = bytesOf((writer) => encodeSizeInformation(writer, size));
          await mount.client.demand("SIZE", setInfoCall(mount, id, FileInfoClass.END_OF_FILE, buffer));
        }
        expect(writtenBytes(server.pid) - before).toBeLessThan(2 * MAX_WRITTEN_BYTES);
        await closeFile(mount, id);
        await expectLarge(mount, "f:s", 70_000);
        expect(await listOf(mount, "f")).toEqual(["::$DATA 0", ":s:$DATA 70000"]);
        expect(kept(path)).toEqual(["data", "f.values"]);
      });
    }, 120_000);

    test("four clients that read and list a stream of 15 MiB take no memory for it", async () => {
      await onDisk(make, async (mount, server) => {
        await putLarge(mount, "f:s");
        const growth = await growthKib(server.pid, () =>
          Promise.all(Array.from({ length: CLIENTS }, () => readAround(server, "f", "s"))),
        );
        expect(growth).toBeLessThan(MAX_GROWTH_KIB);
      });
    }, 120_000);

    test("a large stream follows its file and is removed with it", async () => {
      await onDisk(make, async (mount, _, path) => {
        await putLarge(mount, "f:s", 3 * MIB);
        const folder = {
          createDisposition: CreateDisposition.CREATE,
          createOptions: CreateOption.DIRECTORY_FILE,
        };
        await closeFile(mount, (await openFile(mount, "dir", { ...folder })).fileId);
        const moves = ["g", "dir\\h", "dir\\i", "j"];
        const id = (await openFile(mount, "f", { desiredAccess: READ_WRITE })).fileId;
        for (const to of moves) {
          await mount.client.demand("RENAME", renameCall(mount, id, to, false));
          await expectLarge(mount, `${to}:s`, 3 * MIB);
        }
        await closeFile(mount, id);
        await expectLarge(mount, "j:s", 3 * MIB);
        expect([kept(path), kept(path, "dir")]).toEqual([["data", "j.values"], []]);
        const renamed = (await openFile(mount, "j:s", { desiredAccess: READ_WRITE })).fileId;
        await mount.client.demand("RENAME", renameCall(mount, renamed, ":t", false));
        await closeFile(mount, renamed);
        await expectLarge(mount, "j:t", 3 * MIB);
        await putLarge(mount, "dir:own", MIB);
        for (const last of ["j", "dir"]) {
          const removed = (await openFile(mount, last, { desiredAccess: READ_WRITE })).fileId;
          await mount.client.demand("DELETE", deleteCall(mount, removed));
          await closeFile(mount, removed);
        }
        expect(readdirSync(path)).toEqual([]);
      });
    }, 120_000);
  });
}

describe.skipIf(!canMakePluggedDisk("ramfs"))("on a disk without extended attributes", () => {
  test("a stream that an earlier version stored is read in parts, and changes its form when written", async () => {
    await onDisk(plugged("ramfs").make, async (mount, server, path) => {
      await closeFile(mount, await openForWriting(mount, "f"));
      writeOldEntry(path, "f", LARGE_BYTES);
      const growth = await growthKib(server.pid, () =>
        Promise.all(Array.from({ length: CLIENTS }, () => readAround(server, "f", "old"))),
      );
      expect(growth).toBeLessThan(MAX_GROWTH_KIB);
      await expectLarge(mount, "f:old");
      expect(kept(path)).toEqual(["f.values"]);
      const id = await openForWriting(mount, "f:old");
      const changing = await growthKib(server.pid, () => writeFile(mount, id, 0, pattern(0, 1)));
      expect(changing).toBeLessThan(MAX_GROWTH_KIB);
      await closeFile(mount, id);
      expect(kept(path)).toEqual(["data", "f.values"]);
      await expectLarge(mount, "f:old");
      const streams = (await listOf(mount, "f")).sort();
      expect(streams).toEqual(["::$DATA 0", `:old:$DATA ${LARGE_BYTES}`, ":small:$DATA 5"]);
    });
  }, 120_000);

  test("a server that is killed between writes keeps what it has flushed, and every write that it answered", async () => {
    const disk = makePluggedDisk("ramfs");
    made.push(disk);
    for (let round = 0; round < 2; round++) {
      const shares = [{ name: "test", path: disk.path }];
      const victim = await startServer({ shares });
      const mount = await mountShare(victim, TESTER, "test");
      await putLarge(mount, `f${round}:s`, MIB);
      const id = await openForWriting(mount, `f${round}:s`);
      await flush(mount, id);
      let answered = 0;
      const writing = (async () => {
        for (let at = 0; at < MIB; at += 4096) {
          await writeFile(mount, id, at, new Uint8Array(4096).fill(round + 1));
          answered = at + 4096;
          if (at === (round + 1) * 65_536) process.kill(victim.pid, "SIGKILL");
        }
      })();
      await expect(writing).rejects.toThrow();
      mount.client.close();
      await expect(victim.stop()).rejects.toThrow("the server had ended by itself (SIGKILL)");
      const server = await startServer({ shares });
      const again = await mountShare(server, TESTER, "test");
      const { fileId, file } = await openFile(again, `f${round}:s`);
      expect(file.size).toBe(MIB);
      for (let at = 0; at < MIB; at += 4096) {
        const got = await readFile(again, fileId, at, 4096);
        const isNew = got.every((byte) => byte === round + 1);
        const isOld = Buffer.compare(got, pattern(at, 4096)) === 0;
        expect({ at, isSound: at < answered ? isNew : isNew || isOld }).toEqual({ at, isSound: true });
      }
      await closeFile(again, fileId);
      again.client.close();
      await server.stop();
      rmSync(join(disk.path, `f${round}`));
    }
  }, 120_000);
});
