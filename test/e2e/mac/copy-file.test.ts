// Server-side copies of whole files, as Finder's Duplicate asks for them: FSCTL_SRV_COPYCHUNK without chunks.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { randomBytes } from "node:crypto";
import { chmodSync, linkSync, readFileSync, statSync, truncateSync, utimesSync } from "node:fs";
import { join } from "node:path";
import { CreateDisposition } from "../../../src/wire/command/create.ts";
import { decodeIoctlResponse } from "../../../src/wire/command/ioctl.ts";
import { Writer } from "../../../src/wire/cursor.ts";
import type { FileId } from "../../../src/wire/file-id.ts";
import { FileAttribute } from "../../../src/wire/fscc/attributes.ts";
import {
  type CopyChunkResponse,
  decodeCopyChunkResponse,
  decodeResumeKey,
  encodeCopyChunkRequest,
} from "../../../src/wire/fscc/copychunk.ts";
import { Fsctl } from "../../../src/wire/fscc/fsctl.ts";
import { Access } from "../../../src/wire/security/access.ts";
import { statusName } from "../../../src/wire/status.ts";
import { canMakePluggedDisk, makePluggedDisk, type PluggedDisk } from "../../peer/plugged-disk.ts";
import { hasSmbd, startSmbd } from "../../peer/smbd.ts";
import { TESTER, type TestServer } from "../../peer/test-server.ts";
import type { Call } from "../client/raw-calls.ts";
import { lockOne, EXCLUSIVE_NOW } from "../client/lock-calls.ts";
import { closeFile, ioctlCall, type Mount, mountShare, openFile, READ_WRITE } from "../client/raw-files.ts";
import { startServer } from "../client/server.ts";
import { getBytes, listOf, openForWriting, putStream } from "../client/stream-calls.ts";
import { afpInfo, mountAsMac, TAGS } from "./mac.ts";

const EXFAT = "exFAT by FUSE";
/** Copied in many steps. */
const LARGE_BYTES = 268_435_456;
const RIGHTS = { "create mask": "0640" };

async function on(one: TestServer): Promise<{ readonly path: string; readonly mount: Mount }> {
  return { path: one.shares.get("test") ?? "", mount: await mountAsMac(one, "test") };
}

let server: TestServer;
let disk: PluggedDisk | undefined;
beforeAll(async () => {
  disk = canMakePluggedDisk(EXFAT) ? makePluggedDisk(EXFAT) : undefined;
  const exfat = disk === undefined ? [] : [{ name: "exfat", path: disk.path }];
  server = await startServer({ shares: [{ name: "test" }, ...exfat] });
});
afterAll(async () => {
  await server?.stop();
  disk?.remove();
});

interface Copied extends CopyChunkResponse {
  readonly status: string;
}

/** As smbfs copies: the source for reading, the target overwritten, no chunks. */
async function copy(mount: Mount, from: string, to: string): Promise<Copied> {
  const source = await openFile(mount, from, { desiredAccess: Access.READ_DATA | Access.READ_ATTRIBUTES });
  const target = await openFile(mount, to, {
    desiredAccess: READ_WRITE,
    createDisposition: CreateDisposition.OVERWRITE_IF,
    shareAccess: 0,
  });
  return copyOpen(mount, source.fileId, target.fileId);
}

/** The target is a file that is there, which is opened as it is. */
async function copyOnto(mount: Mount, from: string, to: string): Promise<string> {
  const source = await openFile(mount, from, { desiredAccess: READ_WRITE });
  const target = await openFile(mount, to, { desiredAccess: READ_WRITE });
  return (await copyOpen(mount, source.fileId, target.fileId)).status;
}

async function copyOpen(mount: Mount, source: FileId, target: FileId): Promise<Copied> {
  const reply = await mount.client.request(await copyCall(mount, source, target));
  await closeFile(mount, source);
  await closeFile(mount, target);
  const status = statusName(reply.status);
  if (status !== "STATUS_SUCCESS")
    return { status, chunksWritten: 0, chunkBytesWritten: 0, totalBytesWritten: 0 };
  return { status, ...decodeCopyChunkResponse(decodeIoctlResponse(reply.message).output) };
}

