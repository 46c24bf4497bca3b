// FSCTL_DUPLICATE_EXTENTS_TO_FILE on btrfs, xfs and ext4: files share blocks where the file system can, and
// the volume's attributes say whether it can. [MS-FSA] 2.1.5.10.4, [MS-FSCC] 2.5.1.
import { describe, expect, test } from "bun:test";
import { randomBytes } from "node:crypto";
import { chmodSync, readFileSync, statfsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { decodeBufferResponse } from "../../../src/wire/command/buffer-response.ts";
import { Reader } from "../../../src/wire/cursor.ts";
import { encodeDuplicateExtents } from "../../../src/wire/fscc/copychunk.ts";
import { Fsctl } from "../../../src/wire/fscc/fsctl.ts";
import { FsInfoClass } from "../../../src/wire/fscc/info-class.ts";
import { InfoType } from "../../../src/wire/command/query-info.ts";
import { Status } from "../../../src/wire/status.ts";
import { canMakeDiskImage, makeDiskImage } from "../../peer/disk-image.ts";
import { expectOutcome, mountTest } from "../client/attack-rig.ts";
import { encode } from "../client/fsctl-calls.ts";
import {
  closeFile,
  createFile,
  ioctlCall,
  type Mount,
  openFile,
  queryInfoCall,
  READ_WRITE,
  setInfoCall,
} from "../client/raw-files.ts";
import { FileInfoClass } from "../../../src/wire/fscc/info-class.ts";
import { startServer } from "../client/server.ts";

const SUPPORTS_BLOCK_REFCOUNTING = 0x0800_0000;
const MIB = 1_048_576;
const SIZE = 64 * MIB;

async function volumeAttributes(mount: Mount): Promise<number> {
  const root = (await openFile(mount, "", {})).fileId;
  const call = queryInfoCall(mount, root, InfoType.FILESYSTEM, FsInfoClass.ATTRIBUTE);
  const { buffer } = decodeBufferResponse((await mount.client.demand("QUERY_INFO", call)).message);
  await closeFile(mount, root);
  return new Reader(buffer).u32();
}

describe.each([
  ["btrfs", true, []],
  ["xfs", true, []],
  ["xfs", false, ["-m", "reflink=0"]],
  ["ext4", false, []],
] as const)("on %s", (kind, canShare, options) => {
  test.skipIf(!canMakeDiskImage(kind))(
    canShare ? "a copy shares the blocks" : "sharing blocks is not offered, and fails",
    async () => {
      const disk = makeDiskImage(kind, 400 * MIB, options);
      const server = await startServer({ shares: [{ name: "test", path: disk.path }] });
      try {
        const mount = await mountTest(server);
        const told = (await volumeAttributes(mount)) & SUPPORTS_BLOCK_REFCOUNTING;
        expect(told !== 0).toBe(canShare);
        const data = randomBytes(SIZE - 100);
        writeFileSync(join(disk.path, "source"), data, { flush: true });
        chmodSync(join(disk.path, "source"), 0o666);
        const source = (await openFile(mount, "source", { desiredAccess: READ_WRITE })).fileId;
        const target = await createFile(mount, "target");
        const end = new Uint8Array(8);
        new DataView(end.buffer).setBigUint64(0, BigInt(SIZE - 100), true);
        await mount.client.demand("SET_INFO", setInfoCall(mount, target, FileInfoClass.END_OF_FILE, end));
        const before = statfsSync(disk.path).bfree;
        const value = { source, sourceOffset: 0, targetOffset: 0, byteCount: SIZE };
        const input = encode(40, (writer) => encodeDuplicateExtents(writer, value));
        const call = ioctlCall(mount, Fsctl.DUPLICATE_EXTENTS_TO_FILE, input, target, 0);
        const outcome = await mount.client.outcome(call);
        if (canShare) {
          expectOutcome(outcome, Status.SUCCESS);
          const { bfree, bsize } = statfsSync(disk.path);
          expect((before - bfree) * bsize).toBeLessThan(SIZE / 4);
          expect(readFileSync(join(disk.path, "target")).equals(data)).toBe(true);
        } else {
          expectOutcome(outcome, Status.NOT_SUPPORTED);
        }
        await closeFile(mount, source);
        await closeFile(mount, target);
        mount.client.close();
      } finally {
        await server.stop();
        disk.remove();
      }
    },
  );
});
