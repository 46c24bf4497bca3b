// Finder asks for a volume's free space every second while a window is open, with a compound on the root: no disk
// is read or written for that. smbfs_vfs_getattr and smb2fs_smb_statfs of Apple's published SMBClient sources.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { decodeQueryInfoResponse, InfoType } from "../../../src/wire/command/query-info.ts";
import { CreateOption } from "../../../src/wire/command/create.ts";
import { FILE_ID_ALL_ONES } from "../../../src/wire/file-id.ts";
import { decodeFsSizeInformation, type FsSizeInformation } from "../../../src/wire/fscc/fs-information.ts";
import { FsInfoClass } from "../../../src/wire/fscc/info-class.ts";
import { Access } from "../../../src/wire/security/access.ts";
import { canMakeDiskImage, type DiskImage, makeDiskImage } from "../../peer/disk-image.ts";
import { giveToTester, type TestServer } from "../../peer/test-server.ts";
import { type Mount, queryInfoCall } from "../client/raw-files.ts";
import { startServer } from "../client/server.ts";
import { BackupMachine, MIB } from "./backup-machine.ts";
import { mountAsMac } from "./mac.ts";
import { MacFiles } from "./mac-files.ts";

const POLLS = 50;

async function poll(mount: Mount): Promise<FsSizeInformation> {
  const folder = {
    desiredAccess: Access.READ_ATTRIBUTES | Access.SYNCHRONIZE,
    createOptions: CreateOption.DIRECTORY_FILE,
  };
  const size = queryInfoCall(mount, FILE_ID_ALL_ONES, InfoType.FILESYSTEM, FsInfoClass.SIZE, 24);
  const [reply] = await new MacFiles(mount).within("", folder, size);
  if (reply === undefined) throw new Error("no reply");
  return decodeFsSizeInformation(decodeQueryInfoResponse(reply.message).buffer);
}

describe.skipIf(!canMakeDiskImage("ext4"))("on a disk of its own", () => {
  let disk: DiskImage;
  let server: TestServer;
  beforeAll(async () => {
    disk = makeDiskImage("ext4", 64 * MIB);
    const at = (name: string): string => {
      const path = join(disk.path, name);
      mkdirSync(path);
      giveToTester(path);
      return path;
    };
    server = await startServer({
      shares: [
        { name: "plain", path: at("plain") },
        {
          name: "backups",
          path: at("backups"),
          parameters: { "time machine": "yes", "time machine max size": "40M" },
        },
      ],
    });
  });
  afterAll(async () => {
    await server?.stop();
    disk?.remove();
  });

  /** The reads and writes that the disk has carried out; Documentation/block/stat.rst of the kernel. */
  function transfers(): number {
    const { dev } = statSync(disk.path);
    const number = `${Math.floor(dev / 256) & 0xfff}:${dev & 0xff}`;
    const fields = readFileSync(`/sys/dev/block/${number}/stat`, "latin1").trim().split(/\s+/).map(Number);
    return (fields[0] ?? 0) + (fields[4] ?? 0);
  }

  /** The transfers of `work` and of writing back what it left to write. */
  async function costOf(work: () => Promise<void>): Promise<number> {
    const before = transfers();
    await work();
    await Bun.$`sync --file-system ${disk.path}`;
    return transfers() - before;
  }

  test("fifty questions of a Mac cost no transfer, with a limit for backups or without", async () => {
    const machine = await BackupMachine.connect(server, { share: "backups", name: "Mac", bandBytes: MIB });
    await machine.makeBundle();
    for (let band = 0; band < 8; band++) await machine.backUp(band, 0, 2);
    const plain = await mountAsMac(server, "plain");
    const first = await poll(plain);
    const left = await poll(machine.mount);
    const costs: number[] = [];
    // The kernel may write its own metadata meanwhile: what the server causes is in every round.
    for (let round = 0; round < 3; round++) {
      const flush = await costOf(() => Promise.resolve());
      const asked = await costOf(async () => {
        for (let i = 0; i < POLLS; i++) {
          expect(await poll(plain)).toEqual(first);
          expect(await poll(machine.mount)).toEqual(left);
        }
      });
      costs.push(asked - flush);
    }
    expect(Math.min(...costs.map(Math.abs))).toBe(0);
    machine.cut();
    plain.client.close();
  });
});
