// Attacks with offsets and lengths of READ and WRITE, renames and hard links.
// [MS-SMB2] 3.3.5.12, 3.3.5.13; [MS-FSA] 2.1.5.15.11 (rename), 2.1.5.15.6 (link).
import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { Access } from "../../../src/wire/security/access.ts";
import { CreateDisposition, CreateOption, decodeCreateResponse } from "../../../src/wire/command/create.ts";
import { FileInfoClass } from "../../../src/wire/fscc/info-class.ts";
import { ReadRequestOffset } from "../../../src/wire/command/read.ts";
import { Status } from "../../../src/wire/status.ts";
import { WriteRequestOffset } from "../../../src/wire/command/write.ts";
import { type TestServer } from "../../peer/test-server.ts";
import type { Call } from "../client/raw-calls.ts";
import {
  closeCall,
  closeFile,
  createCall,
  createDirectory,
  createFile,
  linkCall,
  type Mount,
  openFile,
  readCall,
  readFile,
  renameCall,
  setInfoCall,
  writeCall,
  writeFile,
} from "../client/raw-files.ts";
import {
  anonymousKib,
  expectOutcome,
  expectServing,
  mountTest,
  type Outcome,
  startVictim,
} from "../client/attack-rig.ts";

let server: TestServer;
let share = "";
beforeAll(async () => {
  server = await startVictim();
  share = server.shares.get("test") ?? "";
});
afterAll(() => server.stop());
afterEach(() => expectServing(server));

type Edit = (view: DataView) => void;

function edited(call: Call, edit: Edit): Call {
  return { ...call, edit: (_bytes, view) => edit(view) };
}

const OUT_OF_RANGE: readonly Outcome[] = [Status.INVALID_PARAMETER, Status.END_OF_FILE, Status.DISK_FULL];

