// Information classes of volumes: layouts of [MS-FSCC] 2.5 and round trips.
import { expect, test } from "bun:test";
import { WireError } from "../../../src/wire/cursor.ts";
import {
  decodeFsAttributeInformation,
  decodeFsControlInformation,
  decodeFsDeviceInformation,
  decodeFsFullSizeInformation,
  decodeFsLabelInformation,
  decodeFsObjectIdInformation,
  decodeFsSectorSizeInformation,
  decodeFsSizeInformation,
  decodeFsVolumeInformation,
  DeviceType,
  encodeFsAttributeInformation,
  encodeFsControlInformation,
  encodeFsDeviceInformation,
  encodeFsFullSizeInformation,
  encodeFsLabelInformation,
  encodeFsObjectIdInformation,
  encodeFsSectorSizeInformation,
  encodeFsSizeInformation,
  encodeFsVolumeInformation,
} from "../../../src/wire/fscc/fs-information.ts";
import { FsInfoClass, queryFsSize } from "../../../src/wire/fscc/info-class.ts";
import { encodeBytes, fromHex, toHex } from "../encoding.ts";

test("round trip of volume and label", () => {
  const value = {
    created: { seconds: 1, nanoseconds: 0 },
    serial: 0xdead_beef,
    supportsObjects: false,
    label: "usb",
  };
  const encoded = encodeBytes(encodeFsVolumeInformation, value);
  expect(encoded.length).toBe(18 + 6);
  // [MS-FSA] 2.1.5.13: the offset of the label, rounded up to 8.
  expect(queryFsSize(FsInfoClass.VOLUME)).toBe(24);
  expect(toHex(encoded.subarray(8))).toBe("efbeadde060000000000750073006200");
  expect(decodeFsVolumeInformation(encoded)).toEqual(value);
  expect(decodeFsLabelInformation(encodeBytes(encodeFsLabelInformation, "usb"))).toBe("usb");
  const short = { ...value, label: "q" };
  const padded = encodeBytes(encodeFsVolumeInformation, short);
  expect(padded.length).toBe(24);
  expect(decodeFsVolumeInformation(padded)).toEqual(short);
});

test("round trip of the size classes", () => {
  const value = {
    totalUnits: 2 ** 40,
    availableUnits: 5,
    actualAvailableUnits: 6,
    sectorsPerUnit: 8,
    bytesPerSector: 512,
  };
  const full = encodeBytes(encodeFsFullSizeInformation, value);
  expect(full.length).toBe(queryFsSize(FsInfoClass.FULL_SIZE) ?? 0);
  expect(decodeFsFullSizeInformation(full)).toEqual(value);
  const { actualAvailableUnits: _, ...plain } = value;
  expect(decodeFsSizeInformation(encodeBytes(encodeFsSizeInformation, value))).toEqual(plain);
});

test("round trip of device", () => {
  const value = { deviceType: DeviceType.DISK, characteristics: 0x20 };
  expect(toHex(encodeBytes(encodeFsDeviceInformation, value))).toBe("0700000020000000");
  expect(decodeFsDeviceInformation(fromHex("0700000020000000"))).toEqual(value);
});

test("round trip of attribute", () => {
  const value = { attributes: 0x0001_002f, maxComponentLength: 255, fileSystemName: "NTFS" };
  const encoded = encodeBytes(encodeFsAttributeInformation, value);
  expect(toHex(encoded)).toBe("2f000100ff000000080000004e00540046005300");
  expect(decodeFsAttributeInformation(encoded)).toEqual(value);
});

test("round trip of control and object ID", () => {
  const value = {
    freeSpaceStartFiltering: 0n,
    freeSpaceThreshold: 0n,
    freeSpaceStopFiltering: 0n,
    defaultQuotaThreshold: 0xffff_ffff_ffff_ffffn,
    defaultQuotaLimit: 0xffff_ffff_ffff_ffffn,
    flags: 3,
  };
  expect(decodeFsControlInformation(encodeBytes(encodeFsControlInformation, value))).toEqual(value);
  const id = { objectId: new Uint8Array(16).fill(1), extendedInfo: new Uint8Array(48).fill(2) };
  expect(decodeFsObjectIdInformation(encodeBytes(encodeFsObjectIdInformation, id))).toEqual(id);
  expect(() => decodeFsObjectIdInformation(new Uint8Array(63))).toThrow(WireError);
});

test("round trip of sector size", () => {
  const value = {
    logicalBytesPerSector: 512,
    physicalBytesForAtomicity: 4096,
    physicalBytesForPerformance: 4096,
    effectiveBytesForAtomicity: 4096,
    flags: 3,
    sectorAlignmentBytes: 0,
    partitionAlignmentBytes: 0xffff_ffff,
  };
  const encoded = encodeBytes(encodeFsSectorSizeInformation, value);
  expect(encoded.length).toBe(28);
  expect(decodeFsSectorSizeInformation(encoded)).toEqual(value);
});
