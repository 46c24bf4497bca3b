// Previous versions: TWrp, @GMT tokens, FSCTL_SRV_ENUMERATE_SNAPSHOTS, and what no client may change or reach
// through them. [MS-SMB2] 2.2.13.2.7, 2.2.32.2, 3.3.5.15.1.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import {
  chmodSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { Access } from "../../../src/wire/security/access.ts";
import { decodeBufferResponse } from "../../../src/wire/command/buffer-response.ts";
import {
  CreateDisposition,
  CreateOption,
  type CreateRequest,
  ShareAccess,
} from "../../../src/wire/command/create.ts";
import { EMPTY, Writer } from "../../../src/wire/cursor.ts";
import type { FileId } from "../../../src/wire/file-id.ts";
import { decodeAllInformation, encodeBasicChange } from "../../../src/wire/fscc/file-information.ts";
import { Fsctl } from "../../../src/wire/fscc/fsctl.ts";
import { FileInfoClass } from "../../../src/wire/fscc/info-class.ts";
import { decodeSnapshotArray, type SnapshotArray } from "../../../src/wire/fscc/snapshot.ts";
import { InfoType } from "../../../src/wire/command/query-info.ts";
import { Status } from "../../../src/wire/status.ts";
import { giveToTester, makeDirectory, removeDirectory, type TestServer } from "../../peer/test-server.ts";
import { mountTest } from "../client/attack-rig.ts";
import { outputOf } from "../client/fsctl-calls.ts";
import {
  closeFile,
  createCall,
  deleteCall,
  ioctlCall,
  listDirectory,
  type Mount,
  openFile,
  queryInfoCall,
  readFile,
  renameCall,
  setInfoCall,
  writeCall,
} from "../client/raw-files.ts";
import { startServer } from "../client/server.ts";

const OLD = "@GMT-2020.01.02-03.04.05";
const NEWER = "@GMT-2021.06.07-08.09.10";
const OLD_TIME = { seconds: 1_577_934_245, nanoseconds: 0 };

let base: string;
let server: TestServer;
let mount: Mount;
beforeAll(async () => {
  base = makeDirectory("minismbd-snapshots-");
  chmodSync(base, 0o755);
  for (const at of ["share", `snaps/${OLD}/share`, `snaps/${NEWER}/share`, "closed"]) {
    mkdirSync(join(base, at, "folder"), { recursive: true });
  }
  put("share/file", "live");
  put(`snaps/${OLD}/share/file`, "old");
  put(`snaps/${OLD}/share/folder/gone`, "gone by now");
  put(`snaps/${NEWER}/share/file`, "newer");
  put(`snaps/${NEWER}/share/secret`, "secret", 0o600);
  put("share/linked", "one file");
  linkSync(at("share/linked"), at(`snaps/${OLD}/share/linked`));
  put("outside", "outside");
  symlinkSync("../../../outside", at(`snaps/${OLD}/share/out`));
  symlinkSync("/etc/passwd", at(`snaps/${OLD}/share/passwd`));
  symlinkSync("file", at(`snaps/${OLD}/share/inside`));
  symlinkSync(base, at("snaps/@GMT-2022.02.02-02.02.02"));
  mkdirSync(at("snaps/no snapshot"));
  mkdirSync(at("closed-snaps/@GMT-2020.01.02-03.04.05/closed"), { recursive: true });
  chmodSync(at("closed-snaps"), 0o700);
  for (const owned of ["share", "closed", `snaps/${OLD}/share`]) giveToTester(at(owned));
  const parameters = {
    "vfs objects": "shadow_copy2",
    "shadow:snapdir": at("snaps"),
    "shadow:basedir": base,
    "follow symlinks": "yes",
  };
  server = await startServer({
    shares: [
      { name: "test", path: at("share"), parameters },
      {
        name: "closed",
        path: at("closed"),
        parameters: { ...parameters, "shadow:snapdir": at("closed-snaps") },
      },
      { name: "none", path: at("closed"), parameters: { "previous versions": "no" } },
    ],
  });
  mount = await mountTest(server);
});
afterAll(async () => {
  mount.client.close();
  await server.stop();
  removeDirectory(base);
});

const at = (path: string): string => join(base, path);

/** Writes a file that by default everybody may write to, so that its mode does not protect a snapshot. */
function put(path: string, text: string, mode = 0o666): void {
  mkdirSync(dirname(at(path)), { recursive: true });
  writeFileSync(at(path), text);
  chmodSync(at(path), mode);
}

const then = (options: Partial<CreateRequest> = {}): Partial<CreateRequest> => ({
  ...options,
  contexts: { timewarp: OLD_TIME },
});

