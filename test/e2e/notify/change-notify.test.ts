// CHANGE_NOTIFY: the server reports every change once, whoever makes it, and answers every waiting request.
// [MS-SMB2] 3.3.5.19, [MS-FSA] 2.1.5.11.1.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chmodSync, chownSync, mkdirSync, renameSync, rmSync, unlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Access } from "../../../src/wire/security/access.ts";
import { encodeCancelRequest } from "../../../src/wire/command/cancel.ts";
import { CompletionFilter } from "../../../src/wire/command/change-notify.ts";
import { CreateDisposition, CreateOption } from "../../../src/wire/command/create.ts";
import type { FileId } from "../../../src/wire/file-id.ts";
import { FileAttribute } from "../../../src/wire/fscc/attributes.ts";
import { FileInfoClass } from "../../../src/wire/fscc/info-class.ts";
import { Command, HeaderFlag } from "../../../src/wire/header.ts";
import { encodeLogoffRequest } from "../../../src/wire/command/logoff.ts";
import { Status, statusName } from "../../../src/wire/status.ts";
import { encodeTreeDisconnectRequest } from "../../../src/wire/command/tree-disconnect.ts";
import { startSubject } from "../../peer/start.ts";
import { TESTER, TESTER_UID, type TestServer } from "../../peer/test-server.ts";
import type { Call } from "../client/raw-calls.ts";
import {
  callOn,
  closeFile,
  createDirectory,
  createFile,
  deleteCall,
  linkCall,
  type Mount,
  mountShare,
  openFile,
  renameCall,
  setInfoCall,
  writeFile,
} from "../client/raw-files.ts";
import { endOf, linesOf, NAMES, notifyCall, type NotifyOptions, startWaiting } from "../client/raw-notify.ts";

const ALL = 0xfff;

let server: TestServer;
let root = "";

beforeAll(async () => {
  server = await startSubject();
  root = server.shares.get("test") ?? "";
});

afterAll(() => server.stop());

function mount(): Promise<Mount> {
  return mountShare(server, TESTER, "test");
}

/** Watches a directory while `change` runs; returns the changes reported before a marker made afterwards. */
async function watchDuring(
  directory: string,
  options: NotifyOptions,
  change: () => Promise<void> | void,
): Promise<string[]> {
  const on = await mount();
  const { fileId } = await openFile(on, directory, {
    createDisposition: CreateDisposition.OPEN_IF,
    createOptions: CreateOption.DIRECTORY_FILE,
  });
  let pending = on.client.start(notifyCall(on, fileId, options));
  await pending.interim;
  // The server adds the inotify watches below the directory one after the other.
  if (options.recursive === true) await Bun.sleep(200);
  await change();
  // The server reports its own changes at once and the kernel's events in order: the marker comes last.
  const mark = join(root, directory, "zz-mark");
  await Bun.sleep(60);
  mkdirSync(mark);
  const told: string[] = [];
  while (!told.includes("+zz-mark")) {
    told.push(...linesOf(await pending.reply));
    pending = on.client.start(notifyCall(on, fileId, options));
  }
  rmSync(mark, { recursive: true });
  on.client.close();
  return told.filter((line) => !line.includes("zz-mark"));
}

describe("the server reports a change by a local program once", () => {
  test("in a directory", async () => {
    const at = (name: string): string => join(root, "local", name);
    const told = await watchDuring("local", { filter: ALL }, () => {
      writeFileSync(at("f"), "text");
      renameSync(at("f"), at("g"));
      unlinkSync(at("g"));
      mkdirSync(at("d"));
    });
    expect(told).toEqual(["+f", "~f", "<f", ">g", "-g", "+d"]);
  });

  test("in a tree", async () => {
    mkdirSync(join(root, "local-tree/a/b"), { recursive: true });
    const at = (name: string): string => join(root, "local-tree/a", name);
    const told = await watchDuring("local-tree", { filter: NAMES, recursive: true }, async () => {
      writeFileSync(at("b/f"), "text");
      renameSync(at("b/f"), at("f"));
      // The server checks the user's access on the directory itself, which must still exist then.
      await Bun.sleep(100);
      rmSync(at("b"), { recursive: true });
    });
    expect(told).toEqual(["+a\\b\\f", "-a\\b\\f", "+a\\f", "-a\\b"]);
  });
});

