// The kind of object that the stream type in a name implies; [MS-FSCC] 2.1.5, [MS-FSA] 2.1.5.1.
import { describe, expect, test } from "bun:test";
import { applyNamedKind } from "../../../../src/engine/command/create/stream.ts";
import { parsePath } from "../../../../src/engine/vfs/name/client-path.ts";
import { CreateDisposition, CreateOption, type CreateRequest } from "../../../../src/wire/command/create.ts";
import { statusName } from "../../../../src/wire/status.ts";
import { requestFor, treeFor } from "./create-fixture.ts";

const { DIRECTORY_FILE, NON_DIRECTORY_FILE, WRITE_THROUGH } = CreateOption;
const { CREATE, OPEN, OVERWRITE_IF } = CreateDisposition;

/** The CreateOptions of the request that goes on, or the name of the status. */
function optionsFor(name: string, change: Partial<CreateRequest>, streams = true): number | string {
  const path = parsePath(name);
  if (typeof path === "number") throw new Error(`${name} is not a path`);
  const request = applyNamedKind(requestFor({ name, ...change }), treeFor({ streams }), path);
  return typeof request === "number" ? statusName(request) : request.createOptions;
}

const asDirectory = { createOptions: DIRECTORY_FILE };
const asFile = { createOptions: NON_DIRECTORY_FILE };

describe("a CREATE of", () => {
  test.each<[string, string, Partial<CreateRequest>, number | string]>([
    ["file", "no option", {}, 0],
    ["file", "FILE_DIRECTORY_FILE", asDirectory, DIRECTORY_FILE],
    ["file::$DATA", "no option", {}, NON_DIRECTORY_FILE],
    ["file::$DATA", "FILE_NON_DIRECTORY_FILE", asFile, NON_DIRECTORY_FILE],
    ["file::$DATA", "FILE_DIRECTORY_FILE", asDirectory, "STATUS_NOT_A_DIRECTORY"],
    ["file:stream", "no option", {}, NON_DIRECTORY_FILE],
    [
      "file:stream:$DATA",
      "FILE_WRITE_THROUGH",
      { createOptions: WRITE_THROUGH },
      NON_DIRECTORY_FILE | WRITE_THROUGH,
    ],
    ["file:stream", "FILE_DIRECTORY_FILE", asDirectory, "STATUS_NOT_A_DIRECTORY"],
    ["dir::$INDEX_ALLOCATION", "no option", {}, DIRECTORY_FILE],
    ["dir:$I30:$INDEX_ALLOCATION", "FILE_CREATE", { createDisposition: CREATE }, DIRECTORY_FILE],
    [
      "dir::$INDEX_ALLOCATION",
      "FILE_NON_DIRECTORY_FILE and FILE_CREATE",
      { ...asFile, createDisposition: CREATE },
      "STATUS_FILE_IS_A_DIRECTORY",
    ],
    [
      "dir::$INDEX_ALLOCATION",
      "FILE_NON_DIRECTORY_FILE and FILE_OPEN",
      { ...asFile, createDisposition: OPEN },
      DIRECTORY_FILE | NON_DIRECTORY_FILE,
    ],
    [
      "dir::$INDEX_ALLOCATION",
      "FILE_OVERWRITE_IF",
      { createDisposition: OVERWRITE_IF },
      "STATUS_INVALID_PARAMETER",
    ],
  ])("%s with %s", (name, _, change, expected) => {
    expect(optionsFor(name, change)).toBe(expected);
  });
});

describe("on a share without streams", () => {
  test.each([
    ["file", 0],
    ["file:stream", "STATUS_OBJECT_NAME_INVALID"],
    ["file::$DATA", "STATUS_OBJECT_NAME_INVALID"],
    ["dir::$INDEX_ALLOCATION", "STATUS_OBJECT_NAME_INVALID"],
  ])("%s", (name, expected) => {
    expect(optionsFor(name, {}, false)).toBe(expected);
  });
});
