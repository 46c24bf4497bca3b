// After a reload, existing tree connects get their user's current groups (initgroups(3)). All other share
// settings are read again at the next TREE_CONNECT.
import type { Credentials } from "../../../port/port.ts";
import type { EngineContext } from "../../connection/context.ts";
import type { Session, Tree } from "../../state/session.ts";

export async function refreshTrees(context: EngineContext): Promise<void> {
  for (const session of [...context.sessions.values()]) {
    for (const tree of [...session.trees.values()]) {
      if (tree.store?.setCredentials !== undefined) await refreshTree(context, session, tree);
    }
  }
}

async function refreshTree(context: EngineContext, session: Session, tree: Tree): Promise<void> {
  const { identity } = session;
  if (identity === undefined) return;
  const grant = await context.manager.connectShare({ share: tree.grant.name, identity });
  // The session may have ended while the manager read the disk.
  if ("status" in grant || session.trees.get(tree.id) !== tree) return;
  const { credentials } = grant;
  if (isSame(tree.grant.credentials, credentials)) return;
  tree.store?.setCredentials?.(credentials);
  tree.grant = Object.freeze({ ...tree.grant, credentials, namedUsers: grant.namedUsers });
}

function isSame(a: Credentials | null, b: Credentials | null): boolean {
  if (a === null || b === null) return a === b;
  return a.uid === b.uid && a.gid === b.gid && a.groups.join() === b.groups.join();
}
