// Streams, extended attributes and security descriptors too large for the attributes of ext4: kept in the
// sidecar, also across renames and deletions. [MS-FSCC] 2.1.5.3, [MS-FSA] 2.1.1.5. Needs root.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { FileInfoClass } from "../../../src/wire/fscc/info-class.ts";
import { encodeSizeInformation } from "../../../src/wire/fscc/file-information.ts";
import { Status } from "../../../src/wire/status.ts";
import { canMakeDiskImage, type DiskImage, makeDiskImage } from "../../peer/disk-image.ts";
import {
  makeDirectory,
  removeDirectory,
  TESTER,
  TESTER_UID,
  type TestServer,
} from "../../peer/test-server.ts";
import { bytesOf, readAttributes, setAttributes } from "../client/attribute-calls.ts";
import { copied, copyCall, resumeKey } from "../client/fsctl-calls.ts";
import {
  closeFile,
  listDirectory,
  type Mount,
  mountShare,
  openFile,
  READ_WRITE,
  setInfoCall,
} from "../client/raw-files.ts";
import { type AceText, openAll, securityOf, setSecurity } from "../client/security-calls.ts";
import { startServer } from "../client/server.ts";
import { demandSmbclient, hasSmbclient } from "../client/smbclient.ts";
import { listOf, openForWriting } from "../client/stream-calls.ts";

const MIB = 1024 * 1024;
const DACL = 4;
const canRun = canMakeDiskImage("ext4") && hasSmbclient();

let disk: DiskImage;
let work = "";
let server: TestServer;
let mount: Mount;

beforeAll(async () => {
  if (!canRun) return;
  disk = makeDiskImage("ext4", 256 * MIB, ["-b", "4096"]);
  work = makeDirectory("large-streams");
  for (const name of ["test", "nt", "bin"]) {
    mkdirSync(join(disk.path, name));
    chownSync(join(disk.path, name), TESTER_UID, TESTER_UID);
    chmodSync(join(disk.path, name), 0o755);
  }
  server = await startServer({
    shares: [
      { name: "test", path: join(disk.path, "test") },
      { name: "nt", path: join(disk.path, "nt"), parameters: { acl: "nt" } },
      {
        name: "bin",
        path: join(disk.path, "bin"),
        parameters: { "vfs objects": "recycle", "recycle:repository": ".bin", "recycle:keeptree": "yes" },
      },
    ],
  });
  mount = await mountShare(server, TESTER, "test");
});
afterAll(async () => {
  mount?.client.close();
  await server?.stop();
  disk?.remove();
  if (work !== "") removeDirectory(work);
});

function pattern(bytes: number, seed: number): Uint8Array {
  return new Uint8Array(bytes).map((_, i) => (i * 13 + seed + (i >> 8)) & 0xff);
}

const options = (share: string) => ({ share, cwd: work });

async function put(name: string, data: Uint8Array, share = "test"): Promise<void> {
  writeFileSync(join(work, "sent"), data);
  await demandSmbclient(server, [`put sent "${name}"`], options(share));
}

/** Fetches a stream with smbclient and compares it with `data`, without megabytes of output on failure. */
async function expectStream(name: string, data: Uint8Array, share = "test"): Promise<void> {
  await demandSmbclient(server, [`get "${name}" got`], options(share));
  const got = readFileSync(join(work, "got"));
  expect([name, got.length]).toEqual([name, data.length]);
  expect(Buffer.compare(got, data)).toBe(0);
}

function kept(...folder: string[]): string[] {
  const path = join(disk.path, ...folder, ".minismbd");
  const names = existsSync(path) ? readdirSync(path) : [];
  return names.map((name) => name.replace(/^[0-9a-f]{16}\.data$/, "data")).sort();
}

