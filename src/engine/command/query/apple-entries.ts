// READ_DIR_ATTR of Apple's extensions: entries of a Mac's listings have the maximal access, the size of the
// resource fork, Finder information and mode, so that macOS need not open each file; smb_2.h of Apple's
// published SMBClient sources, vfs_fruit(8).
import type { MaybePromise } from "../../../port/port.ts";
import { Access, FileGeneric } from "../../../wire/security/access.ts";
import { AppleCapability } from "../../../wire/context/apple-context.ts";
import { APPLE_FIELD_BYTES, APPLE_NO_STREAMS, type AppleEntry } from "../../../wire/fscc/directory-entry.ts";
import { FileInfoClass } from "../../../wire/fscc/info-class.ts";
import { andThen } from "../../and-then.ts";
import type { Open } from "../../state/open.ts";
import { type DirectoryEntry, isFailure } from "../../vfs/store.ts";
import { accessByRights, mayChangeNames, mayRemoveOf, rightsOn } from "../open/access-check.ts";
import { reparseTagOf } from "../open/reparse-tag.ts";

const LISTING = AppleCapability.READ_DIR_ATTR | AppleCapability.READ_DIR_ATTR_V2;

/** True where the client expects these entries, in the only class that has them. */
export function wantsAppleFacts(open: Open, infoClass: number): boolean {
  const { session } = open.tree;
  if (infoClass !== FileInfoClass.ID_BOTH_DIRECTORY || open.isPosix) return false;
  return (session.appleCapabilities & LISTING) !== 0;
}

/** What a listing needs for all of its entries, as of its beginning. */
export function startAppleEntries(open: Open): MaybePromise<AppleEntries> {
  const { node, tree } = open;
  if (node === undefined) return new AppleEntries(open, 0, false);
  // As with unlink(2), and as CREATE has it: the directory's rights allow to remove what is in it.
  if (tree.grant.security.acl !== "nt") return new AppleEntries(open, 0, mayChangeNames(node));
  return andThen(rightsOn(tree, node), (rights) => {
    if (isFailure(rights)) return new AppleEntries(open, 0, false);
    const removal = (rights & Access.DELETE_CHILD) === 0 ? 0 : Access.DELETE;
    const attributes = (rights & Access.LIST_DIRECTORY) === 0 ? 0 : Access.READ_ATTRIBUTES;
    return new AppleEntries(open, removal | attributes, false);
  });
}

export class AppleEntries {
  private readonly open: Open;
  /** Rights on every entry. */
  private readonly byDirectory: number;
  private readonly mayChangeNames: boolean;

  constructor(open: Open, byDirectory: number, mayChange: boolean) {
    this.open = open;
    this.byDirectory = byDirectory;
    this.mayChangeNames = mayChange;
  }

  /** Fills EaSize, and what is in the place of the short name. */
  describe(entry: DirectoryEntry): void {
    const { stat } = entry;
    entry.eaSize = reparseTagOf(stat.kind) || this.maximalAccess(entry);
    entry.apple = this.factsOf(entry);
  }

  private factsOf({ stat }: DirectoryEntry): AppleEntry {
    const { session, grant } = this.open.tree;
    const { listsFinderInfo, listsResourceSize } = grant.apple;
    const has = (bit: number) => (session.appleCapabilities & bit) !== 0;
    const facts = stat.apple;
    const noStreams = facts?.hasStreams === false ? APPLE_NO_STREAMS : 0;
    return {
      flags: has(AppleCapability.READ_DIR_ATTR_V2) ? noStreams : APPLE_FIELD_BYTES,
      resourceBytes: listsResourceSize ? (facts?.resourceBytes ?? 0) : 0,
      finderInfo: listsFinderInfo ? facts?.finderInfo : undefined,
      unixMode: has(AppleCapability.UNIX_BASED) ? stat.format | stat.mode : 0,
    };
  }

  private maximalAccess({ stat }: DirectoryEntry): number {
    const { tree, node } = this.open;
    const facts = stat.apple;
    if (tree.grant.isAdmin || !tree.grant.apple.listsAccess || facts === undefined)
      return (FileGeneric.ALL & tree.maximalAccess) >>> 0;
    const own = facts.descriptorRights ?? accessByRights(tree, facts.rights, stat.uid);
    const removes =
      this.mayChangeNames && node !== undefined && mayRemoveOf(tree, node.stat, stat.uid) ? Access.DELETE : 0;
    return ((own | this.byDirectory | removes) & tree.maximalAccess) >>> 0;
  }
}
