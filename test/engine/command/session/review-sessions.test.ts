// Races and rules of the review after a reload that a client cannot provoke at will.
import { expect, test } from "bun:test";
import { reviewSessions } from "../../../../src/engine/command/session/review-sessions.ts";
import { type EngineContext, systemClock } from "../../../../src/engine/connection/context.ts";
import type { Session, Tree } from "../../../../src/engine/state/session.ts";
import type { Credentials, Identity, ShareGrant, ShareRules } from "../../../../src/port/port.ts";
import { Status } from "../../../../src/wire/status.ts";
import { grantFor } from "../../vfs/share-fixture.ts";

const identity: Identity = {
  user: "anna",
  domain: "",
  isGuest: false,
  isAnonymous: false,
  accountVersion: 1,
  remoteAddress: "192.0.2.1",
};
const before: Credentials = { uid: 5, gid: 6, groups: [7] };
type Refusal = { status: number };

/** A session with one tree, and a manager that answers with `answer()`; `seen` collects what the store is told. */
function connected(answer: () => ShareGrant | Refusal, rules: ShareRules | Refusal = grantFor("/srv")) {
  const seen: unknown[] = [];
  const store = {
    setCredentials: (credentials: Credentials | null) => void seen.push(credentials),
    makeReadOnly: () => void seen.push("read-only"),
    close: () => void seen.push("closed"),
  };
  const tree = { id: 1, grant: grantFor("/srv", { credentials: before }), store } as unknown as Tree;
  const session = { id: 9, identity, trees: new Map([[1, tree]]), connectionIds: [] } as unknown as Session;
  Object.assign(tree, { session });
  const manager = {
    isCurrent: () => true,
    reviewShare: () => rules,
    connectShare: () => Promise.resolve(answer()),
  };
  const context = {
    manager,
    clock: systemClock,
    sessions: new Map([[9, session]]),
    durables: { detached: () => [] },
    opens: { ofTree: () => new Set() },
    log: { error: (text: string) => void seen.push(text) },
  } as unknown as EngineContext;
  return { context, session, tree, seen };
}

test("changed groups reach the store and the grant, rights that grew do not", async () => {
  const after: Credentials = { uid: 5, gid: 6, groups: [7, 8] };
  const { context, tree, seen } = connected(() => grantFor("/srv", { credentials: after, eaSupport: false }));
  await reviewSessions(context);
  expect(seen).toEqual([after]);
  expect([tree.grant.credentials, tree.grant.eaSupport]).toEqual([after, true]);
});

test("unchanged groups, a directory that cannot be reached and a tree disconnected meanwhile change nothing", async () => {
  const same = connected(() => grantFor("/srv", { credentials: { ...before, groups: [7] } }));
  const unreachable = connected(() => ({ status: Status.BAD_NETWORK_NAME }));
  const gone = connected(() => {
    gone.session.trees.clear();
    return grantFor("/srv", { credentials: null });
  });
  for (const { context, seen, tree } of [same, unreachable, gone]) {
    await reviewSessions(context);
    expect(seen).toEqual([]);
    expect(tree.grant.credentials).toEqual(before);
  }
});

test("another user id, another standing as guest and a missing forced user end the tree", async () => {
  for (const answer of [
    grantFor("/srv", { credentials: { ...before, uid: 6 } }),
    grantFor("/srv", { credentials: before, asGuest: true }),
    { status: Status.ACCESS_DENIED },
  ]) {
    const { context, seen, session } = connected(() => answer);
    await reviewSessions(context);
    expect(seen).toEqual(["closed"]);
    expect(session.trees.size).toBe(0);
  }
});

test("a share that may be written again leaves a read-only tree as it is", async () => {
  const { context, tree, seen } = connected(() => grantFor("/srv", { credentials: before }));
  tree.grant = { ...tree.grant, readOnly: true };
  await reviewSessions(context);
  expect([seen, tree.grant.readOnly]).toEqual([[], true]);
});

test("read-only reaches the store, the grant and the maximal access", async () => {
  const rules = grantFor("/srv", { readOnly: true });
  const { context, tree, seen } = connected(() => grantFor("/srv", { credentials: before }), rules);
  await reviewSessions(context);
  expect(seen).toEqual(["read-only"]);
  expect([tree.grant.readOnly, tree.maximalAccess]).toEqual([true, 0x0012_00a9]);
});
