// AppleDouble files made to mislead the server, and moments at which one could be lost: links and special files
// in their place, hostile content, names too long for one, read-only disks, two clients at once, a killed server.
// Needs root.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import {
  chownSync,
  linkSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { CreateDisposition } from "../../../src/wire/command/create.ts";
import { statusName } from "../../../src/wire/status.ts";
import { canMakePluggedDisk, makePluggedDisk, type PluggedDisk } from "../../peer/plugged-disk.ts";
import { TESTER, TESTER_UID, type TestServer } from "../../peer/test-server.ts";
import { TAGGED_FILE, TYPED_FILE } from "../../vectors/apple-double.ts";
import {
  closeFile,
  listNames,
  type Mount,
  mountShare,
  openFile,
  READ_WRITE,
  renameCall,
  writeCall,
  writeFile,
} from "../client/raw-files.ts";
import { startServer } from "../client/server.ts";
import { getBytes, getText, listOf, openForWriting, putStream, tryCreate } from "../client/stream-calls.ts";
import { afpInfo, FORK, INFO, mountAsMac, readAsMac, TAGS } from "./mac.ts";

const OTHER_UID = 2;

function own(path: string): void {
  chownSync(path, TESTER_UID, TESTER_UID);
}

function put(path: string, data: Uint8Array | string): void {
  writeFileSync(path, data);
  own(path);
}

