// Paths below a directory never lead outside it, both with openat2 and with its replacement walkBeneath.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openBeneath, walkBeneath } from "../../src/linux/beneath.ts";
import { Errno } from "../../src/linux/errno.ts";
import { AT_FDCWD, Open, Resolve, closeFd, hasOpenAt2, openAt } from "../../src/linux/open.ts";
import { emptyStatx, statFd } from "../../src/linux/stat.ts";
import { descriptorCount } from "../engine/vfs/share-fixture.ts";

let folder = "";
let root = -1;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "minismbd-beneath-"));
  const share = join(folder, "share");
  mkdirSync(join(share, "sub", "deep"), { recursive: true });
  mkdirSync(join(folder, "outside"));
  writeFileSync(join(folder, "outside", "secret"), "secret");
  writeFileSync(join(share, "file"), "file");
  writeFileSync(join(share, "sub", "deep", "leaf"), "leaf");
  const links: [string, string][] = [
    ["../outside", "up"],
    [join(folder, "outside"), "absolute"],
    ["/", "slash"],
    ["sub/deep", "inside"],
    ["../file", "sub/back"],
    ["../../share/file", "sub/round"],
    ["loop2", "loop1"],
    ["loop1", "loop2"],
    ["nowhere", "dangling"],
    ["/proc/self/root", "magic"],
    [`/proc/self/cwd`, "cwd"],
  ];
  for (const [target, name] of links) symlinkSync(target, join(share, name));
  root = openAt(AT_FDCWD, share, Open.PATH | Open.DIRECTORY);
});
afterAll(() => {
  closeFd(root);
  rmSync(folder, { recursive: true });
});

type Opener = typeof openBeneath;
const ways: [string, Opener][] = [["walk", walkBeneath]];
if (hasOpenAt2()) ways.push(["openat2", openBeneath]);

/** The result of opening: -errno, or device and inode of the object. */
function outcome(opener: Opener, path: string, flags: number, resolve: number): number | string {
  const fd = opener(root, path, flags, 0, resolve | Resolve.BENEATH | Resolve.NO_MAGICLINKS);
  if (fd < 0) return fd;
  const out = emptyStatx();
  statFd(fd, out);
  closeFd(fd);
  return `${out.deviceMajor}:${out.deviceMinor}:${out.inodeHigh}:${out.inodeLow}`;
}