describe("the server reports a change by a client once, although the kernel reports it too", () => {
  test("creation, writes, attributes, renames, links and deletion", async () => {
    const other = await mount();
    const told = await watchDuring("ours", { filter: ALL }, async () => {
      const file = await createFile(other, "ours\\f");
      await writeFile(other, file, 0, new Uint8Array(5000));
      await other.client.demand("attributes", attributesCall(other, file, FileAttribute.HIDDEN));
      await other.client.demand("rename", renameCall(other, file, "ours\\g", false));
      await other.client.demand("link", linkCall(other, file, "ours\\h", false));
      await closeFile(other, file);
      await remove(other, "ours\\g");
      await remove(other, "ours\\h");
      await closeFile(other, await createDirectory(other, "ours\\d"));
    });
    expect(told).toEqual(["+f", "~f", "<f", ">g", "+h", "~g", "-g", "-h", "+d"]);
  });

  test("a rename that replaces another file", async () => {
    const other = await mount();
    mkdirSync(join(root, "taken"));
    chmodSync(join(root, "taken"), 0o777);
    const told = await watchDuring("taken", {}, async () => {
      const target = await createFile(other, "taken\\old");
      await closeFile(other, target);
      const file = await createFile(other, "taken\\new");
      await other.client.demand("rename", renameCall(other, file, "taken\\old", true));
      await closeFile(other, file);
    });
    expect(told).toEqual(["+old", "+new", "-old", "<new", ">old"]);
  });

  test("100 files created and deleted in a tree", async () => {
    const other = await mount();
    const names = Array.from({ length: 100 }, (_, i) => `f${i}`);
    const told = await watchDuring("many", { recursive: true, outputBytes: 65_536 }, async () => {
      await closeFile(other, await createDirectory(other, "many\\sub"));
      for (const name of names) await closeFile(other, await createFile(other, `many\\sub\\${name}`));
      for (const name of names) await remove(other, `many\\sub\\${name}`);
    });
    const wanted = ["+sub", ...names.map((name) => `+sub\\${name}`), ...names.map((name) => `-sub\\${name}`)];
    expect(told).toEqual(wanted);
  });

  test("10 writes, as one change when the file is closed", async () => {
    const other = await mount();
    mkdirSync(join(root, "written"));
    chmodSync(join(root, "written"), 0o777);
    const file = await createFile(other, "written\\f");
    const told = await watchDuring("written", { filter: CompletionFilter.SIZE | NAMES }, async () => {
      for (let i = 0; i < 10; i++) await writeFile(other, file, i * 100, new Uint8Array(100));
      await closeFile(other, file);
      const again = await openFile(other, "written\\f");
      await closeFile(other, again.fileId);
    });
    expect(told).toEqual(["~f"]);
  });

  test("a write, without the changes of attributes and times it causes", async () => {
    const other = await mount();
    mkdirSync(join(root, "marked"));
    chmodSync(join(root, "marked"), 0o777);
    for (const name of ["f", "g"]) writeFileSync(join(root, "marked", name), "");
    for (const name of ["f", "g"]) chmodSync(join(root, "marked", name), 0o666);
    const told = await watchDuring("marked", { filter: ALL }, async () => {
      // The file has no ARCHIVE attribute yet: the write sets it.
      const { fileId } = await openFile(other, "marked\\f", { desiredAccess: Access.WRITE_DATA });
      await writeFile(other, fileId, 0, new Uint8Array(100));
      await Bun.sleep(60);
      await closeFile(other, fileId);
      const stream = await createFile(other, "marked\\g:s");
      for (let i = 0; i < 3; i++) {
        await writeFile(other, stream, i * 10, new Uint8Array(10));
        await Bun.sleep(60);
      }
      await closeFile(other, stream);
    });
    expect(told).toEqual(["~f", "s+g:s", "s~g:s"]);
  });
});

function attributesCall(on: Mount, fileId: FileId, attributes: number): Call {
  const buffer = new Uint8Array(40);
  new DataView(buffer.buffer).setUint32(32, attributes, true);
  return setInfoCall(on, fileId, FileInfoClass.BASIC, buffer);
}

async function remove(on: Mount, name: string): Promise<void> {
  const { fileId } = await openFile(on, name, { desiredAccess: Access.DELETE });
  await on.client.demand("delete", deleteCall(on, fileId));
  await closeFile(on, fileId);
}

