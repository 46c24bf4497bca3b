// The oplocks and leases of all files: grants, breaks, acknowledgements and their time-outs, and the requests
// that wait for a break. [MS-SMB2] 3.3.4.6, 3.3.4.7, 3.3.5.22, 3.3.6.1, 3.3.6.5; [MS-FSA] 2.1.4.12, 2.1.5.18.
// Pure: breaks are sent by `sendBreak`, time comes from `timers`.
import { type NtStatus, Status } from "../../wire/status.ts";
import { grantable, validRights, upgraded } from "./caching-grant.ts";
import {
  Cache,
  CachingHolder,
  type FileCaching,
  isLeaseStat,
  isOplockStat,
  type Lease,
} from "./caching-holder.ts";
import type { Open } from "./open.ts";

export interface Timers {
  setTimer(delayMs: number, run: () => void): unknown;
  clearTimer(timer: unknown): void;
}

export interface CachingRules {
  readonly timers: Timers;
  /** Milliseconds that a client has to acknowledge a break. */
  readonly breakTimeoutMs: () => number;
  /** Sends a break from the rights `from` to `to`; false where the client has no connection. */
  readonly sendBreak: (holder: CachingHolder, from: number, to: number, needsAnswer: boolean) => boolean;
  /** Called when `sendBreak` found no connection: the holder has lost the rights all the same. */
  readonly unreachable: (holder: CachingHolder) => void;
  /** Called when a lease on a directory begins, with its first open. */
  readonly directoryLeased: (holder: CachingHolder, open: Open) => void;
  /** Called when a lease on a directory ends. */
  readonly directoryReleased: (holder: CachingHolder) => void;
  /** Called when a client did not acknowledge in time, before the holder loses all rights. */
  readonly expired: (holder: CachingHolder) => void;
}

/** An open that is about to be made, as far as it decides about breaks. */
export interface Arrival {
  /** Lease.id of the lease that it asks for, if any: that lease is not broken. */
  readonly leaseId: string | undefined;
  readonly access: number;
  readonly overwrites: boolean;
  /** True where it has a sharing conflict with an existing open. */
  readonly conflicts: boolean;
  /** False where it has waited for a break before. */
  readonly isFirstTry: boolean;
}

export class CachingTable {
  private readonly rules: CachingRules;
  private readonly leases = new Map<string, CachingHolder>();
  private readonly onDirectories = new Set<CachingHolder>();

  constructor(rules: CachingRules) {
    this.rules = rules;
  }

  get leaseCount(): number {
    return this.leases.size;
  }
  /** Number of leases on directories; at 0 changes of entries break nothing. */
  get directoryLeases(): number {
    return this.onDirectories.size;
  }

  findLease(id: string): CachingHolder | undefined {
    return this.leases.get(id);
  }

  /** Breaks the oplocks and leases that the open `arrival` conflicts with. True: it has to wait. */
  admit(file: FileCaching, arrival: Arrival): boolean {
    if (file.active === 0) return false;
    const { conflicts, overwrites } = arrival;
    const concerns = file.breaking > 0 || overwrites || (conflicts ? file.handles > 0 : file.writers > 0);
    if (!concerns) return false;
    let mustWait = false;
    for (const holder of [...file.holders]) {
      if (holder.lease !== undefined && holder.lease.id === arrival.leaseId) continue;
      if (this.breakFor(holder, arrival)) mustWait = true;
    }
    return mustWait;
  }

  private breakFor(holder: CachingHolder, arrival: Arrival): boolean {
    const { state, isBreaking } = holder;
    if (state === 0) return false;
    const { access, overwrites, conflicts, isFirstTry } = arrival;
    const isStat = holder.lease === undefined ? isOplockStat(access) : isLeaseStat(access);
    if (isStat && !overwrites && !conflicts) return false;
    // A break of H may end a sharing conflict (the client closes). WRITE is broken at the next try, if it
    // must be.
    const inTheWay = conflicts ? Cache.HANDLE : Cache.WRITE;
    const lost = overwrites && !conflicts ? state : state & inTheWay;
    if (lost === 0) return isBreaking;
    this.startBreak(holder, state & ~lost);
    if ((state & inTheWay) === 0) return isBreaking && !isFirstTry;
    return (holder.state & inTheWay) !== 0;
  }

