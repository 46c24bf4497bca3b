// A server killed in the middle of its work leaves no half-made change: a file has its old or its new name,
// its old or its new bytes, and every answered change stays. [MS-FSA] 2.1.5.4 (write), 2.1.5.15.2 (basic),
// 2.1.5.15.11 (rename).
import { afterAll, expect, test } from "bun:test";
import { chownSync, readdirSync } from "node:fs";
import { Access } from "../../../src/wire/security/access.ts";
import { FileAttribute } from "../../../src/wire/fscc/attributes.ts";
import { encodeBasicChange } from "../../../src/wire/fscc/file-information.ts";
import { FileInfoClass } from "../../../src/wire/fscc/info-class.ts";
import { Writer } from "../../../src/wire/cursor.ts";
import { canMakePluggedDisk, makePluggedDisk } from "../../peer/plugged-disk.ts";
import { makeDirectory, removeDirectory, TESTER_UID } from "../../peer/test-server.ts";
import { mountTest } from "../client/attack-rig.ts";
import {
  closeFile,
  createFile,
  type Mount,
  openFile,
  READ_WRITE,
  readFile,
  renameCall,
  setInfoCall,
  writeFile,
} from "../client/raw-files.ts";
import { startServer } from "../client/server.ts";
import { SIDECAR_DIRECTORY } from "../../../src/engine/vfs/name/own-names.ts";

const ROUNDS = 5;
const FILES = 120;
/** Files that are being changed at the same time. */
const PARALLEL = 16;
/** One page: the kernel writes it whole or not at all. */
const BYTES = 4096;
const LONG_AGO = { seconds: 1_000_000_000, nanoseconds: 123_456_700 };
const MARKED = FileAttribute.HIDDEN | FileAttribute.SYSTEM;

const ordinary = makeDirectory("sigkill");
if (process.getuid?.() === 0) chownSync(ordinary, TESTER_UID, TESTER_UID);
afterAll(() => removeDirectory(ordinary));

const filled = (value: number): Uint8Array => new Uint8Array(BYTES).fill(value & 0xff);
const oldBytes = (index: number): number => index * 2;
const newBytes = (index: number): number => index * 2 + 1;

function markedInformation(): Uint8Array {
  const writer = new Writer(new Uint8Array(40));
  encodeBasicChange(writer, {
    birth: LONG_AGO,
    access: undefined,
    modify: LONG_AGO,
    change: undefined,
    attributes: MARKED,
  });
  return writer.bytes;
}

/** Changes the bytes, the attributes, then the name; every third file's rename replaces a file. */
async function changeFile(mount: Mount, round: number, index: number): Promise<void> {
  const opened = await openFile(mount, `old-${round}-${index}`, { desiredAccess: READ_WRITE });
  await writeFile(mount, opened.fileId, 0, filled(newBytes(index)));
  const { client } = mount;
  await client.demand("BASIC", setInfoCall(mount, opened.fileId, FileInfoClass.BASIC, markedInformation()));
  await client.demand("RENAME", renameCall(mount, opened.fileId, `new-${round}-${index}`, true));
  await closeFile(mount, opened.fileId);
}

async function prepare(mount: Mount, round: number): Promise<void> {
  for (let index = 0; index < FILES; index++) {
    const names =
      index % 3 === 0 ? [`old-${round}-${index}`, `new-${round}-${index}`] : [`old-${round}-${index}`];
    for (const name of names) {
      const fileId = await createFile(mount, name);
      await writeFile(mount, fileId, 0, filled(oldBytes(index)));
      await closeFile(mount, fileId);
    }
  }
}

/** Changes files and kills the server meanwhile. Returns the files whose changes were all answered. */
async function changeUntilKilled(mount: Mount, round: number, pid: number): Promise<Set<number>> {
  const done = new Set<number>();
  let next = 0;
  const killAt = Math.floor((FILES * (round + 1)) / (ROUNDS + 1));
  const work = async (): Promise<void> => {
    while (next < FILES) {
      const index = next++;
      await changeFile(mount, round, index);
      done.add(index);
      if (done.size === killAt) process.kill(pid, "SIGKILL");
    }
  };
  await Promise.allSettled(Array.from({ length: PARALLEL }, work));
  return done;
}

async function contentOf(
  mount: Mount,
  name: string,
): Promise<{ bytes: Uint8Array; attributes: number; birth: number }> {
  const opened = await openFile(mount, name, { desiredAccess: Access.READ_DATA | Access.READ_ATTRIBUTES });
  const bytes = await readFile(mount, opened.fileId, 0, BYTES);
  await closeFile(mount, opened.fileId);
  return { bytes, attributes: opened.file.attributes, birth: opened.file.birthSeconds };
}

async function checkFile(
  mount: Mount,
  names: Set<string>,
  round: number,
  index: number,
  isDone: boolean,
): Promise<void> {
  const oldName = `old-${round}-${index}`;
  const newName = `new-${round}-${index}`;
  const wasTaken = index % 3 === 0;
  const isRenamed = !names.has(oldName);
  if (isDone) expect(isRenamed).toBe(true);
  expect(names.has(newName)).toBe(isRenamed || wasTaken);
  const current = await contentOf(mount, isRenamed ? newName : oldName);
  const isNew = current.bytes[0] === (newBytes(index) & 0xff);
  expect(current.bytes).toEqual(filled(isNew ? newBytes(index) : oldBytes(index)));
  if (!isRenamed) {
    if (wasTaken) expect((await contentOf(mount, newName)).bytes).toEqual(filled(oldBytes(index)));
    return;
  }
  // The rename comes last: bytes and attributes must be new as well.
  expect(isNew).toBe(true);
  expect(current.attributes & MARKED).toBe(MARKED);
  expect(current.birth).toBe(LONG_AGO.seconds);
}

async function killInTheMiddle(directory: string, round: number): Promise<void> {
  const options = { shares: [{ name: "test", path: directory }] };
  const victim = await startServer(options);
  const mount = await mountTest(victim);
  await prepare(mount, round);
  const done = await changeUntilKilled(mount, round, victim.pid);
  mount.client.close();
  await expect(victim.stop()).rejects.toThrow("the server had ended by itself (SIGKILL)");
  expect(done.size).toBeLessThan(FILES);

  const server = await startServer(options);
  try {
    const again = await mountTest(server);
    const names = new Set(readdirSync(directory));
    for (let index = 0; index < FILES; index++) await checkFile(again, names, round, index, done.has(index));
    // No name is left that the client did not ask for, such as a temporary one.
    names.delete(SIDECAR_DIRECTORY);
    expect([...names].filter((name) => !/^(old|new)-\d-\d+$/.test(name))).toEqual([]);
    again.client.close();
  } finally {
    await server.stop();
  }
}

for (let round = 0; round < ROUNDS; round++) {
  const part = `a server killed after ${round + 1} of ${ROUNDS + 1} parts of the work leaves no half-made change`;
  test(part, () => killInTheMiddle(ordinary, round), 60_000);

  test.skipIf(!canMakePluggedDisk("ramfs"))(
    `${part}, on a disk without extended attributes`,
    async () => {
      const disk = makePluggedDisk("ramfs");
      try {
        await killInTheMiddle(disk.path, round);
      } finally {
        disk.remove();
      }
    },
    60_000,
  );
}
