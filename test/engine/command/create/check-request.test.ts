// What a CREATE may request at all; [MS-SMB2] 2.2.13, 3.3.5.9, [MS-FSA] 2.1.5.1.
import { describe, expect, test } from "bun:test";
import { checkCreateRequest } from "../../../../src/engine/command/create/check-request.ts";
import { READ_ONLY_ACCESS } from "../../../../src/engine/command/open/access-check.ts";
import { CreateDisposition, CreateOption, type CreateRequest } from "../../../../src/wire/command/create.ts";
import { FileAttribute } from "../../../../src/wire/fscc/attributes.ts";
import { Access } from "../../../../src/wire/security/access.ts";
import { type NtStatus, Status, statusName } from "../../../../src/wire/status.ts";
import { requestFor, treeFor } from "./create-fixture.ts";

type Case = readonly [title: string, change: Partial<CreateRequest>, expected: NtStatus];

const { DIRECTORY_FILE, NON_DIRECTORY_FILE, DELETE_ON_CLOSE, NO_EA_KNOWLEDGE } = CreateOption;

/** One FILE_FULL_EA_INFORMATION entry `A` = `v`, without FILE_NEED_EA. */
const oneAttribute = Uint8Array.of(0, 0, 0, 0, 0, 1, 1, 0, 0x41, 0, 0x76);
/** The same with a name that is longer than the list. */
const brokenList = Uint8Array.of(0, 0, 0, 0, 0, 9, 1, 0, 0x41, 0, 0x76);
/** The same with an undefined flag. */
const unknownFlag = Uint8Array.of(0, 0, 0, 0, 1, 1, 1, 0, 0x41, 0, 0x76);

const cases: readonly Case[] = [
  ["a read of a file", {}, Status.SUCCESS],
  ["ImpersonationLevel Delegate, 2.2.13", { impersonationLevel: 3 }, Status.SUCCESS],
  ["an undefined ImpersonationLevel, 3.3.5.9", { impersonationLevel: 4 }, Status.BAD_IMPERSONATION_LEVEL],
  ["FILE_CREATE_TREE_CONNECTION, 2.2.13", { createOptions: 0x0080 }, Status.NOT_SUPPORTED],
  ["FILE_OPEN_BY_FILE_ID, 2.2.13", { createOptions: 0x2000 }, Status.NOT_SUPPORTED],
  ["FILE_RESERVE_OPFILTER, 2.2.13", { createOptions: 0x0010_0000 }, Status.NOT_SUPPORTED],
  ["an option above 0x00ffffff", { createOptions: 0x0100_0000 }, Status.INVALID_PARAMETER],
  ["the highest option bit", { createOptions: 0x8000_0000 }, Status.INVALID_PARAMETER],
  ["FILE_OVERWRITE_IF, the last disposition", { createDisposition: 5 }, Status.SUCCESS],
  ["an undefined disposition, 2.1.5.1", { createDisposition: 6 }, Status.INVALID_PARAMETER],
  ["all of ShareAccess", { shareAccess: 0x7 }, Status.SUCCESS],
  ["an undefined ShareAccess bit, 2.1.5.1", { shareAccess: 0x8 }, Status.INVALID_PARAMETER],
  ["FILE_ATTRIBUTE_ARCHIVE", { fileAttributes: FileAttribute.ARCHIVE }, Status.SUCCESS],
  ["FILE_ATTRIBUTE_INTEGRITY_STREAM", { fileAttributes: 0x8000 }, Status.SUCCESS],
  ["FILE_ATTRIBUTE_PINNED and UNPINNED", { fileAttributes: 0x18_0000 }, Status.SUCCESS],
  ["FILE_ATTRIBUTE_ENCRYPTED to open", { fileAttributes: FileAttribute.ENCRYPTED }, Status.SUCCESS],
  [
    "FILE_ATTRIBUTE_ENCRYPTED to create",
    { fileAttributes: FileAttribute.ENCRYPTED, createDisposition: CreateDisposition.OPEN_IF },
    Status.ACCESS_DENIED,
  ],
];

const directories: readonly Case[] = [
  ["FILE_OPEN", { createOptions: DIRECTORY_FILE }, Status.SUCCESS],
  ["FILE_CREATE", { createOptions: DIRECTORY_FILE, createDisposition: 2 }, Status.SUCCESS],
  ["FILE_OPEN_IF", { createOptions: DIRECTORY_FILE, createDisposition: 3 }, Status.SUCCESS],
  ["FILE_SUPERSEDE", { createOptions: DIRECTORY_FILE, createDisposition: 0 }, Status.INVALID_PARAMETER],
  ["FILE_OVERWRITE", { createOptions: DIRECTORY_FILE, createDisposition: 4 }, Status.INVALID_PARAMETER],
  ["FILE_OVERWRITE_IF", { createOptions: DIRECTORY_FILE, createDisposition: 5 }, Status.INVALID_PARAMETER],
  [
    "FILE_NON_DIRECTORY_FILE",
    { createOptions: DIRECTORY_FILE | NON_DIRECTORY_FILE },
    Status.INVALID_PARAMETER,
  ],
  [
    "FILE_ATTRIBUTE_TEMPORARY",
    { createOptions: DIRECTORY_FILE, fileAttributes: FileAttribute.TEMPORARY },
    Status.INVALID_PARAMETER,
  ],
];

