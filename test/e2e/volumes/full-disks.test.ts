// Disks without space or inodes, and every change that needs them for more than data: names, attributes,
// streams, extended attributes, descriptors, the sidecar, the recycle bin. The client gets STATUS_DISK_FULL or
// the change is there, also after a restart, and what was there before is kept. [MS-FSA] 2.1.5.15.
import { describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { closeSync, mkdirSync, openSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { FileAttribute } from "../../../src/wire/fscc/attributes.ts";
import type { FileId } from "../../../src/wire/file-id.ts";
import { FileGeneric } from "../../../src/wire/security/access.ts";
import { type NtStatus, Status, statusName } from "../../../src/wire/status.ts";
import { canMakeDiskImage, makeDiskImage } from "../../peer/disk-image.ts";
import { canMakePluggedDisk, makePluggedDisk } from "../../peer/plugged-disk.ts";
import { makeDirectory, removeDirectory, TESTER, type TestServer } from "../../peer/test-server.ts";
import { outcomeOf } from "../client/attack-rig.ts";
import { readAll, readAttributes, setAttributes, setBasic } from "../client/attribute-calls.ts";
import {
  closeCall,
  closeFile,
  createDirectory,
  deleteCall,
  linkCall,
  type Mount,
  mountShare,
  openFile,
  READ_WRITE,
  renameCall,
} from "../client/raw-files.ts";
import { openAll, readSecurity, setSecurity } from "../client/security-calls.ts";
import { startServer } from "../client/server.ts";
import { getText, putStream, tryCreate } from "../client/stream-calls.ts";

const MIB = 1024 * 1024;
const LONG = "long name ".repeat(20).trim();
const DACL = 4;
const EVERYONE = "S-1-1-0";
/** Attributes and a creation time, which a disk of Linux has to store. */
const BIRTH = { seconds: 1_000_000_000, nanoseconds: 123_456_700 };

/** A change of the file named like it, and what a client sees of it afterwards. */
interface Change {
  readonly make: (mount: Mount, name: string) => Promise<number | "closed">;
  /** True when the change is there, false when all is as before; throws for anything between. */
  readonly isMade: (mount: Mount, name: string) => Promise<boolean>;
}

async function withFile<T>(mount: Mount, name: string, use: (fileId: FileId) => Promise<T>): Promise<T> {
  const { fileId } = await openFile(mount, name, { desiredAccess: FileGeneric.ALL });
  const result = await use(fileId);
  await closeFile(mount, fileId);
  return result;
}

const exists = async (mount: Mount, name: string): Promise<boolean> => {
  const outcome = await tryCreate(mount, name);
  expect(["STATUS_SUCCESS", "STATUS_OBJECT_NAME_NOT_FOUND"]).toContain(outcome);
  return outcome === "STATUS_SUCCESS";
};

/** A change of a value with `size` bytes; the old value is `old`. */
function streamChange(stream: string, size: number, old: string | undefined): Change {
  const value = "x".repeat(size);
  return {
    make: (mount, name) => outcomeOf(putStream(mount, `${name}:${stream}`, value)),
    async isMade(mount, name) {
      if (!(await exists(mount, `${name}:${stream}`))) {
        expect(old).toBeUndefined();
        return false;
      }
      const found = await getText(mount, `${name}:${stream}`);
      // A stream that was made or emptied, and whose data did not fit, is empty, as a file is.
      expect(found === value || found === (old ?? "") || found === "").toBe(true);
      return found === value;
    },
  };
}

function attributeChange(key: string, size: number, old: string | undefined): Change {
  const value = "y".repeat(size);
  return {
    make: (mount, name) => withFile(mount, name, (fileId) => setAttributes(mount, fileId, { [key]: value })),
    async isMade(mount, name) {
      const found = await withFile(mount, name, (fileId) => readAttributes(mount, fileId));
      const text = typeof found === "number" ? undefined : found[key];
      expect(text === value || text === old).toBe(true);
      return text === value;
    },
  };
}

function renameTo(newName: (name: string) => string): Change {
  return {
    make: (mount, name) =>
      withFile(mount, name, (fileId) =>
        mount.client.outcome(renameCall(mount, fileId, newName(name), false)),
      ),
    async isMade(mount, name) {
      const [before, after] = [await exists(mount, name), await exists(mount, newName(name))];
      expect(before).toBe(!after);
      return after;
    },
  };
}

const CHANGES: Readonly<Record<string, Change>> = {
  "a longer name": renameTo((name) => `${LONG} ${name}`),
  "a name that fills its limit": renameTo((name) => `${name} ${"n".repeat(240)}`.slice(0, 254)),
  "another folder": renameTo((name) => `folder\\${LONG} ${name}`),
  "a hard link": {
    make: (mount, name) =>
      withFile(mount, name, (fileId) =>
        mount.client.outcome(linkCall(mount, fileId, `${LONG} of ${name}`, false)),
      ),
    isMade: (mount, name) => exists(mount, `${LONG} of ${name}`),
  },
  attributes: {
    make: (mount, name) =>
      withFile(mount, name, (fileId) =>
        setBasic(mount, fileId, { birth: BIRTH, attributes: FileAttribute.HIDDEN | FileAttribute.SYSTEM }),
      ),
    async isMade(mount, name) {
      const all = await withFile(mount, name, (fileId) => readAll(mount, fileId));
      return (all.attributes & FileAttribute.HIDDEN) !== 0;
    },
  },
  "a small stream": streamChange("new", 100, undefined),
  "a large stream": streamChange("new", 60_000, undefined),
  "a stream that grows": streamChange("old", 60_000, "old stream"),
  "a small extended attribute": attributeChange("NEW", 200, undefined),
  "a large extended attribute": attributeChange("NEW", 3000, undefined),
  "an extended attribute that grows": attributeChange("OLD", 3000, "old attribute"),
  "a descriptor": {
    make: async (mount, name) => {
      const fileId = await openAll(mount, name);
      const aces = Array.from({ length: 40 }, (_, index) => [
        "A",
        0,
        0x1f01ff,
        `S-1-5-21-1-2-3-${1000 + index}`,
      ]);
      const all = [["A", 0, 0x1f01ff, EVERYONE], ...aces] as never;
      const status = await setSecurity(mount, fileId, { control: 4, aces: all }, DACL);
      await closeFile(mount, fileId);
      return status;
    },
    async isMade(mount, name) {
      const fileId = await openAll(mount, name);
      const { aces } = await readSecurity(mount, fileId, DACL);
      await closeFile(mount, fileId);
      return (aces?.length ?? 0) === 41;
    },
  },
  "a new file": {
    make: (mount, name) => outcomeOf(putStream(mount, `${LONG} new ${name}`, "")),
    isMade: (mount, name) => exists(mount, `${LONG} new ${name}`),
  },
  "a new folder": {
    make: (mount, name) => outcomeOf(createDirectory(mount, `${LONG} folder ${name}`)),
    isMade: (mount, name) => exists(mount, `${LONG} folder ${name}`),
  },
};

interface Disk {
  readonly path: string;
  remove(): void;
}

function makeTmpfs(): Disk {
  const path = makeDirectory("minismbd-full");
  spawnSync("mount", ["-t", "tmpfs", "-o", "size=2m,mode=0777,nr_inodes=200", "tmpfs", path]);
  return {
    path,
    remove() {
      spawnSync("umount", ["-l", path]);
      removeDirectory(path);
    },
  };
}

const isRoot = process.getuid?.() === 0;
const DISKS: readonly (readonly [kind: string, canMake: boolean, make: () => Disk])[] = [
  ["tmpfs", isRoot, makeTmpfs],
  ["ext4", canMakeDiskImage("ext4"), () => makeDiskImage("ext4", 8 * MIB, ["-N", "128", "-m", "0"])],
  ["exFAT by FUSE", canMakePluggedDisk("exFAT by FUSE"), () => makePluggedDisk("exFAT by FUSE")],
];

/** Fills the disk with data, from large pieces to single bytes; `inodes` also with empty files. */
function fill(path: string, withInodes: boolean): void {
  mkdirSync(join(path, "filler"), { recursive: true });
  const attempt = (action: () => void): boolean => {
    try {
      action();
      return true;
    } catch {
      return false;
    }
  };
  if (withInodes)
    for (let n = 0; n < 1000 && attempt(() => writeFileSync(join(path, "filler", `i${n}`), "")); n++);
  for (const size of [65_536, 4096, 512, 1]) {
    const file = openSync(join(path, "filler", "i0"), "a");
    const piece = Buffer.alloc(size, 7);
    while (attempt(() => writeSync(file, piece)));
    closeSync(file);
  }
}

const shareParameters = { "force user": "root", acl: "nt" };
const sharesOf = (path: string) => [
  { name: "test", path, parameters: shareParameters },
  { name: "bin", path, parameters: { ...shareParameters, "vfs objects": "recycle" } },
];

const names = Object.keys(CHANGES).map((change, index) => [change, `file ${index}`] as const);

async function prepare(server: TestServer): Promise<void> {
  const mount = await mountShare(server, TESTER, "test");
  await closeFile(mount, await createDirectory(mount, "folder"));
  for (const name of [...names.map(([, file]) => file), "deleted", "filler 0"]) {
    await putStream(mount, name, `data of ${name}`);
    await putStream(mount, `${name}:old`, "old stream");
    await withFile(mount, name, (fileId) => setAttributes(mount, fileId, { OLD: "old attribute" }));
  }
  mount.client.close();
}

/** The name under which the file is found now. */
async function findName(mount: Mount, file: string): Promise<string> {
  const longest = `${file} ${"n".repeat(240)}`.slice(0, 254);
  for (const name of [file, `${LONG} ${file}`, `folder\\${LONG} ${file}`, longest])
    if (await exists(mount, name)) return name;
  throw new Error(`${file} is lost`);
}

async function deleteIntoBin(server: TestServer): Promise<NtStatus | "closed"> {
  const mount = await mountShare(server, TESTER, "bin");
  const { fileId } = await openFile(mount, "deleted", { desiredAccess: READ_WRITE });
  const marked = await mount.client.outcome(deleteCall(mount, fileId));
  const closed = await mount.client.outcome(closeCall(mount, fileId));
  mount.client.close();
  return (marked === Status.SUCCESS ? closed : marked) as NtStatus | "closed";
}

describe.each(DISKS)("on a full disk of kind %s", (_kind, canMake, make) => {
  test.skipIf(!canMake).each([
    ["space", false],
    ["inodes and space", true],
  ] as const)(
    "without %s each change is refused with STATUS_DISK_FULL or is there",
    async (_, withInodes) => {
      const disk = make();
      let server = await startServer({ shares: sharesOf(disk.path) });
      try {
        await prepare(server);
        fill(disk.path, withInodes);
        const outcomes = new Map<string, string>();
        let mount = await mountShare(server, TESTER, "test");
        for (const [change, name] of names) {
          const status = await CHANGES[change]?.make(mount, name);
          outcomes.set(change, typeof status === "number" ? statusName(status) : String(status));
        }
        mount.client.close();
        const deleted = await deleteIntoBin(server);
        await server.stop();
        server = await startServer({ shares: sharesOf(disk.path) });
        mount = await mountShare(server, TESTER, "test");
        const made = new Map<string, boolean | undefined>();
        for (const [change, name] of names) made.set(change, await CHANGES[change]?.isMade(mount, name));
        for (const [change, status] of outcomes) {
          // exFAT has no hard links.
          const mayLack =
            change === "a hard link" ? ["STATUS_NOT_SUPPORTED", "STATUS_INVALID_DEVICE_REQUEST"] : [];
          expect({
            change,
            status,
            allowed: ["STATUS_SUCCESS", "STATUS_DISK_FULL", ...mayLack].includes(status),
          }).toEqual({ change, status, allowed: true });
          expect({ change, made: made.get(change) }).toEqual({ change, made: status === "STATUS_SUCCESS" });
        }
        for (const [change, file] of names) {
          const name = await findName(mount, file);
          expect(await getText(mount, name)).toBe(`data of ${file}`);
          if (!change.includes("stream that grows"))
            expect(await getText(mount, `${name}:old`)).toBe("old stream");
          const attributes = await withFile(mount, name, (fileId) => readAttributes(mount, fileId));
          if (!change.includes("attribute that grows"))
            expect(attributes).toMatchObject({ OLD: "old attribute" });
        }
        // A deletion into the bin is refused, or the file has left its place.
        expect([Status.SUCCESS, Status.DISK_FULL]).toContain(deleted as never);
        expect(await exists(mount, "deleted")).toBe(deleted !== Status.SUCCESS);
        mount.client.close();
      } finally {
        await server.stop();
        disk.remove();
      }
    },
    60_000,
  );
});
