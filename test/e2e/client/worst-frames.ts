// Requests that cost a server much and a client little, for the fairness test and `test/bench/fairness.ts`.
import { linkSync, mkdirSync, writeFileSync } from "node:fs";
import { Access } from "../../../src/wire/security/access.ts";
import { Command } from "../../../src/wire/header.ts";
import { FileInfoClass } from "../../../src/wire/fscc/info-class.ts";
import { InfoType } from "../../../src/wire/command/query-info.ts";
import { QueryDirectoryFlag } from "../../../src/wire/command/query-directory.ts";
import { Status } from "../../../src/wire/status.ts";
import type { FileId } from "../../../src/wire/file-id.ts";
import { TESTER, type TestServer } from "../../peer/test-server.ts";
import type { Call } from "./raw-calls.ts";
import { StatusError } from "./raw-client.ts";
import {
  createCall,
  type Mount,
  mountShare,
  openFile,
  queryDirectoryCall,
  queryInfoCall,
} from "./raw-files.ts";

/** A path on the server's disk. */
export function onDisk(server: TestServer, ...names: readonly string[]): string {
  return [server.shares.get("test") ?? "", ...names].join("/");
}

/** Hard links of one file; ext4 allows 65,000. */
const LINKS_OF_ONE = 60_000;

/** Makes a folder with that many names, `entry 0` and so on. */
export function makeFolder(server: TestServer, name: string, count: number): void {
  mkdirSync(onDisk(server, name));
  let first = "";
  for (let i = 0; i < count; i++) {
    const path = onDisk(server, name, `entry ${i}`);
    if (i % LINKS_OF_ONE > 0) linkSync(first, path);
    else writeFileSync((first = path), "");
  }
}

export async function openFolder(mount: Mount, name: string): Promise<FileId> {
  const desiredAccess = Access.LIST_DIRECTORY | Access.READ_ATTRIBUTES;
  return (await openFile(mount, name, { desiredAccess })).fileId;
}

/** A mount with credits for a compound of 512. */
export async function mountBusy(server: TestServer): Promise<Mount> {
  const mount = await mountShare(server, TESTER, "test");
  await gather(mount, 600);
  return mount;
}

/** Asks for credits until the client has that many. */
export async function gather(mount: Mount, credits: number): Promise<void> {
  while (mount.client.credits < credits) await echo(mount, credits);
}

export async function echo(mount: Mount, credits = 1): Promise<void> {
  await mount.client.demand("ECHO", {
    command: Command.ECHO,
    session: mount.session,
    credits,
    body: (writer) => {
      writer.u16(4);
      writer.u16(0);
    },
  });
}

/** Sends `count` equal requests in one frame and waits for all replies. */
export async function compoundOf(mount: Mount, count: number, call: Call): Promise<void> {
  await gather(mount, count + 1);
  await Promise.all(mount.client.compound(Array.from({ length: count }, () => ({ ...call, room: 256 }))));
}

/** A listing from the start with a pattern that no name matches. */
export function fruitlessCall(mount: Mount, folder: FileId): Call {
  return queryDirectoryCall(mount, folder, {
    pattern: "*nothing*has*this*name*",
    flags: QueryDirectoryFlag.RESTART_SCANS,
    outputBufferLength: 1024,
  });
}

/** Lists the folder with replies of 1 MiB. */
export async function listInLargeReplies(mount: Mount, folder: FileId): Promise<void> {
  let flags: number = QueryDirectoryFlag.RESTART_SCANS;
  for (;;) {
    await gather(mount, 17);
    const options = { outputBufferLength: 1_048_576, flags };
    const { status } = await mount.client.request(queryDirectoryCall(mount, folder, options));
    if (status !== Status.SUCCESS) return;
    flags = 0;
  }
}

/** Of 500 requests: as many as the credits of one client among others allow. */
const COMPOUNDS_AT_ONCE = 4;

/** Sends compounds of 500 requests, some at once. */
export async function queryInCompounds(mount: Mount, folder: FileId, compounds: number): Promise<void> {
  const call = { ...queryInfoCall(mount, folder, InfoType.FILE, FileInfoClass.ALL, 4096), room: 256 };
  for (let left = compounds; left > 0; left -= COMPOUNDS_AT_ONCE) {
    const count = Math.min(left, COMPOUNDS_AT_ONCE);
    await gather(mount, 500 * count + 1);
    const frames = Array.from({ length: count }, () =>
      mount.client.compound(Array.from({ length: 500 }, () => call)),
    );
    await Promise.all(frames.flat());
  }
}

/** Looks for names that are not there, each after a local program has changed the folder. */
export async function missInChangingFolder(
  server: TestServer,
  mount: Mount,
  folder: string,
  count: number,
): Promise<void> {
  for (let i = 0; i < count; i++) {
    writeFileSync(onDisk(server, folder, `changed ${Math.random()}`), "");
    const { status } = await mount.client.request(createCall(mount, `${folder}\\missing ${i}`));
    if (status !== Status.OBJECT_NAME_NOT_FOUND) throw new StatusError("CREATE", status);
  }
}