async function statusOf(name: string, options: Partial<CreateRequest> = {}): Promise<number> {
  return (await mount.client.request(createCall(mount, name, options))).status;
}

async function text(name: string, options: Partial<CreateRequest> = {}): Promise<string> {
  const { fileId } = await openFile(mount, name, options);
  const data = await readFile(mount, fileId, 0, 1000);
  await closeFile(mount, fileId);
  return new TextDecoder().decode(data);
}

async function enumerate(
  on: Mount,
  room: number,
): Promise<{ status: number; array: SnapshotArray | undefined }> {
  const { fileId } = await openFile(on, "");
  const reply = await on.client.request(ioctlCall(on, Fsctl.SRV_ENUMERATE_SNAPSHOTS, EMPTY, fileId, room));
  await closeFile(on, fileId);
  const isAnswer = reply.status === Status.SUCCESS;
  return { status: reply.status, array: isAnswer ? decodeSnapshotArray(outputOf(reply)) : undefined };
}

describe("the list of snapshots", () => {
  test("has all tokens, the newest first, without symlinks and other names", async () => {
    const { array } = await enumerate(mount, 65_536);
    expect(array).toEqual({ available: 2, arraySize: 102, tokens: [NEWER, OLD] });
  });

  test("that does not fit tells the number of snapshots and the size", async () => {
    for (const room of [16, 100]) {
      const { array } = await enumerate(mount, room);
      expect(array).toEqual({ available: 2, arraySize: 102, tokens: [] });
    }
    expect((await enumerate(mount, 114)).array?.tokens.length).toBe(2);
    expect((await enumerate(mount, 15)).status).toBe(Status.INVALID_PARAMETER);
  });

  test("is not supported with `previous versions = no`, and empty for a client that may not list it", async () => {
    const none = { ...mount, treeId: await mount.client.connectTree(mount.session, "none") };
    expect((await enumerate(none, 4096)).status).toBe(Status.NOT_SUPPORTED);
    const closed = { ...mount, treeId: await mount.client.connectTree(mount.session, "closed") };
    if (process.getuid?.() === 0) {
      expect((await enumerate(closed, 4096)).array?.available).toBe(0);
      const reply = await mount.client.request(createCall(closed, "", then()));
      expect(reply.status).toBe(Status.OBJECT_NAME_NOT_FOUND);
    }
  });
});

describe("opens", () => {
  test("a client opens a version by TWrp, or by a token anywhere in the path", async () => {
    expect(await text("file")).toBe("live");
    expect(await text("file", then())).toBe("old");
    expect(await text(`${NEWER}\\file`)).toBe("newer");
    expect(await text(`folder\\${OLD}\\gone`)).toBe("gone by now");
    expect(await text(`folder\\gone\\${OLD}`)).toBe("gone by now");
    expect(await text(`${OLD}\\file`, then())).toBe("old");
    expect(await statusOf("folder\\gone")).toBe(Status.OBJECT_NAME_NOT_FOUND);
    // The FILETIME 0 asks for no version.
    expect(await text("file", { contexts: { timewarp: { seconds: -11_644_473_600, nanoseconds: 0 } } })).toBe(
      "live",
    );
  });

  test("a directory is listed as it was, and its name is that in the share", async () => {
    const { fileId } = await openFile(mount, "folder", then({ createOptions: CreateOption.DIRECTORY_FILE }));
    const names = (await listDirectory(mount, fileId)).map(({ name }) => name);
    expect(names.toSorted()).toEqual([".", "..", "gone"]);
    const reply = await mount.client.demand(
      "ALL",
      queryInfoCall(mount, fileId, InfoType.FILE, FileInfoClass.ALL),
    );
    expect(decodeAllInformation(decodeBufferResponse(reply.message).buffer).name).toBe("\\folder");
    await closeFile(mount, fileId);
  });

  test("a time without a snapshot is not found", async () => {
    const missing = { contexts: { timewarp: { seconds: OLD_TIME.seconds + 1, nanoseconds: 0 } } };
    expect(await statusOf("file", missing)).toBe(Status.OBJECT_NAME_NOT_FOUND);
    expect(await statusOf("", missing)).toBe(Status.OBJECT_NAME_NOT_FOUND);
    expect(await statusOf("@GMT-2020.01.02-03.04.06\\file")).toBe(Status.OBJECT_NAME_NOT_FOUND);
    expect(await statusOf(`${OLD}\\${NEWER}\\file`)).toBe(Status.OBJECT_NAME_NOT_FOUND);
    expect(await statusOf(`${NEWER}\\file`, then())).toBe(Status.OBJECT_NAME_NOT_FOUND);
    expect(await statusOf("@GMT-9999.99.99-99.99.99\\file")).toBe(Status.OBJECT_PATH_NOT_FOUND);
  });

  test("share modes apply to snapshot and share apart, even for a file that is one inode in both", async () => {
    const held = await openFile(mount, "linked", then({ shareAccess: 0 }));
    const live = await openFile(mount, "linked", {
      desiredAccess: Access.READ_DATA | Access.DELETE,
      shareAccess: 0,
    });
    expect(await statusOf("linked", then())).toBe(Status.SHARING_VIOLATION);
    await mount.client.demand("delete", deleteCall(mount, live.fileId));
    await closeFile(mount, live.fileId);
    expect(readdirSync(at("share"))).not.toContain("linked");
    expect(new TextDecoder().decode(await readFile(mount, held.fileId, 0, 100))).toBe("one file");
    await closeFile(mount, held.fileId);
    expect(readFileSync(at(`snaps/${OLD}/share/linked`), "utf8")).toBe("one file");
  });
});