describe("READ and WRITE", () => {
  test("an offset near or beyond 2^63 is refused", async () => {
    const mount = await mountTest(server);
    const file = await createFile(mount, "edges");
    await writeFile(mount, file, 0, new Uint8Array(10));
    for (const [low, high] of [
      [0xffff_ffff, 0xffff_ffff],
      [0xffff_fffe, 0xffff_ffff],
      [0, 0x8000_0000],
      [0xffff_ffff, 0x7fff_ffff],
      [0xffff_ff00, 0x7fff_ffff],
      [0, 0x0020_0000],
    ] as const) {
      const at = (view: DataView, offset: number): void => {
        view.setUint32(offset, low, true);
        view.setUint32(offset + 4, high, true);
      };
      const read = edited(readCall(mount, file, 0, 100), (view) => at(view, ReadRequestOffset.OFFSET));
      expectOutcome(await mount.client.outcome(read), ...OUT_OF_RANGE);
      // A WRITE with all bits of the offset set is an append; [MS-FSA] 2.1.5.4.
      if (low === 0xffff_ffff && high === 0xffff_ffff) continue;
      const write = edited(writeCall(mount, file, 0, new Uint8Array(100)), (view) =>
        at(view, WriteRequestOffset.OFFSET),
      );
      expectOutcome(await mount.client.outcome(write), ...OUT_OF_RANGE);
    }
    expect((await readFile(mount, file, 0, 100)).length).toBe(10);
    mount.client.close();
  });

  test("a length beyond the maximum is refused, and the server's memory does not grow", async () => {
    const before = anonymousKib(server);
    for (const length of [9 * 1024 * 1024, 0x7fff_ffff, 0xffff_ffff]) {
      const mount = await mountTest(server);
      const file = await createFile(mount, "edges");
      await mount.client.request({
        ...closeCall(mount, file, 0),
        command: 0x0d,
        body: (w) => w.u32(4),
        credits: 4000,
      });
      const read = edited(readCall(mount, file, 0, 100), (view) =>
        view.setUint32(ReadRequestOffset.LENGTH, length, true),
      );
      expectOutcome(await mount.client.outcome({ ...read, creditCharge: 150 }), Status.INVALID_PARAMETER);
      const write = edited(writeCall(mount, file, 0, new Uint8Array(10)), (view) =>
        view.setUint32(WriteRequestOffset.LENGTH, length, true),
      );
      expectOutcome(
        await mount.client.outcome({ ...write, creditCharge: 150 }),
        Status.INVALID_PARAMETER,
        "closed",
      );
      mount.client.close();
    }
    expect(anonymousKib(server) - before).toBeLessThan(32 * 1024);
  });

  test("a DataOffset into the header, past the end or beyond 0x100 is refused", async () => {
    for (const offset of [0, 8, 64, 111, 0x101, 0x8000, 0xffff]) {
      const mount = await mountTest(server);
      const file = await createFile(mount, "edges");
      const write = edited(writeCall(mount, file, 0, new Uint8Array(200)), (view) =>
        view.setUint16(WriteRequestOffset.DATA_OFFSET, offset, true),
      );
      expectOutcome(await mount.client.outcome(write), Status.INVALID_PARAMETER, "closed");
      expect(
        (await mount.client.outcome(closeCall(mount, file))) === Status.SUCCESS ||
          mount.client.socket.isClosed,
      ).toBe(true);
      mount.client.close();
    }
  });

  test("RDMA channel values get STATUS_INVALID_PARAMETER; RemainingBytes alone is ignored", async () => {
    const mount = await mountTest(server);
    const file = await createFile(mount, "edges");
    await writeFile(mount, file, 0, new Uint8Array(10));
    for (const channel of [1, 2, 3, 0xffff_ffff]) {
      const read = edited(readCall(mount, file, 0, 10), (view) =>
        view.setUint32(ReadRequestOffset.CHANNEL, channel, true),
      );
      expectOutcome(await mount.client.outcome(read), Status.INVALID_PARAMETER);
      const write = edited(writeCall(mount, file, 0, new Uint8Array(10)), (view) =>
        view.setUint32(WriteRequestOffset.CHANNEL, channel, true),
      );
      expectOutcome(await mount.client.outcome(write), Status.INVALID_PARAMETER);
    }
    const remaining = edited(readCall(mount, file, 0, 10), (view) =>
      view.setUint32(ReadRequestOffset.REMAINING_BYTES, 0xffff_ffff, true),
    );
    expectOutcome(await mount.client.outcome(remaining), Status.SUCCESS);
    mount.client.close();
  });

  test("READ and WRITE of a folder, and WRITE without the access right, are refused", async () => {
    const mount = await mountTest(server);
    const folder = await createDirectory(mount, "a folder");
    expectOutcome(await mount.client.outcome(readCall(mount, folder, 0, 10)), Status.INVALID_DEVICE_REQUEST);
    expectOutcome(
      await mount.client.outcome(writeCall(mount, folder, 0, new Uint8Array(1))),
      Status.INVALID_DEVICE_REQUEST,
      Status.ACCESS_DENIED,
    );
    await closeFile(mount, await createFile(mount, "edges"));
    const { fileId } = await openFile(mount, "edges", { desiredAccess: Access.READ_DATA });
    expectOutcome(
      await mount.client.outcome(writeCall(mount, fileId, 0, new Uint8Array(1))),
      Status.ACCESS_DENIED,
    );
    mount.client.close();
  });

  test("SET_INFO of a size near or beyond 2^63 is refused", async () => {
    const mount = await mountTest(server);
    const file = await createFile(mount, "edges");
    for (const infoClass of [FileInfoClass.END_OF_FILE, FileInfoClass.ALLOCATION]) {
      for (const size of [2n ** 63n, 2n ** 64n - 1n, 2n ** 63n - 1n, 2n ** 60n]) {
        const buffer = new Uint8Array(8);
        new DataView(buffer.buffer).setBigUint64(0, size, true);
        const outcome = await mount.client.outcome(setInfoCall(mount, file, infoClass, buffer));
        expectOutcome(outcome, Status.INVALID_PARAMETER, Status.DISK_FULL);
      }
    }
    mount.client.close();
  });
});

async function folderOf(mount: Mount, name: string) {
  return (
    await openFile(mount, name, {
      desiredAccess: Access.LIST_DIRECTORY | Access.READ_ATTRIBUTES | Access.DELETE,
      createDisposition: CreateDisposition.OPEN_IF,
      createOptions: CreateOption.DIRECTORY_FILE,
    })
  ).fileId;
}

