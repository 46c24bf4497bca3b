// What a client sees or causes in a share, for the table of effects.ts.
import { lstatSync, readdirSync, statSync, utimesSync } from "node:fs";
import { join } from "node:path";
import { EMPTY } from "../../../../src/wire/cursor.ts";
import { InfoType } from "../../../../src/wire/command/query-info.ts";
import { FsInfoClass } from "../../../../src/wire/fscc/info-class.ts";
import type { DirectoryRecord } from "../../../../src/wire/fscc/directory-entry.ts";
import { decodeBufferResponse } from "../../../../src/wire/command/buffer-response.ts";
import { decodeFsSizeInformation } from "../../../../src/wire/fscc/fs-information.ts";
import { Fsctl } from "../../../../src/wire/fscc/fsctl.ts";
import { decodeSnapshotArray } from "../../../../src/wire/fscc/snapshot.ts";
import { outputOf } from "../../client/fsctl-calls.ts";
import type { TestServer } from "../../../peer/test-server.ts";
import {
  closeFile,
  createDirectory,
  createFile,
  ioctlCall,
  listDirectory,
  type Mount,
  openFile,
  queryInfoCall,
  removeFile,
  writeFile,
} from "../../client/raw-files.ts";

/** One share: a client's connection to it, and its directory. */
export interface Place {
  readonly mount: Mount;
  readonly path: string;
  readonly server: TestServer;
}

export async function make({ mount }: Place, name: string, text = ""): Promise<void> {
  const file = await createFile(mount, name);
  if (text !== "") await writeFile(mount, file, 0, Buffer.from(text));
  await closeFile(mount, file);
}

/** The mode and the owner of a file that the client makes. */
export async function made(place: Place, name: string): Promise<{ mode: string; uid: number }> {
  await make(place, name);
  const { mode, uid } = statSync(join(place.path, name.replaceAll("\\", "/")));
  return { mode: (mode & 0o777).toString(8), uid };
}

export async function madeDirectory({ mount, path }: Place, name: string): Promise<string> {
  await closeFile(mount, await createDirectory(mount, name));
  return (statSync(join(path, name)).mode & 0o777).toString(8);
}

/** Makes a file by that name; the names on the disk. */
export async function spelt(place: Place, name: string): Promise<string[]> {
  await make(place, name);
  return namesIn(place.path);
}

function namesIn(path: string): string[] {
  return readdirSync(path)
    .filter((name) => name !== ".minismbd")
    .toSorted();
}

export async function listed({ mount }: Place): Promise<DirectoryRecord[]> {
  const { fileId } = await openFile(mount, "", { createOptions: 1 });
  const records = await listDirectory(mount, fileId);
  await closeFile(mount, fileId);
  return records.filter(({ name }) => !/^\.+$/.test(name));
}

export async function listedNames(place: Place): Promise<string[]> {
  return (await listed(place)).map(({ name }) => name).toSorted();
}

const OLD = new Date("2001-02-03T04:05:06Z");

/** Makes a file of the year 2001 and deletes it; what is in the bin then. */
export async function recycled(place: Place, name: string, text = "abc"): Promise<string[]> {
  await make(place, name, text);
  utimesSync(join(place.path, name.replaceAll("\\", "/")), OLD, OLD);
  await removeFile(place.mount, name);
  return binOf(place);
}

export function binOf({ path }: Place): string[] {
  try {
    return readdirSync(join(path, ".recycle"), { recursive: true, encoding: "utf8" })
      .filter((name) => !name.includes(".minismbd") && lstatSync(join(path, ".recycle", name)).isFile())
      .toSorted();
  } catch {
    return [];
  }
}

export async function snapshots({ mount }: Place): Promise<readonly string[]> {
  const { fileId } = await openFile(mount, "");
  const call = ioctlCall(mount, Fsctl.SRV_ENUMERATE_SNAPSHOTS, EMPTY, fileId, 65_536);
  const reply = await mount.client.demand("snapshots", call);
  await closeFile(mount, fileId);
  return decodeSnapshotArray(outputOf(reply)).tokens;
}

export async function diskBytes({ mount }: Place): Promise<number> {
  const { fileId } = await openFile(mount, "", { desiredAccess: 0x80 });
  const query = queryInfoCall(mount, fileId, InfoType.FILESYSTEM, FsInfoClass.SIZE);
  const { buffer } = decodeBufferResponse((await mount.client.demand("size", query)).message);
  await closeFile(mount, fileId);
  const { totalUnits, sectorsPerUnit, bytesPerSector } = decodeFsSizeInformation(buffer);
  return totalUnits * sectorsPerUnit * bytesPerSector;
}
