// Oplocks and leases under seeded random use: invariants that hold after every step, whatever clients do.
// [MS-FSA] 2.1.5.18 (who may hold what beside whom), [MS-SMB2] 3.3.6.1, 3.3.6.5 (no request waits for ever).
import { expect, test } from "bun:test";
import { isOplockStat } from "../../../src/engine/state/caching-holder.ts";
import type { Open, SharedFile } from "../../../src/engine/state/open.ts";
import { BREAK_TIMEOUT_MS, CachingRig, DATA, leaseOf, STAT } from "./caching-rig.ts";

const WRITE = 4;
const KEYS = ["a", "b", "c", "d"];

/** xorshift32: the same numbers for the same seed. */
function randomOf(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

/** An open that is about to be made. */
interface Visitor {
  readonly access: number;
  readonly share: number;
  readonly wanted: number;
  readonly key: string | undefined;
  readonly overwrites: boolean;
  isWaiting: boolean;
}

class Play {
  readonly rig = new CachingRig();
  readonly file: SharedFile;
  readonly opens: Open[] = [];
  readonly visitors = new Set<Visitor>();
  private readonly random: (below: number) => number;

  constructor(seed: number) {
    this.random = randomOf(seed);
    this.file = this.rig.file();
    // Keeps the file in the table for the whole run.
    this.rig.open(this.file, STAT);
  }

  step(): void {
    const pick = this.random(100);
    const open = this.opens[this.random(Math.max(1, this.opens.length))];
    if (pick < 35) this.visit();
    else if (pick < 55 && open !== undefined) this.close(open);
    else if (pick < 80) this.answer();
    else if (pick < 88 && open !== undefined && !isOplockStat(open.grantedAccess)) {
      this.rig.table.breakReading(this.file.caching, open.caching);
    } else if (pick < 92) this.rig.table.breakHandles(this.file.caching, open);
    else if (pick < 94) this.rig.isConnected = !this.rig.isConnected;
    else this.rig.pass(this.random(BREAK_TIMEOUT_MS));
  }

  private visit(): void {
    const isLease = this.random(2) === 0;
    const visitor: Visitor = {
      access: this.random(4) === 0 ? STAT : DATA,
      share: this.random(4) === 0 ? 0 : 7,
      wanted: isLease ? this.random(8) : ([0, 1, 5, 7][this.random(4)] ?? 0),
      key: isLease ? KEYS[this.random(KEYS.length)] : undefined,
      overwrites: this.random(6) === 0,
      isWaiting: false,
    };
    this.visitors.add(visitor);
    this.enter(visitor);
  }

  // As CREATE does it: breaks, waits, and tries again.
  private enter(visitor: Visitor): void {
    const { rig, file } = this;
    const { access, share, key, overwrites, wanted } = visitor;
    const conflicts = rig.opens.conflicts(file, access, share);
    const again = visitor.isWaiting;
    const options = { access, overwrites, conflicts, again, ...(key === undefined ? {} : { key }) };
    visitor.isWaiting = rig.arrive(file, options);
    if (visitor.isWaiting) return rig.table.wait(file.caching, () => this.enter(visitor));
    this.visitors.delete(visitor);
    if (rig.opens.conflicts(file, access, share)) return;
    const open = rig.open(file, access, share);
    rig.table.grant(file.caching, open, wanted, key === undefined ? undefined : leaseOf(key), 0);
    this.opens.push(open);
  }

  private close(open: Open): void {
    this.opens.splice(this.opens.indexOf(open), 1);
    this.rig.close(open);
  }

  private answer(): void {
    const { table } = this.rig;
    const breaking = [...this.file.caching.holders].filter((holder) => holder.isBreaking);
    const holder = breaking[this.random(Math.max(1, breaking.length))];
    if (holder === undefined) return;
    if (holder.lease !== undefined) this.rig.acknowledge(holder.lease.id, this.random(8));
    else table.acknowledgeOplock(holder, this.random(2)).then?.();
  }

  /** The invariants. */
  check(): void {
    const { caching } = this.file;
    const holders = [...caching.holders];
    const states = holders.map(({ state }) => state);
    const active = states.filter((state) => state !== 0);
    // Never a holder with W beside another one with R.
    if (states.some((state) => (state & WRITE) !== 0)) expect(active.length).toBe(1);
    for (const state of states) expect([0, 1, 3, 5, 7]).toContain(state);
    for (const holder of holders) {
      if (holder.lease === undefined) expect([1, 5, 7, 0]).toContain(holder.state);
      expect(holder.opens.size).toBeGreaterThan(0);
      // A holder with W has no opens of others beside it, except stat opens.
      if ((holder.state & WRITE) !== 0) expect(caching.nonStatOpens).toBe(holder.nonStatOpens);
    }
    expect(caching.active).toBe(active.length);
    expect(caching.writers).toBe(states.filter((state) => (state & WRITE) !== 0).length);
    expect(caching.handles).toBe(states.filter((state) => (state & 2) !== 0).length);
    const breaking = holders.filter((holder) => holder.isBreaking).length;
    expect([caching.breaking, this.rig.timerCount]).toEqual([breaking, breaking]);
    const waiting = [...this.visitors].filter((visitor) => visitor.isWaiting).length;
    expect([waiting, caching.waiters.size]).toEqual([this.visitors.size, this.visitors.size]);
    // A request only waits for an acknowledgement that is due.
    if (waiting > 0) expect(breaking).toBeGreaterThan(0);
  }
}

test("thirty runs of three thousand steps", () => {
  for (let seed = 1; seed <= 30; seed++) {
    const play = new Play(seed);
    for (let i = 0; i < 3_000; i++) {
      play.step();
      play.check();
      if (play.opens.length > 40) while (play.opens.length > 5) play.rig.close(play.opens.pop() as Open);
    }
    // The time-outs alone end every wait.
    for (let i = 0; play.visitors.size > 0 && i < 20; i++) play.rig.pass(BREAK_TIMEOUT_MS);
    expect(play.visitors.size).toBe(0);
    while (play.opens.length > 0) play.rig.close(play.opens.pop() as Open);
    const { active, nonStatOpens, breaking, holders, waiters } = play.file.caching;
    expect([active, nonStatOpens, breaking, holders.size, waiters.size]).toEqual([0, 0, 0, 0, 0]);
    expect([play.rig.table.leaseCount, play.rig.timerCount]).toEqual([0, 0]);
  }
});
