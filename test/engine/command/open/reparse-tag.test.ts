// Reparse tags of special files, and symlink targets in the client's syntax; [MS-FSCC] 2.1.2.1.
import { expect, test } from "bun:test";
import { clientTarget, reparseTagOf } from "../../../../src/engine/command/open/reparse-tag.ts";
import { FileKind } from "../../../../src/engine/vfs/store.ts";
import { Fixture } from "../../vfs/share-fixture.ts";

test.each([
  ["a file", FileKind.FILE, 0],
  ["a directory", FileKind.DIRECTORY, 0],
  ["a symlink", FileKind.SYMLINK, 0xa000_000c],
  ["a FIFO, socket or device", FileKind.OTHER, 0x8000_0014],
])("the reparse tag of %s", (_, kind, expected) => {
  expect(reparseTagOf(kind)).toBe(expected);
});

test.each([
  ["file", "file"],
  ["dir/file", "dir\\file"],
  ["../dir/./file", "..\\dir\\.\\file"],
  ["/etc/passwd", "\\etc\\passwd"],
  ["dir/", "dir\\"],
  ["", ""],
])("the target %j is %j for clients", (target, expected) => {
  const share = new Fixture();
  try {
    expect(clientTarget(share.store, target)).toBe(expected);
  } finally {
    share.dispose();
  }
});
