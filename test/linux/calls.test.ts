// System calls on real files; results are compared with node:fs and command-line tools.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { execFileSync } from "node:child_process";
import { linkSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync } from "node:fs";
import { symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DirentReader, DirentType } from "../../src/linux/dir.ts";
import { Errno } from "../../src/linux/errno.ts";
import { currentGroups, effectiveGid, effectiveUid } from "../../src/linux/identity.ts";
import { Inotify, addWatch, closeInotify, createInotify, drainInotify } from "../../src/linux/inotify.ts";
import * as io from "../../src/linux/io.ts";
import { Scratch, cString } from "../../src/linux/libc.ts";
import { FlockOperation, LockType, flockFd, lockRange, testRange } from "../../src/linux/locks.ts";
import { currentMounts, mountOf, parseMountinfo } from "../../src/linux/mountinfo.ts";
import * as names from "../../src/linux/directory-entries.ts";
import { AT_FDCWD, Open, closeFd, duplicateFd, openAt, reopen } from "../../src/linux/open.ts";
import { Access, ModeType, accessFd, emptyStatx, statAt, statFd, statfsFd } from "../../src/linux/stat.ts";
import { EntryXattrs } from "../../src/linux/entry-xattrs.ts";
import { getXattr, listXattrs, removeXattr, setXattr } from "../../src/linux/xattr.ts";

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "minismbd-linux-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

function opened(name: string, flags: number, mode = 0o600): number {
  const fd = openAt(AT_FDCWD, join(folder, name), flags, mode);
  expect(fd).toBeGreaterThanOrEqual(0);
  return fd;
}

const text = new TextEncoder();

describe("paths", () => {
  test("a path of 4,095 bytes is accepted; a longer one gives ENAMETOOLONG, one with a NUL EINVAL", () => {
    expect(cString("x".repeat(4095))).toBeGreaterThan(0);
    expect(cString("x".repeat(4096))).toBe(-Errno.ENAMETOOLONG);
    expect(cString("ä".repeat(2048))).toBe(-Errno.ENAMETOOLONG);
    expect(cString("a\0b")).toBe(-Errno.EINVAL);
  });

  test("opening a missing file fails with ENOENT", () => {
    expect(openAt(AT_FDCWD, join(folder, "nothing"), Open.RDONLY)).toBe(-Errno.ENOENT);
  });
});

describe("stat", () => {
  test("statx agrees with node:fs", () => {
    const path = join(folder, "stat");
    writeFileSync(path, "12345", { mode: 0o640 });
    linkSync(path, join(folder, "stat2"));
    const expected = statSync(path, { bigint: true });
    const out = emptyStatx();
    expect(statAt(AT_FDCWD, path, out)).toBe(0);
    expect(out.size).toBe(5);
    expect(out.links).toBe(2);
    expect(out.mode).toBe(Number(expected.mode));
    expect(BigInt(out.inodeLow) + (BigInt(out.inodeHigh) << 32n)).toBe(expected.ino);
    expect(BigInt(out.modifySeconds) * 1_000_000_000n + BigInt(out.modifyNanoseconds)).toBe(expected.mtimeNs);
    expect(BigInt(out.changeSeconds) * 1_000_000_000n + BigInt(out.changeNanoseconds)).toBe(expected.ctimeNs);
    expect(BigInt(out.blocks)).toBe(expected.blocks);
    const fd = opened("stat", Open.PATH);
    const again = emptyStatx();
    expect(statFd(fd, again)).toBe(0);
    expect(again).toEqual(out);
    closeFd(fd);
  });

  test("times before 1970 are negative", () => {
    const path = join(folder, "old");
    writeFileSync(path, "");
    execFileSync("touch", ["-d", "1960-01-01 00:00:00.5 UTC", path]);
    const out = emptyStatx();
    statAt(AT_FDCWD, path, out);
    expect([out.modifySeconds, out.modifyNanoseconds]).toEqual([-315_619_200, 500_000_000]);
  });

  test("a symlink is not followed", () => {
    symlinkSync("stat", join(folder, "link"));
    const out = emptyStatx();
    statAt(AT_FDCWD, join(folder, "link"), out);
    expect(out.mode & ModeType.MASK).toBe(ModeType.SYMLINK);
    expect(names.readLinkAt(AT_FDCWD, join(folder, "link"))).toBe("stat");
  });

  test("fstatfs agrees with stat -f", () => {
    const fd = opened(".", Open.PATH);
    const facts = statfsFd(fd);
    closeFd(fd);
    const shell = execFileSync("stat", ["-f", "-c", "%S %b %l %t", folder], { encoding: "utf8" })
      .trim()
      .split(" ");
    if (typeof facts === "number") throw new Error(`fstatfs: ${facts}`);
    const ours = [facts.blockBytes, facts.blocks, facts.maxNameBytes];
    expect(ours).toEqual([Number(shell[0]), Number(shell[1]), Number(shell[2])]);
    expect(facts.type).toBe(Number.parseInt(shell[3] ?? "", 16));
  });

  test("accessFd checks permissions by descriptor", () => {
    writeFileSync(join(folder, "plain"), "", { mode: 0o644 });
    const fd = opened("plain", Open.PATH);
    expect(accessFd(fd, Access.READ | Access.WRITE)).toBe(0);
    // Even root may not execute a file without any execute bit.
    expect(accessFd(fd, Access.EXECUTE)).toBe(-Errno.EACCES);
    closeFd(fd);
  });
});

