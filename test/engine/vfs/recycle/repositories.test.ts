// Names of a bin's repositories, and what lies in one.
import { expect, test } from "bun:test";
import { foldCase } from "../../../../src/engine/vfs/name/names.ts";
import { ownRepositoryOf, patternOf } from "../../../../src/engine/vfs/recycle/repositories.ts";
import type { RecycleRules } from "../../../../src/port/port.ts";

const rulesOf = (repository: string): RecycleRules => ({ repository }) as unknown as RecycleRules;

test("a user's own repository has the uid in its name; root and a server without users need none", () => {
  const user = { uid: 1001, gid: 1001, groups: [] };
  expect(ownRepositoryOf(rulesOf(".recycle"), user)).toBe(".recycle-1001");
  expect(ownRepositoryOf(rulesOf(".bin/anna"), user)).toBe(".bin-1001");
  expect(ownRepositoryOf(rulesOf(".recycle"), { ...user, uid: 0 })).toBeUndefined();
  expect(ownRepositoryOf(rulesOf(".recycle"), null)).toBeUndefined();
});

test("files in a repository of any user are recognized, whatever characters its name has", () => {
  const pattern = patternOf(rulesOf("Trash (a+b)/anna"));
  for (const path of ["/trash (a+b)/anna/x", "/disk/trash (a+b)/anna/x/y", "/a/trash (a+b)-12/x"])
    expect(pattern.test(foldCase(path))).toBe(true);
  for (const path of ["/trash (a+b)/bert/x", "/trash (a+b)-x/y", "/trash (a+b)-12", "/trash (aab)/anna/x"])
    expect(pattern.test(foldCase(path))).toBe(false);
});
