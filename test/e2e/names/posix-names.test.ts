// Names, symlinks and special files with the POSIX extensions, as cifs.ko's `posix` mounts use them.
// "SMB3 POSIX Extensions" 3.3.5.9; [MS-FSA] 2.1.5.10.37.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { Access, FileGeneric } from "../../../src/wire/security/access.ts";
import { CreateDisposition, CreateOption } from "../../../src/wire/command/create.ts";
import { encodeBasicChange } from "../../../src/wire/fscc/file-information.ts";
import { FileInfoClass } from "../../../src/wire/fscc/info-class.ts";
import { Fsctl } from "../../../src/wire/fscc/fsctl.ts";
import { encodeNfsReparse, encodeSymlinkReparse, NfsInodeType } from "../../../src/wire/fscc/reparse.ts";
import { PosixFileType } from "../../../src/wire/posix.ts";
import { Status } from "../../../src/wire/status.ts";
import { giveToTester, type TestServer } from "../../peer/test-server.ts";
import { encode } from "../client/fsctl-calls.ts";
import {
  lstat,
  makeFile,
  mountPosix,
  openPosix,
  posixly,
  statPosix,
  targetOf,
} from "../client/posix-calls.ts";
import {
  closeFile,
  createCall,
  deleteCall,
  ioctlCall,
  linkCall,
  type Mount,
  openFile,
  readFile,
  renameCall,
  setInfoCall,
  writeCall,
} from "../client/raw-files.ts";
import { startServer } from "../client/server.ts";

let server: TestServer;
let mount: Mount;
let root: string;
beforeAll(async () => {
  server = await startServer({
    shares: [{ name: "test", parameters: { "create mask": "07777", "directory mask": "07777" } }],
  });
  mount = await mountPosix(server);
  root = server.shares.get("test") ?? "";
});
afterAll(async () => {
  mount.client.close();
  await server.stop();
});

/** Makes a directory that every user can change. */
function makeDirectory(name: string): void {
  mkdirSync(join(root, name));
  chmodSync(join(root, name), 0o777);
}

const text = async (name: string): Promise<string> => {
  const { fileId } = await openPosix(mount, name);
  const data = await readFile(mount, fileId, 0, 1000);
  await closeFile(mount, fileId);
  return new TextDecoder().decode(data);
};

async function statusOf(name: string, options: Parameters<typeof createCall>[2] = {}): Promise<number> {
  return (await mount.client.request(createCall(mount, name, posixly(0, options)))).status;
}

describe("names", () => {
  test("that differ in case are different files", async () => {
    await makeFile(mount, "Case", 0o644, "upper");
    await makeFile(mount, "case", 0o644, "lower");
    expect(await text("Case")).toBe("upper");
    expect(await text("case")).toBe("lower");
    expect(await statusOf("CASE")).toBe(Status.OBJECT_NAME_NOT_FOUND);
  });

  test("may have any character but slash and NUL", async () => {
    makeDirectory("odd.");
    for (const name of ["a:b", 'q"?*<>|', "dot.", "space ", "back\\slash", "a::$DATA"]) {
      await makeFile(mount, `odd./${name}`, 0o644, name);
      expect(readFileSync(join(root, "odd.", name), "utf8")).toBe(name);
    }
    expect(readdirSync(join(root, "odd.")).length).toBe(6);
  });

  test("with mapped characters, as Linux sends by default, get the original characters on disk", async () => {
    await makeFile(mount, "mapped\uf022colon", 0o644, "x");
    expect(readFileSync(join(root, "mapped:colon"), "utf8")).toBe("x");
  });

  test("that lead out of the share are refused", async () => {
    for (const name of ["..", "../x", "a/../../x", "./x", "..\\x", "a//b"]) {
      expect(await statusOf(name)).toBe(Status.OBJECT_NAME_INVALID);
    }
    expect(await statusOf("/etc/passwd")).toBe(Status.INVALID_PARAMETER);
    expect(await statusOf("x\0y")).toBe(Status.OBJECT_NAME_INVALID);
    // A mapped slash does not separate components.
    expect(await statusOf("..\uf00fetc")).toBe(Status.OBJECT_NAME_NOT_FOUND);
  });
});

