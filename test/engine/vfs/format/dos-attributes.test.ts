// user.DOSATTRIB: values that Samba and ksmbd stored, and the layouts of Samba's librpc/idl/xattr.idl.
import { expect, test } from "bun:test";
import { readDosAttributes, writeDosAttributes } from "../../../../src/engine/vfs/format/dos-attributes.ts";

function read(hex: string): ReturnType<typeof readDosAttributes> {
  const bytes = new Uint8Array(128);
  bytes.set(Buffer.from(hex, "hex"));
  return readDosAttributes(new DataView(bytes.buffer), hex.length / 2);
}

// Written by smbd 4.17.12 (Debian 12), `store dos attributes = yes`, with smbclient's `setmode`.
const samba = {
  hiddenFile: "000005000500000011000000220000007e01f64cae7add01",
  systemDirectory: "000005000500000011000000140000003e4cf64cae7add01",
  readOnlyFile: "00000500050000001100000021000000b39df64cae7add01",
};

// stat(1) said of the first: born 2026-11-22 18:21:32.507174218 UTC.
const CREATED = Date.UTC(2026, 10, 22, 18, 21, 32) / 1000;

test("a value that Samba wrote is read", () => {
  expect(read(samba.hiddenFile)).toEqual({
    attributes: 0x22,
    birthSeconds: CREATED,
    birthNanoseconds: 507_174_200,
  });
  expect(read(samba.systemDirectory)?.attributes).toBe(0x14);
  expect(read(samba.readOnlyFile)?.attributes).toBe(0x21);
});

// Written by the ksmbd of Linux 6.12, `store dos attributes = yes`, for a file with SYSTEM and a creation
// time in 2001 set by a client.
const ksmbd = "00000400040000005100000024000000a64379a8cf7add0187561245d138c101";
const BORN = { seconds: 1_000_000_000, nanoseconds: 123_456_700 };

test("a value that ksmbd wrote is read, and the value written has ksmbd's layout", () => {
  expect(read(ksmbd)).toEqual({
    attributes: 0x24,
    birthSeconds: BORN.seconds,
    birthNanoseconds: BORN.nanoseconds,
  });
  const written = Buffer.from(writeDosAttributes(0x24, BORN.seconds, BORN.nanoseconds));
  // Except itime and its valid bit.
  const expected = Buffer.from(ksmbd, "hex");
  expected[8] = 0x11;
  expected.fill(0, 16, 24);
  expect(written.toString("hex")).toBe(expected.toString("hex"));
});

test("older versions are read", () => {
  const ticks = "7e01f64cae7add01";
  // 1: attrib first. 3: valid, attrib, ea_size, size, alloc_size, create_time, change_time. 4 (ksmbd): the
  // text, valid, attrib, itime, create_time.
  const one = `0000 0100 0100 0000 02000000 00000000 ${"00".repeat(32)}`;
  const three = `0000 0300 0300 0000 11000000 20000000 00000000 ${"00".repeat(16)} ${ticks} ${"00".repeat(8)}`;
  const four = `30783230 0000 0400 0400 0000 51000000 20000000 ${"11".repeat(8)} ${ticks}`;
  expect(read(one.replaceAll(" ", ""))).toEqual({
    attributes: 2,
    birthSeconds: undefined,
    birthNanoseconds: 0,
  });
  for (const hex of [three, four]) {
    const found = read(hex.replaceAll(" ", ""));
    expect([found?.attributes, found?.birthSeconds]).toEqual([0x20, CREATED]);
  }
  // Samba before 3.5: the text alone.
  expect(read(Buffer.from("0x23\0").toString("hex"))?.attributes).toBe(0x23);
});

test("fields without their valid bit are ignored", () => {
  expect(read("0000050005000000 01000000 22000000 7e01f64cae7add01".replaceAll(" ", ""))).toEqual({
    attributes: 0x22,
    birthSeconds: undefined,
    birthNanoseconds: 0,
  });
});

test("other and truncated values are undefined", () => {
  for (const hex of [
    "",
    "00",
    "ffffffff",
    "0000020002000000",
    "00000500050000001100000022000000",
    "41".repeat(60),
  ]) {
    expect(read(hex)).toBeUndefined();
  }
  for (let length = 0; length < 24; length++) read(samba.hiddenFile.slice(0, length * 2));
});
