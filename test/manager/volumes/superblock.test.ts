// UUID and label of file systems as blkid(8) finds them, and damaged ones, which must not disturb anything.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { closeSync, ftruncateSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readSuperblock, type Superblock } from "../../../src/manager/volumes/superblock.ts";
import { parseUdev } from "../../../src/manager/volumes/volume-facts.ts";
import { findProgram } from "../../tools.ts";

const MIB = 1024 * 1024;

/** Size in MiB, label, and the command that makes it; the image is appended. */
const KINDS = {
  ext2: [4, "Old disk", ["mkfs.ext2", "-q", "-F", "-L", "Old disk"]],
  ext4: [8, "Füße", ["mkfs.ext4", "-q", "-F", "-L", "Füße"]],
  "FAT of 12 bits": [4, "CAMERA", ["mkfs.vfat", "-F", "12", "-n", "CAMERA"]],
  "FAT of 16 bits": [20, "PHOTOS", ["mkfs.vfat", "-F", "16", "-n", "PHOTOS"]],
  "FAT of 32 bits": [40, "MY USB", ["mkfs.vfat", "-F", "32", "-n", "MY USB"]],
  "FAT without a label": [40, "", ["mkfs.vfat", "-F", "32"]],
  exFAT: [16, "Ex Fät", ["mkfs.exfat", "-L", "Ex Fät"]],
  NTFS: [16, "Nt é", ["mkfs.ntfs", "-F", "-q", "-L", "Nt é"]],
  btrfs: [120, "b tree", ["mkfs.btrfs", "-q", "-f", "-L", "b tree"]],
  XFS: [320, "xfs", ["mkfs.xfs", "-q", "-f", "-L", "xfs"]],
} as const;

type Kind = keyof typeof KINDS;

let base: string;
beforeAll(() => {
  base = mkdtempSync(join(tmpdir(), "minismbd-superblock-"));
});
afterAll(() => rmSync(base, { recursive: true, force: true }));

function canMake(kind: Kind): boolean {
  return findProgram(KINDS[kind][2][0]) !== null;
}

function make(kind: Kind): string {
  const [mib, , words] = KINDS[kind];
  const image = join(base, kind.replaceAll(" ", "-"));
  const file = openSync(image, "w");
  ftruncateSync(file, mib * MIB);
  closeSync(file);
  const [program, ...rest] = words;
  const child = Bun.spawnSync([findProgram(program) ?? program, ...rest, image], {
    stdout: "ignore",
    stderr: "pipe",
  });
  if (child.exitCode !== 0) throw new Error(child.stderr.toString());
  return image;
}

function readFrom(bytes: Uint8Array): Superblock | undefined {
  return readSuperblock((offset, length) =>
    offset >= 0 && offset + length <= bytes.length
      ? new Uint8Array(bytes.subarray(offset, offset + length))
      : undefined,
  );
}

const TYPES: Partial<Record<Kind, string>> = { exFAT: "exfat", NTFS: "ntfs", XFS: "xfs" };

for (const kind of Object.keys(KINDS) as Kind[]) {
  describe.skipIf(!canMake(kind))(kind, () => {
    test("UUID and label are those that blkid(8) finds", () => {
      const image = make(kind);
      const found = readFrom(readFileSync(image));
      const type = TYPES[kind] ?? (kind.startsWith("FAT") ? "vfat" : kind);
      expect(found).toMatchObject({ fileSystem: type, label: KINDS[kind][1], isDirty: false });
      const blkid = findProgram("blkid");
      if (blkid === null) return;
      const child = Bun.spawnSync([blkid, "-p", "-s", "UUID", "-o", "value", image], { stdout: "pipe" });
      expect(found?.uuid).toBe(child.stdout.toString().trim());
    });

    test("a damaged one never throws, and its label has no more than the format allows", () => {
      const bytes = new Uint8Array(readFileSync(make(kind)));
      let seed = 1;
      const random = (below: number): number => {
        seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
        return Math.floor((seed / 2 ** 32) * below);
      };
      for (let round = 0; round < 300; round++) {
        const changed = bytes.slice(0, 2 * MIB);
        for (let count = 0; count < 8; count++) changed[random(4096)] = random(256);
        changed[random(changed.length)] = random(256);
        const found = readFrom(changed.subarray(0, round % 3 === 0 ? random(changed.length) : undefined));
        expect(found?.label.length ?? 0).toBeLessThanOrEqual(512);
      }
    });
  });
}

test("a disk without a file system, or one that cannot be read, is unknown", () => {
  expect(readFrom(new Uint8Array(MIB))).toBeUndefined();
  expect(readFrom(new Uint8Array(100))).toBeUndefined();
  expect(readSuperblock(() => undefined)).toBeUndefined();
});

test("udev's database tells UUID and label where the disk cannot be read, escaped bytes included", () => {
  const text =
    "S:disk/by-id/x\nE:ID_FS_LABEL=My_stick\nE:ID_FS_LABEL_ENC=My\\x20stick\\xc3\\xa9é\nE:ID_FS_UUID=1234-ABCD\n";
  expect(parseUdev(`${text}E:ID_FS_TYPE=vfat\nE:ID_BUS=usb\n`)).toEqual({
    ...{ fileSystem: "vfat", uuid: "1234-ABCD", label: "My stickéé", isDirty: false },
  });
  expect(parseUdev("")).toEqual({ fileSystem: "", uuid: "", label: "", isDirty: false });
});
