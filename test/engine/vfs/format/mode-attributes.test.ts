// DOS attributes in a file's mode, as smb.conf(5) describes `map archive`, `map hidden`, `map system`, `map
// readonly`.
import { describe, expect, test } from "bun:test";
import { chmodSync, statSync, writeFileSync } from "node:fs";
import {
  attributesInMode,
  attributesOfMode,
  modeOfAttributes,
} from "../../../../src/engine/vfs/format/mode-attributes.ts";
import type { ModeMapping } from "../../../../src/port/port.ts";
import { Errno } from "../../../../src/linux/errno.ts";
import { FileAttribute } from "../../../../src/wire/fscc/attributes.ts";
import { Fixture } from "../share-fixture.ts";

const { READONLY, HIDDEN, SYSTEM, ARCHIVE } = FileAttribute;
const PLAIN: ModeMapping = { archive: "auto", hidden: false, system: false, readonly: true };
const MAPPED: ModeMapping = { archive: "yes", hidden: true, system: true, readonly: true };

test.each([
  [0o644, PLAIN, ARCHIVE],
  [0o755, PLAIN, ARCHIVE],
  [0o444, PLAIN, ARCHIVE | READONLY],
  [0o644, { ...PLAIN, archive: "no" }, 0],
  [0o444, { ...PLAIN, readonly: false }, ARCHIVE],
  [0o644, MAPPED, 0],
  [0o744, MAPPED, ARCHIVE],
  [0o654, MAPPED, SYSTEM],
  [0o645, MAPPED, HIDDEN],
  [0o555, MAPPED, ARCHIVE | SYSTEM | HIDDEN | READONLY],
] as [number, ModeMapping, number][])("mode %o", (mode, mapping, attributes) => {
  expect(attributesOfMode(mode, false, mapping)).toBe(attributes);
});

test("a directory's execute bits stand for no attributes", () => {
  expect(attributesOfMode(0o755, true, MAPPED)).toBe(0);
  expect(attributesOfMode(0o555, true, PLAIN)).toBe(0);
});

test("every set of attributes is read back as it was set", () => {
  for (const mapping of [PLAIN, MAPPED]) {
    for (let bits = 0; bits < 64; bits++) {
      const attributes = bits & attributesInMode(mapping);
      if (mapping.archive === "auto" && (attributes & ARCHIVE) === 0) continue;
      const mode = modeOfAttributes(0o644, attributes, mapping, 0);
      expect(attributesOfMode(mode, false, mapping)).toBe(attributes);
      const back = modeOfAttributes(mode, ARCHIVE, mapping, 0o022);
      expect(back & 0o200).toBe(0o200);
    }
  }
});

describe("a share that does not store attributes", () => {
  test("maps attributes to the mode, and refuses those that it does not map", async () => {
    const share = new Fixture({ storeDosAttributes: false, modeMapping: MAPPED });
    writeFileSync(share.at("file"), "");
    chmodSync(share.at("file"), 0o644);
    const node = await share.node("file");
    expect(await node.setAttributes(HIDDEN | SYSTEM | ARCHIVE)).toBe(0);
    expect(statSync(share.at("file")).mode & 0o777).toBe(0o755);
    expect(await node.setAttributes(READONLY)).toBe(0);
    expect(statSync(share.at("file")).mode & 0o777).toBe(0o444);
    expect(await node.setAttributes(0)).toBe(0);
    expect(statSync(share.at("file")).mode & 0o200).toBe(0o200);
    expect(await node.setAttributes(FileAttribute.OFFLINE)).toBe(-Errno.EOPNOTSUPP);
    node.close();
    share.dispose();
  });

  test("reads attributes that Samba has mapped, and maps those of new files", async () => {
    const share = new Fixture({ storeDosAttributes: false, modeMapping: MAPPED, createMask: 0o755 });
    writeFileSync(share.at("hidden"), "");
    chmodSync(share.at("hidden"), 0o645);
    const found = await share.node("hidden");
    expect(found.stat.attributes).toBe(HIDDEN);
    found.close();
    const { node, handle } = await share.create(["made"], SYSTEM);
    expect(node.stat.attributes).toBe(SYSTEM | ARCHIVE);
    handle.close();
    node.close();
    share.dispose();
  });
});
