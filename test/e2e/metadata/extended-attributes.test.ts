// Extended attributes: setting, reading, scanning, setting with CREATE, and attacks with them.
// [MS-SMB2] 3.3.5.20.1, 3.3.5.21.1; [MS-FSA] 2.1.5.1, 2.1.5.12.12, 2.1.5.15.5.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { Access, FileGeneric } from "../../../src/wire/security/access.ts";
import { decodeBufferResponse } from "../../../src/wire/command/buffer-response.ts";
import { CreateDisposition, CreateOption, type CreateRequest } from "../../../src/wire/command/create.ts";
import type { FileId } from "../../../src/wire/file-id.ts";
import { NEED_EA } from "../../../src/wire/fscc/extended-attribute.ts";
import { decodeFsAttributeInformation } from "../../../src/wire/fscc/fs-information.ts";
import { FsInfoClass } from "../../../src/wire/fscc/info-class.ts";
import { InfoType, QueryInfoFlag } from "../../../src/wire/command/query-info.ts";
import { Status } from "../../../src/wire/status.ts";
import { TESTER, type TestServer } from "../../peer/test-server.ts";
import { mountTest } from "../client/attack-rig.ts";
import {
  attributeList,
  attributesCall,
  readAll,
  readAttributes,
  roomFor,
  setAttributes,
} from "../client/attribute-calls.ts";
import {
  closeFile,
  createCall,
  type Mount,
  mountShare,
  openFile,
  queryInfoCall,
} from "../client/raw-files.ts";
import { startServer } from "../client/server.ts";
import { demandSmbclient, hasSmbclient } from "../client/smbclient.ts";

const SUPPORTS_EXTENDED_ATTRIBUTES = 0x0080_0000;

const hasAttr = Bun.which("getfattr") !== null && Bun.which("setfattr") !== null;

let server: TestServer;
let mount: Mount;
beforeAll(async () => {
  server = await startServer({
    shares: [{ name: "test" }, { name: "plain", parameters: { "ea support": "no" } }],
  });
  mount = await mountTest(server);
});
afterAll(async () => {
  mount.client.close();
  await server.stop();
});

function onDisk(name: string): string {
  return join(server.shares.get("test") ?? "", name);
}

async function create(name: string, options: Partial<CreateRequest> = {}): Promise<FileId> {
  const opened = await openFile(mount, name, {
    desiredAccess: FileGeneric.ALL,
    createDisposition: CreateDisposition.CREATE,
    ...options,
  });
  return opened.fileId;
}

async function statusOfCreate(name: string, options: Partial<CreateRequest>): Promise<number> {
  const call = createCall(mount, name, { desiredAccess: FileGeneric.ALL, ...options });
  const bytes = options.contexts?.extendedAttributes?.length ?? 0;
  return (await mount.client.request(roomFor(mount, call, bytes + 256))).status;
}

