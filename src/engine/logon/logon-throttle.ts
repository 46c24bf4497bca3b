// Slows down the guessing of passwords, by address and by user name: pure state, the time is passed in.
// [MS-SMB2] leaves this to the server; the answer's status and shape stay those of any failed log-on.

/** Failures that cost nothing: clients try their own account's name before they ask for another. */
export const FREE_FAILURES = 5;
const FIRST_DELAY_MS = 250;
/** An address pays up to this for each try, and its tries stand in line. */
export const MAX_ADDRESS_DELAY_MS = 4_000;
/** A user name pays less and has no line: others must not be able to lock its owner out. */
export const MAX_USER_DELAY_MS = 2_000;
/** A try that would stand in its address's line for longer than this is not made at all. */
export const MAX_LINE_MS = 8_000;
/** Failures are forgotten after this long without another one. */
export const FORGET_MS = 300_000;
/** Addresses, and user names, remembered at once; the one that failed longest ago goes first. */
export const MAX_REMEMBERED = 1_024;
const MAX_USER_KEY_LENGTH = 64;

interface Record {
  failures: number;
  /** Tries begun and not ended: they count as failures until shown to be none. */
  running: number;
  failedAtMs: number;
  /** When the next try of an address may be made. */
  nextAtMs: number;
}

/** All times are milliseconds of one monotonic clock. */
export class LogonThrottle {
  private readonly nowMs: () => number;
  private readonly addresses = new Map<string, Record>();
  private readonly users = new Map<string, Record>();

  constructor(nowMs: () => number) {
    this.nowMs = nowMs;
  }

  /**
   * Begins a try: how many milliseconds to wait before the password is looked at, or undefined where the try
   * must be refused unseen. A number must be followed by one call of `failed` or `succeeded`.
   */
  delayMs(address: string, user: string): number | undefined {
    const now = this.nowMs();
    const key = userKey(user);
    const byAddress = this.recall(this.addresses, address, now);
    const byUser = this.recall(this.users, key, now);
    const addressCost = costMs(byAddress, MAX_ADDRESS_DELAY_MS);
    const inLine = addressCost === 0 ? 0 : Math.max(byAddress.nextAtMs - now, 0);
    if (inLine > MAX_LINE_MS) return undefined;
    const delay = Math.max(inLine, costMs(byUser, MAX_USER_DELAY_MS));
    byAddress.nextAtMs = now + inLine + addressCost;
    byAddress.running++;
    byUser.running++;
    keep(this.addresses, address, byAddress);
    keep(this.users, key, byUser);
    return delay;
  }

  /** The try ended with a wrong name or password. */
  failed(address: string, user: string): void {
    const now = this.nowMs();
    const key = userKey(user);
    for (const [table, name] of [
      [this.addresses, address],
      [this.users, key],
    ] as const) {
      const record = this.recall(table, name, now);
      record.running = Math.max(record.running - 1, 0);
      record.failures++;
      record.failedAtMs = now;
      keep(table, name, record);
    }
    const record = this.recall(this.addresses, address, now);
    record.nextAtMs = Math.max(record.nextAtMs, now + costMs(record, MAX_ADDRESS_DELAY_MS));
  }

  /**
   * The try ended well. The user's failures are forgiven, the address's are not: one account known must not buy
   * guesses at another.
   */
  succeeded(address: string, user: string): void {
    const byAddress = this.addresses.get(address);
    if (byAddress) {
      byAddress.running = Math.max(byAddress.running - 1, 0);
      if (byAddress.running === 0 && byAddress.failures === 0) this.addresses.delete(address);
    }
    const key = userKey(user);
    const byUser = this.users.get(key);
    if (!byUser) return;
    byUser.failures = 0;
    byUser.running = Math.max(byUser.running - 1, 0);
    if (byUser.running === 0) this.users.delete(key);
  }

  /** Entries held, both tables together. */
  get size(): number {
    return this.addresses.size + this.users.size;
  }

  private recall(table: Map<string, Record>, key: string, now: number): Record {
    const found = table.get(key);
    if (!found) return { failures: 0, running: 0, failedAtMs: now, nextAtMs: now };
    if (now - found.failedAtMs >= FORGET_MS) {
      found.failures = 0;
      found.failedAtMs = now;
    }
    return found;
  }
}

// Moves the entry to the end of the map's order and drops the first ones beyond the limit.
function keep(table: Map<string, Record>, key: string, record: Record): void {
  table.delete(key);
  table.set(key, record);
  for (const oldest of table.keys()) {
    if (table.size <= MAX_REMEMBERED) break;
    table.delete(oldest);
  }
}

function costMs(record: Record, mostMs: number): number {
  const paid = record.failures + record.running - FREE_FAILURES;
  if (paid < 0) return 0;
  return Math.min(FIRST_DELAY_MS * 2 ** Math.min(paid, 16), mostMs);
}

function userKey(user: string): string {
  return user.slice(0, MAX_USER_KEY_LENGTH).toLowerCase();
}
