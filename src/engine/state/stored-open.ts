// A durable open as one server leaves it to the next one: what is stored of it, and how it comes back into
// the tables. Until its client reconnects it has no descriptors; then the file is opened again, as that user,
// and must be what it was (`FileFacts`).
import type { CachingTable } from "./caching.ts";
import type { Lease } from "./caching-holder.ts";
import { type DurableOpens, survivesDisconnect } from "./durable-opens.ts";
import type { FileFacts } from "./file-facts.ts";
import { LockSequences } from "./lock-sequence.ts";
import { type FixedTimes, Open } from "./open.ts";
import { absolutePath, type OpenTable } from "./open-table.ts";
import { type LockLimits, LockOutcome, type LockRange, RangeLocks } from "./range-locks.ts";
import type { Tree } from "./session.ts";

/** Of an open with more byte-range locks its client has to open the file anew. */
export const MAX_STORED_LOCKS = 1024;
/** UTF-16 units of a path or name: PATH_MAX is 4,096 bytes. */
export const MAX_STORED_UNITS = 4096;

export interface StoredLease {
  readonly key: Uint8Array;
  readonly version: 1 | 2;
  readonly parentKey: Uint8Array | undefined;
}

export interface StoredOpen {
  readonly id: number;
  /** The only user that may reconnect it. */
  readonly user: string;
  readonly domain: string;
  /** Of the client, and of the server as the client reached it; `hosts allow` asks for them. */
  readonly remoteAddress: string;
  readonly localAddress: string;
  /** 16 bytes in hex, as all that is called a GUID or a key here. */
  readonly clientGuid: string;
  readonly dialect: number;
  readonly share: string;
  readonly sharePath: string;
  /** On disk, below `sharePath`. */
  readonly path: string;
  readonly facts: FileFacts;
  readonly grantedAccess: number;
  readonly sharingAccess: number;
  readonly unusableAccess: number;
  readonly shareAccess: number;
  readonly createOptions: number;
  readonly mode: number;
  readonly position: number;
  readonly createAction: number;
  readonly isPosix: boolean;
  readonly hasWritten: boolean;
  readonly isMarked: boolean;
  readonly reservedBytes: number;
  readonly version: 1 | 2;
  readonly timeoutMs: number;
  /** How long it would still have stayed without a connection. */
  readonly remainingMs: number;
  /** "" for none; so are the other GUIDs. */
  readonly createGuid: string;
  readonly appInstanceId: string;
  readonly parentLeaseKey: string;
  /** Undefined for an oplock. */
  readonly lease: StoredLease | undefined;
  readonly caching: number;
  readonly epoch: number;
  readonly locks: readonly Omit<LockRange, "owner">[];
  /** LockSequences.numbers; undefined where no LOCK can be a replay. */
  readonly lockSequences: Uint8Array | undefined;
  readonly fixedTimes: FixedTimes | undefined;
}

/**
 * True for an open without a connection that the next server can have. A named stream, which is no file of
 * its own on disk, and a file without a name cannot be found again; a break that is under way has no answer.
 */
export function isStorable(open: Open, durables: DurableOpens): boolean {
  const { caching, file } = open;
  if (!durables.isDetached(open) || !survivesDisconnect(open)) return false;
  if (file === undefined || file.base !== undefined || !file.hasName || file.hasDeletePending) return false;
  return open.snapshotPath === undefined && caching?.isBreaking === false;
}

/** What is stored of an open that `isStorable`; undefined where it has too many locks or too long a path. */
export function storedOf(open: Open, facts: FileFacts, remainingMs: number): StoredOpen | undefined {
  const { caching, durability, file, session, tree } = open;
  if (caching === undefined || durability === undefined || file === undefined) return undefined;
  const { lease } = caching;
  if ((file.locks?.countOf(open.id) ?? 0) > MAX_STORED_LOCKS) return undefined;
  const held = [...(file.locks?.heldBy(open.id) ?? [])];
  const locks = held.map(({ offset, length, isExclusive }) => ({ offset, length, isExclusive }));
  const path = open.pathBelow(tree.grant.path);
  if (Math.max(path.length, tree.grant.path.length) > MAX_STORED_UNITS) return undefined;
  const { identity } = session;
  return {
    id: open.id,
    user: durability.user,
    domain: identity?.domain ?? "",
    remoteAddress: identity?.remoteAddress ?? "",
    localAddress: identity?.localAddress ?? "",
    clientGuid: durability.clientGuid,
    dialect: session.terms.revision,
    share: durability.share,
    sharePath: tree.grant.path,
    path,
    facts,
    grantedAccess: open.grantedAccess,
    sharingAccess: open.sharingAccess,
    unusableAccess: open.unusableAccess,
    shareAccess: open.shareAccess,
    createOptions: open.createOptions,
    mode: open.mode,
    position: open.position,
    createAction: open.createAction,
    isPosix: open.isPosix,
    hasWritten: open.hasWritten,
    isMarked: file.isMarked,
    reservedBytes: file.reservedBytes,
    version: durability.version,
    timeoutMs: durability.timeoutMs,
    remainingMs,
    createGuid: open.createKey.slice(durability.clientGuid.length),
    appInstanceId: open.appInstanceId,
    parentLeaseKey: open.parentLeaseKey ?? "",
    lease: lease && { key: lease.key, version: lease.version, parentKey: lease.parentKey },
    caching: caching.state,
    epoch: caching.epoch,
    locks,
    lockSequences: open.lockSequences?.numbers,
    fixedTimes: open.fixedTimes,
  };
}