describe("data", () => {
  test("writes and reads inside a larger buffer, beyond 4 GiB too", () => {
    const fd = opened("data", Open.RDWR | Open.CREAT);
    const out = text.encode("..hello..");
    const far = 2 ** 33 + 7;
    expect(io.writePlain(fd, out, 2, 5, far)).toBe(5);
    const into = new Uint8Array(8).fill(46);
    expect(io.readPlain(fd, into, 1, 7, far)).toBe(5);
    expect(new TextDecoder().decode(into)).toBe(".hello..");
    // Every kernel since 4.6 has preadv2 and pwritev2; an emulator may lack them.
    expect([0, -Errno.ENOSYS]).toContain(io.readAt(fd, into, 0, 8, far + 5, 0));
    expect([2, -Errno.ENOSYS]).toContain(io.writeAt(fd, out, 2, 2, 0, io.Rwf.DSYNC));
    expect(io.writePlain(fd, out, 2, 2, 0)).toBe(2);
    expect(io.seekFd(fd, 4096, io.Seek.DATA)).toBeGreaterThan(4096);
    expect(io.seekFd(fd, far + 5, io.Seek.DATA)).toBe(-Errno.ENXIO);
    expect(io.truncateFd(fd, 3)).toBe(0);
    expect(readFileSync(join(folder, "data"))).toEqual(Buffer.from("he\0"));
    expect(io.syncFd(fd)).toBe(0);
    closeFd(fd);
    expect(io.readPlain(fd, into, 0, 1, 0)).toBe(-Errno.EBADF);
  });

  test("allocating with KEEP_SIZE does not change the size", () => {
    const fd = opened("reserved", Open.RDWR | Open.CREAT);
    expect(io.allocate(fd, io.Falloc.KEEP_SIZE, 0, 1_048_576)).toBe(0);
    const out = emptyStatx();
    statFd(fd, out);
    expect(out.size).toBe(0);
    expect(out.blocks * 512).toBeGreaterThanOrEqual(1_048_576);
    closeFd(fd);
  });

  test("copy_file_range copies between offsets", () => {
    writeFileSync(join(folder, "from"), "0123456789");
    const from = opened("from", Open.RDONLY);
    const to = opened("to", Open.RDWR | Open.CREAT);
    expect(io.copyRange(from, 2, to, 1, 3)).toBe(3);
    expect(readFileSync(join(folder, "to"), "latin1")).toBe("\x00234");
    expect(io.copyRange(from, 10, to, 0, 5)).toBe(0);
    closeFd(from);
    closeFd(to);
  });

  test("cachestat counts pages just written, unless the kernel lacks it or the file system is stacked", () => {
    const fd = opened("cached", Open.RDWR | Open.CREAT);
    io.writePlain(fd, new Uint8Array(8192), 0, 8192, 0);
    expect([2, 0, -Errno.ENOSYS]).toContain(io.cachedPages(fd, 0, 8192));
    closeFd(fd);
  });
});

test("DirentReader returns names and types, and again after rewinding", () => {
  const place = join(folder, "dir");
  mkdirSync(place);
  const expected: string[] = [];
  for (let i = 0; i < 1500; i++) {
    writeFileSync(join(place, `Datei-ä-${i}`), "");
    expected.push(`Datei-ä-${i}`);
  }
  mkdirSync(join(place, "sub"));
  expected.push("sub", ".", "..");
  // A Latin-1 name is not UTF-8: its byte is escaped.
  expected.push("bad-\udce4");
  writeFileSync(Buffer.concat([Buffer.from(`${place}/bad-`), Buffer.from([0xe4])]), "");
  const fd = opened("dir", Open.RDONLY | Open.DIRECTORY);
  const reader = new DirentReader();
  for (let round = 0; round < 2; round++) {
    const seen: string[] = [];
    while (reader.advance(fd) > 0) {
      const { name } = reader;
      seen.push(name);
      if (name === "sub") expect([DirentType.DIRECTORY, DirentType.UNKNOWN]).toContain(reader.type as 4);
      expect(reader.isDots).toBe(name === "." || name === "..");
    }
    expect(seen.sort()).toEqual(expected.sort());
    io.seekFd(fd, 0, io.Seek.SET);
    reader.reset();
  }
  reader.release();
  expect(reader.advance(fd)).toBe(0);
  closeFd(fd);
  expect(readdirSync(place).length).toBe(1502);
});

