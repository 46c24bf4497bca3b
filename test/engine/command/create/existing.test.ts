// CREATE of an object that exists: kind, attributes and access; [MS-FSA] 2.1.5.1.2, 2.1.5.1.2.1.
import { describe, expect, test } from "bun:test";
import { checkExisting, decideAccess } from "../../../../src/engine/command/create/existing.ts";
import { READ_ONLY_ACCESS } from "../../../../src/engine/command/open/access-check.ts";
import { FileKind } from "../../../../src/engine/vfs/store.ts";
import { CreateDisposition, CreateOption, type CreateRequest } from "../../../../src/wire/command/create.ts";
import { FileAttribute } from "../../../../src/wire/fscc/attributes.ts";
import { Access, FileGeneric } from "../../../../src/wire/security/access.ts";
import { type NtStatus, Status, statusName } from "../../../../src/wire/status.ts";
import { nodeFor, type NodeFacts, requestFor, treeFor } from "./create-fixture.ts";

const { DIRECTORY_FILE, NON_DIRECTORY_FILE, DELETE_ON_CLOSE } = CreateOption;
const { CREATE, OPEN_IF, OVERWRITE, OVERWRITE_IF, SUPERSEDE } = CreateDisposition;
const { HIDDEN, SYSTEM, READONLY, ARCHIVE } = FileAttribute;

type Case = readonly [title: string, facts: NodeFacts, change: Partial<CreateRequest>, expected: NtStatus];

const kinds: readonly Case[] = [
  ["FILE_OPEN of a file", {}, {}, Status.SUCCESS],
  ["FILE_OPEN of a READONLY file", { attributes: READONLY }, {}, Status.SUCCESS],
  ["FILE_OPEN_IF of a HIDDEN file", { attributes: HIDDEN }, { createDisposition: OPEN_IF }, Status.SUCCESS],
  ["FILE_CREATE of a file", {}, { createDisposition: CREATE }, Status.OBJECT_NAME_COLLISION],
  [
    "FILE_CREATE of a directory",
    { kind: FileKind.DIRECTORY },
    { createDisposition: CREATE, createOptions: DIRECTORY_FILE },
    Status.OBJECT_NAME_COLLISION,
  ],
  ["FILE_DIRECTORY_FILE of a file", {}, { createOptions: DIRECTORY_FILE }, Status.NOT_A_DIRECTORY],
  [
    "FILE_DIRECTORY_FILE of a FIFO",
    { kind: FileKind.OTHER },
    { createOptions: DIRECTORY_FILE },
    Status.NOT_A_DIRECTORY,
  ],
  [
    "FILE_NON_DIRECTORY_FILE of a directory",
    { kind: FileKind.DIRECTORY },
    { createOptions: NON_DIRECTORY_FILE },
    Status.FILE_IS_A_DIRECTORY,
  ],
  ["FILE_OPEN of a directory", { kind: FileKind.DIRECTORY }, {}, Status.SUCCESS],
  [
    "FILE_OPEN_IF of a directory",
    { kind: FileKind.DIRECTORY },
    { createDisposition: OPEN_IF },
    Status.SUCCESS,
  ],
  [
    "FILE_OVERWRITE_IF of a directory",
    { kind: FileKind.DIRECTORY },
    { createDisposition: OVERWRITE_IF },
    Status.INVALID_PARAMETER,
  ],
  [
    "FILE_OVERWRITE of a FIFO",
    { kind: FileKind.OTHER },
    { createDisposition: OVERWRITE },
    Status.ACCESS_DENIED,
  ],
];

