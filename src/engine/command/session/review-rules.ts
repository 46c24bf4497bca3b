// What a changed share takes from the tree connects that exist: one rule for each of its settings.
import type { HidingRules, SecurityRules, ShareRules } from "../../../port/port.ts";
import type { Tree } from "../../state/session.ts";

/**
 * True where the setting ends the tree connect: its client connects again and gets what the setting says now.
 * The rule sees the setting as of the tree connect, and as it is now.
 */
type Rule<T> = (before: T, after: T, tree: Tree) => boolean;

/** Protects nothing, or is for new files alone: read again at the next TREE_CONNECT. */
const stays = (): boolean => false;
const endsWhenOn = (before: boolean, after: boolean): boolean => after && !before;
const endsWhenOff = (before: boolean, after: boolean): boolean => before && !after;

/** Ends the tree where what is open was found, opened or allowed by a rule that no longer holds. */
export const TREE_RULES: { readonly [K in keyof ShareRules]: Rule<ShareRules[K]> } = {
  name: stays,
  path: (before, after) => before !== after,
  mountId: (before, after) => before !== after,
  // Takes rights from the tree and its opens: see review-sessions.ts.
  readOnly: stays,
  encryption: (_, after, { session, mustEncrypt }) => {
    if (after === "off" || mustEncrypt || session.mustEncrypt) return false;
    return session.sealing !== undefined || after === "required";
  },
  signing: (_, after, { session }) => after === "required" && !session.mustSign,
  createMask: stays,
  directoryMask: stays,
  forceCreateMode: stays,
  forceDirectoryMode: stays,
  inheritOwner: stays,
  security: losesBySecurity,
  hideDotFiles: stays,
  eaSupport: stays,
  storeDosAttributes: stays,
  modeMapping: stays,
  streams: stays,
  streamForm: stays,
  apple: stays,
  space: stays,
  followSymlinks: endsWhenOff,
  wideLinks: endsWhenOff,
  posixExtensions: endsWhenOff,
  dfs: (before, after) => before.isRoot !== after.isRoot || before.proxied !== after.proxied,
  crossMounts: endsWhenOff,
  caseSensitive: stays,
  vetoFiles: (before, after) => after.some((pattern) => !before.includes(pattern)),
  names: stays,
  hiding: losesByHiding,
  // A tree without a recycle bin removes for good what the bin is to keep now.
  recycle: (before, after) => before === null && after !== null,
  snapshots: (before, after) => before !== null && !Bun.deepEquals(before, after),
  posixLocking: stays,
  oplocks: stays,
  isTimeMachine: stays,
  maxConnections: stays,
};

function losesBySecurity(before: SecurityRules, after: SecurityRules): boolean {
  return (
    before.acl !== after.acl ||
    before.ignoreSystemAcls !== after.ignoreSystemAcls ||
    endsWhenOff(before.canChange, after.canChange) ||
    endsWhenOff(before.writersMayChange, after.writersMayChange)
  );
}

function losesByHiding(before: HidingRules, after: HidingRules): boolean {
  return (
    endsWhenOn(before.unreadable, after.unreadable) ||
    endsWhenOn(before.unwriteable, after.unwriteable) ||
    endsWhenOn(before.special, after.special)
  );
}

/** The settings by which the share as it is now ends the tree connect; empty: it goes on. */
export function findLosses(tree: Tree, now: ShareRules): (keyof ShareRules)[] {
  const names = Object.keys(TREE_RULES) as (keyof ShareRules)[];
  return names.filter((name) => isLoss(name, tree, now));
}

function isLoss<K extends keyof ShareRules>(name: K, tree: Tree, now: ShareRules): boolean {
  const before: ShareRules[K] = tree.grant[name];
  return TREE_RULES[name](before, now[name], tree);
}