describe("nothing changes", () => {
  const everything = Access.READ_DATA | Access.WRITE_DATA | Access.DELETE | Access.WRITE_ATTRIBUTES;
  const open = async (): Promise<FileId> =>
    (await openFile(mount, "file", then({ desiredAccess: everything }))).fileId;

  test("no request writes data", async () => {
    const fileId = await open();
    const write = await mount.client.request(writeCall(mount, fileId, 0, Uint8Array.of(1)));
    expect(write.status).toBe(Status.MEDIA_WRITE_PROTECTED);
    const size = new Uint8Array(8);
    for (const infoClass of [FileInfoClass.END_OF_FILE, FileInfoClass.ALLOCATION]) {
      const reply = await mount.client.request(setInfoCall(mount, fileId, infoClass, size));
      expect(reply.status).toBe(Status.MEDIA_WRITE_PROTECTED);
    }
    for (const control of [Fsctl.SET_SPARSE, Fsctl.SET_ZERO_DATA, Fsctl.SET_REPARSE_POINT]) {
      const reply = await mount.client.request(ioctlCall(mount, control, new Uint8Array(16), fileId, 0));
      expect(reply.status).toBe(Status.MEDIA_WRITE_PROTECTED);
    }
    await closeFile(mount, fileId);
    expect(readFileSync(at(`snaps/${OLD}/share/file`), "utf8")).toBe("old");
  });

  test("no request renames, deletes or sets times", async () => {
    const fileId = await open();
    const writer = new Writer(new Uint8Array(40));
    encodeBasicChange(writer, {
      birth: undefined,
      access: undefined,
      modify: { seconds: 1, nanoseconds: 0 },
      change: undefined,
      attributes: 0,
    });
    for (const call of [
      renameCall(mount, fileId, "renamed", false),
      deleteCall(mount, fileId),
      setInfoCall(mount, fileId, FileInfoClass.BASIC, writer.bytes.subarray(0, writer.position)),
    ]) {
      expect((await mount.client.request(call)).status).toBe(Status.MEDIA_WRITE_PROTECTED);
    }
    await closeFile(mount, fileId);
    expect(readdirSync(at(`snaps/${OLD}/share`))).toContain("file");
  });

  test("CREATE creates, replaces and deletes nothing", async () => {
    const { CREATE, SUPERSEDE, OVERWRITE, OVERWRITE_IF, OPEN_IF } = CreateDisposition;
    for (const createDisposition of [CREATE, SUPERSEDE, OVERWRITE, OVERWRITE_IF]) {
      const options = then({ createDisposition, desiredAccess: everything });
      expect(await statusOf("file", options)).toBe(Status.MEDIA_WRITE_PROTECTED);
    }
    for (const name of ["new", "new:stream", "file:stream"]) {
      const options = then({ createDisposition: OPEN_IF, desiredAccess: everything });
      expect(await statusOf(name, options)).toBe(Status.MEDIA_WRITE_PROTECTED);
    }
    const doomed = then({ createOptions: CreateOption.DELETE_ON_CLOSE, desiredAccess: everything });
    expect(await statusOf("file", doomed)).toBe(Status.MEDIA_WRITE_PROTECTED);
    expect(readdirSync(at(`snaps/${OLD}/share`))).not.toContain("new");
    expect(readFileSync(at(`snaps/${OLD}/share/file`), "utf8")).toBe("old");
  });

  test("an open of a version that shares nothing does not block the live file", async () => {
    const { fileId } = await openFile(mount, "file", then({ shareAccess: 0 }));
    expect(await statusOf("file", { desiredAccess: everything, shareAccess: ShareAccess.READ })).toBe(
      Status.SUCCESS,
    );
    await closeFile(mount, fileId);
  });
});