  /**
   * Grants rights to a new open, which is in the open table already. `wanted` is a lease state; `lease` is
   * undefined for an oplock. A lease with the same id must be on this file; the caller checks that.
   */
  grant(file: FileCaching, open: Open, wanted: number, lease: Lease | undefined, epoch: number): void {
    const known = lease === undefined ? undefined : this.leases.get(lease.id);
    if (known === undefined && lease === undefined && wanted === 0) return;
    const holder = known ?? new CachingHolder(file, lease);
    holder.opens.add(open);
    if (!isOplockStat(open.sharingAccess)) holder.nonStatOpens++;
    open.caching = holder;
    if (known !== undefined) {
      const state = upgraded(file, known, validRights(wanted));
      if (state === known.state) return;
      known.state = state;
      known.epoch = (known.epoch + 1) & 0xffff;
      return;
    }
    const state = grantable(file, holder, wanted);
    if (lease === undefined && state === 0) {
      open.caching = undefined;
      return;
    }
    file.holders.add(holder);
    holder.state = state;
    if (lease === undefined) return;
    holder.epoch = (state === 0 ? epoch : epoch + 1) & 0xffff;
    this.leases.set(lease.id, holder);
    if (!open.isDirectory) return;
    this.onDirectories.add(holder);
    this.rules.directoryLeased(holder, open);
  }

  /** Ends the oplock of an open that closes, or its lease with the last open, and wakes waiting requests. */
  release(open: Open): void {
    const holder = open.caching;
    const file = holder?.file ?? open.file?.caching;
    if (holder !== undefined && holder.opens.delete(open)) {
      open.caching = undefined;
      if (!isOplockStat(open.sharingAccess)) holder.nonStatOpens--;
      if (holder.opens.size === 0) this.forget(holder);
    }
    if (file !== undefined) this.wake(file);
  }

  private forget(holder: CachingHolder): void {
    this.endBreak(holder);
    holder.state = 0;
    holder.file.holders.delete(holder);
    if (holder.lease === undefined) return;
    this.leases.delete(holder.lease.id);
    if (this.onDirectories.delete(holder)) this.rules.directoryReleased(holder);
  }

  /**
   * The data of `file` changes: breaks the READ caching of all holders but `by`, whose open makes the change,
   * without waiting.
   */
  breakReading(file: FileCaching, by: CachingHolder | undefined): void {
    for (const holder of [...file.holders]) {
      if (holder.state === 0) continue;
      // A level II oplock of the writing open is broken too; a lease or an exclusive oplock may cache its own
      // writes.
      const isWriter = holder === by;
      if (isWriter && (holder.lease !== undefined || (holder.state & Cache.WRITE) !== 0)) continue;
      this.startBreak(holder, 0);
    }
  }

  /**
   * The name of `file` is about to be removed or changed: breaks the HANDLE caching of others. True: wait.
   */
  breakHandles(file: FileCaching, by: Open | undefined): boolean {
    if (file.handles === 0) return false;
    let mustWait = false;
    for (const holder of [...file.holders]) {
      const { state } = holder;
      if ((state & Cache.HANDLE) === 0 || holder === by?.caching) continue;
      this.startBreak(holder, state & ~Cache.HANDLE);
      if ((holder.state & Cache.HANDLE) !== 0) mustWait = true;
    }
    return mustWait;
  }

  /**
   * Entries of a directory changed: breaks its leases, except the one whose key (hex) is the changing open's
   * parent key, whichever client has it: [MS-FSA] 2.1.4.12.2 compares the keys alone, as smbd does, and the
   * tests smb2.dirlease want no break where a second client names the key of the first.
   */
  breakListing(file: FileCaching, parentKey: string | undefined): void {
    if (file.active === 0) return;
    for (const holder of [...file.holders]) {
      if (holder.state === 0) continue;
      if (parentKey === undefined || holder.lease?.keyText !== parentKey) this.startBreak(holder, 0);
    }
  }

  /** Change events were lost: breaks the leases of all directories. */
  breakListings(): void {
    for (const holder of [...this.onDirectories]) this.startBreak(holder, 0);
  }

