// Entries that a local user has put into the sidecar of a folder of his, for files of others.
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { chownSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Errno } from "../../../../src/linux/errno.ts";
import { AT_FDCWD, Open, closeFd, openAt } from "../../../../src/linux/open.ts";
import { emptyStatx, statAt } from "../../../../src/linux/stat.ts";
import type { Subject } from "../../../../src/engine/vfs/sidecar/entry.ts";
import { finishSidecarMove, prepareSidecarMove } from "../../../../src/engine/vfs/sidecar/move.ts";
import {
  getSidecarValue,
  listSidecarValues,
  setSidecarValue,
} from "../../../../src/engine/vfs/sidecar/folder.ts";

const KEY = "user.DOSATTRIB";
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

let root = "";
let at = -1;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "minismbd-sidecar-"));
  at = openAt(AT_FDCWD, root, Open.PATH | Open.DIRECTORY);
});

afterEach(() => {
  closeFd(at);
  rmSync(root, { recursive: true, force: true });
});

function subject(name: string): Subject {
  const stat = emptyStatx();
  expect(statAt(at, name, stat)).toBe(0);
  return { name, stat, hasStableInodes: true };
}

function get(name: string, key = KEY): string | number {
  const value = getSidecarValue(at, subject(name), key);
  return typeof value === "number" ? value : new TextDecoder().decode(value);
}

describe.skipIf(process.getuid?.() !== 0)("an entry that another user has written", () => {
  const RIGHTS = "security.NTACL";

  function makeWithEntry(name: string): void {
    writeFileSync(join(root, name), "data");
    const of = subject(name);
    setSidecarValue(at, of, RIGHTS, bytes("rights"));
    setSidecarValue(at, of, KEY, bytes("attributes"));
  }

  test("does not set the rights to a file of others, even after a rename; other values are valid", () => {
    makeWithEntry("theirs");
    chownSync(join(root, "theirs"), 1001, 1001);
    expect(get("theirs", RIGHTS)).toBe("rights");
    chownSync(join(root, ".minismbd", "theirs.values"), 1002, 1002);
    expect(get("theirs", RIGHTS)).toBe(-Errno.ENODATA);
    expect(get("theirs")).toBe("attributes");
    expect(listSidecarValues(at, subject("theirs"))).toEqual([KEY]);
    expect(prepareSidecarMove(at, subject("theirs"), at, "moved")).toBe(true);
    renameSync(join(root, "theirs"), join(root, "moved"));
    finishSidecarMove(at, "moved", true);
    expect(get("moved", RIGHTS)).toBe(-Errno.ENODATA);
    expect(get("moved")).toBe("attributes");
  });

  test("is valid where the writer owns the file, as on a disk with one owner for all files", () => {
    makeWithEntry("own");
    chownSync(join(root, "own"), 1001, 1001);
    chownSync(join(root, ".minismbd", "own.values"), 1001, 1001);
    expect(get("own", RIGHTS)).toBe("rights");
  });
});
