// The engine's tables as rows for status, RPC and metrics.
import type {
  ConnectionRow,
  EngineTables,
  LeaseRow,
  LockRow,
  NotifyRow,
  OpenRow,
  SessionRow,
  TreeRow,
  VolumeRow,
} from "../../port/control.ts";
import type { Connection } from "../connection/connection.ts";
import type { EngineContext } from "../connection/context.ts";
import type { CachingHolder } from "../state/caching-holder.ts";
import type { Open, SharedFile } from "../state/open.ts";
import type { Session, Tree } from "../state/session.ts";
import { listVolumes } from "./volumes.ts";

/** `connections` is the context's table with all that a row needs. */
export function makeTables(
  context: EngineContext,
  connections: ReadonlyMap<number, Connection>,
): EngineTables {
  return {
    *connections() {
      for (const connection of connections.values()) yield connectionRow(context, connection);
    },
    *sessions() {
      for (const session of context.sessions.values())
        if (session.identity !== undefined) yield sessionRow(context, connections, session);
    },
    *trees() {
      for (const session of context.sessions.values())
        for (const tree of session.trees.values()) yield treeRow(context, tree);
    },
    *opens() {
      for (const open of context.opens.all()) yield openRow(context, open);
    },
    *locks() {
      for (const file of context.opens.sharedFiles())
        for (const { owner, offset, length, isExclusive } of file.locks?.held() ?? [])
          yield lockRow(context.opens.find(owner), owner, offset, length, isExclusive);
    },
    *leases() {
      for (const file of context.opens.sharedFiles())
        for (const holder of file.caching.holders) if (holder.state !== 0) yield leaseRow(file, holder);
    },
    *notifies() {
      for (const open of context.opens.all()) {
        const watch = context.notify.describe(open);
        if (watch !== undefined) yield notifyRow(open, watch);
      }
    },
    volumes: (): IterableIterator<VolumeRow> => listVolumes(context),
  };
}

function connectionRow({ clock }: EngineContext, connection: Connection): ConnectionRow {
  const now = clock.now();
  return {
    id: connection.id,
    remoteAddress: connection.remoteAddress,
    dialect: connection.negotiated?.dialect.revision ?? 0,
    isLoggedOn: connection.isLoggedOn,
    sessions: [...connection.sessions.keys()],
    ageMs: now - connection.openedMs,
    idleMs: now - connection.lastActiveMs,
    traffic: connection.traffic.snapshot(),
  };
}

function sessionRow(
  { clock, opens }: EngineContext,
  connections: ReadonlyMap<number, Connection>,
  session: Session,
): SessionRow {
  const { identity, terms } = session;
  const now = clock.now();
  let lastActiveMs = session.startedMs;
  for (const id of session.connectionIds)
    lastActiveMs = Math.max(lastActiveMs, connections.get(id)?.lastActiveMs ?? 0);
  return {
    id: session.id,
    user: identity?.user ?? "",
    domain: identity?.domain ?? "",
    isGuest: session.isGuest,
    isAnonymous: session.isAnonymous,
    remoteAddress: identity?.remoteAddress ?? "",
    dialect: terms.revision,
    cipher: session.sealing === undefined ? 0 : terms.cipher,
    isEncrypted: session.mustEncrypt,
    signingAlgorithm: session.signing === undefined ? undefined : terms.signingAlgorithm,
    mustSign: session.mustSign,
    connections: [...session.connectionIds],
    trees: session.trees.size,
    opens: opens.ofSession(session).size,
    ageMs: now - session.startedMs,
    idleMs: now - lastActiveMs,
  };
}

function treeRow({ clock, opens }: EngineContext, tree: Tree): TreeRow {
  const { grant, session } = tree;
  return {
    id: tree.id,
    session: session.id,
    share: grant.name,
    type: grant.type,
    user: userOf(session),
    remoteAddress: session.identity?.remoteAddress ?? "",
    isReadOnly: grant.readOnly,
    isEncrypted: tree.mustEncrypt || session.mustEncrypt,
    opens: opens.ofTree(tree).size,
    ageMs: clock.now() - tree.connectedMs,
  };
}

function openRow({ clock, durables }: EngineContext, open: Open): OpenRow {
  const { caching, file, session, tree } = open;
  return {
    id: open.id,
    session: session.id,
    tree: tree.id,
    user: userOf(session),
    remoteAddress: session.identity?.remoteAddress ?? "",
    share: tree.grant.name,
    path: open.pathBelow(open.rootPath),
    stream: file?.stream?.name ?? "",
    isDirectory: open.isDirectory,
    isPipe: open.pipe >= 0,
    access: open.grantedAccess,
    shareAccess: open.shareAccess,
    sharePath: tree.grant.path,
    uid: tree.grant.credentials?.uid,
    locks: file?.locks?.countOf(open.id) ?? 0,
    caching: caching?.state ?? 0,
    isLease: caching?.lease !== undefined,
    isDurable: open.durability !== undefined,
    isDetached: durables.isDetached(open),
    deletePending: file?.hasDeletePending ?? false,
    ageMs: clock.now() - open.openedMs,
  };
}

/** The open may be about to close: its locks are released after it. */
function lockRow(
  open: Open | undefined,
  owner: number,
  offset: bigint,
  length: bigint,
  isExclusive: boolean,
): LockRow {
  return {
    open: owner,
    user: open === undefined ? "" : userOf(open.session),
    share: open?.tree.grant.name ?? "",
    path: open?.pathBelow(open.rootPath) ?? "",
    stream: open?.file?.stream?.name ?? "",
    offset: String(offset),
    length: String(length),
    isExclusive,
  };
}

function notifyRow(open: Open, watch: Pick<NotifyRow, "filter" | "isRecursive" | "waiting">): NotifyRow {
  const { session, tree } = open;
  return {
    open: open.id,
    user: userOf(session),
    remoteAddress: session.identity?.remoteAddress ?? "",
    share: tree.grant.name,
    sharePath: tree.grant.path,
    path: open.pathBelow(open.rootPath),
    ...watch,
  };
}

function leaseRow(file: SharedFile, holder: CachingHolder): LeaseRow {
  const [first] = holder.opens;
  return {
    isLease: holder.lease !== undefined,
    key: holder.lease?.keyText ?? "",
    state: holder.state,
    isBreaking: holder.isBreaking,
    user: first === undefined ? "" : userOf(first.session),
    remoteAddress: first?.session.identity?.remoteAddress ?? "",
    share: first?.tree.grant.name ?? "",
    path: first === undefined ? "" : file.pathBelow(first.tree.grant.path),
    opens: [...holder.opens].map(({ id }) => id),
  };
}

function userOf(session: Session): string {
  return session.identity?.user ?? "";
}