describe("renames and hard links", () => {
  test("onto its parent, an open file, a folder, the root or into itself are refused", async () => {
    const mount = await mountTest(server);
    const parent = await folderOf(mount, "parent");
    await closeFile(mount, parent);
    const file = await createFile(mount, "parent\\file");
    const other = await createFile(mount, "other");
    await closeFile(mount, await createDirectory(mount, "folder"));
    for (const call of [renameCall, linkCall]) {
      expectOutcome(
        await mount.client.outcome(call(mount, file, "parent\\file", true)),
        Status.SUCCESS,
        Status.OBJECT_NAME_COLLISION,
      );
      for (const [target, ...allowed] of [
        ["parent", Status.ACCESS_DENIED, Status.OBJECT_NAME_COLLISION, Status.FILE_IS_A_DIRECTORY],
        ["other", Status.ACCESS_DENIED, Status.SHARING_VIOLATION],
        ["folder", Status.ACCESS_DENIED, Status.OBJECT_NAME_COLLISION, Status.FILE_IS_A_DIRECTORY],
        ["", Status.OBJECT_NAME_INVALID, Status.INVALID_PARAMETER, Status.ACCESS_DENIED],
        ["no such folder\\x", Status.OBJECT_PATH_NOT_FOUND],
        ["other\\x", Status.OBJECT_PATH_NOT_FOUND, Status.NOT_A_DIRECTORY],
        ["..\\x", Status.OBJECT_PATH_SYNTAX_BAD, Status.OBJECT_NAME_INVALID],
      ] as const) {
        expectOutcome(await mount.client.outcome(call(mount, file, target, true)), ...allowed);
      }
    }
    await closeFile(mount, file);
    const folder = await folderOf(mount, "parent");
    expectOutcome(
      await mount.client.outcome(renameCall(mount, folder, "parent\\inside", true)),
      Status.INVALID_PARAMETER,
      Status.ACCESS_DENIED,
      Status.SHARING_VIOLATION,
    );
    expect(existsSync(join(share, "parent", "file"))).toBe(true);
    await closeFile(mount, folder);
    await closeFile(mount, other);
    mount.client.close();
  });

  test("a rename of the share's root, and a name with a wrong length, are refused", async () => {
    const mount = await mountTest(server);
    const root = (await openFile(mount, "", { desiredAccess: Access.MAXIMUM_ALLOWED })).fileId;
    expectOutcome(
      await mount.client.outcome(renameCall(mount, root, "elsewhere", false)),
      Status.ACCESS_DENIED,
      Status.INVALID_PARAMETER,
    );
    const file = await createFile(mount, "liar");
    for (const length of [1, 3, 0xffff, 0x7fff_ffff, 0xffff_fffe]) {
      const buffer = new Uint8Array(24);
      new DataView(buffer.buffer).setUint32(16, length, true);
      const call = setInfoCall(mount, file, FileInfoClass.RENAME, buffer);
      expectOutcome(
        await mount.client.outcome(call),
        Status.INVALID_PARAMETER,
        Status.INFO_LENGTH_MISMATCH,
        Status.OBJECT_NAME_INVALID,
      );
    }
    mount.client.close();
  });

  test("renames of two folders into each other complete, and no folder is lost", async () => {
    const mounts = await Promise.all([mountTest(server), mountTest(server)]);
    const [first, second] = mounts;
    if (!first || !second) throw new Error("two mounts");
    for (const name of ["x", "x\\leaf", "y", "y\\leaf"])
      await closeFile(first, await createDirectory(first, name));
    const rounds = async (mount: Mount, from: string, to: string): Promise<void> => {
      for (let round = 0; round < 50; round++) {
        const reply = await mount.client.request(
          createCall(mount, from, {
            desiredAccess: Access.DELETE,
            shareAccess: 7,
            createOptions: CreateOption.DIRECTORY_FILE,
          }),
        );
        if (reply.status !== Status.SUCCESS) continue;
        const { fileId } = decodeCreateResponse(reply.message);
        await mount.client.request(renameCall(mount, fileId, to, false));
        await mount.client.request(closeCall(mount, fileId));
      }
    };
    await Promise.all([
      rounds(first, "x", "y\\leaf\\x"),
      rounds(second, "y", "x\\leaf\\y"),
      rounds(first, "y\\leaf\\x", "x"),
    ]);
    const count = (path: string): number =>
      readdirSync(path, { recursive: true }).filter((name) => /(?:^|\/)(?:x|y|leaf)$/.test(String(name)))
        .length;
    expect(count(share)).toBe(4);
    for (const { client } of mounts) client.close();
  }, 20_000);
});
