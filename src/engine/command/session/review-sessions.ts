// After a reload: sessions, tree connects and rights that users would not get any more end. What they would
// still get goes on unchanged, and what they would get beyond it needs a new TREE_CONNECT.
import { eventLoop } from "../../../loop/event-loop.ts";
import type { Credentials, ShareGrant } from "../../../port/port.ts";
import { Status } from "../../../wire/status.ts";
import type { EngineContext } from "../../connection/context.ts";
import type { Session, Tree } from "../../state/session.ts";
import { closeTree, loseSession } from "../close/teardown.ts";
import { makeReadOnly, READ_ONLY_ACCESS } from "../open/access-check.ts";
import { findLosses } from "./review-rules.ts";

/** Sessions and trees are judged for this long before other work has its turn. */
const TURN_MS = 5;
/** Trees whose users' groups are read at the same time. */
const AT_ONCE = 64;

interface Outcome {
  sessions: number;
  trees: number;
  readOnly: number;
}

export async function reviewSessions(context: EngineContext): Promise<void> {
  const outcome: Outcome = { sessions: 0, trees: 0, readOnly: 0 };
  let began = performance.now();
  // Trees of ended sessions are among them while durable opens wait there for their client.
  const trees = new Set<Tree>();
  for (const open of context.durables.detached()) trees.add(open.tree);
  for (const session of [...context.sessions.values()]) {
    for (const tree of reviewSession(context, session, outcome)) trees.add(tree);
    if (performance.now() - began < TURN_MS) continue;
    await eventLoop.pause();
    began = performance.now();
  }
  const remaining: Tree[] = [];
  for (const tree of trees) {
    if (reviewTree(context, tree, outcome)) remaining.push(tree);
    if (performance.now() - began < TURN_MS) continue;
    await eventLoop.pause();
    began = performance.now();
  }
  // Last, because this may wait for disks.
  for (let at = 0; at < remaining.length; at += AT_ONCE) {
    const some = remaining.slice(at, at + AT_ONCE);
    await Promise.all(some.map((tree) => refreshCredentials(context, tree, outcome)));
  }
  const { sessions, trees: ended, readOnly } = outcome;
  const what = `sessions ended: ${sessions}, tree connects ended: ${ended}, made read-only: ${readOnly}`;
  context.log.info?.(`reload done; ${what}`);
}

/** Ends a session whose user could not log on as they did. Returns the trees of one that goes on. */
function reviewSession(context: EngineContext, session: Session, outcome: Outcome): Iterable<Tree> {
  const { identity } = session;
  // A log-on that is not finished is judged when it is; an ended session has left its connections.
  if (identity === undefined || context.sessions.get(session.id) !== session) return [];
  if (context.manager.isCurrent({ identity })) return session.trees.values();
  outcome.sessions++;
  inBackground(context, loseSession(context, session));
  return [];
}

/** Ends the tree or makes it read-only. False where it has ended. */
function reviewTree(context: EngineContext, tree: Tree, outcome: Outcome): boolean {
  const { identity } = tree.session;
  if (identity === undefined || !isInUse(context, tree)) return false;
  const now = context.manager.reviewShare({ share: tree.grant.name, identity });
  if ("status" in now || findLosses(tree, now).length > 0) {
    endTree(context, tree, outcome);
    return false;
  }
  if (now.readOnly && !tree.grant.readOnly) {
    outcome.readOnly++;
    restrictTree(context, tree);
  }
  return true;
}

function isInUse(context: EngineContext, tree: Tree): boolean {
  return tree.session.trees.get(tree.id) === tree || (tree.isLost && context.opens.ofTree(tree).size > 0);
}

function restrictTree(context: EngineContext, tree: Tree): void {
  tree.grant = Object.freeze<ShareGrant>({ ...tree.grant, readOnly: true });
  tree.maximalAccess = READ_ONLY_ACCESS;
  tree.store?.makeReadOnly?.();
  for (const open of context.opens.ofTree(tree)) makeReadOnly(open);
}

/**
 * Gives the tree its user's current groups (initgroups(3)). Another user id ends it: what is open was opened
 * with the rights of the former one.
 */
async function refreshCredentials(context: EngineContext, tree: Tree, outcome: Outcome): Promise<void> {
  const { identity } = tree.session;
  if (identity === undefined || tree.store === undefined) return;
  const grant = await context.manager.connectShare({ share: tree.grant.name, identity });
  // The session may have ended while the manager read the disk.
  if (!isInUse(context, tree)) return;
  if ("status" in grant) {
    // `force user` has no account any more. A directory that cannot be reached (BAD_NETWORK_NAME) ends
    // nothing.
    if (grant.status === Status.ACCESS_DENIED) endTree(context, tree, outcome);
    return;
  }
  const { credentials, asGuest, isAdmin } = grant;
  const isOther = asGuest !== tree.grant.asGuest || isAdmin !== tree.grant.isAdmin;
  if (isOther || credentials?.uid !== tree.grant.credentials?.uid) {
    endTree(context, tree, outcome);
    return;
  }
  if (isSame(tree.grant.credentials, credentials)) return;
  tree.store.setCredentials?.(credentials);
  tree.grant = Object.freeze<ShareGrant>({ ...tree.grant, credentials, namedUsers: grant.namedUsers });
}

function endTree(context: EngineContext, tree: Tree, outcome: Outcome): void {
  outcome.trees++;
  inBackground(context, closeTree(context, tree));
}

function inBackground(context: EngineContext, done: unknown): void {
  if (done instanceof Promise)
    done.catch((error: unknown) => context.log.error(`reload: closing: ${String(error)}`));
}

function isSame(a: Credentials | null, b: Credentials | null): boolean {
  if (a === null || b === null) return a === b;
  return a.uid === b.uid && a.gid === b.gid && a.groups.join() === b.groups.join();
}
