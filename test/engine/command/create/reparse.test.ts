// Which CREATEs open a symlink, FIFO, socket or device itself, and which stop at it; [MS-SMB2] 2.2.2.2.1,
// 3.3.5.9, [MS-FSA] 2.1.5.1.
import { describe, expect, test } from "bun:test";
import { stopsAtReparse } from "../../../../src/engine/command/create/reparse.ts";
import { FileKind } from "../../../../src/engine/vfs/store.ts";
import { CreateDisposition, CreateOption, type CreateRequest } from "../../../../src/wire/command/create.ts";
import { Access } from "../../../../src/wire/security/access.ts";
import { nodeFor, requestFor } from "./create-fixture.ts";

const { READ_DATA, WRITE_DATA, DELETE, READ_ATTRIBUTES, WRITE_ATTRIBUTES, SYNCHRONIZE } = Access;
const { CREATE, OPEN_IF, OVERWRITE_IF } = CreateDisposition;
const reparse = { createOptions: CreateOption.OPEN_REPARSE_POINT };

type Case = readonly [title: string, kind: FileKind, change: Partial<CreateRequest>, stops: boolean];

const windows: readonly Case[] = [
  ["a file", FileKind.FILE, {}, false],
  ["a directory", FileKind.DIRECTORY, {}, false],
  ["a symlink with FILE_OPEN_REPARSE_POINT", FileKind.SYMLINK, reparse, false],
  ["a FIFO with FILE_OPEN_REPARSE_POINT", FileKind.OTHER, reparse, false],
  ["a symlink for reading", FileKind.SYMLINK, { desiredAccess: READ_DATA }, true],
  ["a symlink for its attributes", FileKind.SYMLINK, { desiredAccess: READ_ATTRIBUTES }, true],
  ["a symlink for deletion", FileKind.SYMLINK, { desiredAccess: DELETE }, false],
  [
    "a symlink for deletion and its attributes",
    FileKind.SYMLINK,
    { desiredAccess: DELETE | READ_ATTRIBUTES },
    false,
  ],
  ["a symlink for deletion and reading", FileKind.SYMLINK, { desiredAccess: DELETE | READ_DATA }, true],
  ["a symlink with MAXIMUM_ALLOWED", FileKind.SYMLINK, { desiredAccess: Access.MAXIMUM_ALLOWED }, true],
  ["a symlink with GENERIC_ALL", FileKind.SYMLINK, { desiredAccess: Access.GENERIC_ALL }, true],
  [
    "a symlink for deletion with FILE_OPEN_IF",
    FileKind.SYMLINK,
    { desiredAccess: DELETE, createDisposition: OPEN_IF },
    true,
  ],
  // It fails with STATUS_OBJECT_NAME_COLLISION then.
  ["a symlink with FILE_CREATE", FileKind.SYMLINK, { createDisposition: CREATE }, true],
  ["a FIFO for reading", FileKind.OTHER, { desiredAccess: READ_DATA }, true],
  ["a FIFO for its attributes", FileKind.OTHER, { desiredAccess: READ_ATTRIBUTES }, false],
  ["a FIFO for deletion", FileKind.OTHER, { desiredAccess: DELETE }, false],
  ["a FIFO with GENERIC_WRITE", FileKind.OTHER, { desiredAccess: Access.GENERIC_WRITE }, true],
  [
    "a FIFO for its attributes with FILE_OVERWRITE_IF",
    FileKind.OTHER,
    { desiredAccess: READ_ATTRIBUTES, createDisposition: OVERWRITE_IF },
    true,
  ],
];

const posix: readonly Case[] = [
  ["a file", FileKind.FILE, {}, false],
  ["a FIFO for reading", FileKind.OTHER, { desiredAccess: READ_DATA }, false],
  ["a symlink with FILE_OPEN_REPARSE_POINT", FileKind.SYMLINK, reparse, false],
  ["a symlink for its attributes", FileKind.SYMLINK, { desiredAccess: READ_ATTRIBUTES }, true],
  ["a symlink for writing", FileKind.SYMLINK, { desiredAccess: WRITE_DATA }, true],
  ["a symlink for deletion", FileKind.SYMLINK, { desiredAccess: DELETE }, false],
  [
    "a symlink for setting its times, lutimes(3)",
    FileKind.SYMLINK,
    { desiredAccess: WRITE_ATTRIBUTES | SYNCHRONIZE },
    false,
  ],
  [
    "a symlink for deletion with FILE_OPEN_IF",
    FileKind.SYMLINK,
    { desiredAccess: DELETE, createDisposition: OPEN_IF },
    true,
  ],
  ["a symlink with FILE_CREATE", FileKind.SYMLINK, { createDisposition: CREATE }, true],
];

/** Title, kind, request and result of each case; the title says what is expected. */
function titled(cases: readonly Case[]): Case[] {
  return cases.map(([title, kind, change, stops]) => [
    `${title} ${stops ? "stops there" : "does not stop"}`,
    kind,
    change,
    stops,
  ]);
}

describe("a CREATE of", () => {
  test.each(titled(windows))("%s", (_, kind, change, stops) => {
    expect(stopsAtReparse(requestFor(change), nodeFor({ kind }), false)).toBe(stops);
  });
});

describe("a CREATE with the POSIX extensions of", () => {
  test.each(titled(posix))("%s", (_, kind, change, stops) => {
    expect(stopsAtReparse(requestFor(change), nodeFor({ kind }), true)).toBe(stops);
  });
});
