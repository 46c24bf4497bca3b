// Paths of clients with the SMB3 POSIX extensions: separators and invalid names.
import { expect, test } from "bun:test";
import { type NtStatus, Status } from "../../../../src/wire/status.ts";
import { parsePosixPath } from "../../../../src/engine/vfs/name/client-path.ts";

function componentsOf(name: string): readonly string[] | NtStatus {
  const path = parsePosixPath(name);
  return typeof path === "number" ? path : path.components;
}

test("a slash separates components, and a backslash where there is no slash", () => {
  expect(componentsOf("")).toEqual([]);
  expect(componentsOf("a/b/c")).toEqual(["a", "b", "c"]);
  expect(componentsOf("a\\b")).toEqual(["a", "b"]);
  expect(componentsOf("a/b\\c")).toEqual(["a", "b\\c"]);
  expect(componentsOf("a/")).toEqual(["a"]);
});

test("every other character is part of a name, and there are no streams", () => {
  const name = 'a:b*c?d"e<f>g|h.\u0001 ';
  expect(componentsOf(`x/${name}`)).toEqual(["x", name]);
  expect(parsePosixPath("a:b")).toMatchObject({ stream: undefined, kind: "any" });
});

test("dot components, empty components, NUL and leading separators are refused", () => {
  for (const name of ["..", ".", "a/..", "../a", "a//b", "a\\\\b", "a/./b", "..\\a"]) {
    expect(componentsOf(name)).toBe(Status.OBJECT_NAME_INVALID);
  }
  expect(componentsOf("/a")).toBe(Status.INVALID_PARAMETER);
  expect(componentsOf("\\a")).toBe(Status.INVALID_PARAMETER);
  expect(componentsOf("a\0b")).toBe(Status.OBJECT_NAME_INVALID);
  expect(componentsOf("x".repeat(40_000))).toBe(Status.OBJECT_NAME_INVALID);
});
