// Watches of large folders: the queue's descriptor is used for nothing but the queue.
import { expect, test } from "bun:test";
import { closeSync, mkdtempSync, openSync, readSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FolderWatches } from "../../../../src/engine/vfs/context/folder-watches.ts";

test("a file that is opened while the last watch is given up in the middle of the queue is not read", () => {
  const folder = mkdtempSync(join(tmpdir(), "minismbd-watches-"));
  const file = join(folder, "file");
  writeFileSync(file, "begin");
  let opened = -1;
  const watches = new FolderWatches({
    added: (key) => {
      // As where too many changes are reported. Another thread opens a file at that moment.
      watches.remove(key);
      opened = openSync(file, "r");
    },
    removed: () => undefined,
    lost: () => undefined,
  });
  const fd = openSync(folder, "r");
  expect(watches.add("folder", fd)).toBe(true);
  writeFileSync(join(folder, "new"), "");
  watches.drain();
  expect(watches.has("folder")).toBe(false);
  const bytes = Buffer.alloc(5);
  expect(readSync(opened, bytes)).toBe(5);
  expect(bytes.toString()).toBe("begin");
  closeSync(opened);
  closeSync(fd);
  rmSync(folder, { recursive: true });
});
