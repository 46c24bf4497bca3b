// Oplocks and leases of all files: who is asked to give up what, who waits for whom, and what an answer or its
// absence changes. [MS-SMB2] 3.3.4.6, 3.3.4.7, 3.3.5.22, 3.3.6.1, 3.3.6.5; [MS-FSA] 2.1.4.12, 2.1.5.18.
// Pure: messages go out through `sendBreak`, time comes from `timers`.
import { type NtStatus, Status } from "../../wire/status.ts";
import { grantable, soundRights, upgraded } from "./caching-grant.ts";
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
  /** How long an acknowledgement may take. */
  readonly breakTimeoutMs: () => number;
  /** Tells the client to fall from `from` to `to`; false where no connection leads to it. */
  readonly sendBreak: (holder: CachingHolder, from: number, to: number, needsAnswer: boolean) => boolean;
  /** `sendBreak` found no way: the holder has fallen all the same. */
  readonly unreachable: (holder: CachingHolder) => void;
  /** A lease on a directory begins with `open`, and ends. */
  readonly directoryLeased: (holder: CachingHolder, open: Open) => void;
  readonly directoryReleased: (holder: CachingHolder) => void;
  /** A client did not answer in time: it has lost all rights. */
  readonly expired: (holder: CachingHolder) => void;
}

/** An open about to be made, as far as it disturbs those who cache the file. */
export interface Arrival {
  /** Undefined where no lease is asked for. */
  readonly leaseId: string | undefined;
  readonly access: number;
  readonly overwrites: boolean;
  /** Its access and sharing do not go with those of an existing open. */
  readonly conflicts: boolean;
  /** False once it has waited. */
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
  /** Leases on directories: changes of files ask for nothing while there is none. */
  get directoryLeases(): number {
    return this.onDirectories.size;
  }

  findLease(id: string): CachingHolder | undefined {
    return this.leases.get(id);
  }

  /** Asks whom `arrival` disturbs to give way. True: it has to wait for an answer. */
  admit(file: FileCaching, arrival: Arrival): boolean {
    if (file.active === 0) return false;
    const { conflicts, overwrites } = arrival;
    const concerns = file.breaking > 0 || overwrites || (conflicts ? file.handles > 0 : file.writers > 0);
    if (!concerns) return false;
    let mustWait = false;
    for (const holder of [...file.holders]) {
      if (holder.lease !== undefined && holder.lease.id === arrival.leaseId) continue;
      if (this.disturb(holder, arrival)) mustWait = true;
    }
    return mustWait;
  }

  private disturb(holder: CachingHolder, arrival: Arrival): boolean {
    const { state, isBreaking } = holder;
    if (state === 0) return false;
    const { access, overwrites, conflicts, isFirstTry } = arrival;
    const isStat = holder.lease === undefined ? isOplockStat(access) : isLeaseStat(access);
    if (isStat && !overwrites && !conflicts) return false;
    // A conflict may go away with the handle: what becomes of the data is decided when it has.
    const inTheWay = conflicts ? Cache.HANDLE : Cache.WRITE;
    const lost = overwrites && !conflicts ? state : state & inTheWay;
    if (lost === 0) return isBreaking;
    this.demand(holder, state & ~lost);
    if ((state & inTheWay) === 0) return isBreaking && !isFirstTry;
    return (holder.state & inTheWay) !== 0;
  }

