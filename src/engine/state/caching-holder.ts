// The holders of caching rights on a file. An oplock belongs to one open, a lease to all opens of one client
// with one lease key; both have the same three rights. [MS-SMB2] 3.3.1.11 to 3.3.1.13 (leases), [MS-FSA]
// 2.1.1.10 (oplocks).
import { Access } from "../../wire/security/access.ts";
import { LeaseState } from "../../wire/context/create-context.ts";
import type { Session, Tree } from "./session.ts";

/** The caching rights READ, HANDLE and WRITE, as the bits of a lease state. */
export const Cache = LeaseState;

const STAT_ACCESS = Access.READ_ATTRIBUTES | Access.WRITE_ATTRIBUTES | Access.SYNCHRONIZE;

/** True for a stat open, which breaks no oplock and prevents none; [MS-FSA] 2.1.5.1.2. */
export function isOplockStat(access: number): boolean {
  return (access & ~STAT_ACCESS) === 0;
}

/** True for a stat open as leases have it: READ_CONTROL is allowed too, as on Windows. */
export function isLeaseStat(access: number): boolean {
  return (access & ~(STAT_ACCESS | Access.READ_CONTROL)) === 0;
}

/** A lease; 3.3.1.12. */
export interface Lease {
  /** ClientGuid and lease key together: identifies the lease in the server. */
  readonly id: string;
  /** 16 bytes. */
  readonly key: Uint8Array;
  /** The key in hex. */
  readonly keyText: string;
  /** The version of the create context that made the lease; all responses and breaks use it. */
  readonly version: 1 | 2;
  /** 16 bytes; undefined where the client named no parent. */
  readonly parentKey: Uint8Array | undefined;
}

/**
 * An open as a holder sees it: the id in the open table, and the session and connection that receive the
 * break.
 */
export interface CachingOpen {
  readonly id: number;
  readonly session: Session;
  readonly connectionId: number;
  readonly tree: Tree;
}

/** A break notification that was sent. */
export interface SentBreak {
  /** The id of the connection. */
  readonly over: number;
  readonly from: number;
  readonly to: number;
  readonly needsAnswer: boolean;
}

export class CachingHolder {
  readonly file: FileCaching;
  /** Undefined for an oplock. */
  readonly lease: Lease | undefined;
  /** One open for an oplock. */
  readonly opens = new Set<CachingOpen>();
  /** Opens of this holder that are no stat opens. */
  nonStatOpens = 0;
  /** Lease.Epoch: counts the changes of the state; 16 bits. */
  epoch = 0;
  /** The state in the break notification that was sent last; meaningless without a break in progress. */
  breakingTo = 0;
  /** The state to reach in the end: further requests may have asked for less during a break. */
  required = 0;
  lastBreak: SentBreak | undefined;
  /** Timer of the acknowledgement. */
  timer: unknown;
  private rights = 0;
  private isBreakSent = false;

  constructor(file: FileCaching, lease: Lease | undefined) {
    this.file = file;
    this.lease = lease;
  }

  get state(): number {
    return this.rights;
  }
  set state(state: number) {
    this.file.count(this, -1);
    this.rights = state;
    this.file.count(this, 1);
  }

  /** True, once, if the last break lowered the state to none without an acknowledgement. */
  endUnanswered(): boolean {
    const isOver = this.lastBreak?.needsAnswer === false && this.rights === 0;
    if (isOver) this.lastBreak = undefined;
    return isOver;
  }

  get isBreaking(): boolean {
    return this.isBreakSent;
  }
  set isBreaking(isAsked: boolean) {
    if (this.isBreakSent !== isAsked) this.file.breaking += isAsked ? 1 : -1;
    this.isBreakSent = isAsked;
  }
}

/**
 * The holders of one file, with counts, so that the cost of an open does not grow with the number of holders.
 */
export class FileCaching {
  readonly holders = new Set<CachingHolder>();
  /** Requests that wait for a holder; each function is called once, at the next change. */
  readonly waiters = new Set<() => void>();
  /** Opens of the file that are no stat opens. */
  nonStatOpens = 0;
  /** Holders with any right. */
  active = 0;
  /** Oplocks with any right. */
  activeOplocks = 0;
  /** Holders with WRITE. */
  writers = 0;
  /** Leases with HANDLE. */
  handleLeases = 0;
  /** Holders with HANDLE. */
  handles = 0;
  /** Holders with a break in progress. */
  breaking = 0;

  /** Adds the rights of a holder to the counts, or subtracts them. */
  count(holder: CachingHolder, by: 1 | -1): void {
    const { state } = holder;
    if (state === 0) return;
    this.active += by;
    if (holder.lease === undefined) this.activeOplocks += by;
    if ((state & Cache.WRITE) !== 0) this.writers += by;
    if ((state & Cache.HANDLE) === 0) return;
    this.handles += by;
    if (holder.lease !== undefined) this.handleLeases += by;
  }
}
