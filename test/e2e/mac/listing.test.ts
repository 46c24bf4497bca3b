// A Mac's listings: READ_DIR_ATTR of Apple's extensions, on a disk with extended attributes and on a simulated one
// without.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chmodSync, chownSync, mkdirSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { closeFd, openAt, AT_FDCWD, Open } from "../../../src/linux/open.ts";
import { setXattr } from "../../../src/linux/xattr.ts";
import { FileInfoClass } from "../../../src/wire/fscc/info-class.ts";
import { decodeQueryInfoResponse, InfoType } from "../../../src/wire/command/query-info.ts";
import { Access, FileGeneric } from "../../../src/wire/security/access.ts";
import { canMakePluggedDisk, makePluggedDisk, type PluggedDisk } from "../../peer/plugged-disk.ts";
import { giveToTester, TESTER, type TestServer } from "../../peer/test-server.ts";
import { PLACEHOLDER_BYTES, TAGGED_FILE } from "../../vectors/apple-double.ts";
import {
  closeFile,
  createDirectory,
  createFile,
  listDirectory,
  type Mount,
  mountShare,
  openFile,
  queryInfoCall,
} from "../client/raw-files.ts";
import { startServer } from "../client/server.ts";
import { putStream } from "../client/stream-calls.ts";
import { afpInfo, listAsMac, type MacEntry, mountAsMac, OLD_MAC_QUERY, TAGS } from "./mac.ts";

const OTHER_UID = 61_005;
/** Without resource fork, Finder information and streams. */
const PLAIN = { resourceBytes: 0, finderInfo: "00".repeat(16), flags: 1 };

const EXFAT = "exFAT by FUSE";

let server: TestServer;
let disk: PluggedDisk | undefined;
let mac: Mount;
let other: Mount;

beforeAll(async () => {
  const short = {
    "readdir_attr:aapl_rsize": "no",
    "readdir_attr:aapl_finder_info": "no",
    "readdir_attr:aapl_max_access": "no",
  };
  disk = canMakePluggedDisk(EXFAT) ? makePluggedDisk(EXFAT) : undefined;
  server = await startServer({
    shares: [
      ...(disk === undefined ? [] : [{ name: "exfat", path: disk.path }]),
      { name: "test" },
      { name: "nt", parameters: { acl: "nt" } },
      { name: "short", parameters: short },
    ],
  });
  mac = await mountAsMac(server, "test");
  other = await mountShare(server, TESTER, "test");
});
afterAll(async () => {
  mac?.client.close();
  other?.client.close();
  await server?.stop();
  disk?.remove();
});

const at = (share: string, ...names: string[]) => join(server.shares.get(share) ?? "", ...names);

/** A folder with a plain file, one with everything, one with another stream, and a folder with Finder information. */
async function fill(mount: Mount, folder: string): Promise<void> {
  await closeFile(mount, await createDirectory(mount, folder));
  for (const name of ["plain", "full", "tagged"])
    await closeFile(mount, await createFile(mount, `${folder}\\${name}`));
  await closeFile(mount, await createDirectory(mount, `${folder}\\sub`));
  await putStream(mount, `${folder}\\full:AFP_AfpInfo`, fullInfo());
  await putStream(mount, `${folder}\\full:AFP_Resource`, "resource fork");
  await putStream(mount, `${folder}\\tagged${TAGS}`, "tags");
  await putStream(mount, `${folder}\\sub:AFP_AfpInfo`, fullInfo());
}

/** Every byte of the Finder information is different. */
function fullInfo(): Uint8Array {
  const info = afpInfo();
  for (let i = 0; i < 32; i++) info[16 + i] = i + 1;
  return info;
}
/** Type and creator, flags, extended flags, date added. */
const COMPRESSED = "0102030405060708090a" + "191a" + "15161718";

async function entriesOf(mount: Mount, folder: string): Promise<Record<string, MacEntry>> {
  const entries = await listAsMac(mount, folder);
  return Object.fromEntries(entries.map((entry) => [entry.name, entry]));
}

