// The values of a sidecar while the process has too few descriptors, or the disk fails: what cannot be read now is not
// missing.
import { afterEach, beforeEach, expect, spyOn, test } from "bun:test";
import { existsSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { identityOf } from "../../../../src/engine/vfs/format/file-stat.ts";
import { linkObject, renamePath } from "../../../../src/engine/vfs/disk/rename.ts";
import type { Subject } from "../../../../src/engine/vfs/sidecar/entry.ts";
import {
  getSidecarValue,
  listSidecarValues,
  removeSidecarValue,
  setSidecarValue,
} from "../../../../src/engine/vfs/sidecar/folder.ts";
import { measureSidecarValues, storeInDataFile } from "../../../../src/engine/vfs/sidecar/value-file.ts";
import { DATA_START, writeAll } from "../../../../src/engine/vfs/sidecar/data-file.ts";
import { dropOverflow, OVERFLOW_MARK } from "../../../../src/engine/vfs/values/overflow.ts";
import { removeOrphanData } from "../../../../src/engine/vfs/sidecar/orphans.ts";
import * as directories from "../../../../src/linux/dir.ts";
import { Errno } from "../../../../src/linux/errno.ts";
import { AT_FDCWD, Open, closeFd, openAt } from "../../../../src/linux/open.ts";
import { emptyStatx, statAt } from "../../../../src/linux/stat.ts";
import { Scratch } from "../../../../src/linux/libc.ts";
import { getXattr, setXattr } from "../../../../src/linux/xattr.ts";
import { withFewDescriptors } from "../../../few-descriptors.ts";
import { OverflowDisk } from "../values/overflow-disk.ts";

const KEY = "user.DOSATTRIB";
const FORK = "user.DosStream.AFP_Resource:$DATA";
/** More than any of the operations has open. */
const MOST = 12;
const value = new TextEncoder().encode("value");

let root = "";
let disk: OverflowDisk;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "minismbd-sidecar-"));
  disk = new OverflowDisk(root);
});
afterEach(() => {
  disk.close();
  rmSync(root, { recursive: true, force: true });
});

function subject(name: string, folder = disk.context.rootFd): Subject {
  const stat = emptyStatx();
  expect(statAt(folder, name, stat)).toBe(0);
  return { name, stat, hasStableInodes: true };
}

function makeFile(name: string): void {
  const { rootFd } = disk.context;
  writeFileSync(join(root, name), "data");
  expect(setSidecarValue(rootFd, subject(name), KEY, value)).toBe(0);
  const stored = storeInDataFile(rootFd, subject(name), FORK, (fd) => writeAll(fd, value, DATA_START));
  expect(stored).toBe(0);
}

test("values are read, or fail to be read", () => {
  makeFile("f");
  const { rootFd } = disk.context;
  const of = subject("f");
  for (let available = 0; available < MOST; available++) {
    const [got, names, removed] = withFewDescriptors(available, (): unknown[] => [
      getSidecarValue(rootFd, of, KEY),
      listSidecarValues(rootFd, of),
      removeSidecarValue(rootFd, of, "user.none"),
    ]);
    expect<unknown[]>([value, -Errno.EMFILE]).toContainEqual(got);
    expect<unknown[]>([[KEY, FORK], -Errno.EMFILE]).toContainEqual(
      Array.isArray(names) ? [...names].sort() : names,
    );
    expect([-Errno.ENODATA, -Errno.EMFILE]).toContain(removed as number);
  }
});

test.each(["", "below"])("a file is moved with its values, or stays, to the folder %p", (below) => {
  const { context } = disk;
  const outcomes = new Set<number>();
  for (let available = 0; available < MOST; available++) {
    const name = `f${available}`;
    makeFile(name);
    mkdirSync(join(root, below), { recursive: true });
    const target = { path: join(below, "moved"), name: "moved", identity: "", isDirectory: false };
    const identity = identityOf(subject(name).stat);
    const moved = withFewDescriptors(available, () => renamePath(context, name, identity, target, false));
    outcomes.add(typeof moved === "number" ? moved : 0);
    const isThere = existsSync(join(root, name));
    expect(isThere).toBe(typeof moved === "number");
    const folder = openAt(AT_FDCWD, isThere ? root : join(root, below), Open.PATH);
    const now = isThere ? name : "moved";
    expect(getSidecarValue(folder, subject(now, folder), KEY)).toEqual(value);
    expect(measureSidecarValues(folder, subject(now, folder), [FORK])).toMatchObject([
      { bytes: value.length },
    ]);
    closeFd(folder);
    rmSync(join(root, below, "moved"), { force: true });
  }
  expect([...outcomes].sort()).toEqual([-Errno.EMFILE, 0]);
});

test("a hard link has the values, or is not made", () => {
  const { context } = disk;
  const outcomes = new Set<number>();
  for (let available = 0; available < MOST; available++) {
    const name = `f${available}`;
    makeFile(name);
    const { fd, identity } = disk.open(name);
    const target = { path: "linked", name: "linked", identity: "", isDirectory: false };
    const linked = withFewDescriptors(available, () => linkObject(context, fd, identity, target, false));
    outcomes.add(linked);
    expect(existsSync(join(root, "linked"))).toBe(linked === 0);
    for (const one of linked === 0 ? [name, "linked"] : [name]) {
      expect(getSidecarValue(context.rootFd, subject(one), KEY)).toEqual(value);
      const measured = measureSidecarValues(context.rootFd, subject(one), [FORK]);
      expect(measured).toMatchObject([{ bytes: value.length }]);
    }
    rmSync(join(root, "linked"), { force: true });
  }
  expect([...outcomes].sort()).toEqual([-Errno.EMFILE, 0]);
});

test("a data file whose entry the disk did not list stays", () => {
  makeFile("f");
  const { rootFd } = disk.context;
  const sidecar = openAt(rootFd, ".minismbd", Open.PATH);
  const { eachName } = directories;
  const failing = spyOn(directories, "eachName").mockImplementation((directory, take) => {
    eachName(directory, (name) => !name.endsWith(".data") || take(name));
    return -Errno.EIO;
  });
  removeOrphanData(sidecar, Date.now() / 1000 + 7200);
  failing.mockRestore();
  closeFd(sidecar);
  expect(measureSidecarValues(rootFd, subject("f"), [FORK])).toMatchObject([{ bytes: value.length }]);
});

test("the mark of values in the sidecar stays while they cannot be read", () => {
  const { rootFd } = disk.context;
  for (let available = 0; available < MOST; available++) {
    makeFile("f");
    const { fd } = disk.open("f");
    setXattr(fd, OVERFLOW_MARK, Uint8Array.of(1));
    withFewDescriptors(available, () =>
      dropOverflow({ fd, folder: rootFd, subject: subject("f") }, "user.other"),
    );
    expect(getXattr(fd, OVERFLOW_MARK, new Scratch(8))).toBe(1);
  }
  expect(statSync(join(root, "f")).size).toBe(4);
});
