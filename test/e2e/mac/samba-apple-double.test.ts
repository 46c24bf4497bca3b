// Debian's smbd with vfs_fruit and this server on one folder: Finder information, resource forks and tags that
// one stores are read, changed and removed by the other, in each form of fruit:metadata and fruit:resource, on
// ext4 and on exFAT. Needs root.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chmodSync, chownSync, existsSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { canMakePluggedDisk, makePluggedDisk, type PluggedDisk } from "../../peer/plugged-disk.ts";
import { hasSmbd, startSmbd } from "../../peer/smbd.ts";
import { makeDirectory, removeDirectory, TESTER_UID, type TestServer } from "../../peer/test-server.ts";
import { TAG_BYTES } from "../../vectors/apple-double.ts";
import { closeFile, createDirectory, type Mount, removeFile, renameFile } from "../client/raw-files.ts";
import { startServer } from "../client/server.ts";
import { getBytes, getText, listOf, putStream, tryCreate } from "../client/stream-calls.ts";
import { mountFolder } from "../interop/samba-server.ts";
import { afpInfo, FORK, INFO, readAsMac, TAGS } from "./mac.ts";

const NOT_FOUND = "STATUS_OBJECT_NAME_NOT_FOUND";

const FORMS = [
  { metadata: "netatalk", resource: "file" },
  { metadata: "stream", resource: "file" },
  { metadata: "netatalk", resource: "stream" },
  { metadata: "stream", resource: "stream" },
] as const;

const SAMBA_SHARE = {
  "vfs objects": "catia fruit streams_xattr",
  "fruit:encoding": "native",
  "ea support": "yes",
  oplocks: "no",
  "kernel oplocks": "no",
} as const;

interface Share {
  readonly name: string;
  readonly path: string;
  readonly samba: Readonly<Record<string, string>>;
  readonly ours: Readonly<Record<string, string>>;
}

async function startPairOn(shares: readonly Share[]): Promise<{ samba: TestServer; ours: TestServer }> {
  const of = (who: "samba" | "ours") =>
    shares.map((share) => ({ name: share.name, path: share.path, parameters: share[who] }));
  const samba = await startSmbd({ shares: of("samba") });
  try {
    return { samba, ours: await startServer({ shares: of("ours") }) };
  } catch (error) {
    await samba.stop();
    throw error;
  }
}

async function expectMetadata(mount: Mount, name: string, info: Uint8Array, fork: string): Promise<void> {
  // smbd converts AppleDouble files when the resource fork is opened.
  expect(await getText(mount, name + FORK)).toBe(fork);
  expect(await getBytes(mount, name + INFO)).toEqual(info);
  expect(await getBytes(mount, name + TAGS)).toEqual(TAG_BYTES);
}

