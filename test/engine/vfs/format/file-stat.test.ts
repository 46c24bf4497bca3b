// Modes, DOS attributes and times of files; [MS-FSCC] 2.4.7, 2.6.
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdirSync, statSync, utimesSync, writeFileSync } from "node:fs";
import type { FileStat } from "../../../../src/engine/vfs/store.ts";
import { Errno } from "../../../../src/linux/errno.ts";
import { Scratch } from "../../../../src/linux/libc.ts";
import { AT_FDCWD, Open, closeFd, openAt } from "../../../../src/linux/open.ts";
import { getXattr } from "../../../../src/linux/xattr.ts";
import { FileAttribute } from "../../../../src/wire/fscc/attributes.ts";
import { Fixture, descriptorCount, expectDescriptors, succeeded } from "../share-fixture.ts";

let share: Fixture;
let before = 0;
beforeEach(() => {
  before = descriptorCount();
  share = new Fixture();
});
// Every test must close its descriptors.
afterEach(async () => {
  share.dispose();
  await expectDescriptors(before);
});

describe("modes and attributes", () => {
  test("the masks of the share decide the mode, whatever the umask", async () => {
    const old = process.umask(0o077);
    try {
      const other = new Fixture(
        { createMask: 0o664, forceCreateMode: 0o010, directoryMask: 0o770, forceDirectoryMode: 0o2005 },
        share,
      );
      await other.touch("file");
      await other.makeDirectory("dir");
      expect(statSync(share.at("file")).mode & 0o7777).toBe(0o674);
      expect(statSync(share.at("dir")).mode & 0o7777).toBe(0o2775);
      other.close();
    } finally {
      process.umask(old);
    }
  });

  test.skipIf(Bun.which("setfacl") === null)("a parent's default ACL is respected", async () => {
    mkdirSync(share.at("acl"));
    await Bun.$`setfacl -d -m u::rw,g::r,o::- ${share.at("acl")}`;
    const other = new Fixture({ createMask: 0o777 }, share);
    await other.touch("acl", "file");
    expect(statSync(share.at("acl", "file")).mode & 0o777).toBe(0o640);
    other.close();
  });

  test("a new file has ARCHIVE, a new directory does not", async () => {
    expect((await share.touch("f")).attributes).toBe(FileAttribute.ARCHIVE);
    expect((await share.makeDirectory("d")).attributes).toBe(FileAttribute.DIRECTORY);
  });

  test("attributes are stored where Samba and ksmbd store them", async () => {
    const { node, handle } = await share.create(["f"], FileAttribute.HIDDEN);
    const out = new Scratch(64);
    const fd = openAt(AT_FDCWD, share.at("f"), Open.RDONLY);
    expect(getXattr(fd, "user.DOSATTRIB", out)).toBe(32);
    expect(out.view.getUint32(12, true)).toBe(FileAttribute.HIDDEN | FileAttribute.ARCHIVE);
    closeFd(fd);
    const wanted = FileAttribute.READONLY | FileAttribute.SYSTEM;
    expect(await node.setAttributes(wanted | FileAttribute.NORMAL)).toBe(0);
    expect(succeeded<FileStat>(await node.refresh()).attributes).toBe(wanted);
    expect(statSync(share.at("f")).mode & 0o200).toBe(0o200);
    handle.close();
    node.close();
    const again = await share.node("F");
    expect(again.stat.attributes).toBe(wanted);
    again.close();
  });

  test("DIRECTORY and NORMAL are stored too, since ksmbd relies on the stored value", async () => {
    const out = new Scratch(64);
    const storedOf = (name: string): number => {
      const fd = openAt(AT_FDCWD, share.at(name), Open.RDONLY);
      expect(getXattr(fd, "user.DOSATTRIB", out)).toBe(32);
      closeFd(fd);
      return out.view.getUint32(12, true);
    };
    await share.makeDirectory("d");
    expect(storedOf("d")).toBe(FileAttribute.DIRECTORY);
    await share.touch("f");
    const node = await share.node("f");
    expect(await node.setAttributes(FileAttribute.NORMAL)).toBe(0);
    expect(storedOf("f")).toBe(FileAttribute.NORMAL);
    expect(succeeded<FileStat>(await node.refresh()).attributes).toBe(0);
    node.close();
  });

  test("dot files are HIDDEN with `hide dot files`", async () => {
    await share.touch(".profile");
    const shown = new Fixture({ hideDotFiles: false }, share);
    const [hidden, plain] = [await share.node(".profile"), await shown.node(".profile")];
    expect(hidden.stat.attributes).toBe(FileAttribute.HIDDEN | FileAttribute.ARCHIVE);
    expect(plain.stat.attributes).toBe(FileAttribute.ARCHIVE);
    hidden.close();
    plain.close();
    shown.close();
  });

  test("without stored attributes READONLY comes from the mode", async () => {
    const other = new Fixture({ storeDosAttributes: false }, share);
    writeFileSync(share.at("ro"), "", { mode: 0o444 });
    const node = await other.node("ro");
    expect(node.stat.attributes).toBe(FileAttribute.READONLY | FileAttribute.ARCHIVE);
    expect(await node.setAttributes(FileAttribute.ARCHIVE)).toBe(0);
    expect(statSync(share.at("ro")).mode & 0o777).toBe(0o644);
    expect(await node.setAttributes(FileAttribute.READONLY)).toBe(0);
    expect(statSync(share.at("ro")).mode & 0o777).toBe(0o444);
    expect(await node.setAttributes(FileAttribute.HIDDEN)).toBe(-Errno.EOPNOTSUPP);
    node.close();
    const { node: made, handle } = await other.create(["born-ro"], FileAttribute.READONLY);
    expect(statSync(share.at("born-ro")).mode & 0o222).toBe(0);
    handle.close();
    made.close();
    other.close();
  });

  test("clearing READONLY makes a read-only mode writable", async () => {
    writeFileSync(share.at("f"), "", { mode: 0o444 });
    const node = await share.node("f");
    expect(await node.setAttributes(FileAttribute.ARCHIVE)).toBe(0);
    expect(statSync(share.at("f")).mode & 0o200).toBe(0o200);
    expect(succeeded<FileStat>(await node.refresh()).attributes).toBe(FileAttribute.ARCHIVE);
    node.close();
  });

  test("all times can be set, the birth time included", async () => {
    const { node, handle } = await share.create(["t"], FileAttribute.HIDDEN);
    const change = {
      access: { seconds: 1_000_000_000, nanoseconds: 100 },
      modify: { seconds: -86_400, nanoseconds: 999_999_900 },
      birth: { seconds: 500_000_000, nanoseconds: 700 },
    };
    expect(await node.setTimes(change)).toBe(0);
    expect(succeeded<FileStat>(await node.refresh())).toMatchObject({
      accessSeconds: 1_000_000_000,
      accessNanoseconds: 100,
      modifySeconds: -86_400,
      modifyNanoseconds: 999_999_900,
      birthSeconds: 500_000_000,
      birthNanoseconds: 700,
      attributes: FileAttribute.HIDDEN | FileAttribute.ARCHIVE,
    });
    expect(await node.setTimes({ modify: { seconds: 7, nanoseconds: 0 } })).toBe(0);
    const stat = succeeded<FileStat>(await node.refresh());
    expect([stat.accessSeconds, stat.modifySeconds, stat.birthSeconds]).toEqual([
      1_000_000_000, 7, 500_000_000,
    ]);
    handle.close();
    node.close();
  });

  test("a file that no client created has the disk's birth time", async () => {
    writeFileSync(share.at("local"), "");
    utimesSync(share.at("local"), 1, 1);
    const stat = statSync(share.at("local"), { bigint: true });
    const node = await share.node("local");
    expect(BigInt(node.stat.birthSeconds)).toBe(stat.birthtimeNs / 1_000_000_000n);
    node.close();
  });
});
