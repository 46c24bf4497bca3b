// Paths that clients send: [MS-FSCC] 2.1.5, [MS-SMB2] 3.3.5.9, and cases of smbtorture's smb2.create and
// smb2.charset.
import { expect, test } from "bun:test";
import { parsePath } from "../../../../src/engine/vfs/name/client-path.ts";
import { Status } from "../../../../src/wire/status.ts";

function parsed(name: string): readonly string[] {
  const path = parsePath(name);
  if (typeof path === "number") throw new Error(`${name}: status ${path.toString(16)}`);
  expect(path.stream).toBeUndefined();
  return path.components;
}

test("a path is split into its components", () => {
  expect(parsed("")).toEqual([]);
  expect(parsed("a")).toEqual(["a"]);
  expect(parsed("dir\\sub\\file.txt")).toEqual(["dir", "sub", "file.txt"]);
  expect(parsed("dir\\")).toEqual(["dir"]);
  expect(parsed(" space . dot")).toEqual([" space . dot"]);
  expect(parsed("...")).toEqual(["..."]);
  expect(parsed("Grüße\\日本語\\😀")).toEqual(["Grüße", "日本語", "😀"]);
  expect(parsed("@GMT-2024.01.02-03.04.05\\x")).toEqual(["@GMT-2024.01.02-03.04.05", "x"]);
  expect(parsed("a".repeat(255))).toEqual(["a".repeat(255)]);
});

test("a leading backslash fails with INVALID_PARAMETER (smb2.create.leading-slash)", () => {
  for (const name of ["\\", "\\a", "\\\\server\\share", "\\.."]) {
    expect(parsePath(name)).toBe(Status.INVALID_PARAMETER);
  }
});

test("a path that leads out of the share fails with OBJECT_PATH_SYNTAX_BAD", () => {
  for (const name of ["..", "..\\a", "a\\..\\..", "..\\..\\..", ".\\.."]) {
    expect(parsePath(name)).toBe(Status.OBJECT_PATH_SYNTAX_BAD);
  }
});

test("`.` counts as nothing and `..` takes the component before it away, as in Windows", () => {
  expect(parsed(".")).toEqual([]);
  expect(parsed("d\\.")).toEqual(["d"]);
  expect(parsed("d\\.\\x")).toEqual(["d", "x"]);
  expect(parsed("a\\..\\b\\c\\..")).toEqual(["b"]);
  expect(parsed("a\\..")).toEqual([]);
});

test("several backslashes count as one, as in Windows and Samba", () => {
  expect(parsed("a\\\\b")).toEqual(["a", "b"]);
  expect(parsed("a\\\\\\b\\\\")).toEqual(["a", "b"]);
});

test("a slash separates components, as in Samba, and is invalid in the name of a stream", () => {
  expect(parsed("a/b\\c/")).toEqual(["a", "b", "c"]);
  expect(parsePath("d/file:s")).toEqual({ components: ["d", "file"], stream: "s", kind: "any" });
  expect(parsePath("file:a/b")).toBe(Status.OBJECT_NAME_INVALID);
  expect(parsePath("../a")).toBe(Status.OBJECT_PATH_SYNTAX_BAD);
});

test("invalid names fail with OBJECT_NAME_INVALID", () => {
  const bad = ["/a", "/", "a/:s", "a*", "?", 'q"', "<", ">", "|"];
  for (const name of [
    ...bad,
    "a\0b",
    "\0",
    "a\nb",
    "\x01",
    "\x1f",
    "a".repeat(256),
    `d\\${"ü".repeat(256)}`,
  ]) {
    expect([name, parsePath(name)]).toEqual([name, Status.OBJECT_NAME_INVALID]);
  }
  expect(parsePath("a\\".repeat(16_384))).toBe(Status.OBJECT_NAME_INVALID);
  expect(parsePath(`${"a\\".repeat(16_383)}a`)).toBeObject();
});

test("stream names and types are parsed", () => {
  expect(parsePath("file:stream")).toEqual({ components: ["file"], stream: "stream", kind: "any" });
  expect(parsePath("d\\file:s p:$data")).toEqual({ components: ["d", "file"], stream: "s p", kind: "any" });
  expect(parsePath(":stream")).toEqual({ components: [], stream: "stream", kind: "any" });
  expect(parsePath("file::$DATA")).toEqual({ components: ["file"], stream: undefined, kind: "file" });
  for (const name of ["dir:$I30:$INDEX_ALLOCATION", "dir:$i30:$Index_Allocation", "dir::$INDEX_ALLOCATION"]) {
    expect(parsePath(name)).toEqual({ components: ["dir"], stream: undefined, kind: "directory" });
  }
});

test("a stream name may have characters that a file name may not (smb2.streams.names, names2)", () => {
  for (const stream of [
    "\u0005Stream\n One",
    "?Stream*",
    '"<>|',
    "..",
    " .",
    "@GMT-2024.01.02-03.04.05",
    "日本",
  ]) {
    expect(parsePath(`f:${stream}`)).toEqual({ components: ["f"], stream, kind: "any" });
  }
});

test("invalid stream names fail with OBJECT_NAME_INVALID", () => {
  for (const name of [
    "file:",
    "a:b\\c",
    "file:..\\x",
    "file:a/b",
    "file:\\",
    "file:s\\",
    "file:a\0b",
    "file:a:b:c",
    "file:s:$BITMAP",
    "file:s:",
    "file::",
    "file:::$DATA",
    "d\\:s",
    "d\\\\:s",
    "*:s",
    "..:s\\..",
    "fi*le::$DATA",
    `f:${"s".repeat(256)}`,
  ]) {
    expect([name, parsePath(name)]).toEqual([name, Status.OBJECT_NAME_INVALID]);
  }
  expect(parsePath("..:s")).toBe(Status.OBJECT_PATH_SYNTAX_BAD);
  expect(parsePath("\\file:s")).toBe(Status.INVALID_PARAMETER);
  expect(parsePath("file:s:$INDEX_ALLOCATION")).toBe(Status.INVALID_PARAMETER);
});