describe.skipIf(!hasSmbd())("on ext4", () => {
  let root = "";
  let pair: { samba: TestServer; ours: TestServer };
  const mounts: Mount[] = [];

  beforeAll(async () => {
    root = makeDirectory("samba-apple-double");
    const shares = FORMS.flatMap(({ metadata, resource }): Share[] => {
      const path = join(root, `${metadata}-${resource}`);
      mkdirSync(path);
      chmodSync(path, 0o777);
      chownSync(path, TESTER_UID, TESTER_UID);
      const rules = { "fruit:metadata": metadata, "fruit:resource": resource };
      const share = { path, samba: { ...SAMBA_SHARE, ...rules } };
      // The one follows the parameters, the other what it finds.
      return [
        { ...share, name: `${metadata}-${resource}`, ours: { ...rules, "fruit:encoding": "native" } },
        { ...share, name: `${metadata}-${resource}-auto`, ours: {} },
      ];
    });
    pair = await startPairOn(shares);
  });
  afterAll(async () => {
    for (const { client } of mounts) client.close();
    await pair?.ours.stop();
    await pair?.samba.stop();
    removeDirectory(root);
  });

  for (const { metadata, resource } of FORMS) {
    const name = `${metadata}-${resource}`;
    const open = async (server: TestServer, share: string): Promise<Mount> => {
      const mount = await mountFolder(server, share);
      mounts.push(mount);
      return mount;
    };

    test(`what smbd stores is read and changed, metadata = ${metadata}, resource = ${resource}`, async () => {
      const samba = await open(pair.samba, name);
      const ours = await open(pair.ours, `${name}-auto`);
      await closeFile(samba, await createDirectory(samba, "theirs folder"));
      for (const file of ["theirs", "theirs folder"]) {
        if (file === "theirs") await putStream(samba, file, "data");
        await putStream(samba, file + INFO, afpInfo("SMB,OLE!"));
        await putStream(samba, file + TAGS, TAG_BYTES);
      }
      await putStream(samba, `theirs${FORK}`, "their fork");
      await expectMetadata(ours, "theirs", afpInfo("SMB,OLE!"), "their fork");
      expect(await getBytes(ours, `theirs folder${INFO}`)).toEqual(afpInfo("SMB,OLE!"));
      await putStream(ours, `theirs${INFO}`, afpInfo("TEXTttxt"));
      await putStream(ours, `theirs${FORK}`, "our longer fork");
      await renameFile(ours, "theirs", "renamed");
      await expectMetadata(samba, "renamed", afpInfo("TEXTttxt"), "our longer fork");
      expect(await getText(samba, "renamed")).toBe("data");
      await putStream(ours, `renamed${INFO}`, afpInfo());
      expect(await tryCreate(samba, `renamed${INFO}`)).toBe(NOT_FOUND);
      await removeFile(ours, "renamed");
      for (const left of ["renamed", "._renamed", "._theirs"])
        expect(existsSync(join(root, name, left))).toBe(false);
    });

    test(`what is stored here smbd reads, metadata = ${metadata}, resource = ${resource}`, async () => {
      const samba = await open(pair.samba, name);
      const ours = await open(pair.ours, name);
      await putStream(ours, "ours", "data");
      await putStream(ours, `ours${INFO}`, afpInfo("SMB,OLE!"));
      await putStream(ours, `ours${FORK}`, "our fork");
      await putStream(ours, `ours${TAGS}`, TAG_BYTES);
      await expectMetadata(samba, "ours", afpInfo("SMB,OLE!"), "our fork");
      expect((await listOf(samba, "ours")).sort()).toEqual((await listOf(ours, "ours")).sort());
      await putStream(samba, `ours${INFO}`, afpInfo("TEXTttxt"));
      await putStream(samba, `ours${FORK}`, "their longer fork");
      await expectMetadata(ours, "ours", afpInfo("TEXTttxt"), "their longer fork");
      await renameFile(samba, "ours", "moved");
      await expectMetadata(ours, "moved", afpInfo("TEXTttxt"), "their longer fork");
      expect(existsSync(join(root, name, "._moved"))).toBe(resource === "file");
    });
  }
});

describe.skipIf(!hasSmbd() || !canMakePluggedDisk("exFAT by FUSE"))("on exFAT by FUSE", () => {
  let disk: PluggedDisk;
  let pair: { samba: TestServer; ours: TestServer };
  let samba: Mount;
  let ours: Mount;
  let path = "";
  let database = "";

  beforeAll(async () => {
    disk = makePluggedDisk("exFAT by FUSE");
    database = makeDirectory("samba-apple-double");
    path = join(disk.path, "share");
    mkdirSync(path);
    // smbd keeps streams and attributes in a database of its own there.
    const rules = {
      ...SAMBA_SHARE,
      "vfs objects": "catia fruit streams_xattr xattr_tdb",
      "xattr_tdb:file": join(database, "xattr.tdb"),
      "fruit:metadata": "stream",
      "fruit:resource": "file",
    };
    pair = await startPairOn([{ name: "test", path, samba: rules, ours: {} }]);
    samba = await mountFolder(pair.samba, "test");
    ours = await mountFolder(pair.ours, "test");
  });
  afterAll(async () => {
    samba?.client.close();
    ours?.client.close();
    await pair?.ours.stop();
    await pair?.samba.stop();
    disk?.remove();
    removeDirectory(database);
  });

  test("smbd converts what is stored here as what macOS stores", async () => {
    await putStream(ours, "ours", "data");
    await putStream(ours, `ours${INFO}`, afpInfo("SMB,OLE!"));
    await putStream(ours, `ours${TAGS}`, TAG_BYTES);
    await putStream(ours, `ours${FORK}`, "our fork");
    const seen = readAsMac(Uint8Array.from(readFileSync(join(path, "._ours"))));
    expect(new TextDecoder().decode(seen.fork)).toBe("our fork");
    await expectMetadata(samba, "ours", afpInfo("SMB,OLE!"), "our fork");
  });

  test("a resource fork of smbd is read, changed and given back", async () => {
    await putStream(samba, "theirs", "data");
    await putStream(samba, `theirs${FORK}`, "their fork");
    expect(await getText(ours, `theirs${FORK}`)).toBe("their fork");
    await putStream(ours, `theirs${FORK}`, "our longer fork");
    expect(await getText(samba, `theirs${FORK}`)).toBe("our longer fork");
    expect(await listOf(ours, "theirs")).toEqual(["::$DATA 4", ":AFP_Resource:$DATA 15"]);
  });
});