describe("names", () => {
  test("RENAME_NOREPLACE does not replace; linking and removing", () => {
    writeFileSync(join(folder, "a"), "a");
    writeFileSync(join(folder, "b"), "b");
    const fd = opened(".", Open.PATH);
    expect(names.renameAt(fd, "a", fd, "b", names.RENAME_NOREPLACE)).toBe(-Errno.EEXIST);
    expect(names.renameAt(fd, "a", fd, "c", names.RENAME_NOREPLACE)).toBe(0);
    expect(names.linkAt(fd, "c", fd, "d")).toBe(0);
    const held = openAt(fd, "d", Open.PATH);
    expect(names.linkFd(held, fd, "e")).toBe(0);
    expect(statSync(join(folder, "e")).nlink).toBe(3);
    closeFd(held);
    expect(names.unlinkAt(fd, "e", false)).toBe(0);
    expect(names.makeDirectoryAt(fd, "m", 0o700)).toBe(0);
    expect(names.unlinkAt(fd, "m", false)).toBe(-Errno.EISDIR);
    expect(names.unlinkAt(fd, "m", true)).toBe(0);
    closeFd(fd);
  });

  test("sets times, mode and owner through an O_PATH descriptor", () => {
    writeFileSync(join(folder, "meta"), "");
    const fd = opened("meta", Open.PATH);
    expect(names.setTimesFd(fd, undefined, 0, -1.5e9, 123_456_700)).toBe(0);
    expect(names.setModeFd(fd, 0o604)).toBe(0);
    expect(names.setOwnerFd(fd, -1, -1)).toBe(0);
    const stat = statSync(join(folder, "meta"), { bigint: true });
    expect(stat.mtimeNs).toBe(-1_500_000_000n * 1_000_000_000n + 123_456_700n);
    expect(Number(stat.mode) & 0o777).toBe(0o604);
    expect(stat.atimeNs).toBeGreaterThan(1_500_000_000n * 1_000_000_000n);
    closeFd(fd);
  });

  test("reopens and duplicates a descriptor of a removed file", () => {
    writeFileSync(join(folder, "again"), "same");
    const path = opened("again", Open.PATH);
    rmSync(join(folder, "again"));
    const fd = reopen(path, Open.RDONLY);
    const twin = duplicateFd(fd);
    const bytes = new Uint8Array(4);
    expect(io.readPlain(twin, bytes, 0, 4, 0)).toBe(4);
    expect(new TextDecoder().decode(bytes)).toBe("same");
    for (const one of [path, fd, twin]) expect(closeFd(one)).toBe(0);
  });
});

test("extended attributes of an O_PATH descriptor", () => {
  writeFileSync(join(folder, "x"), "");
  const fd = opened("x", Open.PATH);
  const out = new Scratch(16);
  const first = setXattr(fd, "user.one", text.encode("value"));
  if (first === -Errno.EOPNOTSUPP) return;
  expect(first).toBe(0);
  expect(getXattr(fd, "user.one", out)).toBe(5);
  expect(new TextDecoder().decode(out.bytes.subarray(0, 5))).toBe("value");
  expect(listXattrs(fd)).toContain("user.one");
  expect(getXattr(fd, "user.two", out)).toBe(-Errno.ENODATA);
  expect(setXattr(fd, "user.long", new Uint8Array(17))).toBe(0);
  expect(getXattr(fd, "user.long", out)).toBe(-Errno.ERANGE);
  expect(removeXattr(fd, "user.one")).toBe(0);
  expect(listXattrs(fd)).not.toContain("user.one");
  // More than the first, small buffer of the calls holds.
  expect(setXattr(fd, "user.long", new Uint8Array(600).fill(7))).toBe(0);
  const large = new Scratch(1000);
  expect(getXattr(fd, "user.long", large)).toBe(600);
  expect(large.bytes.subarray(0, 601)).toEqual(new Uint8Array(601).fill(7, 0, 600));
  expect(getXattr(fd, "user.long", new Scratch(599))).toBe(-Errno.ERANGE);
  const names = ["a", "b", "c"].map((letter) => `user.${letter.repeat(200)}`);
  for (const name of names) expect(setXattr(fd, name, new Uint8Array(1))).toBe(0);
  expect(listXattrs(fd)).toEqual(expect.arrayContaining(names));
  const parent = openAt(AT_FDCWD, folder, Open.PATH | Open.DIRECTORY);
  const entry = new EntryXattrs(parent);
  expect(entry.choose(text.encode("x"))).toBe(true);
  const listed = entry.list();
  expect(typeof listed === "number" ? listed : new TextDecoder().decode(listed).split("\0")).toEqual(
    expect.arrayContaining(names),
  );
  closeFd(parent);
  closeFd(fd);
});

