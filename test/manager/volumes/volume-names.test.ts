// The names of shares of disks: what is left of a label, whoever wrote it.
import { expect, test } from "bun:test";
import { newShareNameFault } from "../../../src/manager/config/share-name.ts";
import { freeName, isNameFor, wantedName } from "../../../src/manager/volumes/volume-names.ts";

const UUID = "1234ABCD-0000";

test.each([
  ["Photos", "Photos"],
  ["My USB", "My USB"],
  ["Füße 📷", "Füße 📷"],
  ["../../etc", "etc"],
  ["a/b\\c", "a_b_c"],
  ["line\nbreak\u001b[31m", "line_break_31m"],
  ["\u202egnp.exe", "gnp.exe"],
  ["", "disk-1234abcd"],
  ["   ", "disk-1234abcd"],
  ["...", "disk-1234abcd"],
  ["\ufffd\ud800", "disk-1234abcd"],
  ["hidden$", "hidden"],
  ["global", "disk-global"],
  ["IPC$", "disk-IPC"],
  ["homes", "disk-homes"],
  ["Volumes", "disk-Volumes"],
  ["CON", "disk-CON"],
  ["%U", "U"],
  ["50% #1; a=b", "50_ _1_ a_b"],
  ["[x]", "x"],
  ["user:anna", "user_anna"],
])("the label %j becomes %j", (label, name) => {
  expect(wantedName(label, UUID, "/dev/sdb1")).toBe(name);
});

test("a disk without label and UUID is named by its device", () => {
  expect(wantedName("", "", "/dev/sdb1")).toBe("disk-sdb1");
});

test("every label becomes a name that the configuration accepts, with room for a number", () => {
  let seed = 7;
  const random = (below: number): number => {
    seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
    return Math.floor((seed / 2 ** 32) * below);
  };
  for (let round = 0; round < 3000; round++) {
    const units = Array.from({ length: random(100) }, () => random(random(4) === 0 ? 0x1_0000 : 0x80));
    const name = wantedName(String.fromCharCode(...units), UUID, "/dev/sdb1");
    expect([name, newShareNameFault(`${name} 9999`)]).toEqual([name, undefined]);
  }
  expect(Buffer.byteLength(wantedName("ü".repeat(100), UUID, ""))).toBeLessThanOrEqual(58);
});

test("equal names get a number; case does not tell names apart", () => {
  const taken = new Set(["usb", "usb 2"]);
  expect(freeName("USB", (folded) => taken.has(folded))).toBe("USB 3");
  expect(isNameFor("USB 3", "USB")).toBe(true);
  expect(isNameFor("USB", "USB")).toBe(true);
  expect(isNameFor("USB stick", "USB")).toBe(false);
  expect(isNameFor("USB 0", "USB")).toBe(false);
});