describe.skipIf(!canRun)("on ext4", () => {
  test("smbclient stores and fetches streams that grow and shrink between 1 byte and 5 MiB", async () => {
    await put("a", new Uint8Array(10));
    const sizes = [1, 1000, 5000, 20_000, 100_000, 5 * MIB, 100_000, 1, 70_000, 2 * MIB, 5000, 10];
    for (const [i, bytes] of sizes.entries()) {
      const data = pattern(bytes, i);
      await put("a:AFP_Resource", data);
      await expectStream("a:AFP_Resource", data);
      expect(await listOf(mount, "a")).toEqual(["::$DATA 10", `:AFP_Resource:$DATA ${bytes}`]);
      const inSidecar = bytes < 16_384 ? ["a.values"] : ["a.values", "data"];
      expect(kept("test")).toEqual(bytes > 4000 ? inSidecar : []);
    }
    await put("a:AFP_Resource", pattern(100_000, 1));
    const root = (await openFile(mount, "")).fileId;
    expect((await listDirectory(mount, root)).map(({ name }) => name)).toEqual([".", "..", "a"]);
    await closeFile(mount, root);
  }, 120_000);

  test("SET_INFO of the end of file shortens and extends a stream", async () => {
    const id = await openForWriting(mount, "sized:s");
    for (const size of [100_000, 10, 300_000, 0, 3_000_000, 5]) {
      const buffer = bytesOf((writer) => encodeSizeInformation(writer, size));
      await mount.client.demand("SET_INFO", setInfoCall(mount, id, FileInfoClass.END_OF_FILE, buffer));
      expect(await listOf(mount, "sized")).toEqual(["::$DATA 0", `:s:$DATA ${size}`]);
    }
    await closeFile(mount, id);
  });

  test("a stream moves with its renamed file and folder, and is removed with them", async () => {
    const data = pattern(100_000, 7);
    await demandSmbclient(server, ["mkdir dir"], options("test"));
    await put("dir/f", new Uint8Array(3));
    await put("dir/f:s", data);
    await put("dir:own", data);
    await demandSmbclient(server, ["rename dir/f dir/g", "rename dir moved"], options("test"));
    await expectStream("moved/g:s", data);
    await expectStream("moved:own", data);
    await demandSmbclient(server, ["rename moved/g h"], options("test"));
    await expectStream("h:s", data);
    await put("moved/g", new Uint8Array(3));
    expect(await listOf(mount, "moved\\g")).toEqual(["::$DATA 3"]);
    await demandSmbclient(server, ["rename h moved/g -f"], options("test"));
    await expectStream("moved/g:s", data);
    await demandSmbclient(server, ["del moved/g", "rmdir moved"], options("test"));
    expect(existsSync(join(disk.path, "test", "moved"))).toBe(false);
  });

  test("server-side copy copies 3 MiB from stream to stream", async () => {
    const data = pattern(3 * MIB, 9);
    await put("from", new Uint8Array());
    await put("from:s", data);
    const source = (await openFile(mount, "from:s", { desiredAccess: READ_WRITE })).fileId;
    const target = await openForWriting(mount, "to:s");
    const chunks = [0, 1, 2].map((i) => ({ sourceOffset: i * MIB, targetOffset: i * MIB, length: MIB }));
    const reply = await mount.client.demand(
      "COPYCHUNK",
      copyCall(mount, target, await resumeKey(mount, source), chunks),
    );
    expect(copied(reply).totalBytesWritten).toBe(3 * MIB);
    await closeFile(mount, source);
    await closeFile(mount, target);
    await expectStream("to:s", data);
  });

  test("a stream moves into the recycle bin with its file", async () => {
    const data = pattern(100_000, 11);
    await put("f", new Uint8Array(3), "bin");
    await put("f:s", data, "bin");
    await demandSmbclient(server, ["del f"], options("bin"));
    await expectStream(".bin/f:s", data, "bin");
    expect(kept("bin")).toEqual([]);
  });

  test("a client sets and reads up to 64 KiB of extended attributes; more are refused", async () => {
    const id = await openAll(mount, "ea");
    const attributes = Object.fromEntries(["A", "B", "C", "D", "E", "F"].map((n) => [n, n.repeat(10_000)]));
    for (const [name, value] of Object.entries(attributes))
      expect(await setAttributes(mount, id, { [name]: value })).toBe(Status.SUCCESS);
    expect(await readAttributes(mount, id)).toEqual(attributes);
    expect(await setAttributes(mount, id, { G: "G".repeat(10_000) })).not.toBe(Status.SUCCESS);
    expect(await setAttributes(mount, id, { A: "", B: "", C: "", D: "", E: "" })).toBe(Status.SUCCESS);
    expect(await setAttributes(mount, id, { F: "small" })).toBe(Status.SUCCESS);
    expect(await readAttributes(mount, id)).toEqual({ F: "small" });
    await closeFile(mount, id);
    expect(kept("test")).not.toContain("ea.values");
  });

  test("a client sets and reads a security descriptor of 20 KB", async () => {
    const nt = await mountShare(server, TESTER, "nt");
    const aces = Array.from({ length: 560 }, (_, i): AceText => [
      "A",
      0,
      0x1f01ff,
      `S-1-5-21-1-2-3-${5000 + i}`,
    ]);
    const all: AceText[] = [...aces, ["A", 0, 0x1f01ff, "S-1-1-0"]];
    const id = await openAll(nt, "f");
    expect(await setSecurity(nt, id, { aces: all }, DACL)).toBe(Status.SUCCESS);
    await closeFile(nt, id);
    expect((await securityOf(nt, "f", DACL)).aces).toEqual(all);
    expect(kept("nt")).toEqual(["f.values"]);
    nt.client.close();
  });
});