test("inotify reports creation, renaming and removal in a directory", () => {
  mkdirSync(join(folder, "watched"));
  const fd = opened("watched", Open.PATH);
  const queue = createInotify();
  const watch = addWatch(queue, fd, Inotify.CREATE | Inotify.DELETE | Inotify.MOVED_FROM | Inotify.MOVED_TO);
  expect(watch).toBeGreaterThan(0);
  const seen: [number, string | undefined][] = [];
  const listener = (at: number, mask: number, _: number, name: string | undefined): void => {
    expect(at).toBe(watch);
    seen.push([mask, name]);
  };
  expect(drainInotify(queue, listener)).toBe(0);
  expect(seen).toEqual([]);
  mkdirSync(join(folder, "watched", "größe"));
  names.renameAt(fd, "größe", fd, "z", 0);
  rmSync(join(folder, "watched", "z"), { recursive: true });
  expect(drainInotify(queue, listener)).toBe(0);
  expect(seen).toEqual([
    [Inotify.CREATE | Inotify.ISDIR, "größe"],
    [Inotify.MOVED_FROM | Inotify.ISDIR, "größe"],
    [Inotify.MOVED_TO | Inotify.ISDIR, "z"],
    [Inotify.DELETE | Inotify.ISDIR, "z"],
  ]);
  closeInotify(queue);
  closeFd(fd);
});

test("locks of two open file descriptions exclude each other", () => {
  const one = opened("locked", Open.RDWR | Open.CREAT);
  const two = opened("locked", Open.RDWR);
  expect(lockRange(one, LockType.WRITE, 10, 5)).toBe(0);
  expect(testRange(two, LockType.READ, 12, 1)).toBe(0);
  expect(lockRange(two, LockType.READ, 12, 1)).toBe(-Errno.EAGAIN);
  expect(testRange(two, LockType.WRITE, 15, 1)).toBe(1);
  expect(lockRange(one, LockType.UNLOCK, 0, 0)).toBe(0);
  expect(lockRange(two, LockType.READ, 12, 1)).toBe(0);
  expect(flockFd(one, FlockOperation.EXCLUSIVE)).toBe(0);
  expect(flockFd(two, FlockOperation.SHARED | FlockOperation.NONBLOCK)).toBe(-Errno.EAGAIN);
  closeFd(one);
  closeFd(two);
});

test("parses mountinfo and finds the mount of a path", () => {
  // The example of proc_pid_mountinfo(5), and a mount point with a space.
  const mounts = parseMountinfo(
    "36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue\n" +
      "40 36 8:17 / /mnt2/USB\\040disk rw shared:3 - vfat /dev/sdb1 rw\nnonsense\n",
  );
  expect(mounts.length).toBe(2);
  expect(mounts[0]).toEqual({
    mountId: 36,
    parentId: 35,
    deviceMajor: 98,
    deviceMinor: 0,
    root: "/mnt1",
    mountPoint: "/mnt2",
    options: ["rw", "noatime"],
    fileSystem: "ext3",
    source: "/dev/root",
    superOptions: ["rw", "errors=continue"],
    isSlave: true,
  });
  expect(mounts[1]?.isSlave).toBe(false);
  expect(mountOf(mounts, "/mnt2/USB disk/films")?.mountId).toBe(40);
  expect(mountOf(mounts, "/mnt2/USB disks")?.mountId).toBe(36);
  expect(mountOf(mounts, "/mnt20")).toBeUndefined();
  expect(mountOf(currentMounts(), "/proc/self")?.fileSystem).toBe("proc");
});

test("effective ids and groups agree with the runtime", () => {
  expect(effectiveUid()).toBe(process.geteuid?.() ?? -1);
  expect(effectiveGid()).toBe(process.getegid?.() ?? -1);
  expect(currentGroups()).toEqual(process.getgroups?.() ?? []);
});
