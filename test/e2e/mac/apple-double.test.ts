// AppleDouble files `._NAME` that macOS left: their content is NAME's streams, they are not listed, they follow
// NAME, and what clients change in them macOS reads. On ext4, and on disks without extended attributes, where
// new metadata is stored so. Needs root.
import { afterAll, describe, expect, test } from "bun:test";
import { chownSync, existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { encodeAppleDouble, Maker } from "../../../src/engine/vfs/format/apple-double.ts";
import { CreateDisposition } from "../../../src/wire/command/create.ts";
import { canMakePluggedDisk, makePluggedDisk, type PluggedKind } from "../../peer/plugged-disk.ts";
import {
  makeDirectory,
  removeDirectory,
  TESTER,
  TESTER_UID,
  type TestServer,
} from "../../peer/test-server.ts";
import { PLACEHOLDER_BYTES, TAG_BYTES, TAGGED_FILE, TYPED_FILE } from "../../vectors/apple-double.ts";
import {
  closeFile,
  createDirectory,
  linkCall,
  listNames,
  type Mount,
  mountShare,
  openFile,
  READ_WRITE,
  removeFile,
  renameFile,
  writeFile,
} from "../client/raw-files.ts";
import { linesOf, startWaiting } from "../client/raw-notify.ts";
import { startServer } from "../client/server.ts";
import { getBytes, getText, listOf, openForWriting, putStream, tryCreate } from "../client/stream-calls.ts";
import { afpInfo, FORK, INFO, mountAsMac, readAsMac, TAGS } from "./mac.ts";

interface Place {
  readonly path: string;
  readonly server: TestServer;
  readonly mac: Mount;
  readonly other: Mount;
}

const ends: (() => Promise<void> | void)[] = [];
afterAll(async () => {
  for (const end of ends.reverse()) await end();
});

async function startOn(directory: string, parameters: Readonly<Record<string, string>> = {}): Promise<Place> {
  const path = join(directory, "share");
  mkdirSync(path);
  own(path);
  const server = await startServer({ shares: [{ name: "test", path, parameters }] });
  const mac = await mountAsMac(server, "test");
  const other = await mountShare(server, TESTER, "test");
  ends.push(async () => {
    mac.client.close();
    other.client.close();
    await server.stop();
  });
  return { path, server, mac, other };
}

/** exFAT has no owners; there the mount option says whose the files are. */
function own(path: string): void {
  try {
    chownSync(path, TESTER_UID, TESTER_UID);
  } catch {}
}

function plant({ path }: Place, name: string, companion: Uint8Array, data = "data"): void {
  writeFileSync(join(path, name), data);
  writeFileSync(join(path, `._${name}`), companion);
  own(join(path, name));
  own(join(path, `._${name}`));
}

function macView({ path }: Place, name: string) {
  return readAsMac(Uint8Array.from(readFileSync(join(path, `._${name}`))));
}

test("fruit:veto_appledouble = no lists the files, fruit:wipe_… = yes shows no placeholder", async () => {
  const path = makeDirectory("apple-double-shown");
  ends.push(() => removeDirectory(path));
  const at = await startOn(path, {
    "fruit:veto_appledouble": "no",
    "fruit:wipe_intentionally_left_blank_rfork": "yes",
  });
  plant(at, "typed", TYPED_FILE);
  expect(await listNames(at.other, "")).toEqual(["._typed", "typed"]);
  expect(await listOf(at.other, "typed")).toEqual(["::$DATA 4", ":AFP_AfpInfo:$DATA 60"]);
  await putStream(at.other, `typed${FORK}`, "fork");
  expect(await getText(at.mac, `typed${FORK}`)).toBe("fork");
});

test.skipIf(!canMakePluggedDisk("ramfs"))(
  "fruit:resource and fruit:metadata say where new metadata is stored",
  async () => {
    const disk = makePluggedDisk("ramfs");
    ends.push(() => disk.remove());
    const streams = await startOn(disk.path, { "fruit:resource": "stream", "fruit:metadata": "stream" });
    const path = makeDirectory("apple-double-file");
    ends.push(() => removeDirectory(path));
    const file = await startOn(path, { "fruit:resource": "file" });
    for (const { mac } of [streams, file]) {
      for (const [name, data] of [
        [INFO, afpInfo("TEXTttxt")],
        [FORK, "fork"],
        [TAGS, "tags"],
      ] as const)
        await putStream(mac, `new${name}`, data);
      expect(await getText(mac, `new${FORK}`)).toBe("fork");
    }
    expect(existsSync(join(streams.path, "._new"))).toBe(false);
    expect(macView(file, "new")).toEqual({
      finderInfo: new Uint8Array(32),
      fork: new TextEncoder().encode("fork"),
      attributes: {},
    });
  },
);

test("the names of a hard link have it in common, until one of them goes", async () => {
  const path = makeDirectory("apple-double-link");
  ends.push(() => removeDirectory(path));
  const at = await startOn(path);
  plant(at, "one", TAGGED_FILE);
  const { fileId } = await openFile(at.mac, "one", { desiredAccess: READ_WRITE });
  await at.mac.client.demand("link", linkCall(at.mac, fileId, "two", false));
  await closeFile(at.mac, fileId);
  expect(await getBytes(at.other, `two${TAGS}`)).toEqual(TAG_BYTES);
  await renameFile(at.mac, "one", "two", true);
  expect(readdirSync(at.path).sort()).toEqual(["._two", "two"]);
  expect(await getBytes(at.other, `two${TAGS}`)).toEqual(TAG_BYTES);
});

test("it goes into the recycle bin with its file", async () => {
  const path = makeDirectory("apple-double-bin");
  ends.push(() => removeDirectory(path));
  const at = await startOn(path, { "vfs objects": "recycle", "recycle:repository": "bin" });
  plant(at, "thrown away", TAGGED_FILE);
  await removeFile(at.mac, "thrown away");
  expect(existsSync(join(at.path, "._thrown away"))).toBe(false);
  expect(await getBytes(at.mac, `bin\\thrown away${TAGS}`)).toEqual(TAG_BYTES);
  expect(Uint8Array.from(readFileSync(join(at.path, "bin", "._thrown away")))).toEqual(
    Uint8Array.from(TAGGED_FILE),
  );
});

test("a resource fork that other entries follow is moved to the end when it grows", async () => {
  const path = makeDirectory("apple-double-order");
  ends.push(() => removeDirectory(path));
  const at = await startOn(path);
  // The entry of a comment, as netatalk has it, behind the resource fork.
  const head = encodeAppleDouble({
    maker: Maker.MAC,
    finderInfo: new Uint8Array(32).fill(65),
    attributes: [],
    others: [],
    forkBytes: 4,
  });
  const file = Buffer.concat([Buffer.from(head ?? []), Buffer.from("forkcomment")]);
  const entries = Buffer.from("0000000400000062" + "00000007", "hex");
  const with3 = Buffer.concat([file.subarray(0, 50), entries, file.subarray(50)]);
  with3.writeUInt16BE(3, 24);
  with3.writeUInt32BE(62, 30);
  with3.writeUInt32BE(94, 42);
  plant(at, "commented", Uint8Array.from(with3));
  expect(await getText(at.mac, `commented${FORK}`)).toBe("fork");
  const fork = await openForWriting(at.mac, `commented${FORK}`, CreateDisposition.OPEN);
  await writeFile(at.mac, fork, 4, new TextEncoder().encode(" grows"));
  await closeFile(at.mac, fork);
  expect(await getText(at.mac, `commented${FORK}`)).toBe("fork grows");
  expect(readFileSync(join(path, "share", "._commented")).toString("latin1")).toContain("comment");
});

const ramfs: PluggedKind = "ramfs";
const exfat: PluggedKind = "exFAT by FUSE";
const onPlugged = (kind: PluggedKind) => ({
  name: kind as string,
  can: canMakePluggedDisk(kind),
  make: () => makePluggedDisk(kind),
});
const DISKS = [
  {
    name: "a disk with extended attributes",
    can: process.getuid?.() === 0,
    make: () => {
      const path = makeDirectory("apple-double");
      return { path, remove: () => removeDirectory(path) };
    },
  },
  onPlugged(ramfs),
  onPlugged(exfat),
];

for (const disk of DISKS) {
  describe.skipIf(!disk.can)(`on ${disk.name}`, () => {
    let started: Promise<Place> | undefined;
    const place = (): Promise<Place> =>
      (started ??= (() => {
        const made = disk.make();
        ends.push(() => made.remove());
        return startOn(made.path);
      })());

    test("what macOS stored is shown as streams, and its files are not listed", async () => {
      const at = await place();
      plant(at, "tagged", TAGGED_FILE);
      plant(at, "typed", TYPED_FILE);
      for (const mount of [at.mac, at.other]) {
        expect((await listOf(mount, "tagged")).sort()).toEqual([
          "::$DATA 4",
          ":AFP_AfpInfo:$DATA 60",
          ":AFP_Resource:$DATA 286",
          `${TAGS}:$DATA 91`,
          ":foo\uf022bar:$DATA 3",
        ]);
        expect(await getBytes(mount, `tagged${TAGS}`)).toEqual(TAG_BYTES);
        expect(await getText(mount, "tagged:FOO\uf022bar")).toBe("baz");
        expect(await getBytes(mount, `tagged${FORK}`)).toEqual(PLACEHOLDER_BYTES);
        expect(await getBytes(mount, `typed${INFO}`)).toEqual(afpInfo("WAVEPTul"));
        expect(await listNames(mount, "")).toEqual(["tagged", "typed"]);
      }
      expect(await getBytes(at.other, "._tagged")).toEqual(Uint8Array.from(TAGGED_FILE));
      expect(Uint8Array.from(readFileSync(join(at.path, "._tagged")))).toEqual(Uint8Array.from(TAGGED_FILE));
    });

    test("what a Mac changes in it macOS reads, and the rest stays", async () => {
      const at = await place();
      plant(at, "edited", TAGGED_FILE);
      await putStream(at.mac, `edited${INFO}`, afpInfo("TEXTttxt"));
      const fork = await openForWriting(at.mac, `edited${FORK}`, CreateDisposition.OVERWRITE_IF);
      await writeFile(at.mac, fork, 0, new TextEncoder().encode("fork"));
      await writeFile(at.mac, fork, 10, new TextEncoder().encode("end"));
      await closeFile(at.mac, fork);
      await putStream(at.mac, `edited${TAGS}`, "short");
      await removeFile(at.mac, "edited:foo\uf022bar");
      expect(await getText(at.other, `edited${FORK}`)).toBe("fork\0\0\0\0\0\0end");
      const seen = macView(at, "edited");
      expect(new TextDecoder().decode(seen.finderInfo.subarray(0, 8))).toBe("TEXTttxt");
      expect(new TextDecoder().decode(seen.fork)).toBe("fork\0\0\0\0\0\0end");
      expect(Object.keys(seen.attributes)).toEqual(["com.apple.metadata:_kMDItemUserTags"]);
      expect(new TextDecoder().decode(seen.attributes["com.apple.metadata:_kMDItemUserTags"])).toBe("short");
      expect(await getText(at.other, "edited")).toBe("data");
    });

    test("it is renamed, moved and removed with its file, and with its folder", async () => {
      const at = await place();
      mkdirSync(join(at.path, "folder"));
      own(join(at.path, "folder"));
      plant(at, "a", TAGGED_FILE);
      plant(at, "b", TYPED_FILE);
      await renameFile(at.mac, "a", "folder\\c");
      expect(existsSync(join(at.path, "._a"))).toBe(false);
      expect(await getBytes(at.mac, `folder\\c${TAGS}`)).toEqual(TAG_BYTES);
      await renameFile(at.other, "folder\\c", "b", true);
      expect(await getBytes(at.other, `b${INFO}`)).toEqual(afpInfo("TESTSLOW").fill(8, 25, 26));
      writeFileSync(join(at.path, "plain"), "plain");
      own(join(at.path, "plain"));
      await renameFile(at.mac, "plain", "b", true);
      expect(await listOf(at.other, "b")).toEqual(["::$DATA 5"]);
      expect(existsSync(join(at.path, "._b"))).toBe(false);
      writeFileSync(join(at.path, "._folder"), TYPED_FILE);
      own(join(at.path, "._folder"));
      expect(await getBytes(at.mac, `folder${INFO}`)).toEqual(afpInfo("WAVEPTul"));
      await renameFile(at.mac, "folder", "moved");
      expect(await getBytes(at.mac, `moved${INFO}`)).toEqual(afpInfo("WAVEPTul"));
      plant(at, "gone", TAGGED_FILE);
      await removeFile(at.other, "gone");
      await removeFile(at.other, "moved");
      expect(readdirSync(at.path).filter((name) => /^(\._)?(gone|moved|folder)$/.test(name))).toEqual([]);
    });

    test("files of another form, and those without their file, are listed and left alone", async () => {
      const at = await place();
      const broken = TAGGED_FILE.slice();
      // The attributes' area would begin behind the file's end.
      broken.set([0x7f], 0x60);
      plant(at, "broken", broken);
      plant(at, "short", TAGGED_FILE.slice(0, 4000));
      plant(at, "text", new TextEncoder().encode("no AppleDouble"));
      writeFileSync(join(at.path, "._alone"), TAGGED_FILE);
      own(join(at.path, "._alone"));
      const names = await listNames(at.mac, "");
      for (const name of ["._alone", "._broken", "._short", "._text"]) expect(names).toContain(name);
      for (const name of ["broken", "short", "text"])
        expect(await listOf(at.mac, name)).toEqual(["::$DATA 4"]);
      await removeFile(at.mac, "broken");
      await renameFile(at.mac, "short", "renamed");
      expect(Uint8Array.from(readFileSync(join(at.path, "._broken")))).toEqual(Uint8Array.from(broken));
      expect(existsSync(join(at.path, "._short"))).toBe(true);
      // A name that becomes free again does not cost the file that had been left there.
      plant(at, "source", TYPED_FILE);
      await renameFile(at.mac, "source", "alone");
      expect(await getBytes(at.mac, `alone${INFO}`)).toEqual(afpInfo("WAVEPTul"));
      expect(Uint8Array.from(readFileSync(join(at.path, "._alone.1")))).toEqual(Uint8Array.from(TAGGED_FILE));
      expect(await tryCreate(at.other, "._alone.1")).toBe("STATUS_SUCCESS");
    });

    if (disk.name !== ramfs && disk.name !== exfat) return;

    test("new metadata of a Mac is stored as macOS does, and other streams in the sidecar", async () => {
      const at = await place();
      await closeFile(at.mac, await createDirectory(at.mac, "pictures"));
      for (const name of ["new", "pictures"]) {
        if (name === "new") await putStream(at.mac, name, "data");
        await putStream(at.mac, `${name}${INFO}`, afpInfo("TEXTttxt"));
        await putStream(at.mac, `${name}${TAGS}`, TAG_BYTES);
        await putStream(at.other, `${name}:Zone.Identifier`, "[ZoneTransfer]");
      }
      await putStream(at.mac, `new${FORK}`, "fork");
      for (const name of ["new", "pictures"]) {
        const seen = macView(at, name);
        expect(new TextDecoder().decode(seen.finderInfo.subarray(0, 8))).toBe("TEXTttxt");
        expect(seen.attributes).toEqual({
          "com.apple.metadata:_kMDItemUserTags": Uint8Array.from(TAG_BYTES),
        });
        expect(new TextDecoder().decode(seen.fork)).toBe(name === "new" ? "fork" : "");
      }
      expect((await listOf(at.mac, "new")).sort()).toEqual([
        "::$DATA 4",
        ":AFP_AfpInfo:$DATA 60",
        ":AFP_Resource:$DATA 4",
        ":Zone.Identifier:$DATA 14",
        `${TAGS}:$DATA 91`,
      ]);
      // Others are not told of its file.
      const { fileId } = await openFile(at.other, "");
      const watch = await startWaiting(at.other, fileId);
      await putStream(at.mac, `pictures${FORK}`, "fork");
      await closeFile(at.mac, await createDirectory(at.mac, "after"));
      expect(linesOf(await watch.reply)).toEqual(["+after"]);
      await closeFile(at.other, fileId);
      await removeFile(at.mac, `pictures${FORK}`);
      // Without metadata nothing is left of it.
      await putStream(at.mac, `pictures${INFO}`, afpInfo());
      await removeFile(at.mac, `pictures${TAGS}`);
      expect(existsSync(join(at.path, "._pictures"))).toBe(false);
    });
  });
}
