// Durable opens and CREATE replays: which opens survive a lost connection, until when, and which CREATE made
// them. [MS-SMB2] 3.3.1.10 (Open.IsDurable …), 3.3.2.2 (Durable Open Scavenger Timer), 3.3.5.9.10
// (CreateGuid). Pure.
import { Cache } from "./caching-holder.ts";
import type { Open } from "./open.ts";

/** For a client that asks for no time-out; a v1 request has none. */
export const DEFAULT_DURABLE_TIMEOUT_MS = 60_000;
/** The longest time-out granted, but for targets of backups. */
export const MAX_DURABLE_TIMEOUT_MS = 300_000;

/**
 * The longest that macOS asks for on a target of Time Machine: it does not back up to a server that grants
 * another time-out than it asked for (`kWriteSettings` in smbfs_vnops.c of Apple's SMBClient).
 */
export const MAX_BACKUP_TIMEOUT_MS = 960_000;

/** The time-out granted to a client that asked for `wantedMs`; 0 asks for the server's default. */
export function grantedTimeoutMs(wantedMs: number, maxMs: number): number {
  return wantedMs === 0 ? DEFAULT_DURABLE_TIMEOUT_MS : Math.min(wantedMs, maxMs);
}

/**
 * True for an open of a file with a batch oplock or a lease with HANDLE: it may be durable; 3.3.5.9.6,
 * 3.3.5.9.10.
 */
export function hasHandleCaching(open: Open): boolean {
  const { caching } = open;
  if (caching === undefined || open.isDirectory) return false;
  const batch = Cache.READ | Cache.WRITE | Cache.HANDLE;
  return caching.lease === undefined ? caching.state === batch : (caching.state & Cache.HANDLE) !== 0;
}

/**
 * True for an open that stays when its connection is lost. Delete-on-close and delete-pending opens are
 * closed, so that the file is deleted.
 */
export function survivesDisconnect(open: Open): boolean {
  if (open.durability === undefined || open.isClosed || open.deleteOnClose) return false;
  return hasHandleCaching(open) && open.file?.deletePending !== true;
}

export class DurableOpens {
  /** Unused opens of CREATEs with a CreateGuid, by ClientGuid and CreateGuid. */
  private readonly byCreateGuid = new Map<string, Open>();
  private readonly ofApplications = new Set<Open>();
  /** CREATEs in progress that have a CreateGuid. */
  private readonly pending = new Set<string>();
  /** Opens without a connection, with the time at which each is closed. */
  private readonly deadlines = new Map<Open, number>();

  /** Number of opens without a connection. */
  get detachedCount(): number {
    return this.deadlines.size;
  }

  /** Number of CREATEs in progress that have a CreateGuid. */
  get pendingCount(): number {
    return this.pending.size;
  }

  findByCreateGuid(clientGuid: string, createGuid: string): Open | undefined {
    return this.byCreateGuid.get(clientGuid + createGuid);
  }

  isPending(clientGuid: string, createGuid: string): boolean {
    return this.pending.has(clientGuid + createGuid);
  }

  beginCreate(clientGuid: string, createGuid: string): void {
    this.pending.add(clientGuid + createGuid);
  }

  endCreate(clientGuid: string, createGuid: string): void {
    this.pending.delete(clientGuid + createGuid);
  }

  remember(open: Open, clientGuid: string, createGuid: string): void {
    open.createKey = clientGuid + createGuid;
    open.isReplayable = true;
    this.byCreateGuid.set(open.createKey, open);
    if (open.appInstanceId !== "") this.ofApplications.add(open);
  }

  /** The client has used the open, so it has the response of its CREATE and will not replay it. */
  endReplay(open: Open): void {
    open.isReplayable = false;
    if (this.byCreateGuid.get(open.createKey) === open) this.byCreateGuid.delete(open.createKey);
  }

  /** The connection is lost: the open stays until `nowMs` plus its time-out. */
  detach(open: Open, nowMs: number): void {
    if (open.isReplayable) this.endReplay(open);
    const timeoutMs = open.durability?.timeoutMs ?? 0;
    this.deadlines.set(open, nowMs + timeoutMs);
  }

  /** Adds an open of the server before, which has no connection yet and stays until `deadlineMs`. */
  restore(open: Open, deadlineMs: number): void {
    this.deadlines.set(open, deadlineMs);
    if (open.appInstanceId !== "") this.ofApplications.add(open);
  }

  /** How long an open without a connection still stays. */
  remainingMs(open: Open, nowMs: number): number {
    return Math.max(0, (this.deadlines.get(open) ?? 0) - nowMs);
  }

  /** The opens without a connection. */
  detached(): IterableIterator<Open> {
    return this.deadlines.keys();
  }

  isDetached(open: Open): boolean {
    return this.deadlines.has(open);
  }

  /** The client has reconnected the open. */
  attach(open: Open): void {
    this.deadlines.delete(open);
  }

  /** Removes a closed open. */
  forget(open: Open): void {
    this.deadlines.delete(open);
    this.ofApplications.delete(open);
    if (open.isReplayable) this.endReplay(open);
  }

  /** The opens whose time-out has passed; the caller closes them. */
  expired(nowMs: number): Open[] {
    const over: Open[] = [];
    for (const [open, deadline] of this.deadlines) if (deadline <= nowMs) over.push(open);
    return over;
  }

  /** The opens with that AppInstanceId, of any client; 3.3.5.9.13. */
  *ofApplication(appInstanceId: string): IterableIterator<Open> {
    for (const open of this.ofApplications) if (open.appInstanceId === appInstanceId) yield open;
  }
}
