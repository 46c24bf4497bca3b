// Directory entries: round trips of every class, sizes, malformed lists.
import { expect, test } from "bun:test";
import { WireError, Writer } from "../../../src/wire/cursor.ts";
import {
  appendDirectoryEntry,
  decodeDirectoryEntries,
  directoryEntryRoom,
  directoryEntrySize,
  directoryFixedSize,
  type DirectoryRecord,
  isDirectoryInfoClass,
} from "../../../src/wire/fscc/directory-entry.ts";
import { FileInfoClass } from "../../../src/wire/fscc/info-class.ts";

const stat = {
  birthSeconds: 1,
  birthNanoseconds: 100,
  accessSeconds: 2,
  accessNanoseconds: 200,
  modifySeconds: 3,
  modifyNanoseconds: 300,
  changeSeconds: 4,
  changeNanoseconds: 400,
  allocated: 4096,
  size: 10,
  attributes: 0x20,
  inodeLow: 7,
  inodeHigh: 8,
};
const entries: readonly DirectoryRecord[] = [
  { name: ".", stat: { ...stat, attributes: 0x10 } },
  { name: "ein längerer Name.txt", stat, eaSize: 5, shortName: "EINLNG~1.TXT" },
  { name: "x", stat: { ...stat, inodeLow: 0xffff_ffff } },
];

const CLASSES = [
  FileInfoClass.DIRECTORY,
  FileInfoClass.FULL_DIRECTORY,
  FileInfoClass.BOTH_DIRECTORY,
  FileInfoClass.NAMES,
  FileInfoClass.ID_BOTH_DIRECTORY,
  FileInfoClass.ID_FULL_DIRECTORY,
];

function encode(infoClass: number, list: readonly DirectoryRecord[]): Uint8Array {
  const writer = new Writer(new Uint8Array(2048));
  let previous = -1;
  for (const entry of list) {
    const before = writer.position;
    const room = directoryEntryRoom(writer, infoClass, entry.name);
    previous = appendDirectoryEntry(writer, infoClass, entry, previous);
    expect(writer.position - before).toBe(room);
    expect(previous % 8).toBe(0);
    expect(writer.position - previous).toBe(directoryEntrySize(infoClass, entry.name));
  }
  return writer.bytes.subarray(0, writer.position);
}

test("round trip of every class", () => {
  for (const infoClass of CLASSES) {
    const decoded = decodeDirectoryEntries(infoClass, encode(infoClass, entries));
    expect(decoded.map((entry) => entry.name)).toEqual(entries.map((entry) => entry.name));
    if (infoClass === FileInfoClass.NAMES) continue;
    expect(decoded[1]?.stat.size).toBe(10);
    expect(decoded[1]?.stat.modifySeconds).toBe(3);
    if (infoClass !== FileInfoClass.DIRECTORY) expect(decoded[1]?.eaSize).toBe(5);
  }
  const full = decodeDirectoryEntries(
    FileInfoClass.ID_BOTH_DIRECTORY,
    encode(FileInfoClass.ID_BOTH_DIRECTORY, entries),
  );
  expect(full[1]).toEqual(entries[1] as DirectoryRecord);
  expect(full[2]?.stat.inodeLow).toBe(0xffff_ffff);
});

test("the fixed sizes are those of the specification", () => {
  expect(CLASSES.map(directoryFixedSize)).toEqual([64, 68, 94, 12, 104, 80]);
  expect(isDirectoryInfoClass(FileInfoClass.BASIC)).toBe(false);
});

test("malformed lists throw WireError", () => {
  const good = encode(FileInfoClass.FULL_DIRECTORY, entries);
  const view = new DataView(good.buffer, good.byteOffset);
  for (const step of [4, 8, 0xffff_fff8]) {
    view.setUint32(0, step, true);
    expect(() => decodeDirectoryEntries(FileInfoClass.FULL_DIRECTORY, good)).toThrow(WireError);
  }
  expect(() => decodeDirectoryEntries(FileInfoClass.BASIC, good)).toThrow(WireError);
});
