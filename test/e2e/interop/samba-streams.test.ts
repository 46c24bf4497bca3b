// Streams that Samba's smbd wrote read the same here, and the other way round: data, names, lists, deletion.
// Both servers serve one folder; vfs_streams_xattr(8).
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { Errno } from "../../../src/linux/errno.ts";
import { Scratch } from "../../../src/linux/libc.ts";
import { closeFd, Open, openAt } from "../../../src/linux/open.ts";
import { getXattr, setXattr } from "../../../src/linux/xattr.ts";
import { CreateDisposition, CreateOption } from "../../../src/wire/command/create.ts";
import type { TestServer } from "../../peer/test-server.ts";
import { closeFile, createDirectory, deleteCall, type Mount, renameCall } from "../client/raw-files.ts";
import { canPair, mountFolder, type Pair, startPair } from "./samba-server.ts";
import { getBytes, getText, listOf, openForWriting, putStream, tryCreate } from "../client/stream-calls.ts";

const ROOM = new Scratch(65_536);
const AT_FDCWD = -100;

/** Returns a file's extended attribute in hex; -errno as decimal text on failure. */
function valueOf(path: string, name: string): string {
  const fd = openAt(AT_FDCWD, path, Open.RDONLY);
  const length = getXattr(fd, name, ROOM);
  closeFd(fd);
  return length < 0 ? `${length}` : ROOM.bytes.subarray(0, length).toHex();
}

function storeValue(path: string, name: string, hex: string): void {
  const fd = openAt(AT_FDCWD, path, Open.RDONLY);
  expect(setXattr(fd, name, Uint8Array.fromHex(hex))).toBe(0);
  closeFd(fd);
}

function bytes(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => (i * 37) & 0xff);
}

