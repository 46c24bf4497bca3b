// The security descriptor of an object, kept or made from its rights on disk, and the token of who asks.
import { effectiveGid, effectiveUid } from "../../linux/identity.ts";
import type { MaybePromise } from "../../port/port.ts";
import type { SecurityDescriptor } from "../../wire/security/security-descriptor.ts";
import { describeAcl } from "../security/posix-rights.ts";
import { makeToken, type SecurityToken } from "../security/token.ts";
import type { Tree } from "../session/session.ts";
import { andThen } from "../vfs/maybe-promise.ts";
import type { Failure, FileNode } from "../vfs/store.ts";

const EOPNOTSUPP = -95;
const ENODATA = -61;

const tokens = new WeakMap<Tree, SecurityToken>();

/** The user of a tree connect, by the uid and groups that its files are reached with. */
export function tokenOf(tree: Tree): SecurityToken {
  const known = tokens.get(tree);
  if (known !== undefined) return known;
  const { credentials } = tree.grant;
  const token = makeToken({
    uid: credentials?.uid ?? effectiveUid(),
    gid: credentials?.gid ?? effectiveGid(),
    groups: credentials?.groups ?? [],
    isGuest: tree.session.isGuest,
    isAnonymous: tree.session.isAnonymous,
  });
  tokens.set(tree, token);
  return token;
}

/** The descriptor that is kept for `node` and counts; undefined where none does, or the share keeps none. */
export function keptDescriptor(
  tree: Tree,
  node: FileNode,
): MaybePromise<SecurityDescriptor | Failure | undefined> {
  if (tree.grant.security.acl !== "nt" || node.security === undefined) return undefined;
  return andThen(node.security.readDescriptor(), (kept) => (kept === ENODATA ? undefined : kept));
}

/** The descriptor of `node` as it is now. */
export function descriptorOf(tree: Tree, node: FileNode): MaybePromise<SecurityDescriptor | Failure> {
  const { security } = node;
  if (security === undefined) return EOPNOTSUPP;
  return andThen(keptDescriptor(tree, node), (kept) => {
    if (kept !== undefined) return kept;
    return andThen(node.refresh(), (stat) => {
      if (typeof stat === "number") return stat;
      return andThen(security.readAcl(), (acl) =>
        typeof acl === "number" ? acl : describeAcl(acl, stat.uid, stat.gid),
      );
    });
  });
}