/** The values that getfattr(1) shows in all namespaces, without the DOS attributes. */
function valuesOnDisk(name: string): Record<string, string> {
  const shown = spawnSync("getfattr", ["-d", "-m", "-", onDisk(name)]).stdout.toString();
  const found = [...shown.matchAll(/^([^=#\n]+)="(.*)"$/gm)].map(([, key = "", value = ""]) => [key, value]);
  return Object.fromEntries(found.filter(([key]) => key !== "user.DOSATTRIB"));
}

describe("set and read", () => {
  test.skipIf(!hasAttr)(
    "a name keeps its case, is found in any case, and is removed by an empty value",
    async () => {
      const file = await create("kept");
      expect(await readAttributes(mount, file)).toBe(Status.NO_EAS_ON_FILE);
      expect((await readAll(mount, file)).eaSize).toBe(0);
      expect(await setAttributes(mount, file, { Colour: "red", size: "large" })).toBe(Status.SUCCESS);
      expect(await setAttributes(mount, file, { COLOUR: "blue" })).toBe(Status.SUCCESS);
      expect(await readAttributes(mount, file)).toEqual({ Colour: "blue", size: "large" });
      // [MS-FSA] 2.1.5.12.10: 4 bytes, then for each attribute 4 bytes, the name, its terminator and the value.
      expect((await readAll(mount, file)).eaSize).toBe(4 + (4 + 6 + 1 + 4) + (4 + 4 + 1 + 5));
      expect(valuesOnDisk("kept")).toEqual({ "user.Colour": "blue", "user.size": "large" });
      expect(await setAttributes(mount, file, { colour: "", nothing: "" })).toBe(Status.SUCCESS);
      expect(await readAttributes(mount, file)).toEqual({ size: "large" });
      await closeFile(mount, file);
    },
  );

  test("a query by name answers in the order asked, with an empty value for what the file lacks", async () => {
    const file = await create("named");
    await setAttributes(mount, file, { a: "1", b: "2" });
    const found = await readAttributes(mount, file, { names: ["none", "B", "b"] });
    expect(found).toEqual({ none: "", b: "2" });
    expect(await readAttributes(mount, file, { names: ["a:b"] })).toBe(Status.INVALID_EA_NAME);
    await closeFile(mount, file);
  });

  test("a scan continues where it stopped, at a given index, or from the start", async () => {
    const file = await create("scanned");
    await setAttributes(mount, file, { a: "1", b: "2", c: "3" });
    const single = QueryInfoFlag.RETURN_SINGLE_ENTRY;
    const seen: unknown[] = [];
    for (let i = 0; i < 3; i++) seen.push(await readAttributes(mount, file, { flags: single }));
    expect(Object.assign({}, ...seen)).toEqual({ a: "1", b: "2", c: "3" });
    expect(await readAttributes(mount, file, { flags: single })).toBe(Status.NO_MORE_EAS);
    const restart = single | QueryInfoFlag.RESTART_SCAN;
    expect(await readAttributes(mount, file, { flags: restart })).toEqual(seen[0] as Record<string, string>);
    const byIndex = single | QueryInfoFlag.INDEX_SPECIFIED;
    expect(await readAttributes(mount, file, { flags: byIndex, index: 3 })).toEqual(
      seen[2] as Record<string, string>,
    );
    expect(await readAttributes(mount, file, { flags: byIndex, index: 4 })).toBe(Status.NO_MORE_EAS);
    expect(await readAttributes(mount, file, { flags: byIndex, index: 5 })).toBe(Status.NONEXISTENT_EA_ENTRY);
    expect(await readAttributes(mount, file, { flags: byIndex, index: 0 })).toBe(Status.NONEXISTENT_EA_ENTRY);
    await closeFile(mount, file);
  });

  test("a buffer with too little room gets whole entries or none", async () => {
    const file = await create("narrow");
    await setAttributes(mount, file, { first: "1234", second: "5678" });
    expect(await readAttributes(mount, file, { room: 17 })).toBe(Status.BUFFER_TOO_SMALL);
    const part = await mount.client.request(attributesCall(mount, file, { room: 20 }));
    expect(part.status).toBe(Status.BUFFER_OVERFLOW);
    expect(Object.keys((await readAttributes(mount, file, { flags: 0 })) as object)).toHaveLength(1);
    await closeFile(mount, file);
  });

  test("a directory has extended attributes too", async () => {
    const folder = await create("folder", { createOptions: CreateOption.DIRECTORY_FILE });
    expect(await setAttributes(mount, folder, { tag: "x" })).toBe(Status.SUCCESS);
    expect(await readAttributes(mount, folder)).toEqual({ tag: "x" });
    await closeFile(mount, folder);
  });

  test.skipIf(!hasSmbclient())("smbclient sets and reads an extended attribute", async () => {
    await closeFile(mount, await create("smbclient"));
    const output = await demandSmbclient(server, ["setea smbclient Name value", "geteas smbclient"]);
    expect(output).toContain("Name (0) =");
    expect(output).toMatch(/76 61 6C 75 65/);
  });
});

describe("CREATE", () => {
  const given = (attributes: Readonly<Record<string, string>>, flags = 0) => ({
    contexts: { extendedAttributes: attributeList(attributes, flags) },
  });

  test("sets the given attributes on a file that it creates or overwrites, not on one that it opens", async () => {
    const file = await create("made", given({ origin: "here" }));
    expect(await readAttributes(mount, file)).toEqual({ origin: "here" });
    await closeFile(mount, file);
    const open = { ...given({ origin: "there" }), createDisposition: CreateDisposition.OPEN_IF };
    const opened = await create("made", open);
    expect(await readAttributes(mount, opened)).toEqual({ origin: "here" });
    await closeFile(mount, opened);
    const over = { ...given({ origin: "there" }), createDisposition: CreateDisposition.OVERWRITE };
    const overwritten = await create("made", over);
    expect(await readAttributes(mount, overwritten)).toEqual({ origin: "there" });
    await closeFile(mount, overwritten);
  });

  test("with malformed or reserved attributes fails before it creates anything", async () => {
    const create = { createDisposition: CreateDisposition.CREATE };
    expect(await statusOfCreate("never", { ...create, ...given({ "a:b": "x" }) })).toBe(
      Status.INVALID_EA_NAME,
    );
    expect(await statusOfCreate("never", { ...create, ...given({ a: "x" }, 0x40) })).toBe(
      Status.INVALID_EA_NAME,
    );
    expect(await statusOfCreate("never", { ...create, ...given({ DOSATTRIB: "x" }) })).toBe(
      Status.ACCESS_DENIED,
    );
    const broken = { extendedAttributes: new Uint8Array(12).fill(255) };
    expect(await statusOfCreate("never", { ...create, contexts: broken })).toBe(Status.EA_LIST_INCONSISTENT);
    const unknowing = { ...create, createOptions: CreateOption.NO_EA_KNOWLEDGE };
    expect(await statusOfCreate("never", { ...unknowing, ...given({ a: "x" }) })).toBe(Status.ACCESS_DENIED);
    expect(existsSync(onDisk("never"))).toBe(false);
  });

  test("with attributes too large for the disk fails with STATUS_EA_TOO_LARGE and leaves no file", async () => {
    const large = {
      contexts: { extendedAttributes: attributeList({ a: "x".repeat(40_000), b: "y".repeat(40_000) }) },
    };
    const status = await statusOfCreate("toolarge", {
      ...large,
      createDisposition: CreateDisposition.CREATE,
    });
    expect(status).toBe(Status.EA_TOO_LARGE);
    expect(existsSync(onDisk("toolarge"))).toBe(false);
  });

  test("with NO_EA_KNOWLEDGE is denied for a file that has an attribute with NEED_EA", async () => {
    await closeFile(mount, await create("needed", given({ codec: "x" }, NEED_EA)));
    const unknowing = { createOptions: CreateOption.NO_EA_KNOWLEDGE };
    expect(await statusOfCreate("needed", unknowing)).toBe(Status.ACCESS_DENIED);
    const { fileId } = await openFile(mount, "needed", { desiredAccess: FileGeneric.ALL });
    expect(await setAttributes(mount, fileId, { codec: "" })).toBe(Status.SUCCESS);
    await closeFile(mount, fileId);
    expect(await statusOfCreate("needed", unknowing)).toBe(Status.SUCCESS);
  });
});

describe("rights", () => {
  test("reading needs READ_EA, and setting needs WRITE_EA", async () => {
    await closeFile(mount, await create("guarded"));
    const { fileId: reader } = await openFile(mount, "guarded", { desiredAccess: Access.READ_EA });
    expect(await setAttributes(mount, reader, { a: "1" })).toBe(Status.ACCESS_DENIED);
    const { fileId: writer } = await openFile(mount, "guarded", { desiredAccess: Access.WRITE_EA });
    expect(await setAttributes(mount, writer, { a: "1" })).toBe(Status.SUCCESS);
    expect(await readAttributes(mount, writer)).toBe(Status.ACCESS_DENIED);
    expect(await readAttributes(mount, reader)).toEqual({ a: "1" });
    await closeFile(mount, reader);
    await closeFile(mount, writer);
  });

  test("`ea support = no` answers STATUS_EAS_NOT_SUPPORTED, and the volume's attributes agree", async () => {
    const plain = await mountShare(server, TESTER, "plain");
    const abilities = async (on: Mount): Promise<number> => {
      const { fileId } = await openFile(on, "", { desiredAccess: Access.READ_ATTRIBUTES });
      const call = queryInfoCall(on, fileId, InfoType.FILESYSTEM, FsInfoClass.ATTRIBUTE);
      const reply = await on.client.demand("QUERY_INFO", call);
      await closeFile(on, fileId);
      return decodeFsAttributeInformation(decodeBufferResponse(reply.message).buffer).attributes;
    };
    expect((await abilities(mount)) & SUPPORTS_EXTENDED_ATTRIBUTES).not.toBe(0);
    expect((await abilities(plain)) & SUPPORTS_EXTENDED_ATTRIBUTES).toBe(0);
    const { fileId } = await openFile(plain, "x", {
      desiredAccess: FileGeneric.ALL,
      createDisposition: CreateDisposition.CREATE,
    });
    expect(await setAttributes(plain, fileId, { a: "1" })).toBe(Status.EAS_NOT_SUPPORTED);
    expect(await readAttributes(plain, fileId)).toBe(Status.EAS_NOT_SUPPORTED);
    await closeFile(plain, fileId);
    plain.client.close();
  });
});

describe("attacks", () => {
  const RESERVED = ["DOSATTRIB", "dosattrib", "DosStream.evil$DATA", "SAMBA_PAI", "minismbd.NEED_EA"];
  /** acl(5) in the kernel's form: uid 2 may read. */
  const POSIX_ACL =
    "0x0200000001000600ffffffff020004000200000004000400ffffffff10000400ffffffff20000400ffffffff";

  test.skipIf(process.getuid?.() !== 0 || !hasAttr)(
    "a client cannot set, remove or read values that belong to servers",
    async () => {
      const file = await create("reserved");
      const hidden = {
        "user.SAMBA_PAI": "secret",
        "security.NTACL": "secret",
        "trusted.secret": "secret",
        "system.posix_acl_access": POSIX_ACL,
      };
      for (const [name, value] of Object.entries(hidden)) {
        expect(spawnSync("setfattr", ["-n", name, "-v", value, onDisk("reserved")]).status).toBe(0);
      }
      for (const name of RESERVED) {
        expect(await setAttributes(mount, file, { [name]: "evil" })).toBe(Status.ACCESS_DENIED);
        expect(await setAttributes(mount, file, { fine: "x", [name]: "" })).toBe(Status.ACCESS_DENIED);
      }
      expect(await readAttributes(mount, file)).toBe(Status.NO_EAS_ON_FILE);
      const names = ["SAMBA_PAI", "security.NTACL", "NTACL", "system.posix_acl_access", "trusted.secret"];
      const asked = await readAttributes(mount, file, { names });
      expect(Object.values(asked as Record<string, string>).join("")).toBe("");
      expect((await readAll(mount, file)).eaSize).toBe(0);
      await closeFile(mount, file);
    },
  );

  test.skipIf(!hasAttr)(
    "a client that names another namespace sets a value in the user namespace",
    async () => {
      const file = await create("spaces");
      for (const name of [
        "security.NTACL",
        "system.posix_acl_access",
        "trusted.overlay",
        "security.capability",
      ]) {
        expect(await setAttributes(mount, file, { [name]: "evil" })).toBe(Status.SUCCESS);
      }
      const names = Object.keys(valuesOnDisk("spaces"));
      expect(names.length).toBeGreaterThan(0);
      expect(names.every((name) => name.startsWith("user."))).toBe(true);
      await closeFile(mount, file);
    },
  );

  const good = attributeList({ first: "1", second: "2" });
  const changed = (at: number, ...bytes: number[]): Uint8Array => {
    const copy = good.slice();
    copy.set(bytes, at);
    return copy;
  };
  const lies: Record<string, Uint8Array> = {
    "a next entry past the end": changed(0, 0, 16, 0, 0),
    "a next entry at 2^32 - 4": changed(0, 0xfc, 0xff, 0xff, 0xff),
    "a next entry that is not aligned": changed(0, 17, 0, 0, 0),
    "a next entry inside the entry": changed(0, 4, 0, 0, 0),
    "a name past the end": changed(5, 255),
    "a value past the end": changed(6, 255, 255),
    "a name without its terminator": changed(5, 4),
    "an entry cut off": good.slice(0, 10),
  };
  test.each(Object.entries(lies))("a list with %s fails as inconsistent", async (name, list) => {
    const file = await create(`lie ${name}`);
    expect(await setAttributes(mount, file, list)).toBe(Status.EA_LIST_INCONSISTENT);
    expect(await readAttributes(mount, file)).toBe(Status.NO_EAS_ON_FILE);
    await closeFile(mount, file);
  });

  test("a malformed list of names fails with STATUS_EA_LIST_INCONSISTENT", async () => {
    const file = await create("names");
    for (const input of [new Uint8Array(3), new Uint8Array(16).fill(255), Uint8Array.of(0, 0, 0, 0, 9, 65)]) {
      expect(await readAttributes(mount, file, { input })).toBe(Status.EA_LIST_INCONSISTENT);
    }
    await closeFile(mount, file);
  });

  test("invalid names and too many bytes fail and change nothing", async () => {
    const file = await create("limits");
    await setAttributes(mount, file, { kept: "1" });
    for (const name of ["", "a/b", "a*b", "a\x01", "x".repeat(251), "\xff"]) {
      expect(await setAttributes(mount, file, { kept: "2", [name]: "x" })).toBe(Status.INVALID_EA_NAME);
    }
    const large = { kept: "2", a: "x".repeat(40_000), b: "x".repeat(30_000) };
    expect(await setAttributes(mount, file, large)).toBe(Status.EA_TOO_LARGE);
    expect(await readAttributes(mount, file)).toEqual({ kept: "1" });
    await closeFile(mount, file);
  });
});
