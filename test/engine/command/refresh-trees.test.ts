// A reload updates the groups of connected users; initgroups(3).
import { expect, test } from "bun:test";
import { refreshTrees } from "../../../src/engine/command/session/refresh-trees.ts";
import type { EngineContext } from "../../../src/engine/connection/context.ts";
import type { Session, Tree } from "../../../src/engine/state/session.ts";
import type { Credentials, Identity, ShareGrant } from "../../../src/port/port.ts";
import { Status } from "../../../src/wire/status.ts";
import { grantFor } from "../vfs/share-fixture.ts";

const identity: Identity = {
  user: "anna",
  domain: "",
  isGuest: false,
  isAnonymous: false,
  remoteAddress: "192.0.2.1",
};
const before: Credentials = { uid: 5, gid: 6, groups: [7] };

/** A session with one tree, and a manager that returns `answer()`; `set` collects the new credentials. */
function connected(answer: () => ShareGrant | { status: number }) {
  const set: (Credentials | null)[] = [];
  const store = { setCredentials: (credentials: Credentials | null) => void set.push(credentials) };
  const tree = { id: 1, grant: grantFor("/srv", { credentials: before }), store } as unknown as Tree;
  const session = { identity, trees: new Map([[1, tree]]) } as unknown as Session;
  const manager = { connectShare: () => Promise.resolve(answer()) };
  const context = { manager, sessions: new Map([[1, session]]) } as unknown as EngineContext;
  return { context, session, tree, set };
}

test("changed groups reach the store and the grant, other settings stay", async () => {
  const after: Credentials = { uid: 5, gid: 6, groups: [7, 8] };
  const { context, tree, set } = connected(() => grantFor("/srv", { credentials: after, readOnly: true }));
  await refreshTrees(context);
  expect(set).toEqual([after]);
  expect([tree.grant.credentials, tree.grant.readOnly]).toEqual([after, false]);
});

test("unchanged groups, a refusal and a tree disconnected meanwhile change nothing", async () => {
  const same = connected(() => grantFor("/srv", { credentials: { ...before, groups: [7] } }));
  await refreshTrees(same.context);
  const refused = connected(() => ({ status: Status.ACCESS_DENIED }));
  await refreshTrees(refused.context);
  const gone = connected(() => {
    gone.session.trees.clear();
    return grantFor("/srv", { credentials: null });
  });
  await refreshTrees(gone.context);
  for (const { set, tree } of [same, refused, gone]) {
    expect(set).toEqual([]);
    expect(tree.grant.credentials).toEqual(before);
  }
});
