// The maximal access to an object by mode bits, owner and share; [MS-SMB2] 3.3.5.9, [MS-FSA] 2.1.5.1.2.1.
import { describe, expect, test } from "bun:test";
import {
  accessFor,
  maximalAccessOf,
  READ_ONLY_ACCESS,
  refusedByReadOnly,
  unusableAccessOf,
} from "../../../../src/engine/command/open/access-check.ts";
import { FileKind, OWNERLESS } from "../../../../src/engine/vfs/store.ts";
import { FileAttribute } from "../../../../src/wire/fscc/attributes.ts";
import { Access } from "../../../../src/wire/security/access.ts";
import { nodeFor, treeFor } from "../create/create-fixture.ts";

/** FILE_READ_ATTRIBUTES, READ_CONTROL and SYNCHRONIZE. */
const ALWAYS = 0x0012_0080;
const READ = 0x0000_0029;
const WRITE = 0x0001_0156;
/** FILE_WRITE_ATTRIBUTES, FILE_WRITE_EA, WRITE_DAC, WRITE_OWNER and DELETE. */
const OWNER = 0x000d_0110;

describe("the maximal access with", () => {
  test.each([
    ["no permission", 0, false, ALWAYS],
    ["x", 1, false, ALWAYS | Access.EXECUTE],
    ["w", 2, false, ALWAYS | WRITE],
    ["r", 4, false, ALWAYS | READ],
    ["rw", 6, false, ALWAYS | READ | WRITE],
    ["rwx", 7, false, 0x001f_01ff],
    ["rw, on a disk that keeps no owners", 6 | OWNERLESS, false, 0x001f_01ff],
    ["no permission, as owner", 0, true, ALWAYS | OWNER],
    ["rw, as owner", 6, true, 0x001f_01ff],
  ])("%s", (_, permissions, isOwned, expected) => {
    expect(maximalAccessOf(treeFor(), nodeFor({ permissions, isOwned }))).toBe(expected);
  });

  test.each([
    ["no rights of the owner with rwx", 7, false, Access.WRITE_DAC | Access.WRITE_OWNER],
    ["all, as owner", 7, true, 0],
    ["all, on a disk that keeps no owners", 6 | OWNERLESS, false, 0],
  ])("can be used: %s", (_, permissions, isOwned, expected) => {
    expect(unusableAccessOf(treeFor(), nodeFor({ permissions, isOwned }), 0x001f_01ff)).toBe(expected);
  });

  test.each([
    ["what everybody has", ALWAYS, 0, ALWAYS],
    ["more", ALWAYS | Access.READ_DATA, 1, ALWAYS | READ],
    ["the maximum", Access.MAXIMUM_ALLOWED, 1, ALWAYS | READ],
  ])("the kernel's answer, which is asked for where a client wants %s", (_, wanted, expected, mask) => {
    let asked = 0;
    const access = (): number => {
      asked++;
      return 4;
    };
    const node = { ...nodeFor({}), access };
    expect(accessFor(treeFor(), node, wanted)).toBe(mask);
    expect(unusableAccessOf(treeFor(), node, wanted & ALWAYS)).toBe(0);
    expect(asked).toBe(expected);
  });

  test("root's credentials is that of the owner", () => {
    const tree = treeFor({ credentials: { uid: 0, gid: 0, groups: [] } });
    expect(maximalAccessOf(tree, nodeFor({ permissions: 0 }))).toBe(ALWAYS | OWNER);
  });

  test("write permission includes WRITE_DAC on a share with `writersMayChange`", () => {
    const { security } = treeFor().grant;
    const tree = treeFor({ security: { ...security, writersMayChange: true } });
    expect(maximalAccessOf(tree, nodeFor({ permissions: 2 }))).toBe(ALWAYS | WRITE | Access.WRITE_DAC);
    expect(maximalAccessOf(tree, nodeFor({ permissions: 4 }))).toBe(ALWAYS | READ);
  });

  test("a read-only share never exceeds FILE_GENERIC_READ and FILE_GENERIC_EXECUTE", () => {
    const tree = treeFor({ readOnly: true }, READ_ONLY_ACCESS);
    expect(maximalAccessOf(tree, nodeFor({ permissions: 7, isOwned: true }))).toBe(0x0012_00a9);
  });
});

describe("FILE_ATTRIBUTE_READONLY refuses", () => {
  const readOnly = { attributes: FileAttribute.READONLY };
  test.each([
    ["FILE_WRITE_DATA of a file", readOnly, Access.WRITE_DATA, true],
    ["FILE_APPEND_DATA of a file", readOnly, Access.APPEND_DATA, true],
    ["no FILE_WRITE_ATTRIBUTES", readOnly, Access.WRITE_ATTRIBUTES, false],
    ["no DELETE", readOnly, Access.DELETE, false],
    ["nothing of a directory", { ...readOnly, kind: FileKind.DIRECTORY }, Access.ADD_FILE, false],
    ["nothing of a file without it", {}, Access.WRITE_DATA, false],
  ])("%s", (_, facts, access, expected) => {
    expect(refusedByReadOnly(nodeFor(facts), access)).toBe(expected);
  });
});
