// Each setting of a share: which change of it ends the tree connects that exist.
import { expect, test } from "bun:test";
import { findLosses, TREE_RULES } from "../../../../src/engine/command/session/review-rules.ts";
import type { Tree } from "../../../../src/engine/state/session.ts";
import type { ShareRules } from "../../../../src/port/port.ts";
import { grantFor } from "../../vfs/share-fixture.ts";

type Change = Partial<ShareRules>;

const base = grantFor("/srv", { followSymlinks: true, wideLinks: true, posixExtensions: true });
const { security, hiding } = base;
const snapshots = {
  kind: "folder",
  forAll: false,
  folder: ".snapshots",
  base: "",
  mountPoint: "",
  format: "",
  prefix: "",
  delimiter: "",
  isLocalTime: false,
  isAscending: false,
} as const;

function lossesOf(before: Change, after: Change, session = {}): string[] {
  const grant = { ...base, ...before };
  const tree = { grant, mustEncrypt: false, session: { mustSign: false, ...session } } as unknown as Tree;
  return findLosses(tree, { ...base, ...before, ...after });
}

const losing: readonly (readonly [keyof ShareRules, Change, Change])[] = [
  ["path", {}, { path: "/other" }],
  ["encryption", {}, { encryption: "required" }],
  ["signing", {}, { signing: "required" }],
  ["security", {}, { security: { ...security, acl: "nt" } }],
  ["security", {}, { security: { ...security, ignoreSystemAcls: true } }],
  ["security", {}, { security: { ...security, canChange: false } }],
  ["followSymlinks", {}, { followSymlinks: false }],
  ["wideLinks", {}, { wideLinks: false }],
  ["posixExtensions", {}, { posixExtensions: false }],
  ["dfs", {}, { dfs: { isRoot: true, proxied: "", shuffles: false } }],
  ["dfs", {}, { dfs: { isRoot: false, proxied: "\\SERVER\\SHARE", shuffles: false } }],
  ["crossMounts", {}, { crossMounts: false }],
  ["vetoFiles", { vetoFiles: ["a"] }, { vetoFiles: ["a", "b"] }],
  ["hiding", {}, { hiding: { ...hiding, unreadable: true } }],
  ["hiding", {}, { hiding: { ...hiding, unwriteable: true } }],
  ["hiding", {}, { hiding: { ...hiding, special: true } }],
  ["recycle", {}, { recycle: {} as ShareRules["recycle"] }],
  ["snapshots", { snapshots }, { snapshots: null }],
  ["snapshots", { snapshots }, { snapshots: { ...snapshots, folder: "elsewhere" } }],
];

test.each(losing)("%s: %j becoming %j ends the tree", (name, before, after) => {
  expect(lossesOf(before, after)).toEqual([name]);
});

test.each(
  losing.filter(
    ([name, , after]) => !["path", "security", "dfs", "snapshots"].includes(name) && after !== null,
  ),
)("%s: the way back from %j to %j ends nothing", (_, before, after) => {
  expect(
    lossesOf(
      { ...before, ...after },
      Object.fromEntries(
        Object.keys(after).map((key) => [key, { ...base, ...before }[key as keyof ShareRules]]),
      ),
    ),
  ).toEqual([]);
});

test("a tree or session that encrypts or signs already goes on", () => {
  expect(
    lossesOf({}, { encryption: "required", signing: "required" }, { mustEncrypt: true, mustSign: true }),
  ).toEqual([]);
  // The client cannot encrypt: `desired` takes nothing from it.
  expect(lossesOf({}, { encryption: "desired" })).toEqual([]);
  expect(lossesOf({}, { encryption: "desired" }, { sealing: {} })).toEqual(["encryption"]);
});

test("an unchanged share ends nothing, and every setting has its rule", () => {
  expect(lossesOf({}, structuredClone(base))).toEqual([]);
  const rules = Object.keys(base).filter(
    (name) =>
      !["type", "directory", "credentials", "namedUsers", "domainSids", "asGuest", "isAdmin"].includes(name),
  );
  expect(Object.keys(TREE_RULES).toSorted()).toEqual(rules.toSorted());
});
