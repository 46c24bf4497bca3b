// A session becomes another user's by re-authentication, where that is allowed: its tree connects and opens
// keep of their rights only what the new user gets. smbtorture's session.reauth tests want them to stay
// otherwise.
import type { Identity, MaybePromise, ShareGrant } from "../../../port/port.ts";
import { Access, FileGeneric } from "../../../wire/security/access.ts";
import type { EngineContext } from "../../connection/context.ts";
import type { Open } from "../../state/open.ts";
import type { Session, Tree } from "../../state/session.ts";
import { andThen } from "../../and-then.ts";
import { isFailure } from "../../vfs/store.ts";
import { closeOpen, closeTree } from "../close/teardown.ts";
import { ALWAYS, makeReadOnly, READ_ONLY_ACCESS, rightsOn, unusableAccessOf } from "../open/access-check.ts";
import { findLosses } from "./review-rules.ts";

export function isSameUser(one: Identity, other: Identity): boolean {
  return one.user === other.user && one.isGuest === other.isGuest && one.isAnonymous === other.isAnonymous;
}

/** True where the user is the same and so are the groups that a ticket gives him. */
export function hasSameRights(one: Identity, other: Identity): boolean {
  return isSameUser(one, other) && Bun.deepEquals(one.membership, other.membership);
}

/** Hands the session's trees over to `identity`, which is the session's already. */
export async function handOverTrees(
  context: EngineContext,
  session: Session,
  identity: Identity,
): Promise<void> {
  for (const tree of [...session.trees.values()]) {
    const grant = await context.manager.connectShare({ share: tree.grant.name, identity });
    if (session.trees.get(tree.id) !== tree) continue;
    if ("status" in grant) await closeToUser(context, tree);
    else if (isOtherShare(tree, grant)) await closeTree(context, tree);
    else await handOver(context, tree, grant);
  }
}

/**
 * The new user may not use the share. As on smbd the tree stays for the case that the former user comes back,
 * CREATE fails with ACCESS_DENIED, and opens still show attributes and descriptor, which session.reauth2 and
 * .reauth3 query.
 */
async function closeToUser(context: EngineContext, tree: Tree): Promise<void> {
  tree.maximalAccess = 0;
  for (const open of [...context.opens.ofTree(tree)]) {
    open.grantedAccess &= ALWAYS;
    open.deleteOnClose = false;
    if (open.pipe >= 0) await closeOpen(context, open);
  }
}

/** True where the tree's store does not fit the new user: the recycle bin may be one of the former user's. */
function isOtherShare(tree: Tree, grant: ShareGrant): boolean {
  return findLosses(tree, grant).length > 0 || !Bun.deepEquals(tree.grant.recycle, grant.recycle);
}

async function handOver(context: EngineContext, tree: Tree, grant: ShareGrant): Promise<void> {
  const { credentials, namedUsers, domainSids, asGuest, isAdmin } = grant;
  const readOnly = tree.grant.readOnly || grant.readOnly;
  tree.grant = Object.freeze<ShareGrant>({
    ...tree.grant,
    readOnly,
    credentials,
    namedUsers,
    domainSids,
    asGuest,
    isAdmin,
  });
  tree.maximalAccess = readOnly ? READ_ONLY_ACCESS : FileGeneric.ALL;
  tree.store?.setCredentials?.(credentials);
  if (readOnly) tree.store?.makeReadOnly?.();
  for (const open of [...context.opens.ofTree(tree)]) {
    // A pipe answers as the user who opened it, as on smbd (smbtorture's rpc.samba3.smb2-reauth1 and 2).
    if (open.pipe < 0) await reduceOpen(tree, open);
  }
}

function reduceOpen(tree: Tree, open: Open): MaybePromise<void> {
  const { node } = open;
  const former = open.grantedAccess;
  if (node === undefined) return undefined;
  const rights = andThen(node.refresh(), (stat) => (typeof stat === "number" ? stat : rightsOn(tree, node)));
  return andThen(rights, (mask) => {
    if (open.isClosed || isFailure(mask)) return;
    open.grantedAccess = (former & mask & tree.maximalAccess) >>> 0;
    open.unusableAccess = unusableAccessOf(tree, node, open.grantedAccess);
    if (open.deleteOnClose && (mask & Access.DELETE) === 0) open.deleteOnClose = false;
    if (tree.grant.readOnly) makeReadOnly(open);
  });
}
