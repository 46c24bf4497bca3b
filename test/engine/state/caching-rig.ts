// A caching table with a clock of the test's, files and opens without a disk, and a record of the breaks
// sent.
import type { Session, Tree } from "../../../src/engine/state/session.ts";
import { CachingTable } from "../../../src/engine/state/caching.ts";
import { type CachingHolder, type Lease } from "../../../src/engine/state/caching-holder.ts";
import { Open, type SharedFile } from "../../../src/engine/state/open.ts";
import { OpenTable } from "../../../src/engine/state/open-table.ts";
import { Access } from "../../../src/wire/security/access.ts";

export const R = 1;
export const RH = 3;
export const RW = 5;
export const RWH = 7;
export const DATA = Access.READ_DATA | Access.WRITE_DATA;
export const STAT = Access.READ_ATTRIBUTES;
export const BREAK_TIMEOUT_MS = 35_000;

const LETTERS = ["R", "H", "W"];

export class CachingRig {
  readonly opens = new OpenTable();
  /**
   * `KEY RWH>RH!`: the holder, its rights before and after the break, and ! where an acknowledgement is due.
   */
  readonly breaks: string[] = [];
  readonly expired: string[] = [];
  readonly unreachable: string[] = [];
  /** Leases on directories. */
  readonly directories: string[] = [];
  isConnected = true;
  readonly table: CachingTable;
  private nowMs = 0;
  private readonly timers = new Map<number, { at: number; run: () => void }>();
  private lastTimer = 0;
  private readonly session = {} as unknown as Session;
  private readonly tree = { session: this.session } as unknown as Tree;

  constructor() {
    this.table = new CachingTable({
      timers: {
        setTimer: (delayMs, run) => {
          this.timers.set(++this.lastTimer, { at: this.nowMs + delayMs, run });
          return this.lastTimer;
        },
        clearTimer: (timer) => this.timers.delete(timer as number),
      },
      breakTimeoutMs: () => BREAK_TIMEOUT_MS,
      sendBreak: (holder, from, to, needsAnswer) => {
        if (!this.isConnected) return false;
        this.breaks.push(`${nameOf(holder)} ${show(from)}>${show(to)}${needsAnswer ? "!" : ""}`);
        return true;
      },
      unreachable: (holder) => this.unreachable.push(nameOf(holder)),
      directoryLeased: (holder) => this.directories.push(nameOf(holder)),
      directoryReleased: (holder) => this.directories.splice(this.directories.indexOf(nameOf(holder)), 1),
      expired: (holder) => this.expired.push(nameOf(holder)),
    });
  }

  get timerCount(): number {
    return this.timers.size;
  }

  /** Advances the clock. */
  pass(ms: number): void {
    this.nowMs += ms;
    for (const [id, timer] of [...this.timers]) {
      if (timer.at > this.nowMs) continue;
      this.timers.delete(id);
      timer.run();
    }
  }

  /** The breaks since the last call. */
  takeBreaks(): string[] {
    return this.breaks.splice(0);
  }

  file(path = "/share/file"): SharedFile {
    return this.opens.takeFile(path, path);
  }

  /** An open without caching, in the open table. */
  open(file: SharedFile, access: number = DATA, share = 7, isDirectory = false): Open {
    const open = new Open({
      id: this.opens.nextId(),
      session: this.session,
      tree: this.tree,
      connectionId: 1,
      node: undefined,
      file,
      handle: undefined,
      pipe: -1,
      grantedAccess: access,
      shareAccess: share,
      createOptions: 0,
      isDirectory,
    });
    this.opens.add(open);
    return open;
  }

  /** Opens with a lease of that key (and client) and returns what it holds. */
  lease(file: SharedFile, key: string, wanted: number, access: number = DATA, isDirectory = false): Open {
    const open = this.open(file, access, 7, isDirectory);
    this.table.grant(file.caching, open, wanted, leaseOf(key), 10);
    return open;
  }

  oplock(file: SharedFile, wanted: number, access: number = DATA): Open {
    const open = this.open(file, access);
    this.table.grant(file.caching, open, wanted, undefined, 0);
    return open;
  }

  /** Admits another open. True when it has to wait. */
  arrive(
    file: SharedFile,
    options: {
      access?: number;
      key?: string;
      overwrites?: boolean;
      conflicts?: boolean;
      again?: boolean;
    } = {},
  ): boolean {
    return this.table.admit(file.caching, {
      leaseId: options.key,
      access: options.access ?? DATA,
      overwrites: options.overwrites ?? false,
      conflicts: options.conflicts ?? false,
      isFirstTry: options.again !== true,
    });
  }

  close(open: Open): void {
    this.opens.remove(open);
    this.table.release(open);
  }

  /** Acknowledges, sends the response, and returns the status. */
  acknowledge(key: string, state: number): number {
    const { status, then } = this.table.acknowledgeLease(key, state);
    then?.();
    return status;
  }
}

/** The id is the key here, and shorter than 32 digits. */
export function leaseOf(key: string): Lease {
  return { id: key, key: new Uint8Array(16), keyText: key, version: 2, parentKey: undefined };
}

function nameOf(holder: CachingHolder): string {
  return holder.lease?.id ?? "oplock";
}

export function show(state: number): string {
  return LETTERS.filter((_, i) => (state & (1 << i)) !== 0).join("") || "-";
}

/** What an open holds: `RH`, or `none` where it holds no oplock and no lease. */
export function held(open: Open): string {
  return open.caching === undefined ? "none" : show(open.caching.state);
}
