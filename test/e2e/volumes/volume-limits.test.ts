// What a volume reports about itself: sizes, sectors, quota settings, object id; and files that are too large
// for it. [MS-SMB2] 3.3.5.20.2; [MS-FSCC] 2.5; [MS-FSA] 2.1.5.13.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { decodeBufferResponse } from "../../../src/wire/command/buffer-response.ts";
import {
  decodeFsAttributeInformation,
  decodeFsControlInformation,
  decodeFsFullSizeInformation,
  decodeFsObjectIdInformation,
  decodeFsSectorSizeInformation,
  decodeFsSizeInformation,
  decodeFsVolumeInformation,
  FsAttribute,
} from "../../../src/wire/fscc/fs-information.ts";
import { FileInfoClass, FsInfoClass } from "../../../src/wire/fscc/info-class.ts";
import { InfoType } from "../../../src/wire/command/query-info.ts";
import { Status } from "../../../src/wire/status.ts";
import { canMakeDiskImage, type DiskImage, makeDiskImage } from "../../peer/disk-image.ts";
import { TESTER, type TestServer } from "../../peer/test-server.ts";
import { bytesOf } from "../client/attribute-calls.ts";
import type { Call } from "../client/raw-calls.ts";
import {
  closeFile,
  createFile,
  type Mount,
  mountShare,
  openFile,
  queryInfoCall,
  setInfoCall,
  writeCall,
} from "../client/raw-files.ts";
import { startServer } from "../client/server.ts";
import { demandSmbclient, hasSmbclient } from "../client/smbclient.ts";

const MIB = 1024 * 1024;
/** Beyond the largest file of ext4, which is 4 or 16 TiB. */
const TOO_FAR = 2 ** 52;
const canRun = canMakeDiskImage("ext4");
let disk: DiskImage | undefined;
let server: TestServer;

beforeAll(async () => {
  if (canRun) disk = makeDiskImage("ext4", 16 * MIB);
  const ext4 = disk === undefined ? [] : [{ name: "ext4", path: disk.path }];
  const shares = [{ name: "test" }, { name: "small", parameters: { "max disk size": "7" } }, ...ext4];
  server = await startServer({ shares });
});
afterAll(async () => {
  await server?.stop();
  disk?.remove();
});

async function onShare(share: string, action: (mount: Mount) => Promise<void>): Promise<void> {
  const mount = await mountShare(server, TESTER, share);
  try {
    await action(mount);
  } finally {
    mount.client.close();
  }
}

/** Queries every class through one open. */
async function askVolume(mount: Mount) {
  const { fileId } = await openFile(mount, "");
  const ask = async <T>(infoClass: number, decode: (data: Uint8Array) => T): Promise<T> => {
    const call = queryInfoCall(mount, fileId, InfoType.FILESYSTEM, infoClass);
    return decode(decodeBufferResponse((await mount.client.demand("QUERY_INFO", call)).message).buffer);
  };
  const answer = {
    volume: await ask(FsInfoClass.VOLUME, decodeFsVolumeInformation),
    size: await ask(FsInfoClass.SIZE, decodeFsSizeInformation),
    fullSize: await ask(FsInfoClass.FULL_SIZE, decodeFsFullSizeInformation),
    sectors: await ask(FsInfoClass.SECTOR_SIZE, decodeFsSectorSizeInformation),
    control: await ask(FsInfoClass.CONTROL, decodeFsControlInformation),
    objectId: await ask(FsInfoClass.OBJECT_ID, decodeFsObjectIdInformation),
    abilities: await ask(FsInfoClass.ATTRIBUTE, decodeFsAttributeInformation),
  };
  await closeFile(mount, fileId);
  return answer;
}

test("sizes, sectors and names agree, and serial number and object id stay the same", async () => {
  await onShare("test", async (mount) => {
    const { volume, size, fullSize, sectors, control, objectId, abilities } = await askVolume(mount);
    expect(size.bytesPerSector).toBe(sectors.logicalBytesPerSector);
    expect((size.sectorsPerUnit * size.bytesPerSector) % 512).toBe(0);
    expect(fullSize).toMatchObject({ totalUnits: size.totalUnits, sectorsPerUnit: size.sectorsPerUnit });
    expect(size.totalUnits).toBeGreaterThanOrEqual(size.availableUnits);
    expect(sectors.physicalBytesForAtomicity).toBeGreaterThanOrEqual(sectors.logicalBytesPerSector);
    expect(volume.label).toBe("test");
    expect(volume.serial).not.toBe(0);
    const noLimit = 2n ** 64n - 1n;
    expect(control).toMatchObject({ defaultQuotaLimit: noLimit, defaultQuotaThreshold: noLimit });
    expect(objectId.objectId.some((byte) => byte !== 0)).toBe(true);
    expect(abilities.attributes & FsAttribute.SUPPORTS_OBJECT_IDS).toBe(0);
    const again = await askVolume(mount);
    expect([again.volume.serial, again.objectId]).toEqual([volume.serial, objectId]);
  });
});

test.skipIf(!hasSmbclient())("the volume reports `max disk size` as its size", async () => {
  await onShare("small", async (mount) => {
    const { size, fullSize } = await askVolume(mount);
    const unit = size.sectorsPerUnit * size.bytesPerSector;
    expect(size.totalUnits * unit).toBe(7 * MIB);
    expect(fullSize.actualAvailableUnits * unit).toBeLessThanOrEqual(7 * MIB);
  });
  expect(await demandSmbclient(server, ["ls"], { share: "small" })).toMatch(
    /^\s+(7168|1792|14336) blocks of size/m,
  );
});

test.skipIf(!canRun)("a file too large for the file system gets STATUS_FILE_TOO_LARGE", async () => {
  await onShare("ext4", async (mount) => {
    const fileId = await createFile(mount, "far");
    const statusOf = async (call: Call): Promise<number> => (await mount.client.request(call)).status;
    const far = bytesOf((writer) => writer.u64(TOO_FAR));
    const lengthen = setInfoCall(mount, fileId, FileInfoClass.END_OF_FILE, far);
    expect(await statusOf(lengthen)).toBe(Status.FILE_TOO_LARGE);
    expect(await statusOf(writeCall(mount, fileId, TOO_FAR, new Uint8Array(8)))).toBe(Status.FILE_TOO_LARGE);
    const allocate = setInfoCall(mount, fileId, FileInfoClass.ALLOCATION, far);
    // Allocation may find the disk full first.
    expect([Status.FILE_TOO_LARGE, Status.DISK_FULL] as number[]).toContain(await statusOf(allocate));
    expect(await statusOf(writeCall(mount, fileId, 0, new Uint8Array(8)))).toBe(Status.SUCCESS);
    await closeFile(mount, fileId);
  });
});
