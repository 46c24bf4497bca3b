// The security descriptor of an object, stored or derived from its rights, and the token of a tree's user.
import { Errno } from "../../../linux/errno.ts";
import type { MaybePromise } from "../../../port/port.ts";
import type { SecurityDescriptor } from "../../../wire/security/security-descriptor.ts";
import { formatSid, type Sid } from "../../../wire/security/sid.ts";
import { DescriptorCache } from "../../security/descriptor-cache.ts";
import { tokenOfGrant } from "../../security/grant-token.ts";
import { withInherited } from "../../security/posix-inheritance.ts";
import { descriptorOfAcl } from "../../security/posix-rights.ts";
import { type SecurityToken, uidOfSid, userSidOf } from "../../security/token.ts";
import type { Tree } from "../../state/session.ts";
import { andThen } from "../../and-then.ts";
import { type Failure, type FileNode, OWNERLESS } from "../../vfs/store.ts";

/** The security token of the tree connect's user. */
export function tokenOf(tree: Tree): SecurityToken {
  return tokenOfGrant(tree.grant);
}

/** The uid on disk for a SID: that of a Unix user, or the common uid of all users without an account. */
export function uidOn(tree: Tree, sid: Sid): number | undefined {
  const { namedUsers } = tree.grant;
  if (namedUsers === null || sid.authority !== 5 || sid.subAuthorities.length !== 5) return uidOfSid(sid);
  return formatSid(sid).startsWith(`${namedUsers.domain}-`) ? namedUsers.uid : uidOfSid(sid);
}

const MAX_REMEMBERED = 512;
const cache = new DescriptorCache(MAX_REMEMBERED, () => Date.now() / 1000);

/**
 * The valid stored descriptor of `node`; undefined when there is none or the share stores none; -errno on
 * failure. `node` must be freshly looked up: its ctime decides whether a cached descriptor is still valid.
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
  return andThen(readStoredDescriptor(tree, node), (stored) => {
    if (typeof stored !== "number") cache.remember(key, { changeSeconds, changeNanoseconds }, stored);
    return stored;
  });
}

/** Drops the cached descriptor of `node` after a change. */
export function forgetDescriptor(node: FileNode): void {
  cache.forget(node.identity);
  cache.forget(`${node.identity}!`);
}

/** Drops all cached descriptors: memory is short. */
export function dropDescriptors(): void {
  cache.clear();
}

function readStoredDescriptor(
  tree: Tree,
  node: FileNode,
): MaybePromise<SecurityDescriptor | Failure | undefined> {
  if (tree.grant.security.acl !== "nt" || node.security === undefined) return undefined;
  return andThen(node.security.readDescriptor(), (stored) =>
    stored === -Errno.ENODATA ? undefined : stored,
  );
}

/** The current descriptor: the stored one, else one derived from the rights on disk; -errno on failure. */
export function descriptorOf(tree: Tree, node: FileNode): MaybePromise<SecurityDescriptor | Failure> {
  const { security } = node;
  if (security === undefined) return -Errno.EOPNOTSUPP;
  return andThen(readStoredDescriptor(tree, node), (stored) => {
    if (stored !== undefined) return stored;
    return andThen(node.refresh(), (stat) => {
      if (typeof stat === "number") return stat;
      return andThen(security.readRights(), (rights) => {
        if (typeof rights === "number") return rights;
        // On a disk that keeps no owners, a file is the user's who may write it.
        const owner = (node.access() & OWNERLESS) !== 0 ? userSidOf(tokenOf(tree)) : undefined;
        const isNt = tree.grant.security.acl === "nt";
        const descriptor = descriptorOfAcl(rights.access, stat.uid, stat.gid, isNt, owner);
        return rights.inherited ? withInherited(descriptor, rights.inherited) : descriptor;
      });
    });
  });
}