const access: readonly Case[] = [
  ["no access at all", { desiredAccess: 0 }, Status.ACCESS_DENIED],
  ["a reserved bit", { desiredAccess: Access.READ_DATA | 0x0000_0200 }, Status.ACCESS_DENIED],
  ["reserved bit 27", { desiredAccess: Access.READ_DATA | 0x0800_0000 }, Status.ACCESS_DENIED],
  ["ACCESS_SYSTEM_SECURITY", { desiredAccess: 0x0100_0000 }, Status.PRIVILEGE_NOT_HELD],
  ["MAXIMUM_ALLOWED", { desiredAccess: 0x0200_0000 }, Status.SUCCESS],
  ["GENERIC_ALL", { desiredAccess: 0x1000_0000 }, Status.SUCCESS],
  [
    "FILE_DELETE_ON_CLOSE without DELETE",
    { createOptions: DELETE_ON_CLOSE, desiredAccess: Access.READ_DATA },
    Status.INVALID_PARAMETER,
  ],
  [
    "FILE_DELETE_ON_CLOSE with MAXIMUM_ALLOWED alone",
    { createOptions: DELETE_ON_CLOSE, desiredAccess: Access.MAXIMUM_ALLOWED },
    Status.INVALID_PARAMETER,
  ],
  [
    "FILE_DELETE_ON_CLOSE with DELETE",
    { createOptions: DELETE_ON_CLOSE, desiredAccess: Access.DELETE },
    Status.SUCCESS,
  ],
  [
    "FILE_DELETE_ON_CLOSE with GENERIC_ALL",
    { createOptions: DELETE_ON_CLOSE, desiredAccess: Access.GENERIC_ALL },
    Status.SUCCESS,
  ],
];

const readOnlyShare: readonly Case[] = [
  ["FILE_READ_DATA", { desiredAccess: Access.READ_DATA }, Status.SUCCESS],
  ["MAXIMUM_ALLOWED", { desiredAccess: Access.MAXIMUM_ALLOWED }, Status.SUCCESS],
  ["FILE_WRITE_DATA", { desiredAccess: Access.WRITE_DATA }, Status.ACCESS_DENIED],
  ["GENERIC_WRITE", { desiredAccess: Access.GENERIC_WRITE }, Status.ACCESS_DENIED],
  [
    "FILE_DELETE_ON_CLOSE",
    { createOptions: DELETE_ON_CLOSE, desiredAccess: Access.DELETE },
    Status.ACCESS_DENIED,
  ],
];

const attributes: readonly Case[] = [
  ["an empty list", { contexts: { extendedAttributes: new Uint8Array() } }, Status.SUCCESS],
  ["one attribute", { contexts: { extendedAttributes: oneAttribute } }, Status.SUCCESS],
  ["a name beyond the list", { contexts: { extendedAttributes: brokenList } }, Status.EA_LIST_INCONSISTENT],
  ["an undefined flag", { contexts: { extendedAttributes: unknownFlag } }, Status.INVALID_EA_NAME],
  [
    "FILE_NO_EA_KNOWLEDGE",
    { createOptions: NO_EA_KNOWLEDGE, contexts: { extendedAttributes: oneAttribute } },
    Status.ACCESS_DENIED,
  ],
];

function outcomeOf(change: Partial<CreateRequest>, tree = treeFor()): string {
  return statusName(checkCreateRequest(requestFor(change), tree));
}

describe("a CREATE with", () => {
  test.each([...cases])("%s", (_, change, expected) => {
    expect(outcomeOf(change)).toBe(statusName(expected));
  });
});

describe("a CREATE with FILE_DIRECTORY_FILE and ([MS-FSA] 2.1.5.1)", () => {
  test.each([...directories])("%s", (_, change, expected) => {
    expect(outcomeOf(change)).toBe(statusName(expected));
  });
});

describe("a CREATE whose DesiredAccess has ([MS-SMB2] 2.2.13.1, [MS-FSA] 2.1.5.1)", () => {
  test.each([...access])("%s", (_, change, expected) => {
    expect(outcomeOf(change)).toBe(statusName(expected));
  });
});

describe("a CREATE on a read-only share ([MS-SMB2] 3.3.5.9, MaximalAccess) with", () => {
  test.each([...readOnlyShare])("%s", (_, change, expected) => {
    expect(outcomeOf(change, treeFor({ readOnly: true }, READ_ONLY_ACCESS))).toBe(statusName(expected));
  });
});

describe("a CREATE with SMB2_CREATE_EA_BUFFER ([MS-SMB2] 2.2.13.2.1) and", () => {
  test.each([...attributes])("%s", (_, change, expected) => {
    expect(outcomeOf(change)).toBe(statusName(expected));
  });

  test("a share without extended attributes fails with STATUS_EAS_NOT_SUPPORTED", () => {
    const change = { contexts: { extendedAttributes: oneAttribute } };
    expect(outcomeOf(change, treeFor({ eaSupport: false }))).toBe("STATUS_EAS_NOT_SUPPORTED");
  });
});

test("the access is checked before the disposition and the options, [MS-FSA] 2.1.5.1", () => {
  for (const desiredAccess of [0, 0x0400_0000])
    for (const change of [{ createDisposition: CreateDisposition.OVERWRITE_IF + 1 }, { shareAccess: 8 }])
      expect(outcomeOf({ ...change, desiredAccess })).toBe("STATUS_ACCESS_DENIED");
});