describe("symlinks", () => {
  test("are not followed: an open returns their target", async () => {
    writeFileSync(join(root, "aim"), "aimed at");
    symlinkSync("aim", join(root, "inside"));
    symlinkSync("/etc/passwd", join(root, "outside"));
    symlinkSync("nowhere/ü", join(root, "dangling"));
    expect(await targetOf(mount, "inside")).toMatchObject({ substituteName: "aim", isRelative: true });
    expect(await targetOf(mount, "outside")).toMatchObject({
      substituteName: "/etc/passwd",
      isRelative: false,
    });
    expect(await targetOf(mount, "dangling")).toMatchObject({ printName: "nowhere/ü" });
    expect((await lstat(mount, "outside")).fileType).toBe(PosixFileType.SYMLINK);
  });

  test("refuse reads and writes of their data, and paths through them", async () => {
    symlinkSync("/etc", join(root, "etc"));
    expect(await statusOf("etc/passwd")).not.toBe(Status.SUCCESS);
    expect(await statusOf("etc\\passwd")).not.toBe(Status.SUCCESS);
    const options = { createOptions: CreateOption.OPEN_REPARSE_POINT };
    // The symlink itself has no data.
    const desiredAccess = Access.READ_DATA | Access.WRITE_DATA;
    const { fileId } = await openPosix(mount, "etc", { ...options, desiredAccess });
    const written = await mount.client.request(writeCall(mount, fileId, 0, Uint8Array.of(1)));
    expect(written.status).not.toBe(Status.SUCCESS);
    await closeFile(mount, fileId);
    const replace = { ...options, createDisposition: CreateDisposition.OVERWRITE_IF };
    expect(await statusOf("etc", replace)).toBe(Status.ACCESS_DENIED);
  });

  test("get new times and names themselves, also without OPEN_REPARSE_POINT", async () => {
    symlinkSync("aim", join(root, "link to change"));
    giveToTester(join(root, "link to change"));
    const { fileId } = await openPosix(mount, "link to change", {
      desiredAccess: Access.WRITE_ATTRIBUTES | Access.DELETE,
    });
    const times = encode(64, (writer) =>
      encodeBasicChange(writer, {
        birth: undefined,
        access: undefined,
        modify: { seconds: 1_000_000_000, nanoseconds: 0 },
        change: undefined,
        attributes: 0,
      }),
    );
    await mount.client.demand("times", setInfoCall(mount, fileId, FileInfoClass.BASIC, times));
    await mount.client.demand("rename", renameCall(mount, fileId, "changed link", false));
    await closeFile(mount, fileId);
    expect(lstatSync(join(root, "changed link")).mtimeMs).toBe(1_000_000_000_000);
  });

  test("can be renamed and removed themselves", async () => {
    symlinkSync("aim", join(root, "link to move"));
    const options = {
      desiredAccess: Access.DELETE | Access.READ_ATTRIBUTES,
      createOptions: CreateOption.OPEN_REPARSE_POINT,
    };
    const { fileId } = await openPosix(mount, "link to move", options);
    await mount.client.demand("rename", renameCall(mount, fileId, "moved link", false));
    expect(lstatSync(join(root, "moved link")).isSymbolicLink()).toBe(true);
    await mount.client.demand("delete", deleteCall(mount, fileId));
    await closeFile(mount, fileId);
    expect(readdirSync(root)).not.toContain("moved link");
    expect(readFileSync(join(root, "aim"), "utf8")).toBe("aimed at");
  });
});

describe("SET_REPARSE_POINT by a POSIX client", () => {
  async function special(name: string, input: Uint8Array): Promise<number> {
    const { fileId } = await openFile(
      mount,
      name,
      posixly(0o644, {
        desiredAccess: Access.DELETE | Access.READ_ATTRIBUTES | Access.WRITE_ATTRIBUTES,
        createDisposition: CreateDisposition.CREATE,
        createOptions: CreateOption.OPEN_REPARSE_POINT | CreateOption.NON_DIRECTORY_FILE,
      }),
    );
    const reply = await mount.client.request(ioctlCall(mount, Fsctl.SET_REPARSE_POINT, input, fileId, 0));
    if (reply.status === Status.SUCCESS) {
      // The open now refers to the new object.
      const { ino } = lstatSync(join(root, name), { bigint: true });
      const told = await statPosix(mount, fileId);
      expect(BigInt(told.inodeHigh) * 2n ** 32n + BigInt(told.inodeLow)).toBe(ino);
    }
    await closeFile(mount, fileId);
    return reply.status;
  }

  const link = (substituteName: string, isRelative: boolean): Uint8Array =>
    encode(4096, (writer) =>
      encodeSymlinkReparse(writer, { isRelative, substituteName, printName: substituteName }),
    );

  test("makes symlinks with the given target", async () => {
    expect(await special("link 1", link("aim", true))).toBe(Status.SUCCESS);
    expect(readlinkSync(join(root, "link 1"))).toBe("aim");
    expect(await targetOf(mount, "link 1")).toMatchObject({ substituteName: "aim" });
    // Linux omits the first slash and maps characters.
    expect(await special("link 2", link("etc/a\uf022b", false))).toBe(Status.SUCCESS);
    expect(readlinkSync(join(root, "link 2"))).toBe("/etc/a:b");
    expect((await targetOf(mount, "link 2")).isRelative).toBe(false);
    expect(readdirSync(root).filter((name) => name.startsWith(".minismbd"))).toEqual([]);
  });

  test("makes FIFOs and sockets, but no devices", async () => {
    const nfs = (type: number): Uint8Array =>
      encode(64, (writer) => encodeNfsReparse(writer, { type, major: 1, minor: 3 }));
    expect(await special("pipe", nfs(NfsInodeType.FIFO))).toBe(Status.SUCCESS);
    expect(lstatSync(join(root, "pipe")).isFIFO()).toBe(true);
    expect(await special("socket", nfs(NfsInodeType.SOCKET))).toBe(Status.SUCCESS);
    expect(lstatSync(join(root, "socket")).isSocket()).toBe(true);
    expect(await special("null", nfs(NfsInodeType.CHARACTER))).toBe(Status.NOT_SUPPORTED);
    expect(lstatSync(join(root, "null")).isFile()).toBe(true);
  });

  test("leaves a file that has data or that others have open unchanged", async () => {
    await makeFile(mount, "with data", 0o644, "data");
    const desiredAccess = Access.DELETE | Access.WRITE_ATTRIBUTES;
    const { fileId } = await openPosix(mount, "with data", { desiredAccess });
    const call = ioctlCall(mount, Fsctl.SET_REPARSE_POINT, link("aim", true), fileId, 0);
    expect((await mount.client.request(call)).status).not.toBe(Status.SUCCESS);
    await closeFile(mount, fileId);
    await makeFile(mount, "held", 0o644);
    const first = await openPosix(mount, "held");
    const second = await openPosix(mount, "held", { desiredAccess });
    const again = ioctlCall(mount, Fsctl.SET_REPARSE_POINT, link("aim", true), second.fileId, 0);
    expect((await mount.client.request(again)).status).toBe(Status.ACCESS_DENIED);
    for (const open of [first, second]) await closeFile(mount, open.fileId);
    expect(readFileSync(join(root, "with data"), "utf8")).toBe("data");
    expect(lstatSync(join(root, "held")).isFile()).toBe(true);
  });

  test("refuses invalid reparse data", async () => {
    const { IO_REPARSE_DATA_INVALID } = Status;
    const cut = link("aim", true).slice(0, -2);
    expect(await special("bad 1", cut)).toBe(IO_REPARSE_DATA_INVALID);
    expect(await special("bad 2", link("", true))).toBe(IO_REPARSE_DATA_INVALID);
    expect(await special("bad 3", link("a\0b", true))).toBe(IO_REPARSE_DATA_INVALID);
  });
});