  /**
   * The rights of a new open, which is entered in the tables already. `wanted` as a lease state; `lease` where one is
   * asked for. The caller has made sure that a lease of that id is on this very file.
   */
  grant(file: FileCaching, open: Open, wanted: number, lease: Lease | undefined, epoch: number): void {
    const known = lease === undefined ? undefined : this.leases.get(lease.id);
    if (known === undefined && lease === undefined && wanted === 0) return;
    const holder = known ?? new CachingHolder(file, lease);
    holder.opens.add(open);
    if (!isOplockStat(open.grantedAccess)) holder.busyOpens++;
    open.caching = holder;
    if (known !== undefined) {
      const state = upgraded(file, known, soundRights(wanted));
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

  /** An open is gone. Its oplock goes with it, a lease with the last of its opens; who waits looks again. */
  release(open: Open): void {
    const holder = open.caching;
    const file = holder?.file ?? open.file?.caching;
    if (holder !== undefined && holder.opens.delete(open)) {
      open.caching = undefined;
      if (!isOplockStat(open.grantedAccess)) holder.busyOpens--;
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

  /** The data of `file` is changed by `open`: nobody else may read it from a cache any more. Waits for nobody. */
  breakReading(file: FileCaching, open: Open): void {
    for (const holder of [...file.holders]) {
      if (holder.state === 0) continue;
      // The level II oplock of the writer itself goes too; a lease and an exclusive oplock may cache own writes.
      const isOwn = holder === open.caching;
      if (isOwn && (holder.lease !== undefined || (holder.state & Cache.WRITE) !== 0)) continue;
      this.demand(holder, 0);
    }
  }

  /** The name of `file` is to go or to change: others must not count on the handle. True: wait for an answer. */
  breakHandles(file: FileCaching, by: Open | undefined): boolean {
    if (file.handles === 0) return false;
    let mustWait = false;
    for (const holder of [...file.holders]) {
      const { state } = holder;
      if ((state & Cache.HANDLE) === 0 || holder === by?.caching) continue;
      this.demand(holder, state & ~Cache.HANDLE);
      if ((holder.state & Cache.HANDLE) !== 0) mustWait = true;
    }
    return mustWait;
  }

  /** Entries of a directory changed: its leases end, but for the one whose key (in hex) the changing open named its parent's. */
  breakListing(file: FileCaching, parentKey: string | undefined): void {
    if (file.active === 0) return;
    for (const holder of [...file.holders]) {
      if (holder.state === 0) continue;
      if (parentKey === undefined || holder.lease?.keyText !== parentKey) this.demand(holder, 0);
    }
  }

  /** Nobody can say any more which directories changed. */
  breakListings(): void {
    for (const holder of [...this.onDirectories]) this.demand(holder, 0);
  }

  /** Calls `run` once, at the next change of `file`. Take it back with `unwait`. */
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

  // Has the holder fall to `to`, or further where it is falling already.
  private demand(holder: CachingHolder, to: number): void {
    if (holder.isBreaking) {
      holder.required &= to;
      return;
    }
    const from = holder.state;
    if ((from & ~to) === 0) return;
    // An oplock falls to level II or to nothing.
    const target = holder.lease === undefined ? to & Cache.READ : soundRights(from & to);
    holder.required = target;
    holder.epoch = (holder.epoch + 1) & 0xffff;
    this.send(holder, target);
  }

  private send(holder: CachingHolder, to: number): void {
    const from = holder.state;
    // The right to read from a cache ends without an answer: nothing has to be written back for it.
    const needsAnswer = (from & ~Cache.READ) !== 0;
    if (needsAnswer) {
      holder.isBreaking = true;
      holder.breakingTo = to;
      holder.timer = this.rules.timers.setTimer(this.rules.breakTimeoutMs(), () => this.expire(holder));
    }
    const isTold = this.rules.sendBreak(holder, from, to, needsAnswer);
    if (needsAnswer && isTold) return;
    this.endBreak(holder);
    holder.state = isTold ? to : holder.required;
    if (!isTold) this.rules.unreachable(holder);
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
   * A lease's acknowledgement; 3.3.5.22.2. `id` as Lease.id. The status, and what is left to do once the client
   * has its answer: a further step down.
   */
  acknowledgeLease(id: string, state: number): { readonly status: NtStatus; readonly then?: () => void } {
    const holder = this.leases.get(id);
    if (holder === undefined) return { status: Status.OBJECT_NAME_NOT_FOUND };
    if (!holder.isBreaking) return { status: Status.UNSUCCESSFUL };
    if ((state & ~holder.breakingTo) !== 0) return { status: Status.REQUEST_NOT_ACCEPTED };
    return { status: Status.SUCCESS, ...this.fall(holder, soundRights(state)) };
  }

  /** The answer of an open whose oplock is breaking: it holds `rights` from now on, R or nothing. */
  acknowledgeOplock(holder: CachingHolder, rights: number): { readonly then?: () => void } {
    return this.fall(holder, rights & holder.breakingTo);
  }

  private fall(holder: CachingHolder, state: number): { readonly then?: () => void } {
    this.endBreak(holder);
    holder.state = state;
    if ((state & ~holder.required) === 0) {
      this.wake(holder.file);
      return {};
    }
    // More was asked for meanwhile. As Windows does it, R stays to the last step.
    const target = (state & ~Cache.READ) !== 0 ? (holder.required | Cache.READ) & state : holder.required;
    // Still breaking for everybody else, until the next message has gone out.
    holder.isBreaking = true;
    holder.breakingTo = target;
    return {
      then: () => {
        if (holder.isBreaking && holder.timer === undefined) this.send(holder, target);
      },
    };
  }
}