describe.each(ways)("%s", (_, opener) => {
  const follow = (path: string) => outcome(opener, path, Open.PATH, 0);
  const plain = (path: string) => outcome(opener, path, Open.PATH, Resolve.NO_SYMLINKS);

  test("opens paths below the root", () => {
    for (const path of ["", ".", "file", "sub", "sub/deep/leaf", "sub/./deep"])
      expect(plain(path)).toBeString();
    expect(outcome(opener, "file", Open.RDONLY, Resolve.NO_SYMLINKS)).toBe(plain("file"));
    expect(plain("sub/../file")).toBe(plain("file"));
  });

  test("fails with ENOENT, ENOTDIR or ENAMETOOLONG as open(2) does", () => {
    expect(plain("missing")).toBe(-Errno.ENOENT);
    expect(plain("missing/x")).toBe(-Errno.ENOENT);
    expect(plain("file/x")).toBe(-Errno.ENOTDIR);
    expect(outcome(opener, "file", Open.PATH | Open.DIRECTORY, 0)).toBe(-Errno.ENOTDIR);
    expect(plain("n".repeat(256))).toBe(-Errno.ENAMETOOLONG);
  });

  test("absolute paths and paths above the root fail with EXDEV", () => {
    for (const path of ["..", "../outside/secret", "sub/../../outside", "sub/deep/../../..", "/etc/passwd"]) {
      expect(plain(path)).toBe(-Errno.EXDEV);
    }
  });

  test("symlinks that lead outside fail with EXDEV, under NO_SYMLINKS with ELOOP", () => {
    for (const path of [
      "up",
      "up/secret",
      "absolute",
      "absolute/secret",
      "slash",
      "slash/etc",
      "sub/round",
    ]) {
      expect([path, follow(path)]).toEqual([path, -Errno.EXDEV]);
      expect([path, plain(path)]).toEqual([path, -Errno.ELOOP]);
    }
  });

  test("symlinks that stay inside are followed", () => {
    expect(follow("inside/leaf")).toBe(plain("sub/deep/leaf"));
    expect(follow("inside")).toBe(plain("sub/deep"));
    expect(follow("sub/back")).toBe(plain("file"));
    expect(plain("inside/leaf")).toBe(-Errno.ELOOP);
    expect(follow("loop1")).toBe(-Errno.ELOOP);
    expect(follow("dangling")).toBe(-Errno.ENOENT);
  });

  test("magic links of /proc are not followed", () => {
    for (const path of ["magic", "magic/etc/passwd", "cwd"]) expect(follow(path)).toBeNumber();
    const proc = openAt(AT_FDCWD, "/proc", Open.PATH | Open.DIRECTORY);
    const fd = opener(proc, "self/root/etc/passwd", Open.PATH, 0, Resolve.BENEATH | Resolve.NO_MAGICLINKS);
    expect([-Errno.ELOOP, -Errno.EXDEV]).toContain(fd as -40);
    closeFd(proc);
  });

  test("NO_XDEV refuses to cross a mount point", () => {
    const slash = openAt(AT_FDCWD, "/", Open.PATH | Open.DIRECTORY);
    const bounds = Resolve.BENEATH | Resolve.NO_MAGICLINKS;
    expect(opener(slash, "proc/version", Open.PATH, 0, bounds | Resolve.NO_XDEV)).toBe(-Errno.EXDEV);
    const fd = opener(slash, "proc/version", Open.PATH, 0, bounds);
    expect(fd).toBeGreaterThan(0);
    closeFd(fd);
    closeFd(slash);
  });

  test("O_EXCL does not follow a symlink", () => {
    const flags = Open.RDWR | Open.CREAT | Open.EXCL;
    expect(outcome(opener, "dangling", flags, 0)).toBe(-Errno.EEXIST);
    expect(outcome(opener, "up/new", flags, 0)).toBe(-Errno.EXDEV);
    expect(outcome(opener, "made", flags, 0)).toBeString();
    rmSync(join(folder, "share", "made"));
  });

  test("leaks no descriptor", () => {
    const before = descriptorCount();
    for (const path of ["sub/deep/leaf", "sub/deep/missing", "up/secret", "loop1", "file/x", "sub/back"]) {
      follow(path);
      plain(path);
    }
    expect(descriptorCount()).toBe(before);
  });
});

test("a directory that is swapped for a symlink during the resolution never leads outside", () => {
  const share = join(folder, "share");
  mkdirSync(join(share, "swap"));
  writeFileSync(join(share, "swap", "secret"), "mine");
  symlinkSync("../outside", join(share, "swap-link"));
  const out = emptyStatx();
  const secret = openAt(AT_FDCWD, join(folder, "outside", "secret"), Open.PATH);
  statFd(secret, out);
  const forbidden = `${out.inodeHigh}:${out.inodeLow}`;
  closeFd(secret);
  const script =
    "while [ ! -e stop ]; do mv swap swap-dir; mv swap-link swap; mv swap swap-link; mv swap-dir swap; done";
  const other = Bun.spawn(["sh", "-c", script], { cwd: share, stderr: "ignore" });
  let opens = 0;
  let refusals = 0;
  const until = Date.now() + 700;
  while (Date.now() < until) {
    for (const [, opener] of ways) {
      const fd = opener(root, "swap/secret", Open.PATH, 0, 0);
      if (fd < 0) {
        refusals++;
        continue;
      }
      statFd(fd, out);
      closeFd(fd);
      opens++;
      expect(`${out.inodeHigh}:${out.inodeLow}`).not.toBe(forbidden);
    }
  }
  writeFileSync(join(share, "stop"), "");
  expect(opens).toBeGreaterThan(0);
  expect(refusals).toBeGreaterThan(0);
  return other.exited;
});
