// The security descriptor of an object, kept or made from its rights on disk, and the token of who asks.
import { Errno } from "../../../linux/errno.ts";
import type { MaybePromise } from "../../../port/port.ts";
import type { SecurityDescriptor } from "../../../wire/security/security-descriptor.ts";
import { formatSid, type Sid } from "../../../wire/security/sid.ts";
import { DescriptorCache } from "../../security/descriptor-cache.ts";
import { tokenOfGrant } from "../../security/grant-token.ts";
import { withInherited } from "../../security/posix-inheritance.ts";
import { descriptorOfAcl } from "../../security/posix-rights.ts";
import { type SecurityToken, uidOfSid } from "../../security/token.ts";
import type { Tree } from "../../state/session.ts";
import { andThen } from "../../and-then.ts";
import type { Failure, FileNode } from "../../vfs/store.ts";

/** The user of a tree connect. */
export function tokenOf(tree: Tree): SecurityToken {
  return tokenOfGrant(tree.grant);
}

/** The uid that a SID stands for on a share's disk: a Unix user's, or that of all who have no account. */
export function uidOn(tree: Tree, sid: Sid): number | undefined {
  const { namedUsers } = tree.grant;
  if (namedUsers === null || sid.authority !== 5 || sid.subAuthorities.length !== 5) return uidOfSid(sid);
  return formatSid(sid).startsWith(`${namedUsers.domain}-`) ? namedUsers.uid : uidOfSid(sid);
}

const MAX_REMEMBERED = 512;
const cache = new DescriptorCache(MAX_REMEMBERED, () => Date.now() / 1000);

/**
 * The descriptor that is kept for `node` and counts; undefined where none does, or the share keeps none. `node` has
 * just been looked up: its stat says whether what is remembered still holds.
 */
export function storedDescriptor(
  tree: Tree,
  node: FileNode,
): MaybePromise<SecurityDescriptor | Failure | undefined> {
  const { acl, ignoreSystemAcls } = tree.grant.security;
  if (acl !== "nt") return undefined;
  const key = ignoreSystemAcls ? `${node.identity}!` : node.identity;
  const known = cache.find(key, node.stat);
  if (known !== undefined) return known.descriptor;
  const { changeSeconds, changeNanoseconds } = node.stat;
  return andThen(readStoredDescriptor(tree, node), (kept) => {
    if (typeof kept !== "number") cache.remember(key, { changeSeconds, changeNanoseconds }, kept);
    return kept;
  });
}

/** The descriptor of `node` has been changed. */
export function forgetDescriptor(node: FileNode): void {
  cache.forget(node.identity);
  cache.forget(`${node.identity}!`);
}

function readStoredDescriptor(
  tree: Tree,
  node: FileNode,
): MaybePromise<SecurityDescriptor | Failure | undefined> {
  if (tree.grant.security.acl !== "nt" || node.security === undefined) return undefined;
  return andThen(node.security.readDescriptor(), (kept) => (kept === -Errno.ENODATA ? undefined : kept));
}

/** The descriptor of `node` as it is now. */
export function descriptorOf(tree: Tree, node: FileNode): MaybePromise<SecurityDescriptor | Failure> {
  const { security } = node;
  if (security === undefined) return -Errno.EOPNOTSUPP;
  return andThen(readStoredDescriptor(tree, node), (kept) => {
    if (kept !== undefined) return kept;
    return andThen(node.refresh(), (stat) => {
      if (typeof stat === "number") return stat;
      return andThen(security.readRights(), (rights) => {
        if (typeof rights === "number") return rights;
        const descriptor = descriptorOfAcl(
          rights.access,
          stat.uid,
          stat.gid,
          tree.grant.security.acl === "nt",
        );
        return rights.inherited ? withInherited(descriptor, rights.inherited) : descriptor;
      });
    });
  });
}