async function copyCall(mount: Mount, source: FileId, target: FileId): Promise<Call> {
  const none = new Uint8Array(0);
  const asked = await mount.client.demand(
    "resume key",
    ioctlCall(mount, Fsctl.SRV_REQUEST_RESUME_KEY, none, source),
  );
  const sourceKey = decodeResumeKey(decodeIoctlResponse(asked.message).output);
  const request = new Writer(new Uint8Array(32));
  encodeCopyChunkRequest(request, { sourceKey, chunks: [] });
  return ioctlCall(mount, Fsctl.SRV_COPYCHUNK, request.bytes, target);
}

const pathOf = (share: string, name: string) => join(server.shares.get(share) ?? "", name);

async function make(mount: Mount, share: string, name: string, data: Uint8Array): Promise<void> {
  const { fileId } = await openFile(mount, name, {
    desiredAccess: READ_WRITE,
    createDisposition: CreateDisposition.OVERWRITE_IF,
    fileAttributes: FileAttribute.HIDDEN,
  });
  await closeFile(mount, fileId);
  await putStream(mount, `${name}:AFP_AfpInfo`, afpInfo("TEXTttxt"));
  await putStream(mount, `${name}:AFP_Resource`, new Uint8Array(200_000).fill(9));
  await putStream(mount, `${name}${TAGS}`, "red");
  const writing = await openForWriting(mount, name);
  await Bun.write(pathOf(share, name), data);
  await closeFile(mount, writing);
  utimesSync(pathOf(share, name), 1_500_000_000, 1_500_000_000);
}

const shares = ["test", ...(canMakePluggedDisk(EXFAT) ? ["exfat"] : [])];

describe.each(shares)("on the share %s", (share) => {
  test("a Mac's copy without chunks has data, streams, attributes and times", async () => {
    const mac = await mountAsMac(server, share);
    const data = new Uint8Array(randomBytes(3_000_000));
    await make(mac, share, "whole", data);
    expect(await copy(mac, "whole", "copy")).toEqual({
      status: "STATUS_SUCCESS",
      chunksWritten: 0,
      chunkBytesWritten: 0,
      totalBytesWritten: data.length,
    });
    expect(readFileSync(pathOf(share, "copy")).equals(data)).toBe(true);
    expect((await listOf(mac, "copy")).toSorted()).toEqual((await listOf(mac, "whole")).toSorted());
    expect(await getBytes(mac, "copy:AFP_AfpInfo")).toEqual(afpInfo("TEXTttxt"));
    expect(new TextDecoder().decode(await getBytes(mac, `copy${TAGS}`))).toBe("red");
    const fork = await getBytes(mac, "copy:AFP_Resource", 65_536);
    expect(fork.every((byte) => byte === 9)).toBe(true);
    const { file } = await openFile(mac, "copy");
    expect(file.attributes & FileAttribute.HIDDEN).toBe(FileAttribute.HIDDEN);
    expect(Math.floor(statSync(pathOf(share, "copy")).mtimeMs / 1000)).toBe(1_500_000_000);
    mac.client.close();
  });
});

test("a copy onto the file itself, also by another name, leaves its data and streams as they are", async () => {
  const mac = await mountAsMac(server, "test");
  const data = new Uint8Array(randomBytes(100_000));
  await make(mac, "test", "itself", data);
  linkSync(pathOf("test", "itself"), pathOf("test", "its link"));
  for (const name of ["itself", "its link"])
    expect([name, await copyOnto(mac, "itself", name)]).toEqual([name, "STATUS_SUCCESS"]);
  expect(readFileSync(pathOf("test", "itself")).equals(data)).toBe(true);
  expect(await getBytes(mac, "itself:AFP_AfpInfo")).toEqual(afpInfo("TEXTttxt"));
  expect(new TextDecoder().decode(await getBytes(mac, `itself${TAGS}`))).toBe("red");
  expect(await listOf(mac, "itself")).toContain(":AFP_Resource:$DATA 200000");
  expect((await getBytes(mac, "itself:AFP_Resource", 65_536)).every((byte) => byte === 9)).toBe(true);
  mac.client.close();
});

