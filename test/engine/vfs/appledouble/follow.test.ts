// An AppleDouble file goes with its object also while the process has too few descriptors.
import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { removeName, renamePath } from "../../../../src/engine/vfs/disk/rename.ts";
import { encodeAppleDouble, Maker } from "../../../../src/engine/vfs/format/apple-double.ts";
import { withFewDescriptors } from "../../../few-descriptors.ts";
import { OverflowDisk } from "../values/overflow-disk.ts";

/** More than the operations have open. */
const MOST = 8;
const finderInfo = new Uint8Array(32).fill(1);
const fork = new TextEncoder().encode("resources");

let root = "";
let disk: OverflowDisk;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "minismbd-follow-"));
  disk = new OverflowDisk(root);
});
afterEach(() => {
  disk.close();
  rmSync(root, { recursive: true, force: true });
});

function makeFile(name: string): string {
  const head = encodeAppleDouble({
    maker: Maker.MAC,
    finderInfo,
    attributes: [],
    others: [],
    forkBytes: fork.length,
  });
  writeFileSync(join(root, name), "data");
  writeFileSync(join(root, `._${name}`), Buffer.concat([head ?? new Uint8Array(), fork]));
  return disk.open(name).identity;
}

test("after a rename it has the new name, or both have the old one", () => {
  for (let available = 0; available < MOST; available++) {
    const identity = makeFile("f");
    const target = { path: "g", name: "g", identity: "", isDirectory: false };
    const moved = withFewDescriptors(available, () => renamePath(disk.context, "f", identity, target, false));
    const name = typeof moved === "number" ? "f" : "g";
    expect(readdirSync(root).sort()).toEqual([`._${name}`, name]);
    for (const one of readdirSync(root)) rmSync(join(root, one));
  }
});

test("what a rename replaces leaves nothing to the new object", () => {
  for (let available = 0; available < MOST; available++) {
    const identity = makeFile("f");
    rmSync(join(root, "._f"));
    const target = { path: "g", name: "g", identity: makeFile("g"), isDirectory: false };
    const moved = withFewDescriptors(available, () => renamePath(disk.context, "f", identity, target, true));
    expect(readdirSync(root).sort()).toEqual(typeof moved === "number" ? ["._g", "f", "g"] : ["g"]);
    for (const one of readdirSync(root)) rmSync(join(root, one));
  }
});

test("it is removed with its object, or both stay", () => {
  for (let available = 0; available < MOST; available++) {
    const identity = makeFile("f");
    const removed = withFewDescriptors(available, () => removeName(disk.context, "f", identity, false));
    expect(readdirSync(root).sort()).toEqual(removed < 0 ? ["._f", "f"] : []);
    for (const one of readdirSync(root)) rmSync(join(root, one));
  }
});
