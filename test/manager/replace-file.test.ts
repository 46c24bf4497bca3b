// A file that is replaced as a whole, where its directory cannot be synced afterwards.
import { expect, test } from "bun:test";
import { chmodSync, chownSync, mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { replaceFile } from "../../src/manager/replace-file.ts";

const NOBODY = 65534;

test("the error says that the file is written when only the sync of its directory fails", () => {
  const directory = mkdtempSync(join(tmpdir(), "minismbd-replace-"));
  try {
    const file = join(directory, "users.db");
    const isRoot = process.geteuid?.() === 0;
    if (isRoot) chownSync(directory, NOBODY, NOBODY);
    // Its owner may create and rename files there, but cannot open it, which fsync needs.
    chmodSync(directory, 0o300);
    const how = { file, name: "the list", mode: () => 0o644, waits: 0 };
    const loss = "a power cut may bring the old one back";
    if (isRoot) process.seteuid?.(NOBODY);
    try {
      expect(() => replaceFile(how, (put) => put("new"))).toThrow(
        `${file}: the list is written, but its directory cannot be synced (EACCES): ${loss}`,
      );
    } finally {
      if (isRoot) process.seteuid?.(0);
    }
    chmodSync(directory, 0o700);
    expect(readdirSync(directory)).toEqual(["users.db"]);
    expect(readFileSync(file, "utf8")).toBe("new");
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
});
