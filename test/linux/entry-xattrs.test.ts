// Extended attributes of directory entries by name, by the calls of Linux 6.13 and by /proc/self/fd.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { EntryXattrs, entryXattrCalls } from "../../src/linux/entry-xattrs.ts";
import { Errno } from "../../src/linux/errno.ts";
import { Scratch } from "../../src/linux/libc.ts";
import { AT_FDCWD, Open, closeFd, openAt } from "../../src/linux/open.ts";
import { setXattr } from "../../src/linux/xattr.ts";

const text = new TextEncoder();
let folder = "";
let directory = -1;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "minismbd-entries-"));
  writeFileSync(join(folder, "bäre"), "");
  writeFileSync(join(folder, "plain"), "");
  symlinkSync("bäre", join(folder, "link"));
  const file = openAt(AT_FDCWD, join(folder, "bäre"), Open.RDWR, 0o600);
  expect(setXattr(file, "user.one", text.encode("first"))).toBe(0);
  expect(setXattr(file, "user.two", text.encode("2"))).toBe(0);
  closeFd(file);
  directory = openAt(AT_FDCWD, folder, Open.PATH | Open.DIRECTORY);
});
afterAll(() => {
  closeFd(directory);
  rmSync(folder, { recursive: true });
});

function namesOf(entry: EntryXattrs): string[] {
  const names = entry.list();
  if (typeof names === "number") throw new Error(`errno ${-names}`);
  return new TextDecoder().decode(names).split("\0").slice(0, -1).sort();
}

describe.each([true, false])("with the calls of Linux 6.13, where there are any: %p", (areThere) => {
  const before = entryXattrCalls.areThere;
  beforeAll(() => {
    entryXattrCalls.areThere = areThere;
  });
  afterAll(() => {
    entryXattrCalls.areThere = before;
  });

  test("values, lengths and names of an entry are read", () => {
    const entry = new EntryXattrs(directory);
    const out = new Scratch(16);
    expect(entry.choose(text.encode("bäre"))).toBe(true);
    expect(entry.get("user.one", out)).toBe(5);
    expect(new TextDecoder().decode(out.bytes.subarray(0, 5))).toBe("first");
    expect(entry.lengthOf("user.two")).toBe(1);
    expect(namesOf(entry)).toEqual(["user.one", "user.two"]);
    expect(entry.get("user.three", out)).toBe(-Errno.ENODATA);
    expect(entry.get("user.one", new Scratch(2))).toBe(-Errno.ERANGE);
  });

  test("an entry without attributes has none, and a symlink has not those of its target", () => {
    const entry = new EntryXattrs(directory);
    for (const name of ["plain", "link"]) {
      entry.choose(text.encode(name));
      expect(namesOf(entry).filter((each) => each.startsWith("user."))).toEqual([]);
      expect(entry.lengthOf("user.one")).toBe(-Errno.ENODATA);
    }
  });

  test("a missing entry fails with ENOENT, a name of 256 bytes is refused", () => {
    const entry = new EntryXattrs(directory);
    expect(entry.choose(text.encode("x".repeat(256)))).toBe(false);
    expect(entry.choose(text.encode("x".repeat(255)))).toBe(true);
    expect(entry.list()).toBe(-Errno.ENOENT);
    expect(entry.lengthOf("user.one")).toBe(-Errno.ENOENT);
  });
});