const overwrites: readonly Case[] = [
  ["a plain file", {}, {}, Status.SUCCESS],
  ["an ARCHIVE file", { attributes: ARCHIVE }, {}, Status.SUCCESS],
  ["a READONLY file", { attributes: READONLY }, {}, Status.ACCESS_DENIED],
  [
    "a READONLY file with READONLY",
    { attributes: READONLY },
    { fileAttributes: READONLY },
    Status.ACCESS_DENIED,
  ],
  ["a HIDDEN file", { attributes: HIDDEN }, {}, Status.ACCESS_DENIED],
  ["a HIDDEN file with HIDDEN", { attributes: HIDDEN }, { fileAttributes: HIDDEN }, Status.SUCCESS],
  ["a SYSTEM file", { attributes: SYSTEM }, { fileAttributes: HIDDEN }, Status.ACCESS_DENIED],
  [
    "a HIDDEN and SYSTEM file with HIDDEN alone",
    { attributes: HIDDEN | SYSTEM },
    { fileAttributes: HIDDEN },
    Status.ACCESS_DENIED,
  ],
  [
    "a HIDDEN and SYSTEM file with both",
    { attributes: HIDDEN | SYSTEM },
    { fileAttributes: HIDDEN | SYSTEM },
    Status.SUCCESS,
  ],
];

describe("an existing object, [MS-FSA] 2.1.5.1.2:", () => {
  test.each([...kinds])("%s", (_, facts, change, expected) => {
    const status = checkExisting(requestFor(change), treeFor(), ["file"], nodeFor(facts));
    expect(statusName(status)).toBe(statusName(expected));
  });
});

describe.each([
  ["FILE_SUPERSEDE", SUPERSEDE],
  ["FILE_OVERWRITE", OVERWRITE],
  ["FILE_OVERWRITE_IF", OVERWRITE_IF],
])("%s, [MS-FSA] 2.1.5.1.2.1, of", (_, createDisposition) => {
  test.each([...overwrites])("%s", (_title, facts, change, expected) => {
    const request = requestFor({ createDisposition, ...change });
    const status = checkExisting(request, treeFor(), ["file"], nodeFor(facts));
    expect(statusName(status)).toBe(statusName(expected));
  });

  test("a file that its dot alone hides needs no HIDDEN", () => {
    const node = nodeFor({ attributes: HIDDEN });
    const status = checkExisting(requestFor({ createDisposition }), treeFor(), [".profile"], node);
    expect(status).toBe(Status.SUCCESS);
  });

  test("a file on a read-only share fails with STATUS_ACCESS_DENIED", () => {
    const tree = treeFor({ readOnly: true }, READ_ONLY_ACCESS);
    expect(checkExisting(requestFor({ createDisposition }), tree, ["file"], nodeFor())).toBe(
      Status.ACCESS_DENIED,
    );
  });
});

type AccessCase = readonly [
  title: string,
  facts: NodeFacts,
  change: Partial<CreateRequest>,
  expected: number | keyof typeof Status,
];

const { READ_DATA, WRITE_DATA, DELETE, MAXIMUM_ALLOWED, GENERIC_READ, WRITE_DAC } = Access;
const readOnlyFile = { attributes: READONLY };
const readable = { permissions: 4 };