  /** Calls `run` once, at the next change of the holders of `file`. `unwait` cancels it. */
  wait(file: FileCaching, run: () => void): void {
    file.waiters.add(run);
  }
  unwait(file: FileCaching, run: () => void): void {
    file.waiters.delete(run);
  }

  private wake(file: FileCaching): void {
    if (file.waiters.size === 0) return;
    const waiters = [...file.waiters];
    file.waiters.clear();
    for (const run of waiters) run();
  }

  // Breaks to `to`; where a break is in progress, lowers the state that it ends at.
  private startBreak(holder: CachingHolder, to: number): void {
    if (holder.isBreaking) {
      holder.required &= to;
      return;
    }
    const from = holder.state;
    if ((from & ~to) === 0) return;
    // An oplock breaks to level II or none.
    const target = holder.lease === undefined ? to & Cache.READ : validRights(from & to);
    holder.required = target;
    holder.epoch = (holder.epoch + 1) & 0xffff;
    this.send(holder, target);
  }

  private send(holder: CachingHolder, to: number): void {
    const from = holder.state;
    // READ alone needs no acknowledgement: there is nothing to write back.
    const needsAnswer = (from & ~Cache.READ) !== 0;
    if (needsAnswer) {
      holder.isBreaking = true;
      holder.breakingTo = to;
      holder.timer = this.rules.timers.setTimer(this.rules.breakTimeoutMs(), () => this.expire(holder));
    }
    const isSent = this.rules.sendBreak(holder, from, to, needsAnswer);
    if (needsAnswer && isSent) return;
    this.endBreak(holder);
    holder.state = isSent ? to : holder.required;
    if (!isSent) this.rules.unreachable(holder);
    this.wake(holder.file);
  }

  private endBreak(holder: CachingHolder): void {
    holder.isBreaking = false;
    if (holder.timer !== undefined) this.rules.timers.clearTimer(holder.timer);
    holder.timer = undefined;
  }

  private expire(holder: CachingHolder): void {
    holder.timer = undefined;
    if (!holder.isBreaking) return;
    this.rules.expired(holder);
    this.endBreak(holder);
    holder.state = 0;
    this.wake(holder.file);
  }

  /**
   * Acknowledgement of a lease break; 3.3.5.22.2. Returns the status, and what to call once the response is
   * sent: the next break, where more was asked for meanwhile. STATUS_OBJECT_NAME_NOT_FOUND: no lease with
   * `id` (Lease.id); STATUS_UNSUCCESSFUL: no break in progress; STATUS_REQUEST_NOT_ACCEPTED: `state` exceeds
   * the break's.
   */
  acknowledgeLease(id: string, state: number): { readonly status: NtStatus; readonly then?: () => void } {
    const holder = this.leases.get(id);
    if (holder === undefined) return { status: Status.OBJECT_NAME_NOT_FOUND };
    if (!holder.isBreaking) return { status: Status.UNSUCCESSFUL };
    if ((state & ~holder.breakingTo) !== 0) return { status: Status.REQUEST_NOT_ACCEPTED };
    return { status: Status.SUCCESS, ...this.downgrade(holder, validRights(state)) };
  }

  /**
   * Acknowledgement of an oplock break, to `rights` (READ or none); returns what to call once the response is
   * sent.
   */
  acknowledgeOplock(holder: CachingHolder, rights: number): { readonly then?: () => void } {
    return this.downgrade(holder, rights & holder.breakingTo);
  }

  private downgrade(holder: CachingHolder, state: number): { readonly then?: () => void } {
    this.endBreak(holder);
    holder.state = state;
    if ((state & ~holder.required) === 0) {
      this.wake(holder.file);
      return {};
    }
    // More was asked for meanwhile. As on Windows, R stays until the last break.
    const target = (state & ~Cache.READ) !== 0 ? (holder.required | Cache.READ) & state : holder.required;
    // For all others the break is still in progress until the next notification is sent.
    holder.isBreaking = true;
    holder.breakingTo = target;
    return {
      then: () => {
        if (holder.isBreaking && holder.timer === undefined) this.send(holder, target);
      },
    };
  }
}
