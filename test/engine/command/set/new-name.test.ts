// The new name of a rename or hard link: decoding, and what it may replace. [MS-FSA] 2.1.5.15.6 (link),
// 2.1.5.15.11 (rename); [MS-FSCC] 2.4, FileRenameInformationEx.
import { describe, expect, test } from "bun:test";
import {
  checkSharing,
  checkTarget,
  decodeTarget,
  type NewName,
} from "../../../../src/engine/command/set/new-name.ts";
import { OpenTable } from "../../../../src/engine/state/open-table.ts";
import { FileKind } from "../../../../src/engine/vfs/store.ts";
import { ShareAccess } from "../../../../src/wire/command/create.ts";
import { FileAttribute } from "../../../../src/wire/fscc/attributes.ts";
import { RenameFlag } from "../../../../src/wire/fscc/rename.ts";
import { Access } from "../../../../src/wire/security/access.ts";
import { type NtStatus, Status, statusName } from "../../../../src/wire/status.ts";
import { makeOpen } from "../open-fixture.ts";

const SHARE_ALL = ShareAccess.READ | ShareAccess.WRITE | ShareAccess.DELETE;
const SHARE_READ_WRITE = ShareAccess.READ | ShareAccess.WRITE;
const { REPLACE_IF_EXISTS, POSIX_SEMANTICS, IGNORE_READONLY_ATTRIBUTE } = RenameFlag;

describe("decodeTarget", () => {
  const plain = { replace: false, replacesOpen: false, replacesReadOnly: false };
  test.each([
    ["a name in the root", 0, "b", { ...plain, components: ["b"] }],
    ["a name in a subdirectory", 0, "dir\\b", { ...plain, components: ["dir", "b"] }],
    ["one leading backslash, as smbclient sends", 0, "\\dir\\b", { ...plain, components: ["dir", "b"] }],
    ["FILE_RENAME_REPLACE_IF_EXISTS", REPLACE_IF_EXISTS, "b", { ...plain, components: ["b"], replace: true }],
    [
      "FILE_RENAME_POSIX_SEMANTICS",
      REPLACE_IF_EXISTS | POSIX_SEMANTICS,
      "b",
      { ...plain, components: ["b"], replace: true, replacesOpen: true },
    ],
    [
      "FILE_RENAME_IGNORE_READONLY_ATTRIBUTE",
      REPLACE_IF_EXISTS | IGNORE_READONLY_ATTRIBUTE,
      "b",
      { ...plain, components: ["b"], replace: true, replacesReadOnly: true },
    ],
    [
      "flags about storage reserves, without effect",
      RenameFlag.SUPPRESS_PIN_STATE_INHERITANCE |
        RenameFlag.SUPPRESS_STORAGE_RESERVE_INHERITANCE |
        RenameFlag.NO_INCREASE_AVAILABLE_SPACE |
        RenameFlag.NO_DECREASE_AVAILABLE_SPACE |
        RenameFlag.FORCE_RESIZE_TARGET_STORAGE |
        RenameFlag.FORCE_RESIZE_SOURCE_STORAGE,
      "b",
      { ...plain, components: ["b"] },
    ],
  ])("[MS-FSCC] 2.4: accepts %s", (_, flags, name, expected) => {
    expect(decodeTarget(makeOpen({}), { flags, name })).toEqual(expected);
  });

  test.each<[string, keyof typeof Status, number, string]>([
    ["an unknown flag", "INVALID_PARAMETER", 0x200, "b"],
    ["two leading backslashes", "INVALID_PARAMETER", 0, "\\\\b"],
    ["an empty name", "OBJECT_NAME_INVALID", 0, ""],
    ["the root of the share", "OBJECT_NAME_INVALID", 0, "\\"],
    ["a wildcard ([MS-FSCC] 2.1.5.2)", "OBJECT_NAME_INVALID", 0, "b*"],
    ["a path out of the share", "OBJECT_PATH_SYNTAX_BAD", 0, "..\\b"],
    ["a stream name for a file", "NOT_SUPPORTED", 0, "b:stream"],
  ])("%s gets STATUS_%s", (_, expected, flags, name) => {
    const decoded = decodeTarget(makeOpen({}), { flags, name });
    expect(decoded).toBe(Status[expected]);
  });

  test("takes a colon as part of a name from a client with the POSIX extensions", () => {
    const decoded = decodeTarget(makeOpen({ isPosix: true }), { flags: 0, name: "dir/b:c" });
    expect(decoded).toMatchObject({ components: ["dir", "b:c"] });
  });
});

describe("checkSharing", () => {
  test.each<[string, keyof typeof Status, number, number]>([
    ["an open for reading that shares deletion", "SUCCESS", Access.READ_DATA, SHARE_ALL],
    ["an open for reading that does not", "SHARING_VIOLATION", Access.READ_DATA, SHARE_READ_WRITE],
    ["an open for deletion that does not", "SHARING_VIOLATION", Access.DELETE, SHARE_READ_WRITE],
    ["an open for attributes that does not", "SUCCESS", Access.READ_ATTRIBUTES, SHARE_READ_WRITE],
  ])("[MS-FSA] 2.1.5.1.2.2: %s gets STATUS_%s", (_, expected, grantedAccess, shareAccess) => {
    const table = new OpenTable();
    const file = table.takeFile("1:2", "/share/b");
    const mine = makeOpen({ file, grantedAccess: Access.DELETE });
    table.add(mine);
    table.add(makeOpen({ file, grantedAccess, shareAccess }));
    expect(statusName(checkSharing(file, mine))).toBe(`STATUS_${expected}`);
  });
});

