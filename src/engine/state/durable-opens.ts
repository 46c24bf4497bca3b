// Opens that outlive a lost connection: who may have them back, until when, and which CREATE made them;
// [MS-SMB2] 3.3.1.10 (Open.IsDurable …), 3.3.2.2 (Durable Open Scavenger Timer), 3.3.5.9.10 (CreateGuid). Pure.
import { Cache } from "./caching-holder.ts";
import type { Open } from "./open.ts";

/** Milliseconds for a client that names no time-out (v1 never does), and the longest that is granted. */
export const DEFAULT_DURABLE_TIMEOUT_MS = 60_000;
export const MAX_DURABLE_TIMEOUT_MS = 300_000;

/** The time-out granted to a client that asked for `wantedMs`; 0 leaves it to us. */
export function grantedTimeoutMs(wantedMs: number): number {
  return wantedMs === 0 ? DEFAULT_DURABLE_TIMEOUT_MS : Math.min(wantedMs, MAX_DURABLE_TIMEOUT_MS);
}

/**
 * True while the client's right to cache the handle makes an open durable: a batch oplock, or a lease with H;
 * 3.3.5.9.6, 3.3.5.9.10. A stat open of a file that others cache never is.
 */
export function holdsHandle(open: Open): boolean {
  const { caching } = open;
  if (caching === undefined || open.isDirectory) return false;
  const batch = Cache.READ | Cache.WRITE | Cache.HANDLE;
  return caching.lease === undefined ? caching.state === batch : (caching.state & Cache.HANDLE) !== 0;
}

/** True when an open stays although its connection is lost. One that goes with its close would keep what it deletes. */
export function mayOutlive(open: Open): boolean {
  if (open.durability === undefined || open.isClosed || open.deleteOnClose) return false;
  return holdsHandle(open) && open.file?.deletePending !== true;
}

export class DurableOpens {
  /** Opens that a CREATE with a CreateGuid made and that were not used since, by client and GUID. */
  private readonly byCreateGuid = new Map<string, Open>();
  private readonly ofApplications = new Set<Open>();
  /** CREATEs with a CreateGuid that have not been answered yet. */
  private readonly pending = new Set<string>();
  /** Opens without a connection, and when each is given up. */
  private readonly deadlines = new Map<Open, number>();

  /** Opens that wait for their client. */
  get detachedCount(): number {
    return this.deadlines.size;
  }

  /** CREATEs under way. */
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

  /** The client used the open: it has the answer to its CREATE, and will not ask for it again. */
  endReplay(open: Open): void {
    open.isReplayable = false;
    if (this.byCreateGuid.get(open.createKey) === open) this.byCreateGuid.delete(open.createKey);
  }

  /** The connection is gone; the open waits until `nowMs` plus its time-out. */
  detach(open: Open, nowMs: number): void {
    if (open.isReplayable) this.endReplay(open);
    const timeoutMs = open.durability?.timeoutMs ?? 0;
    this.deadlines.set(open, nowMs + timeoutMs);
  }

  isDetached(open: Open): boolean {
    return this.deadlines.has(open);
  }

  /** Its client has it back. */
  attach(open: Open): void {
    this.deadlines.delete(open);
  }

  /** Forgets a closed open altogether. */
  forget(open: Open): void {
    this.deadlines.delete(open);
    this.ofApplications.delete(open);
    if (open.isReplayable) this.endReplay(open);
  }

  /** The opens whose time is over; the caller closes them. */
  expired(nowMs: number): Open[] {
    const over: Open[] = [];
    for (const [open, deadline] of this.deadlines) if (deadline <= nowMs) over.push(open);
    return over;
  }

  /** Opens made by an application of that id on another client or connection; 3.3.5.9.13. */
  *ofApplication(appInstanceId: string): IterableIterator<Open> {
    for (const open of this.ofApplications) if (open.appInstanceId === appInstanceId) yield open;
  }
}