describe("nothing leaks", () => {
  test("a path with dots beside a token is refused", async () => {
    for (const name of [
      `${OLD}\\..\\outside`,
      `${OLD}\\..\\..\\..\\outside`,
      `..\\${OLD}\\x`,
      `a\\..\\${OLD}`,
    ]) {
      expect([Status.OBJECT_PATH_SYNTAX_BAD, Status.OBJECT_NAME_INVALID]).toContain(
        (await statusOf(name)) as never,
      );
    }
  });

  test("a symlink in a snapshot is followed only within it", async () => {
    expect(await text("inside", then())).toBe("old");
    for (const name of ["out", "passwd"]) {
      expect(await statusOf(name, then())).not.toBe(Status.SUCCESS);
    }
  });

  test("a symlink in place of a snapshot is not found", async () => {
    expect(
      await statusOf("outside", { contexts: { timewarp: { seconds: 1_643_767_322, nanoseconds: 0 } } }),
    ).toBe(Status.OBJECT_NAME_NOT_FOUND);
    expect(await statusOf("@GMT-2022.02.02-02.02.02\\outside")).toBe(Status.OBJECT_NAME_NOT_FOUND);
  });

  test("a known snapshot that is replaced by a symlink is not found", async () => {
    const token = "@GMT-2018.01.01-00.00.00";
    put(`snaps/${token}/share/outside`, "inside");
    // Makes the server read the list again.
    await enumerate(mount, 4096);
    rmSync(at(`snaps/${token}`), { recursive: true });
    symlinkSync(base, at(`snaps/${token}`));
    mkdirSync(at("share/share"), { recursive: true });
    expect(await statusOf(`${token}\\file`)).toBe(Status.OBJECT_NAME_NOT_FOUND);
    unlinkSync(at(`snaps/${token}`));
  });

  test.skipIf(process.getuid?.() !== 0)("the permissions of the snapshot's files apply", async () => {
    expect(await statusOf(`${NEWER}\\secret`)).toBe(Status.ACCESS_DENIED);
  });

  test("a rename to a path with a token fails", async () => {
    put("share/to rename", "");
    giveToTester(at("share/to rename"));
    const { fileId } = await openFile(mount, "to rename", { desiredAccess: Access.DELETE });
    const reply = await mount.client.request(renameCall(mount, fileId, `${OLD}\\renamed`, false));
    expect(reply.status).toBe(Status.OBJECT_PATH_NOT_FOUND);
    await closeFile(mount, fileId);
    expect(readdirSync(at(`snaps/${OLD}/share`))).not.toContain("renamed");
  });
});

describe("malformed contexts", () => {
  const raw = (tag: string, ...parts: Uint8Array[]) => ({
    contexts: { unknown: parts.map((data) => ({ tag, data })) },
  });
  const filetime = (value: bigint): Uint8Array => {
    const bytes = new Uint8Array(8);
    new DataView(bytes.buffer).setBigUint64(0, value, true);
    return bytes;
  };

  test("a TWrp that is cut off is refused, and of two the first counts", async () => {
    for (const length of [0, 1, 7]) {
      expect(await statusOf("file", raw("TWrp", new Uint8Array(length)))).toBe(Status.INVALID_PARAMETER);
    }
    const old = (BigInt(OLD_TIME.seconds) + 11_644_473_600n) * 10_000_000n;
    expect(await text("file", raw("TWrp", filetime(old)))).toBe("old");
    expect(await text("file", raw("TWrp", filetime(old), filetime(0n)))).toBe("old");
  });

  test("a TWrp with an extreme time is not found", async () => {
    for (const value of [1n, 2n ** 63n - 1n, 2n ** 63n, 2n ** 64n - 1n, 2n ** 64n - 2n]) {
      expect(await statusOf("file", raw("TWrp", filetime(value)))).toBe(Status.OBJECT_NAME_NOT_FOUND);
    }
  });

  test("of 100 times asked for at once the one with a snapshot is found", async () => {
    const calls = Array.from({ length: 100 }, (_, i) =>
      createCall(mount, "file", {
        contexts: { timewarp: { seconds: OLD_TIME.seconds + i, nanoseconds: 0 } },
      }),
    );
    await mount.client.awaitCredits(100);
    const statuses = await Promise.all(calls.map(async (call) => (await mount.client.request(call)).status));
    expect(statuses[0]).toBe(Status.SUCCESS);
    expect(new Set(statuses.slice(1))).toEqual(new Set([Status.OBJECT_NAME_NOT_FOUND]));
  });
});