export interface Tables {
  readonly opens: OpenTable;
  readonly caching: CachingTable;
  readonly durables: DurableOpens;
}

/**
 * Puts a stored open back into the tables, where it waits for its client until its time-out. `tree` has the
 * user and the share. Undefined where it does not fit beside those that are there.
 */
export function restoreOpen(
  tables: Tables,
  stored: StoredOpen,
  tree: Tree,
  locks: Omit<LockLimits, "charge">,
  nowMs: number,
): Open | undefined {
  const { opens, caching, durables } = tables;
  const { id, facts, lease } = stored;
  if (opens.find(id) !== undefined) return undefined;
  const file = opens.takeFile(facts.identity, absolutePath(stored.sharePath, stored.path));
  const leaseId = stored.clientGuid + hexOf(lease?.key);
  const known = lease && caching.findLease(leaseId);
  const isElsewhere = known !== undefined && known.file !== file.caching;
  if (isElsewhere || opens.conflicts(file, stored.sharingAccess, stored.shareAccess)) {
    opens.dropIfUnused(file);
    return undefined;
  }
  const open = makeOpen(stored, tree, file);
  open.openedMs = nowMs;
  opens.add(open);
  opens.addName(open, absolutePath(stored.sharePath, stored.path));
  opens.detach(open);
  durables.restore(open, nowMs + stored.remainingMs);
  file.leftFacts = facts;
  file.isMarked ||= stored.isMarked;
  file.reservedBytes = Math.max(file.reservedBytes, stored.reservedBytes);
  const restored: Lease | undefined = lease && {
    ...lease,
    id: leaseId,
    keyText: hexOf(lease.key),
  };
  caching.grant(file.caching, open, stored.caching, restored, stored.epoch);
  if (open.caching?.state !== stored.caching || !takeLocks(tables, stored, open, locks)) {
    withdraw(tables, open);
    return undefined;
  }
  open.caching.epoch = stored.epoch;
  return open;
}

function makeOpen(stored: StoredOpen, tree: Tree, file: Open["file"]): Open {
  const open = new Open({
    id: stored.id,
    session: tree.session,
    tree,
    // Of no connection: their ids begin at 1.
    connectionId: 0,
    node: undefined,
    file,
    handle: undefined,
    pipe: -1,
    grantedAccess: stored.sharingAccess,
    shareAccess: stored.shareAccess,
    createOptions: stored.createOptions,
    isDirectory: false,
  });
  open.grantedAccess = stored.grantedAccess;
  open.unusableAccess = stored.unusableAccess;
  open.mode = stored.mode;
  open.position = stored.position;
  open.createAction = stored.createAction;
  open.isPosix = stored.isPosix;
  open.hasWritten = stored.hasWritten;
  open.parentLeaseKey = stored.parentLeaseKey === "" ? undefined : stored.parentLeaseKey;
  open.createKey = stored.createGuid === "" ? "" : stored.clientGuid + stored.createGuid;
  open.appInstanceId = stored.appInstanceId;
  open.fixedTimes = stored.fixedTimes;
  if (stored.lockSequences !== undefined) open.lockSequences = new LockSequences(stored.lockSequences);
  const { clientGuid, share, timeoutMs, user, version } = stored;
  open.durability = { clientGuid, share, timeoutMs, user, version };
  return open;
}

function takeLocks(
  { opens }: Tables,
  { locks }: StoredOpen,
  open: Open,
  limits: Omit<LockLimits, "charge">,
): boolean {
  const { file } = open;
  if (locks.length === 0 || file === undefined) return true;
  file.locks ??= new RangeLocks();
  const charged = { ...limits, charge: { usage: opens.lockUsage, user: open.user } };
  for (const lock of locks)
    if (file.locks.lock({ ...lock, owner: open.id }, charged) !== LockOutcome.GRANTED) return false;
  return true;
}

/** Takes an open without descriptors out of all tables again. */
function withdraw({ opens, caching, durables }: Tables, open: Open): void {
  const { file } = open;
  file?.locks?.release(open.id);
  if (file?.locks?.isEmpty === true) file.locks = undefined;
  opens.remove(open);
  durables.forget(open);
  caching.release(open);
  open.close();
}

function hexOf(bytes: Uint8Array | undefined): string {
  return bytes === undefined ? "" : bytes.toHex();
}