describe.skipIf(!canPair)("Samba and minismbd on one folder", () => {
  let pair: Pair;
  const mounts = new Map<TestServer, Mount>();
  const on = (server: TestServer): Mount => mounts.get(server) as Mount;
  beforeAll(async () => {
    pair = await startPair();
    for (const server of [pair.ours, pair.samba]) mounts.set(server, await mountFolder(server));
  });
  afterAll(async () => {
    for (const mount of mounts.values()) mount.client.close();
    await pair.stop();
  });
  const ways = [
    ["from Samba to minismbd", () => [pair.samba, pair.ours] as const],
    ["from minismbd to Samba", () => [pair.ours, pair.samba] as const],
  ] as const;
  const pathOf = (name: string): string => join(pair.folder, name);

  for (const [way, ends] of ways) {
    test(`streams of any last byte and length read the same on the other server, ${way}`, async () => {
      const [from, to] = ends();
      const file = `data of ${from.name}`;
      const streams: Readonly<Record<string, Uint8Array>> = {
        empty: new Uint8Array(),
        text: new TextEncoder().encode("[ZoneTransfer]\r\nZoneId=3\r\n"),
        "one zero": new Uint8Array(1),
        zeros: new Uint8Array(100),
        "ends in one": new Uint8Array([5, 1]),
        "ends in fifteen": new Uint8Array([15]),
        all: bytes(256),
        long: bytes(2000),
      };
      for (const [name, data] of Object.entries(streams)) await putStream(on(from), `${file}:${name}`, data);
      for (const [name, data] of Object.entries(streams)) {
        expect([name, await getBytes(on(to), `${file}:${name}`)]).toEqual([name, data]);
      }
      const lines = Object.entries(streams).map(([name, data]) => `:${name}:$DATA ${data.length}`);
      expect((await listOf(on(to), file)).sort()).toEqual(["::$DATA 0", ...lines].sort());
      expect(valueOf(pathOf(file), "user.DosStream.one zero:$DATA")).toBe("0000");
      expect(valueOf(pathOf(file), "user.DosStream.empty:$DATA")).toBe("00");
    });

    test(`stream names in any script are listed, and found without regard to case, ${way}`, async () => {
      const [from, to] = ends();
      const file = `names of ${from.name}`;
      const names = ["Größe", "日本語 😀", "a?*<>|b", "MiXeD", "com.apple.metadata\uf022x", " lead"];
      for (const name of names) await putStream(on(from), `${file}:${name}`, name);
      const lines = names.map((name) => `:${name}:$DATA ${new TextEncoder().encode(name).length}`);
      expect((await listOf(on(to), file)).sort()).toEqual(["::$DATA 0", ...lines].sort());
      // SMB's upper-case mapping is from one letter to one letter, so ß stays.
      const upper = (name: string): string => name.replace(/[^ß]/gu, (letter) => letter.toUpperCase());
      for (const name of names) expect(await getText(on(to), `${file}:${upper(name)}`)).toBe(name);
    });

    test(`streams changed, emptied, renamed or deleted on the other server are so on the first, ${way}`, async () => {
      const [from, to] = ends();
      const file = `changed of ${from.name}`;
      for (const name of ["written", "cut", "renamed", "deleted"])
        await putStream(on(from), `${file}:${name}`, "0123456789");
      await putStream(on(to), `${file}:written`, "changed");
      const cut = await openForWriting(on(to), `${file}:CUT`, CreateDisposition.OVERWRITE);
      await closeFile(on(to), cut);
      const moved = await openForWriting(on(to), `${file}:renamed`, CreateDisposition.OPEN);
      await on(to).client.demand("rename", renameCall(on(to), moved, ":other:$DATA", false));
      await closeFile(on(to), moved);
      const gone = await openForWriting(on(to), `${file}:deleted`, CreateDisposition.OPEN);
      await on(to).client.demand("delete", deleteCall(on(to), gone));
      await closeFile(on(to), gone);
      expect((await listOf(on(from), file)).sort()).toEqual([
        "::$DATA 0",
        ":cut:$DATA 0",
        ":other:$DATA 10",
        ":written:$DATA 7",
      ]);
      expect(await getText(on(from), `${file}:written`)).toBe("changed");
      expect(await tryCreate(on(from), `${file}:deleted`)).toBe("STATUS_OBJECT_NAME_NOT_FOUND");
    });

    test(`a directory has streams, and a file overwritten or deleted on the other server loses its own, ${way}`, async () => {
      const [from, to] = ends();
      const folder = `folder of ${from.name}`;
      await closeFile(on(from), await createDirectory(on(from), folder));
      await putStream(on(from), `${folder}:d`, "directory");
      expect(await listOf(on(to), folder)).toEqual([":d:$DATA 9"]);
      await putStream(on(from), `${folder}\\f:s`, "file");
      await putStream(on(to), `${folder}\\f`, "new");
      expect(await listOf(on(from), `${folder}\\f`)).toEqual(["::$DATA 3"]);
      await putStream(on(from), `${folder}\\f:t`, "again");
      const last = await openForWriting(on(to), `${folder}\\f`, CreateDisposition.OPEN, {
        createOptions: CreateOption.DELETE_ON_CLOSE,
      });
      await closeFile(on(to), last);
      expect(await tryCreate(on(from), `${folder}\\f:t`)).toBe("STATUS_OBJECT_NAME_NOT_FOUND");
    });
  }

  test("a stream stored by ksmbd, without the final byte, is read here, and by Samba once changed here", async () => {
    await putStream(on(pair.ours), "ksmbd", "");
    const path = pathOf("ksmbd");
    storeValue(path, "user.DosStream.text:$DATA", "68656c6c6f");
    storeValue(path, "user.DosStream.none:$DATA", "");
    const finder = "41465000".padEnd(120, "0");
    storeValue(path, "user.DosStream.AFP_AfpInfo:$DATA", finder);
    expect(await getText(on(pair.ours), "ksmbd:text")).toBe("hello");
    expect((await getBytes(on(pair.ours), "ksmbd:none")).length).toBe(0);
    expect((await getBytes(on(pair.ours), "ksmbd:AFP_AfpInfo")).toHex()).toBe(finder);
    const id = await openForWriting(on(pair.ours), "ksmbd:text");
    await closeFile(on(pair.ours), id);
    // An open for writing that changes nothing does not rewrite the value.
    expect(valueOf(path, "user.DosStream.text:$DATA")).toBe("68656c6c6f");
    await putStream(on(pair.ours), "ksmbd:text", "hello");
    expect(await getText(on(pair.samba), "ksmbd:text")).toBe("hello");
  });

  test("a stream of 60,000 bytes fails on Samba or is stored, and the other stream stays", async () => {
    await putStream(on(pair.samba), "long:s", "kept");
    const attempt = putStream(on(pair.samba), "long:s2", bytes(60_000)).then(
      () => "kept it",
      (error: Error) => error.message.replace(/^.*(STATUS_\w+).*$/, "$1"),
    );
    // ext4 has no room for it; file systems with larger extended attributes do.
    expect(["kept it", "STATUS_DISK_FULL"]).toContain(await attempt);
    expect(await getText(on(pair.ours), "long:s")).toBe("kept");
  });

  test("Samba does not see a stream of 2 MB that this server keeps in a sidecar, and is not disturbed by it", async () => {
    const large = bytes(2_000_000);
    await putStream(on(pair.ours), "beside:small", "small");
    await putStream(on(pair.ours), "beside:large", large);
    expect(await getBytes(on(pair.ours), "beside:large", 50_000)).toEqual(large.subarray(0, 50_000));
    expect((await listOf(on(pair.samba), "beside")).sort()).toEqual(["::$DATA 0", ":small:$DATA 5"]);
    expect(await getText(on(pair.samba), "beside:small")).toBe("small");
    expect(valueOf(pathOf("beside"), "user.DosStreamExt.1.large:$DATA")).toBe(`${-Errno.ENODATA}`);
    // The last writer wins.
    await putStream(on(pair.samba), "beside:large", "theirs");
    expect(await getText(on(pair.ours), "beside:large")).toBe("theirs");
    await putStream(on(pair.ours), "beside:large", "ours");
    expect(await getText(on(pair.samba), "beside:large")).toBe("ours");
    await putStream(on(pair.ours), "beside:large", large);
    const moved = await openForWriting(on(pair.ours), "beside:large", CreateDisposition.OPEN);
    await on(pair.ours).client.demand("rename", renameCall(on(pair.ours), moved, ":other:$DATA", false));
    await closeFile(on(pair.ours), moved);
    const lines = ["::$DATA 0", ":other:$DATA 2000000", ":small:$DATA 5"];
    expect((await listOf(on(pair.ours), "beside")).sort()).toEqual(lines);
    const gone = await openForWriting(on(pair.samba), "beside", CreateDisposition.OPEN);
    await on(pair.samba).client.demand("delete", deleteCall(on(pair.samba), gone));
    await closeFile(on(pair.samba), gone);
    await putStream(on(pair.ours), "beside", "");
    expect(await listOf(on(pair.ours), "beside")).toEqual(["::$DATA 0"]);
  });
});