describe.skipIf(!canMakePluggedDisk("ramfs"))("on a disk without extended attributes", () => {
  let disk: PluggedDisk;
  let path = "";
  let server: TestServer;
  let mac: Mount;

  const start = async (): Promise<void> => {
    server = await startServer({ shares: [{ name: "test", path }] });
    mac = await mountAsMac(server, "test");
  };
  beforeAll(async () => {
    disk = makePluggedDisk("ramfs");
    path = join(disk.path, "share");
    mkdirSync(path);
    own(path);
    await start();
  });
  afterAll(async () => {
    mac?.client.close();
    await server?.stop();
    disk?.remove();
  });

  test("links and special files in the place of an AppleDouble file are not followed, opened or removed", async () => {
    mkdirSync(join(path, "odd"));
    own(join(path, "odd"));
    const secret = join(disk.path, "secret");
    writeFileSync(secret, TYPED_FILE, { mode: 0o600 });
    chownSync(secret, OTHER_UID, OTHER_UID);
    const kinds = ["symlink", "hard link", "folder", "pipe"] as const;
    for (const kind of kinds) put(join(path, "odd", kind), "data");
    symlinkSync(secret, join(path, "odd", "._symlink"));
    linkSync(secret, join(path, "odd", "._hard link"));
    mkdirSync(join(path, "odd", "._folder"));
    own(join(path, "odd", "._folder"));
    spawnSync("mkfifo", [join(path, "odd", "._pipe")]);
    for (const kind of kinds)
      expect([kind, ...(await listOf(mac, `odd\\${kind}`))]).toEqual([kind, "::$DATA 4"]);
    expect(await listNames(mac, "odd")).toEqual([...kinds.map((kind) => `._${kind}`), ...kinds].sort());
    for (const kind of kinds) {
      const { fileId } = await openFile(mac, `odd\\${kind}`, { desiredAccess: READ_WRITE });
      await mac.client.demand("rename", renameCall(mac, fileId, `odd\\moved ${kind}`, false));
      await closeFile(mac, fileId);
    }
    expect(readdirSync(join(path, "odd")).filter((name) => name.startsWith("._")).length).toBe(kinds.length);
    expect(Uint8Array.from(readFileSync(secret))).toEqual(Uint8Array.from(TYPED_FILE));
    // A write goes elsewhere.
    await putStream(mac, `odd\\moved hard link${INFO}`, afpInfo("TEXTttxt"));
    expect(Uint8Array.from(readFileSync(secret))).toEqual(Uint8Array.from(TYPED_FILE));
  });

  test("hostile content costs nothing and is left alone", async () => {
    mkdirSync(join(path, "hostile"));
    own(join(path, "hostile"));
    const changed = (at: number, value: number): Uint8Array => {
      const file = TAGGED_FILE.slice();
      new DataView(file.buffer).setUint32(at, value);
      return file;
    };
    const files = [
      changed(24, 0xffff_0000),
      changed(34, 0xffff_ffff),
      changed(42, 0xffff_ff00),
      changed(42, 60),
      changed(46, 0xffff_ffff),
      changed(92, 0xffff_ffff),
      changed(96, 0xffff_ffff),
      changed(116, 0xffff),
      changed(120, 0xffff_ffff),
      changed(168, 0xbc),
    ];
    for (const [i, file] of files.entries()) {
      put(join(path, "hostile", `f${i}`), "data");
      put(join(path, "hostile", `._f${i}`), file);
    }
    const names = await listNames(mac, "hostile");
    for (const [i, file] of files.entries()) {
      expect(names).toContain(`._f${i}`);
      expect(await listOf(mac, `hostile\\f${i}`)).toEqual(["::$DATA 4"]);
      expect(await getBytes(mac, `hostile\\._f${i}`)).toEqual(file);
    }
    // New metadata does not replace what is there.
    await putStream(mac, `hostile\\f0${INFO}`, afpInfo("TEXTttxt"));
    expect(await getBytes(mac, `hostile\\f0${INFO}`)).toEqual(afpInfo("TEXTttxt"));
    expect(await getBytes(mac, "hostile\\._f0")).toEqual(files[0] as Uint8Array);
  });

  test("a name too long for an AppleDouble file keeps its metadata in the sidecar", async () => {
    const long = "n".repeat(254);
    await putStream(mac, long, "data");
    await putStream(mac, long + INFO, afpInfo("TEXTttxt"));
    await putStream(mac, long + FORK, "fork");
    expect(await getBytes(mac, long + INFO)).toEqual(afpInfo("TEXTttxt"));
    expect(await getText(mac, long + FORK)).toBe("fork");
    const { fileId } = await openFile(mac, long, { desiredAccess: READ_WRITE });
    await mac.client.demand("rename", renameCall(mac, fileId, "short", false));
    await closeFile(mac, fileId);
    expect(await getText(mac, `short${FORK}`)).toBe("fork");
    await putStream(mac, "253", "data");
    await putStream(mac, `253${FORK}`, "fork");
    const open = await openFile(mac, "253", { desiredAccess: READ_WRITE });
    await mac.client.request(renameCall(mac, open.fileId, long, false));
    await closeFile(mac, open.fileId);
    const now = (await listNames(mac, "")).filter(
      (name) => name === "253" || name === long || name === "._253",
    );
    // Whatever the rename did, the resource fork is there: beside the file, or as a file that is listed.
    const isBeside =
      (await tryCreate(mac, `${now.includes("253") ? "253" : long}${FORK}`)) === "STATUS_SUCCESS";
    expect(isBeside || now.includes("._253")).toBe(true);
  });

  test("two clients that change the resource fork, the metadata and the name at once lose none of them", async () => {
    const second = await mountShare(server, TESTER, "test");
    await putStream(mac, "raced", "data");
    await putStream(mac, `raced${FORK}`, "0");
    const fork = await openForWriting(mac, `raced${FORK}`, CreateDisposition.OPEN);
    const rounds = 20;
    const writeForks = async (): Promise<void> => {
      for (let i = 0; i < rounds; i++)
        await writeFile(mac, fork, 0, new TextEncoder().encode(`fork ${String(i).padStart(3, "0")}`));
    };
    const writeTags = async (): Promise<void> => {
      const tags = await openForWriting(second, `raced${TAGS}`);
      for (let i = 0; i < rounds; i++)
        await writeFile(second, tags, 0, new TextEncoder().encode(`tags ${String(i).padStart(3, "0")}`));
      await closeFile(second, tags);
    };
    await Promise.all([writeForks(), writeTags()]);
    await closeFile(mac, fork);
    await putStream(second, `raced${INFO}`, afpInfo("SMB,OLE!"));
    const { fileId } = await openFile(mac, "raced", { desiredAccess: READ_WRITE });
    const setInfo = openForWriting(second, `raced${INFO}`, CreateDisposition.OPEN).then(async (info) => {
      await writeFile(second, info, 0, afpInfo("TEXTttxt"));
      await closeFile(second, info);
    });
    await Promise.allSettled([setInfo, mac.client.request(renameCall(mac, fileId, "won", false))]);
    await closeFile(mac, fileId);
    const names = (await listNames(mac, "")).filter((name) => /raced|won/.test(name));
    expect(names.length).toBe(1);
    const seen = readAsMac(Uint8Array.from(readFileSync(join(path, `._${names[0]}`))));
    expect(new TextDecoder().decode(seen.fork)).toBe("fork 019");
    expect(new TextDecoder().decode(seen.attributes["com.apple.metadata:_kMDItemUserTags"])).toBe("tags 019");
    second.client.close();
  });

  test("on a read-only disk metadata is read, and no change is said to have worked", async () => {
    put(join(path, "fixed"), "data");
    put(join(path, "._fixed"), TAGGED_FILE);
    spawnSync("mount", ["-o", "remount,ro", disk.path]);
    try {
      expect(await getBytes(mac, `fixed${INFO}`)).toHaveLength(60);
      const opened = await mac.client.request(
        writeCall(mac, (await openFile(mac, `fixed${INFO}`)).fileId, 0, afpInfo("TEXTttxt")),
      );
      expect(statusName(opened.status)).not.toBe("STATUS_SUCCESS");
      for (const name of [INFO, FORK, TAGS])
        expect(
          await putStream(mac, `fixed${name}`, name === INFO ? afpInfo("TEXTttxt") : "new").then(
            () => "done",
            () => "refused",
          ),
        ).toBe("refused");
    } finally {
      spawnSync("mount", ["-o", "remount,rw", disk.path]);
    }
    expect(Uint8Array.from(readFileSync(join(path, "._fixed")))).toEqual(Uint8Array.from(TAGGED_FILE));
  });

  test("a server that is killed between a file and its AppleDouble file loses no resource fork", async () => {
    const files = 24;
    const killAt = 8;
    const forkOf = (i: number): string => `fork of file ${i}`.repeat(20);
    for (let i = 0; i < files; i++) {
      await putStream(mac, `k${i}`, "data");
      await putStream(mac, `k${i}${FORK}`, forkOf(i));
    }
    let next = 0;
    let done = 0;
    const work = async (): Promise<void> => {
      while (next < files) {
        const i = next++;
        await putStream(mac, `k${i}${TAGS}`, `tags ${i}`);
        const { fileId } = await openFile(mac, `k${i}`, { desiredAccess: READ_WRITE });
        await mac.client.demand("rename", renameCall(mac, fileId, `moved${i}`, false));
        await closeFile(mac, fileId);
        if (++done === killAt) process.kill(server.pid, "SIGKILL");
      }
    };
    await Promise.allSettled(Array.from({ length: 8 }, work));
    mac.client.close();
    await expect(server.stop()).rejects.toThrow("the server had ended by itself (SIGKILL)");
    await start();
    const names = new Set(await listNames(mac, ""));
    for (let i = 0; i < files; i++) {
      const name = names.has(`moved${i}`) ? `moved${i}` : `k${i}`;
      expect([i, names.has(name)]).toEqual([i, true]);
      const isBeside = (await tryCreate(mac, name + FORK)) === "STATUS_SUCCESS";
      const left = readdirSync(path).find((one) => one === `._k${i}` || one === `._moved${i}`);
      const fork = isBeside
        ? await getText(mac, name + FORK)
        : new TextDecoder().decode(readAsMac(Uint8Array.from(readFileSync(join(path, left ?? "")))).fork);
      expect([i, fork]).toEqual([i, forkOf(i)]);
    }
  });
});
