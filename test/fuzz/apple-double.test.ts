// AppleDouble files, which any program may have written: each is understood with all of its data inside the
// file, or left alone; what is written again macOS takes, with the same values.
import { expect, test } from "bun:test";
import {
  decodeAppleDouble,
  encodeAppleDouble,
  Maker,
  type Extent,
  MAX_HEAD_BYTES,
  othersOf,
} from "../../src/engine/vfs/format/apple-double.ts";
import { readAsMac } from "../e2e/mac/mac.ts";
import { TAGGED_FILE, TYPED_FILE } from "../vectors/apple-double.ts";
import { COUNT, readAll, TIMEOUT_MS } from "./reading.ts";

/** Changes of the zeros between the attributes and the resource fork tell nothing. */
const TAGGED = TAGGED_FILE.slice(0, 320);
const SAMPLES = [TAGGED, TYPED_FILE, smallTagged()];

/** The tagged file with a small area and without a resource fork. */
function smallTagged(): Uint8Array {
  const file = TAGGED_FILE.slice(0, 288);
  const view = new DataView(file.buffer);
  view.setUint32(34, 288 - 50);
  view.setUint32(42, 288);
  view.setUint32(46, 0);
  view.setUint32(92, 288);
  return file;
}

function inFile(file: Uint8Array, { offset, length }: Extent): Uint8Array {
  expect(offset).toBeGreaterThanOrEqual(0);
  expect(offset + length).toBeLessThanOrEqual(file.length);
  return file.slice(offset, offset + length);
}

function use(file: Uint8Array): true | undefined {
  const double = decodeAppleDouble(file.subarray(0, MAX_HEAD_BYTES), file.length);
  if (double === undefined) return undefined;
  const finderInfo = double.finderInfo === undefined ? new Uint8Array(32) : inFile(file, double.finderInfo);
  const fork =
    double.fork === undefined || double.fork.length === 0 ? new Uint8Array() : inFile(file, double.fork);
  const attributes = double.attributes.map(({ name, flags, ...extent }) => ({
    name,
    flags,
    data: extent.length === 0 ? new Uint8Array() : inFile(file, extent),
  }));
  const others = othersOf(double.entries).map(({ id, ...extent }) => ({
    id,
    data: extent.length === 0 ? new Uint8Array() : inFile(file, extent),
  }));
  const head = encodeAppleDouble({
    maker: Maker.MAC,
    finderInfo,
    attributes,
    others,
    forkBytes: fork.length,
  });
  if (head === undefined) return undefined;
  const written = new Uint8Array(head.length + fork.length);
  written.set(head);
  written.set(fork, head.length);
  const again = decodeAppleDouble(written.subarray(0, MAX_HEAD_BYTES), written.length);
  expect(again?.attributes.map(({ name }) => name)).toEqual(attributes.map(({ name }) => name));
  if (others.length > 0) return true;
  const seen = readAsMac(written);
  expect(seen.finderInfo).toEqual(finderInfo);
  expect(seen.fork).toEqual(fork);
  expect(Object.values(seen.attributes).map((data) => data.length)).toEqual(
    attributes.map(({ data }) => data.length),
  );
  return true;
}

test("the samples are understood", () => {
  for (const file of [TAGGED_FILE, TYPED_FILE, smallTagged()]) expect(use(file)).toBe(true);
});

test(
  "mutated files are understood or refused",
  async () => {
    expect(await readAll(SAMPLES, use, COUNT)).toBeGreaterThan(100);
  },
  TIMEOUT_MS,
);