const accesses: readonly AccessCase[] = [
  ["FILE_READ_DATA of a readable file", readable, { desiredAccess: READ_DATA }, READ_DATA],
  ["FILE_READ_DATA of an unreadable file", { permissions: 2 }, { desiredAccess: READ_DATA }, "ACCESS_DENIED"],
  ["GENERIC_READ of a readable file", readable, { desiredAccess: GENERIC_READ }, FileGeneric.READ],
  ["FILE_WRITE_DATA of a readable file", readable, { desiredAccess: WRITE_DATA }, "ACCESS_DENIED"],
  ["FILE_READ_ATTRIBUTES without any permission", { permissions: 0 }, { desiredAccess: 0x80 }, 0x80],
  ["WRITE_DAC of another user's file", {}, { desiredAccess: WRITE_DAC }, "ACCESS_DENIED"],
  ["WRITE_DAC of an own file", { isOwned: true }, { desiredAccess: WRITE_DAC }, WRITE_DAC],
  // FILE_GENERIC_READ | FILE_GENERIC_EXECUTE.
  ["MAXIMUM_ALLOWED of a readable file", readable, { desiredAccess: MAXIMUM_ALLOWED }, 0x0012_00a9],
  // All but WRITE_DAC and WRITE_OWNER.
  ["MAXIMUM_ALLOWED of a writable file", {}, { desiredAccess: MAXIMUM_ALLOWED }, 0x0013_01ff],
  ["MAXIMUM_ALLOWED of an own file", { isOwned: true }, { desiredAccess: MAXIMUM_ALLOWED }, FileGeneric.ALL],
  [
    "MAXIMUM_ALLOWED and an access that is refused",
    readable,
    { desiredAccess: 0x0200_0002 },
    "ACCESS_DENIED",
  ],
  ["FILE_WRITE_DATA of a READONLY file", readOnlyFile, { desiredAccess: WRITE_DATA }, "ACCESS_DENIED"],
  ["FILE_APPEND_DATA of a READONLY file", readOnlyFile, { desiredAccess: 0x4 }, "ACCESS_DENIED"],
  ["DELETE of a READONLY file", readOnlyFile, { desiredAccess: DELETE }, DELETE],
  [
    "FILE_ADD_FILE of a READONLY directory",
    { kind: FileKind.DIRECTORY, ...readOnlyFile },
    { desiredAccess: Access.ADD_FILE },
    Access.ADD_FILE,
  ],
  [
    "MAXIMUM_ALLOWED of an own READONLY file",
    { isOwned: true, ...readOnlyFile },
    { desiredAccess: MAXIMUM_ALLOWED },
    // Without FILE_WRITE_DATA, FILE_APPEND_DATA and FILE_DELETE_CHILD.
    0x001f_01b9,
  ],
  [
    "FILE_READ_DATA and FILE_OVERWRITE of a file that cannot be written",
    readable,
    { desiredAccess: READ_DATA, createDisposition: OVERWRITE },
    "ACCESS_DENIED",
  ],
  [
    "FILE_READ_DATA and FILE_OVERWRITE of a writable file",
    {},
    { desiredAccess: READ_DATA, createDisposition: OVERWRITE },
    READ_DATA,
  ],
  ["FILE_DELETE_ON_CLOSE with DELETE", {}, { desiredAccess: DELETE, createOptions: DELETE_ON_CLOSE }, DELETE],
  [
    "FILE_DELETE_ON_CLOSE without DELETE",
    {},
    { desiredAccess: READ_DATA, createOptions: DELETE_ON_CLOSE },
    "ACCESS_DENIED",
  ],
  [
    "FILE_DELETE_ON_CLOSE of a READONLY file",
    readOnlyFile,
    { desiredAccess: DELETE, createOptions: DELETE_ON_CLOSE },
    "CANNOT_DELETE",
  ],
];

describe("the access to an existing object, [MS-FSA] 2.1.5.1.2.1:", () => {
  test.each([...accesses])("%s", (_, facts, change, expected) => {
    const outcome = decideAccess(requestFor(change), treeFor(), nodeFor(facts));
    const wanted =
      typeof expected === "number"
        ? { status: Status.SUCCESS, granted: expected }
        : { status: Status[expected], granted: 0 };
    expect(outcome).toEqual(wanted);
  });

  test("MAXIMUM_ALLOWED on a read-only share grants FILE_GENERIC_READ and FILE_GENERIC_EXECUTE", () => {
    const tree = treeFor({ readOnly: true }, READ_ONLY_ACCESS);
    const request = requestFor({ desiredAccess: MAXIMUM_ALLOWED });
    expect(decideAccess(request, tree, nodeFor({ isOwned: true })).granted).toBe(0x0012_00a9);
  });

  test("with `writersMayChange` a user who may write a file may change its mode", () => {
    const { security } = treeFor().grant;
    const tree = treeFor({ security: { ...security, writersMayChange: true } });
    const request = requestFor({ desiredAccess: WRITE_DAC });
    expect(decideAccess(request, tree, nodeFor()).granted).toBe(WRITE_DAC);
    expect(decideAccess(request, tree, nodeFor(readable)).status).toBe(Status.ACCESS_DENIED);
  });
});
