// Hostile AppleDouble files are not understood: counts, offsets and lengths that do not hold.
import { expect, test } from "bun:test";
import {
  type AttributeData,
  decodeAppleDouble,
  encodeAppleDouble,
  Maker,
} from "../../../../src/engine/vfs/format/apple-double.ts";
import { TAGGED_FILE } from "../../../vectors/apple-double.ts";

/** The tagged file with 32-bit values at some offsets. */
function changed(...values: readonly (readonly [at: number, value: number])[]): Uint8Array {
  const file = TAGGED_FILE.slice();
  const view = new DataView(file.buffer);
  for (const [at, value] of values) view.setUint32(at, value);
  return file;
}

function isUnderstood(file: Uint8Array, bytes = file.length): boolean {
  return decodeAppleDouble(file, bytes) !== undefined;
}

test("entries beyond the end, over each other, over the header or twice are refused", () => {
  expect(isUnderstood(changed())).toBe(true);
  expect(isUnderstood(changed(), 4095)).toBe(false);
  for (const [at, value] of [
    [0, 0x51606], // magic
    [4, 0x10000], // version
    [24, 0xffff_0000], // number of entries
    [24, 0],
    [26, 0],
    [26, 2], // two resource forks
    [30, 20], // over the header
    [34, 0xffff_ffff], // length of the Finder information
    [34, 31],
    [42, 0xffff_ff00], // offset of the resource fork
    [42, 60], // over the Finder information
    [46, 0x8000_0000],
  ] as const)
    expect([at, value, isUnderstood(changed([at, value]))]).toEqual([at, value, false]);
});

test("attributes beyond their area, over each other, with wrong names or too many are refused", () => {
  for (const [at, value] of [
    [92, 0xee3], // end of the area behind that of the entry
    [96, 100], // start of the data within the header
    [96, 0xffff_ffff],
    [100, 0xffff_ffff],
    [116, 0x0101], // 257 attributes
    [116, 3], // the third has no name
    [120, 10], // offset of the first one's data
    [120, 0xffff_ffff],
    [124, 0x1000],
    [168, 0xbc], // data of the second one within that of the first
    [128, 0x0000_ff63], // length of the name
    [128, 0x0000_0163],
    [132, 0x6d00_6170], // zero in the name
    [132, 0x6dff_6170], // not UTF-8
  ] as const)
    expect([at, value, isUnderstood(changed([at, value]))]).toEqual([at, value, false]);
});

test("an area behind the Finder information in another form is refused unless it is empty", () => {
  expect(isUnderstood(changed([84, 0]))).toBe(false);
  const blank = TAGGED_FILE.slice();
  blank.fill(0, 82, 0xee2);
  expect(isUnderstood(blank)).toBe(true);
  expect(isUnderstood(blank.fill(1, 3000, 3001))).toBe(false);
});

test("a file with more than 4 MiB of attributes, which a change holds in memory, is left alone", () => {
  const mebibyte = 1024 * 1024;
  const long = (bytes: number): Uint8Array => changed([34, bytes], [42, 50 + bytes]);
  expect(isUnderstood(long(3 * mebibyte), 8 * mebibyte)).toBe(true);
  expect(isUnderstood(long(5 * mebibyte), 8 * mebibyte)).toBe(false);
});

test("no more is written than macOS takes", () => {
  const one = (name: string): AttributeData => ({ name, flags: 0, data: new Uint8Array(10) });
  const write = (attributes: readonly AttributeData[]): number | undefined =>
    encodeAppleDouble({
      maker: Maker.MAC,
      finderInfo: new Uint8Array(32),
      attributes,
      others: [],
      forkBytes: 0,
    })?.length;
  expect(write([])).toBe(82);
  expect(write([one("a".repeat(127))])).toBe(4096 - 286);
  expect(write([one("a".repeat(128))])).toBeUndefined();
  expect(write([one("")])).toBeUndefined();
  expect(write(Array.from({ length: 256 }, (_, i) => one(`a${i}`)))).toBeDefined();
  expect(write(Array.from({ length: 257 }, (_, i) => one(`a${i}`)))).toBeUndefined();
});