test("an empty file without streams is copied, over a longer one", async () => {
  const mac = await mountAsMac(server, "test");
  await putStream(mac, "empty", "");
  await putStream(mac, "longer", "longer data");
  expect(await copy(mac, "empty", "longer")).toMatchObject({
    status: "STATUS_SUCCESS",
    totalBytesWritten: 0,
  });
  expect(statSync(pathOf("test", "longer")).size).toBe(0);
  mac.client.close();
});

test("a copy of a file that another client has locked fails", async () => {
  const mac = await mountAsMac(server, "test");
  const other = await mountShare(server, TESTER, "test");
  await putStream(mac, "locked", "some data");
  const held = await openForWriting(other, "locked");
  await other.client.demand("LOCK", lockOne(other, held, 0, 5, EXCLUSIVE_NOW));
  expect((await copy(mac, "locked", "of-locked")).status).toBe("STATUS_FILE_LOCK_CONFLICT");
  other.client.close();
  mac.client.close();
});

test("a copy ends at a range that is locked while it is under way", async () => {
  const mac = await mountAsMac(server, "test");
  await putStream(mac, "large", "data");
  truncateSync(pathOf("test", "large"), LARGE_BYTES);
  const source = (await openFile(mac, "large", { desiredAccess: READ_WRITE })).fileId;
  const locker = (await openFile(mac, "large", { desiredAccess: READ_WRITE })).fileId;
  const target = await openForWriting(mac, "large copy");
  const copying = mac.client.start(await copyCall(mac, source, target));
  await Promise.race([copying.interim, copying.reply]);
  await mac.client.demand("LOCK", lockOne(mac, locker, 0, LARGE_BYTES, EXCLUSIVE_NOW));
  expect(statusName((await copying.reply).status)).toBe("STATUS_FILE_LOCK_CONFLICT");
  mac.client.close();
});

describe.skipIf(!hasSmbd())("as from smbd", () => {
  test("the copy has the rights of a new file", async () => {
    const samba = await startSmbd({
      shares: [{ name: "test", parameters: { "vfs objects": "catia fruit streams_xattr", ...RIGHTS } }],
    });
    const ours = await startServer({ parameters: RIGHTS });
    const modes: number[] = [];
    try {
      for (const { path, mount } of [await on(samba), await on(ours)]) {
        await putStream(mount, "private", "data");
        chmodSync(join(path, "private"), 0o600);
        expect((await copy(mount, "private", "its copy")).status).toBe("STATUS_SUCCESS");
        modes.push(statSync(join(path, "its copy")).mode & 0o777);
        mount.client.close();
      }
    } finally {
      await ours.stop();
      await samba.stop();
    }
    expect(modes).toEqual([0o640, 0o640]);
  });
});

test("without chunks nothing is copied for other clients, nor with fruit:copyfile = no", async () => {
  const other = await mountShare(server, TESTER, "test");
  await putStream(other, "data", "data");
  expect(await copy(other, "data", "none")).toMatchObject({ status: "STATUS_SUCCESS", totalBytesWritten: 0 });
  expect(statSync(pathOf("test", "none")).size).toBe(0);
  other.client.close();
  const without = await startServer({ parameters: { "fruit:copyfile": "no" } });
  try {
    const mac = await mountAsMac(without, "test");
    await putStream(mac, "data", "data");
    expect(await copy(mac, "data", "none")).toMatchObject({ totalBytesWritten: 0 });
    mac.client.close();
  } finally {
    await without.stop();
  }
});