describe("a waiting request ends", () => {
  test("with STATUS_CANCELLED when the client cancels it by its AsyncId", async () => {
    const on = await mount();
    const pending = on.client.start(notifyCall(on, await createDirectory(on, "wait")));
    const { header } = await pending.interim;
    const cancel = on.client.build({
      command: Command.CANCEL,
      session: on.session,
      messageId: pending.messageId,
      asyncId: header.asyncId,
      flags: HeaderFlag.ASYNC_COMMAND,
      creditCharge: 0,
      body: encodeCancelRequest,
    });
    on.client.transmit(cancel.bytes, on.session);
    expect(await endOf(pending)).toBe("STATUS_CANCELLED");
    on.client.close();
  });

  test("before the response to the CLOSE, TREE_DISCONNECT or LOGOFF that ends it", async () => {
    const ends: ((on: Mount, fileId: FileId) => Promise<unknown>)[] = [
      (on, fileId) => closeFile(on, fileId),
      (on) => on.client.demand("TDIS", callOn(on, Command.TREE_DISCONNECT, encodeTreeDisconnectRequest)),
      (on) => on.client.demand("LOGOFF", callOn(on, Command.LOGOFF, encodeLogoffRequest)),
    ];
    for (const end of ends) {
      const on = await mount();
      const fileId = await createDirectory(on, "wait");
      const waits = [await startWaiting(on, fileId), await startWaiting(on, fileId)];
      const order: string[] = [];
      for (const pending of waits) void pending.reply.then(({ status }) => order.push(statusName(status)));
      await end(on, fileId).then(() => order.push("answered"));
      expect(order).toEqual(["STATUS_NOTIFY_CLEANUP", "STATUS_NOTIFY_CLEANUP", "answered"]);
      on.client.close();
    }
  });

  test("with STATUS_DELETE_PENDING when its directory is deleted; later ones fail at once", async () => {
    const on = await mount();
    const fileId = await createDirectory(on, "doomed");
    const pending = await startWaiting(on, fileId);
    const other = await mount();
    await remove(other, "doomed");
    expect(await endOf(pending)).toBe("STATUS_DELETE_PENDING");
    expect((await on.client.request(notifyCall(on, fileId))).status).toBe(Status.DELETE_PENDING);
    on.client.close();
    other.client.close();
  });

  test("not when its directory is renamed: later changes are still reported", async () => {
    const on = await mount();
    const fileId = await createDirectory(on, "before");
    const pending = await startWaiting(on, fileId);
    const other = await mount();
    const { fileId: mover } = await openFile(other, "before", { desiredAccess: Access.DELETE });
    await other.client.demand("rename", renameCall(other, mover, "after", false));
    await closeFile(other, mover);
    await closeFile(other, await createFile(other, "after\\f"));
    expect(linesOf(await pending.reply)).toEqual(["+f"]);
    const next = await startWaiting(on, fileId);
    writeFileSync(join(root, "after/g"), "");
    expect(linesOf(await next.reply)).toEqual(["+g"]);
    on.client.close();
    other.client.close();
  });
});

describe("the server does not report names that the user may not see:", () => {
  test.skipIf(process.getuid?.() !== 0)("those in a subdirectory that the user cannot list", async () => {
    mkdirSync(join(root, "secrets/private"), { recursive: true });
    mkdirSync(join(root, "secrets/public"));
    chmodSync(join(root, "secrets/private"), 0o700);
    chmodSync(join(root, "secrets"), 0o777);
    const told = await watchDuring("secrets", { recursive: true }, async () => {
      writeFileSync(join(root, "secrets/private/salary"), "");
      writeFileSync(join(root, "secrets/public/menu"), "");
      await Bun.sleep(100);
      chownSync(join(root, "secrets/private"), TESTER_UID, -1);
      writeFileSync(join(root, "secrets/private/own"), "");
    });
    expect(told).toEqual(["+public\\menu", "+private\\own"]);
  });

  test("those that `veto files` of the share matches", async () => {
    const hiding = await startSubject({
      shares: [{ name: "test", parameters: { "veto files": "/*.secret/" } }],
    });
    const on = await mountShare(hiding, TESTER, "test");
    const fileId = await createDirectory(on, "d");
    const pending = await startWaiting(on, fileId);
    const directory = join(hiding.shares.get("test") ?? "", "d");
    writeFileSync(join(directory, "a.secret"), "");
    writeFileSync(join(directory, "b"), "");
    expect(linesOf(await pending.reply)).toEqual(["+b"]);
    on.client.close();
    await hiding.stop();
  });
});

test("with `change notify = no` CHANGE_NOTIFY gets STATUS_NOT_IMPLEMENTED", async () => {
  const without = await startSubject({ parameters: { "change notify": "no" } });
  const on = await mountShare(without, TESTER, "test");
  const reply = await on.client.request(notifyCall(on, await createDirectory(on, "d")));
  expect(reply.status).toBe(Status.NOT_IMPLEMENTED);
  on.client.close();
  await without.stop();
});

test("with `kernel change notify = no` the server reports the changes of clients only", async () => {
  const blind = await startSubject({ parameters: { "kernel change notify": "no" } });
  const on = await mountShare(blind, TESTER, "test");
  const pending = await startWaiting(on, await createDirectory(on, "d"));
  writeFileSync(join(blind.shares.get("test") ?? "", "d", "local"), "");
  await closeFile(on, await createFile(on, "d\\ours"));
  expect(linesOf(await pending.reply)).toEqual(["+ours"]);
  on.client.close();
  await blind.stop();
});