type OtherOpen = "none" | "shares deletion" | "does not share deletion";

interface TargetCase {
  /** Undefined: the new name is free. */
  readonly target?: { readonly identity?: string; readonly kind?: FileKind; readonly attributes?: number };
  readonly openOfTarget?: OtherOpen;
  readonly newName?: Partial<NewName>;
  readonly isPosix?: boolean;
}

function decideTarget({ target, openOfTarget = "none", newName, isPosix = false }: TargetCase): NtStatus {
  const table = new OpenTable();
  const open = makeOpen({ file: table.takeFile("1:1", "/share/a"), grantedAccess: Access.DELETE, isPosix });
  table.add(open);
  const identity = target?.identity ?? "1:2";
  if (openOfTarget !== "none") {
    const shareAccess = openOfTarget === "shares deletion" ? SHARE_ALL : SHARE_READ_WRITE;
    const file = table.takeFile(identity, "/share/b");
    table.add(makeOpen({ file, grantedAccess: Access.READ_DATA, shareAccess }));
  }
  const stat = { kind: target?.kind ?? FileKind.FILE, attributes: target?.attributes ?? 0 };
  const node = target === undefined ? undefined : { identity, stat };
  const name = { components: ["b"], replace: false, replacesOpen: false, replacesReadOnly: false };
  return checkTarget(table, open, { identity: "1:1" }, { node }, { ...name, ...newName });
}

const replace = { replace: true };
const readOnly = { attributes: FileAttribute.READONLY };
const directory = { kind: FileKind.DIRECTORY, attributes: FileAttribute.DIRECTORY };

describe("checkTarget", () => {
  test.each<[string, keyof typeof Status, TargetCase]>([
    ["a free name", "SUCCESS", {}],
    ["the file itself in other case", "SUCCESS", { target: { identity: "1:1" } }],
    ["a file, without ReplaceIfExists", "OBJECT_NAME_COLLISION", { target: {} }],
    ["a directory, without ReplaceIfExists", "OBJECT_NAME_COLLISION", { target: directory }],
    ["a file, with ReplaceIfExists", "SUCCESS", { target: {}, newName: replace }],
    ["a directory, with ReplaceIfExists", "ACCESS_DENIED", { target: directory, newName: replace }],
    ["a read-only file, with ReplaceIfExists", "ACCESS_DENIED", { target: readOnly, newName: replace }],
    [
      "an open file, with ReplaceIfExists",
      "ACCESS_DENIED",
      { target: {}, openOfTarget: "shares deletion", newName: replace },
    ],
  ])("[MS-FSA] 2.1.5.15.11: a rename to %s gets STATUS_%s", (_, expected, fields) => {
    expect(statusName(decideTarget(fields))).toBe(`STATUS_${expected}`);
  });

  const ex = { replace: true, replacesOpen: true };
  test.each<[string, keyof typeof Status, TargetCase]>([
    [
      "FILE_RENAME_IGNORE_READONLY_ATTRIBUTE replaces a read-only file",
      "SUCCESS",
      { target: readOnly, newName: { replace: true, replacesReadOnly: true } },
    ],
    [
      "FILE_RENAME_IGNORE_READONLY_ATTRIBUTE does not replace a directory",
      "ACCESS_DENIED",
      { target: directory, newName: { replace: true, replacesReadOnly: true } },
    ],
    [
      "FILE_RENAME_POSIX_SEMANTICS replaces an open file that all opens share for deletion",
      "SUCCESS",
      { target: {}, openOfTarget: "shares deletion", newName: ex },
    ],
    [
      "FILE_RENAME_POSIX_SEMANTICS respects an open that does not share deletion",
      "SHARING_VIOLATION",
      { target: {}, openOfTarget: "does not share deletion", newName: ex },
    ],
    [
      "FILE_RENAME_POSIX_SEMANTICS does not replace a read-only file",
      "ACCESS_DENIED",
      { target: readOnly, newName: ex },
    ],
    [
      "FILE_RENAME_POSIX_SEMANTICS without ReplaceIfExists replaces nothing",
      "OBJECT_NAME_COLLISION",
      { target: {}, newName: { replacesOpen: true } },
    ],
  ])("[MS-FSCC] 2.4: %s: STATUS_%s", (_, expected, fields) => {
    expect(statusName(decideTarget(fields))).toBe(`STATUS_${expected}`);
  });

  test.each<[string, keyof typeof Status, TargetCase]>([
    ["a directory", "SUCCESS", { target: directory, newName: replace, isPosix: true }],
    ["a read-only file", "SUCCESS", { target: readOnly, newName: replace, isPosix: true }],
    [
      "an open file",
      "SUCCESS",
      { target: {}, openOfTarget: "does not share deletion", newName: replace, isPosix: true },
    ],
    ["a file without ReplaceIfExists", "OBJECT_NAME_COLLISION", { target: {}, isPosix: true }],
  ])("a client with the POSIX extensions that replaces %s gets STATUS_%s", (_, expected, fields) => {
    expect(statusName(decideTarget(fields))).toBe(`STATUS_${expected}`);
  });
});