describe("a Mac's listing", () => {
  test("has resource forks, Finder information and the mode, and says what has no streams", async () => {
    await fill(mac, "all");
    const { plain, full, tagged, sub } = await entriesOf(mac, "all");
    expect(plain).toMatchObject({ ...PLAIN, mode: 0o100644 });
    expect(full).toMatchObject({ resourceBytes: 13, finderInfo: COMPRESSED, flags: 0 });
    expect(tagged).toMatchObject({ ...PLAIN, flags: 0 });
    expect(sub).toMatchObject({ resourceBytes: 0, finderInfo: COMPRESSED, flags: 0, mode: 0o040755 });
    // By name alone.
    expect(await listAsMac(mac, "all", "full")).toEqual(full === undefined ? [] : [full]);
  });

  test("an older Mac gets the same without the flag", async () => {
    await fill(mac, "old");
    const old = await mountAsMac(server, "test", OLD_MAC_QUERY);
    const without = (await listAsMac(mac, "old")).map((entry) => ({ ...entry, flags: 24 }));
    expect(await listAsMac(old, "old")).toEqual(without);
    old.client.close();
  });

  test.skipIf(!canMakePluggedDisk(EXFAT))(
    "has the same on exFAT, where AppleDouble files hold it",
    async () => {
      const mount = await mountAsMac(server, "exfat");
      await fill(mount, "all");
      const { plain, full, tagged, sub } = await entriesOf(mount, "all");
      expect(plain).toMatchObject(PLAIN);
      expect(full).toMatchObject({ resourceBytes: 13, finderInfo: COMPRESSED, flags: 0 });
      expect(tagged).toMatchObject({ ...PLAIN, flags: 0 });
      expect(sub).toMatchObject({ finderInfo: COMPRESSED, flags: 0 });
      await expectSameAccess(mount, "all");
      mount.client.close();
    },
  );

  test("has what an AppleDouble file beside the object says", async () => {
    await closeFile(mac, await createDirectory(mac, "doubles"));
    for (const name of ["tagged", "plain"]) await closeFile(mac, await createFile(mac, `doubles\\${name}`));
    writeFileSync(at("test", "doubles", "._tagged"), TAGGED_FILE);
    giveToTester(at("test", "doubles", "._tagged"));
    const { plain, tagged } = await entriesOf(mac, "doubles");
    expect(plain).toMatchObject(PLAIN);
    const typeAndCreator = Buffer.from("TESTSLOW").toString("hex");
    expect(tagged?.finderInfo.slice(0, 16)).toBe(typeAndCreator);
    expect(tagged).toMatchObject({ flags: 0, resourceBytes: PLACEHOLDER_BYTES.length });
    expect(await listAsMac(mac, "doubles", "tagged")).toEqual(tagged === undefined ? [] : [tagged]);
  });

  test("is right about a resource fork of any size", async () => {
    await closeFile(mac, await createDirectory(mac, "forks"));
    const sizes = [1, 3, 4096, 70_000, 1_500_000];
    for (const size of sizes) {
      await closeFile(mac, await createFile(mac, `forks\\${size}`));
      await putStream(mac, `forks\\${size}:AFP_Resource`, new Uint8Array(size).fill(7));
    }
    const listed = (await listAsMac(mac, "forks")).map(({ resourceBytes }) => resourceBytes);
    expect(listed.toSorted((a, b) => a - b)).toEqual(sizes);
  });

  test("has other classes as all clients have them, and so have other clients", async () => {
    await fill(mac, "classes");
    const { fileId } = await openFile(mac, "classes");
    const full = await listDirectory(mac, fileId, { infoClass: FileInfoClass.ID_FULL_DIRECTORY });
    expect(full.map(({ eaSize }) => eaSize)).toEqual(full.map(() => 0));
    await closeFile(mac, fileId);
    const { fileId: id } = await openFile(other, "classes");
    const both = await listDirectory(other, id, {});
    expect(both.map(({ eaSize, shortName }) => [eaSize, shortName])).toEqual(both.map(() => [0, ""]));
    await closeFile(other, id);
  });

  test("a share that is to list less tells zeros and what the share gives", async () => {
    const mount = await mountAsMac(server, "short");
    await fill(mount, "less");
    const { full } = await entriesOf(mount, "less");
    const nothing = { resourceBytes: 0, finderInfo: PLAIN.finderInfo, maximalAccess: FileGeneric.ALL };
    expect(full).toMatchObject(nothing);
    mount.client.close();
  });
});

/** What a client is told as the identifier of `name`: by CREATE, three classes of QUERY_INFO, and a listing. */
async function identifiersOf(mount: Mount, name: string): Promise<number[]> {
  const { fileId, contexts } = await openFile(mount, name, { contexts: { queryOnDiskId: true } });
  const found = [contexts.onDiskId?.fileIdLow ?? -1];
  for (const [infoClass, offset] of [
    [FileInfoClass.INTERNAL, 0],
    [FileInfoClass.ID, 8],
    [FileInfoClass.ALL, 64],
  ] as const) {
    const call = queryInfoCall(mount, fileId, InfoType.FILE, infoClass, 4096);
    const { buffer } = decodeQueryInfoResponse((await mount.client.demand("QUERY_INFO", call)).message);
    found.push(new DataView(buffer.buffer, buffer.byteOffset).getUint32(offset, true));
  }
  await closeFile(mount, fileId);
  const { fileId: root } = await openFile(mount, "");
  const records = await listDirectory(mount, root, {});
  await closeFile(mount, root);
  return [...found, records.find((one) => one.name === name)?.stat.inodeLow ?? -1];
}

