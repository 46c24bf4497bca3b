// Who caches a file: an oplock belongs to one open, a lease to all opens of one client and key. Both are a holder
// with the same three rights; [MS-SMB2] 3.3.1.11 to 3.3.1.13 (leases), [MS-FSA] 2.1.1.10 (oplocks).
import { Access } from "../../wire/security/access.ts";
import { LeaseState } from "../../wire/context/create-context.ts";
import type { Session, Tree } from "./session.ts";

/** The rights to cache, as the bits of a lease state: data read, the handle, data to be written. */
export const Cache = LeaseState;

const STAT_ACCESS = Access.READ_ATTRIBUTES | Access.WRITE_ATTRIBUTES | Access.SYNCHRONIZE;

/** True for an open that reads and changes no data: it breaks no oplock and hinders none; [MS-FSA] 2.1.5.1.2. */
export function isOplockStat(access: number): boolean {
  return (access & ~STAT_ACCESS) === 0;
}

/** The same for leases, where READ_CONTROL passes too, as on Windows. */
export function isLeaseStat(access: number): boolean {
  return (access & ~(STAT_ACCESS | Access.READ_CONTROL)) === 0;
}

/** What makes a lease; 3.3.1.12. */
export interface Lease {
  /** Client and key in one: the name of the lease in the server. */
  readonly id: string;
  /** 16 bytes. */
  readonly key: Uint8Array;
  /** The key in hex. */
  readonly keyText: string;
  /** The version of the context that the lease was made by: all answers have it. */
  readonly version: 1 | 2;
  /** 16 bytes; undefined where the client named no parent. */
  readonly parentKey: Uint8Array | undefined;
}

/** What a holder knows of its opens: where a break goes, and how to find them in the open table. */
export interface CachingOpen {
  readonly id: number;
  readonly session: Session;
  readonly tree: Tree;
}

export class CachingHolder {
  readonly file: FileCaching;
  /** Undefined: an oplock. */
  readonly lease: Lease | undefined;
  /** An oplock has one. */
  readonly opens = new Set<CachingOpen>();
  /** Opens of this holder that are more than stat opens. */
  busyOpens = 0;
  /** Counts the changes of a lease's state; 16 bits. */
  epoch = 0;
  /** What the client was asked to fall to; meaningless where no break is under way. */
  breakingTo = 0;
  /** What it must fall to in the end: several requests may have asked for more while a break was under way. */
  required = 0;
  /** The acknowledgement's time limit. */
  timer: unknown;
  private rights = 0;
  private isAsked = false;

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

  get isBreaking(): boolean {
    return this.isAsked;
  }
  set isBreaking(isAsked: boolean) {
    if (this.isAsked !== isAsked) this.file.breaking += isAsked ? 1 : -1;
    this.isAsked = isAsked;
  }
}

/** The holders of one file, counted, so that a file with many opens is judged as fast as one with few. */
export class FileCaching {
  readonly holders = new Set<CachingHolder>();
  /** Requests that wait for a holder of this file; each is called once, at the next change. */
  readonly waiters = new Set<() => void>();
  /** Opens of the file that are more than stat opens. */
  busyOpens = 0;
  /** Holders with any right, and those of them that are oplocks; with the right to write; leases with the handle. */
  active = 0;
  activeOplocks = 0;
  writers = 0;
  handleLeases = 0;
  handles = 0;
  /** Holders that were asked to fall and have not yet. */
  breaking = 0;

  /** Counts a holder's rights in or out. */
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
