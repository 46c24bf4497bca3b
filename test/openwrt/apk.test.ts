// The .apk of apk-tools 3, read back by a decoder after apk-v3(5): what it describes, and the data of each file.
import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { AdbWriter } from "../../board/openwrt/adb.ts";
import { packApk } from "../../board/openwrt/apk.ts";

const ROOT = join(import.meta.dir, "../..");
const directory = mkdtempSync(join(tmpdir(), "minismbd-apk-"));
afterAll(() => rmSync(directory, { recursive: true }));

type Decoded = null | number | Buffer | Decoded[];

/** An object or array becomes the list of its slots, the first of them null, so that fields have their numbers. */
function decode(adb: Buffer, value: number): Decoded {
  const at = value % 0x1000_0000;
  const type = Math.floor(value / 0x1000_0000);
  if (type === 0) return null;
  if (type === 1) return at;
  if (type === 2) return adb.readUInt32LE(at);
  if (type === 3) return Number(adb.readBigUInt64LE(at));
  if (type === 13 || type === 14)
    return Array.from({ length: adb.readUInt32LE(at) }, (_, slot) =>
      slot === 0 ? null : decode(adb, adb.readUInt32LE(at + 4 * slot)),
    );
  const width = { 8: 1, 9: 2, 10: 4 }[type];
  if (width === undefined) throw new Error(`type ${type}`);
  return adb.subarray(at + width, at + width + adb.readUIntLE(at, width));
}

function blocksOf(bytes: Buffer): { type: number; payload: Buffer }[] {
  const blocks = [];
  for (let at = 8; at < bytes.length;) {
    const word = bytes.readUInt32LE(at);
    const size = word % 2 ** 30;
    blocks.push({ type: Math.floor(word / 2 ** 30), payload: bytes.subarray(at + 4, at + size) });
    at += Math.ceil(size / 8) * 8;
  }
  return blocks;
}

const list = (value: Decoded | undefined): Decoded[] => (Array.isArray(value) ? value.slice(1) : []);
const field = (value: Decoded | undefined, number: number): Decoded =>
  Array.isArray(value) ? (value[number] ?? null) : null;
const text = (value: Decoded): string => (Buffer.isBuffer(value) ? value.toString() : "");

function pack() {
  const release = {
    root: ROOT,
    version: "1.2.3",
    revision: "4",
    time: 1_700_000_000,
    compression: "gzip",
  } as const;
  const file = packApk(release, "aarch64_cortex-a53", "/bin/true", directory);
  const packed = readFileSync(file);
  expect(packed.subarray(0, 4).toString()).toBe("ADBd");
  const bytes = Buffer.from(Bun.inflateSync(new Uint8Array(packed.subarray(4))));
  expect(bytes.subarray(0, 8).toString()).toBe("ADB.pckg");
  const [first, ...data] = blocksOf(bytes);
  if (first === undefined) throw new Error("no block");
  expect([first.type, ...data.map(({ type }) => type)]).toEqual([0, ...data.map(() => 2)]);
  return { file, packed, root: decode(first.payload, first.payload.readUInt32LE(4)), data };
}

test("the package has a name, a version and dependencies as apk wants them", () => {
  const { file, root } = pack();
  expect(file).toEndWith("minismbd-1.2.3-r4_aarch64_cortex-a53.apk");
  const info = field(root, 1);
  expect([1, 2, 5].map((number) => text(field(info, number)))).toEqual([
    "minismbd",
    "1.2.3-r4",
    "aarch64_cortex-a53",
  ]);
  const dependencies = list(field(info, 15)).map((one) => [text(field(one, 1)), field(one, 3)]);
  expect(dependencies).toEqual([
    ["libc", null],
    ["libstdcpp6", null],
    ["samba4-server", 23],
  ]);
  expect(list(field(info, 16)).map((one) => [text(field(one, 1)), text(field(one, 2))])).toEqual([
    ["ksmbd-server", "1.2.3-r4"],
  ]);
  const scripts = field(root, 3);
  expect(text(field(scripts, 3))).toContain("default_postinst");
  expect(text(field(scripts, 4))).toContain("default_prerm");
});

test("each file's data has the hash and the place that the description gives", () => {
  const { root, data } = pack();
  const found = new Map<string, Decoded>();
  const expected: string[] = [];
  list(field(root, 2)).forEach((path, directoryAt) => {
    list(field(path, 3)).forEach((file, fileAt) => {
      const name = `${text(field(path, 1))}/${text(field(file, 1))}`;
      found.set(name, file);
      if (field(file, 6) === null)
        expected.push(`${directoryAt + 1} ${fileAt + 1} ${(field(file, 5) as Buffer).toString("hex")}`);
    });
  });
  const actual = data.map(({ payload }) => {
    const content = payload.subarray(8);
    const sum = new Bun.CryptoHasher("sha256").update(content).digest("hex");
    return `${payload.readUInt32LE(0)} ${payload.readUInt32LE(4)} ${sum}`;
  });
  expect(actual).toEqual(expected);
  const executable = found.get("usr/sbin/minismbd");
  expect(field(field(executable, 2), 1)).toBe(0o755);
  expect(field(executable, 3)).toBe(readFileSync("/bin/true").length);
  expect((field(found.get("usr/sbin/ksmbd.mountd"), 6) as Buffer).toString("latin1")).toBe("\0\xa0minismbd");
  expect([...found.keys()]).toContain("lib/apk/packages/minismbd.list");
  expect([...found.keys()]).toContain("lib/apk/packages/minismbd.conffiles");
});

test("the same commit gives the same package", () => {
  expect(pack().packed.equals(pack().packed)).toBe(true);
});

test("values of every width come back", () => {
  const adb = new AdbWriter();
  const numbers = [0, 0x0fff_ffff, 0x1000_0000, 0xffff_ffff, 2 ** 40];
  const blobs = [1, 255, 256, 65_535, 65_536].map((length) => Buffer.alloc(length, 7));
  const root = adb.array([
    ...numbers.map((one) => adb.int(one)),
    ...blobs.map((one) => adb.blob(one)),
    adb.object({ 3: adb.int(5) }),
  ]);
  const block = adb.finish(root);
  const read = list(decode(block, block.readUInt32LE(4)));
  expect(read.slice(0, 5)).toEqual(numbers);
  expect(read.slice(5, 10).map((one, at) => (blobs[at] ?? Buffer.alloc(0)).equals(one as Buffer))).toEqual([
    true,
    true,
    true,
    true,
    true,
  ]);
  expect(read[10]).toEqual([null, null, null, 5]);
});