describe("a POSIX client that changes the names of open files", () => {
  test("replaces an open file; its opens keep the old data", async () => {
    await makeFile(mount, "old", 0o644, "old data");
    await makeFile(mount, "new", 0o644, "new data");
    const reader = await openPosix(mount, "old");
    const mover = await openPosix(mount, "new", { desiredAccess: FileGeneric.ALL });
    await mount.client.demand("rename", renameCall(mount, mover.fileId, "old", true));
    await closeFile(mount, mover.fileId);
    expect(await text("old")).toBe("new data");
    expect(new TextDecoder().decode(await readFile(mount, reader.fileId, 0, 100))).toBe("old data");
    await closeFile(mount, reader.fileId);
    expect(readFileSync(join(root, "old"), "utf8")).toBe("new data");
  });

  test("removes an open file at once; its opens keep the data", async () => {
    await makeFile(mount, "to remove", 0o644, "still here");
    const reader = await openPosix(mount, "to remove");
    const remover = await openPosix(mount, "to remove", {
      desiredAccess: Access.DELETE,
      createOptions: CreateOption.DELETE_ON_CLOSE,
    });
    await closeFile(mount, remover.fileId);
    expect(readdirSync(root)).not.toContain("to remove");
    expect(await statusOf("to remove")).toBe(Status.OBJECT_NAME_NOT_FOUND);
    expect(new TextDecoder().decode(await readFile(mount, reader.fileId, 0, 100))).toBe("still here");
    expect((await statPosix(mount, reader.fileId)).links).toBe(0);
    // The name can be used again.
    await makeFile(mount, "to remove", 0o644, "another");
    await closeFile(mount, reader.fileId);
    expect(readFileSync(join(root, "to remove"), "utf8")).toBe("another");
  });

  test("renames a directory with open files in it", async () => {
    makeDirectory("moving");
    writeFileSync(join(root, "moving", "inner"), "inner data");
    const inner = await openPosix(mount, "moving/inner");
    const mover = await openPosix(mount, "moving", { desiredAccess: Access.DELETE });
    await mount.client.demand("rename", renameCall(mount, mover.fileId, "moved", false));
    await closeFile(mount, mover.fileId);
    expect(new TextDecoder().decode(await readFile(mount, inner.fileId, 0, 100))).toBe("inner data");
    expect(await text("moved/inner")).toBe("inner data");
    await closeFile(mount, inner.fileId);
  });

  test("links and renames to names by the POSIX rules", async () => {
    await makeFile(mount, "first", 0o644, "linked");
    const { fileId } = await openPosix(mount, "first", { desiredAccess: FileGeneric.ALL });
    await mount.client.demand("link", linkCall(mount, fileId, "FIRST", false));
    await mount.client.demand("rename", renameCall(mount, fileId, "odd./1:2.", false));
    await closeFile(mount, fileId);
    expect(readFileSync(join(root, "FIRST"), "utf8")).toBe("linked");
    expect(readFileSync(join(root, "odd.", "1:2."), "utf8")).toBe("linked");
  });
});
