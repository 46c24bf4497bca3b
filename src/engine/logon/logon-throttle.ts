// Slows down password guessing, by client address and by user name; pure state, the clock is passed in.
// [MS-SMB2] leaves this to the server. A delayed or refused attempt has the response of any failed log-on.

/**
 * Failures without a delay: clients try the name of their own account before they ask the user for another.
 */
export const FREE_FAILURES = 5;
const FIRST_DELAY_MS = 250;
/**
 * Upper limit of the delay of an address; attempts of one address queue, so each adds its delay to the next.
 */
export const MAX_ADDRESS_DELAY_MS = 4_000;
/**
 * Upper limit of the delay of a user name. It is lower and has no queue: nobody must be able to lock a user
 * out.
 */
export const MAX_USER_DELAY_MS = 2_000;
/** An attempt that would wait longer than this in the queue of its address is refused. */
export const MAX_QUEUE_MS = 8_000;
/** Failures expire when none has been added for this long. */
export const EXPIRY_MS = 300_000;
/** Entries of each table, addresses and user names; the one that was used longest ago is dropped first. */
export const MAX_ENTRIES = 1_024;
const MAX_USER_KEY_LENGTH = 64;

interface AttemptRecord {
  failures: number;
  /** Attempts that have not ended; each counts as a failure until it succeeds. */
  running: number;
  failedAtMs: number;
  /** When the password of the next attempt may be checked; used for addresses only. */
  nextAtMs: number;
}

/** `nowMs` is a monotonic clock. */
export class LogonThrottle {
  private readonly nowMs: () => number;
  private readonly addresses = new Map<string, AttemptRecord>();
  private readonly users = new Map<string, AttemptRecord>();

  constructor(nowMs: () => number) {
    this.nowMs = nowMs;
  }

  /**
   * Begins an attempt. Returns the milliseconds to wait before the password check; one call of `failed` or
   * `succeeded` must follow. Undefined: the attempt must be refused without a check.
   */
  delayMs(address: string, user: string): number | undefined {
    const now = this.nowMs();
    const key = userKey(user);
    const byAddress = this.recordOf(this.addresses, address, now);
    const byUser = this.recordOf(this.users, key, now);
    const addressDelay = delayOf(byAddress, MAX_ADDRESS_DELAY_MS);
    const queuedMs = addressDelay === 0 ? 0 : Math.max(byAddress.nextAtMs - now, 0);
    if (queuedMs > MAX_QUEUE_MS) return undefined;
    const delay = Math.max(queuedMs, delayOf(byUser, MAX_USER_DELAY_MS));
    byAddress.nextAtMs = now + queuedMs + addressDelay;
    byAddress.running++;
    byUser.running++;
    storeRecord(this.addresses, address, byAddress);
    storeRecord(this.users, key, byUser);
    return delay;
  }

  /** The attempt failed: wrong name or password. */
  failed(address: string, user: string): void {
    const now = this.nowMs();
    const key = userKey(user);
    for (const [table, name] of [
      [this.addresses, address],
      [this.users, key],
    ] as const) {
      const record = this.recordOf(table, name, now);
      record.running = Math.max(record.running - 1, 0);
      record.failures++;
      record.failedAtMs = now;
      storeRecord(table, name, record);
    }
    const record = this.recordOf(this.addresses, address, now);
    record.nextAtMs = Math.max(record.nextAtMs, now + delayOf(record, MAX_ADDRESS_DELAY_MS));
  }

  /**
   * The attempt succeeded. Clears the failures of the user, but not those of the address: with a known
   * account an attacker could otherwise reset his delay and guess passwords of other accounts.
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

  /** Number of entries in both tables. */
  get size(): number {
    return this.addresses.size + this.users.size;
  }

  private recordOf(table: Map<string, AttemptRecord>, key: string, now: number): AttemptRecord {
    const found = table.get(key);
    if (!found) return { failures: 0, running: 0, failedAtMs: now, nextAtMs: now };
    if (now - found.failedAtMs >= EXPIRY_MS) {
      found.failures = 0;
      found.failedAtMs = now;
    }
    return found;
  }
}

// Stores `record` as the newest entry and drops the oldest beyond the limit.
function storeRecord(table: Map<string, AttemptRecord>, key: string, record: AttemptRecord): void {
  table.delete(key);
  table.set(key, record);
  for (const oldest of table.keys()) {
    if (table.size <= MAX_ENTRIES) break;
    table.delete(oldest);
  }
}

function delayOf(record: AttemptRecord, limitMs: number): number {
  const charged = record.failures + record.running - FREE_FAILURES;
  if (charged < 0) return 0;
  return Math.min(FIRST_DELAY_MS * 2 ** Math.min(charged, 16), limitMs);
}

function userKey(user: string): string {
  return user.slice(0, MAX_USER_KEY_LENGTH).toLowerCase();
}