test("a Mac is told 0 as the identifier of every file, unless fruit:zero_file_id = no; others the inode", async () => {
  writeFileSync(at("test", "identified"), "");
  giveToTester(at("test", "identified"));
  const inode = statSync(at("test", "identified")).ino;
  expect(await identifiersOf(mac, "identified")).toEqual([0, 0, 0, 0, 0]);
  expect(await identifiersOf(other, "identified")).toEqual([inode, inode, inode, inode, inode]);
  const shares = [{ name: "test", path: at("test") }];
  const without = await startServer({ shares, parameters: { "fruit:zero_file_id": "no" } });
  try {
    const mount = await mountAsMac(without, "test");
    expect(await identifiersOf(mount, "identified")).toEqual([inode, inode, inode, inode, inode]);
    mount.client.close();
  } finally {
    await without.stop();
  }
});

/** The maximal access of each name in a folder as CREATE tells it (MxAc). */
async function accessByCreate(mount: Mount, folder: string, names: readonly string[]) {
  const found: Record<string, number | undefined> = {};
  for (const name of names) {
    const { contexts, fileId } = await openFile(mount, `${folder}\\${name}`, {
      desiredAccess: Access.READ_ATTRIBUTES,
      contexts: { maximalAccess: { timestamp: undefined } },
    });
    found[name] = contexts.maximalAccess?.maximalAccess;
    await closeFile(mount, fileId);
  }
  return found;
}

async function expectSameAccess(mount: Mount, folder: string): Promise<void> {
  const listed = await listAsMac(mount, folder);
  const names = listed.map(({ name }) => name);
  expect(names.length).toBeGreaterThan(0);
  const byListing = Object.fromEntries(listed.map(({ name, maximalAccess }) => [name, maximalAccess]));
  const byCreate: Record<string, number | undefined> = await accessByCreate(mount, folder, names);
  expect(byCreate).toEqual(byListing);
}

/** acl(5) as the kernel has it: the group of `id` may read, whatever the mode says. */
function allowUser(path: string, id: number): void {
  const entry = (tag: number, bits: number, who = 0xffff_ffff) => [
    ...[tag & 255, tag >> 8, bits, 0],
    ...[who & 255, (who >> 8) & 255, (who >> 16) & 255, who >>> 24],
  ];
  const acl = [
    2,
    0,
    0,
    0,
    ...entry(1, 6),
    ...entry(2, 6, id),
    ...entry(4, 0),
    ...entry(0x10, 6),
    ...entry(0x20, 0),
  ];
  const fd = openAt(AT_FDCWD, path, Open.RDONLY);
  const failure = setXattr(fd, "system.posix_acl_access", Uint8Array.from(acl));
  closeFd(fd);
  if (failure !== 0) throw new Error(`setxattr: ${failure}`);
}

describe.skipIf(process.getuid?.() !== 0)("the maximal access in a listing is that of CREATE", () => {
  /** Files of the user, of others in the user's group and of others, with all kinds of modes. */
  function makeFiles(share: string, folder: string, mode: number, owner: number): void {
    mkdirSync(at(share, folder));
    for (const [uid, gid] of [
      [1, 1],
      [OTHER_UID, 1],
      [OTHER_UID, OTHER_UID],
    ] as const) {
      for (const bits of [0o600, 0o400, 0o640, 0o060, 0o604, 0o606, 0o755, 0o000]) {
        const path = at(share, folder, `${uid}-${gid}-${bits.toString(8)}`);
        writeFileSync(path, "");
        chownSync(path, uid, gid);
        chmodSync(path, bits);
      }
    }
    const allowed = at(share, folder, "acl");
    writeFileSync(allowed, "");
    chownSync(allowed, OTHER_UID, OTHER_UID);
    allowUser(allowed, 1);
    chownSync(at(share, folder), owner, owner);
    chmodSync(at(share, folder), mode);
  }

  test.each([
    ["own", 0o755, 1],
    ["closed", 0o755, OTHER_UID],
    ["sticky", 0o1777, OTHER_UID],
  ])("in a folder that is %s", async (folder, mode, owner) => {
    makeFiles("test", folder, mode, owner);
    await expectSameAccess(mac, folder);
  });

  test("with stored descriptors", async () => {
    makeFiles("nt", "descriptors", 0o755, 1);
    const mount = await mountAsMac(server, "nt");
    await closeFile(mount, await createFile(mount, "descriptors\\new"));
    await expectSameAccess(mount, "descriptors");
    mount.client.close();
  });

  test("a symlink has its tag in that place", async () => {
    mkdirSync(at("test", "links"));
    symlinkSync("nowhere", at("test", "links", "link"));
    expect((await listAsMac(mac, "links")).map(({ maximalAccess }) => maximalAccess)).toEqual([0xa000_000c]);
  });
});
