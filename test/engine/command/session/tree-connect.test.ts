// The share name in a TREE_CONNECT path; [MS-SMB2] 2.2.9, 3.3.5.7.
import { expect, test } from "bun:test";
import { shareNameOf } from "../../../../src/engine/command/session/tree-connect.ts";

test.each([
  ["\\\\server\\share", "share"],
  ["\\\\192.0.2.1\\IPC$", "IPC$"],
  ["\\\\[2001:db8::1]\\share", "share"],
  ["\\\\server.example.org\\my share", "my share"],
  ["\\\\server\\share\\", undefined],
  ["\\\\server\\share\\dir", undefined],
  ["\\\\server\\", undefined],
  ["\\\\server", undefined],
  ["\\\\\\share", undefined],
  ["\\server\\share", undefined],
  ["//server/share", undefined],
  ["share", undefined],
  ["", undefined],
])("the share name in %j is %j", (path, expected) => {
  expect(shareNameOf(path)).toBe(expected);
});
