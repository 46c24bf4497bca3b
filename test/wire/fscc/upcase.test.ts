// Compares uppercasing with NTFS's table: the $UpCase file of mkntfs (ntfs-3g 2022.10, table of Windows 7).
import { expect, test } from "bun:test";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { upcase } from "../../../src/wire/fscc/upcase.ts";

test("uppercases the letters that NTFS does, and no others", () => {
  const folded: [string, string][] = [
    ["z", "Z"],
    ["ÿ", "Ÿ"],
    ["σ", "Σ"],
    ["ω", "Ω"],
    ["я", "Я"],
    ["ᾀ", "ᾈ"],
    ["ῳ", "ῼ"],
    ["ƀ", "Ƀ"],
    ["ⅷ", "Ⅷ"],
    ["ｚ", "Ｚ"],
  ];
  for (const [lower, upper] of folded) expect(upcase(lower)).toBe(upper);
  // Dotless and dotted i, long s, sharp s, micro, final sigma, titlecase dz, symbol, ligature, surrogates.
  for (const same of ["ı", "İ", "ſ", "ß", "ẞ", "µ", "ς", "ǅ", "ϐ", "ﬁ", "\ud83d", "😀", "𐐨"]) {
    expect(upcase(same)).toBe(same);
  }
});

/** The 128 KiB of $UpCase in a disk image, found by the table's start (up to "b" mapped to "B"). */
function findTable(image: Buffer): Uint16Array | undefined {
  const start = Buffer.alloc(2 * 0x63);
  for (let i = 0; i < 0x63; i++) start.writeUInt16LE(i < 0x61 ? i : i - 0x20, 2 * i);
  const at = image.indexOf(start);
  return at < 0
    ? undefined
    : new Uint16Array(image.buffer.slice(image.byteOffset + at, image.byteOffset + at + 0x2_0000));
}

const MKNTFS = "/usr/sbin/mkntfs";

test.skipIf(!existsSync(MKNTFS))(
  "agrees with the whole table of NTFS, except for letters newer than the table",
  () => {
    const folder = mkdtempSync(join(tmpdir(), "minismbd-upcase-"));
    const image = join(folder, "image");
    writeFileSync(image, Buffer.alloc(16 * 1024 * 1024));
    Bun.spawnSync([MKNTFS, "-F", "-f", image]);
    const table = findTable(readFileSync(image));
    rmSync(folder, { recursive: true });
    expect(table).toBeDefined();
    let younger = 0;
    for (let unit = 0; unit < 0x1_0000; unit++) {
      const ours = upcase(String.fromCharCode(unit)).charCodeAt(0);
      const theirs = table?.[unit];
      if (ours === theirs) continue;
      expect([unit.toString(16), theirs]).toEqual([unit.toString(16), unit]);
      younger++;
    }
    expect(younger).toBeLessThan(220);
  },
);
