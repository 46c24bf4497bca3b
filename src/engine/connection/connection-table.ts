// The limits of connections: those that have not logged on yield to newer ones, guests without open files to
// them, and some places stay for those who prove a password. [MS-SMB2] 3.3.5.1 leaves the number to the
// server.
import { type Holder, SharedPlaces } from "../state/shared-places.ts";
import { addressBlock } from "../../loop/client-address.ts";

export interface ConnectionLimits {
  readonly maxConnections: number;
  readonly maxConnectionsPerAddress: number;
  /** Connections over which nobody has proved a password. */
  readonly maxUnauthenticatedConnections: number;
}

/** A connection, as this table uses it. */
export interface Entry {
  readonly id: number;
  readonly remoteAddress: string;
  readonly addressBlock: string;
  hasOpens(): boolean;
  /** Milliseconds since the last request. */
  idleMs(): number;
  close(reason: string): void;
}

/** A user's connection without open files yields only after this time without a request. */
export const MIN_IDLE_MS = 30_000;

const isIdle = (entry: Entry): boolean => !entry.hasOpens();

/** The limits that refuse a connection are named as in the configuration. */
export class ConnectionTable {
  private readonly limits: () => ConnectionLimits;
  private readonly newcomers = new SharedPlaces<Entry>();
  private readonly guests = new SharedPlaces<Entry>();
  /** The user whose password was proved first on each connection. */
  private readonly users = new Map<Entry, string>();
  private readonly countsOfUsers = new Map<string, number>();
  private readonly countsOfAddresses = new Map<string, number>();

  constructor(limits: () => ConnectionLimits) {
    this.limits = limits;
  }

  /** Connections with a log-on, of users and of guests. */
  get loggedOnCount(): number {
    return this.users.size + this.guests.size;
  }

  /**
   * Makes room for a connection from this address, by closing another one. Returns the limit where none
   * yields.
   */
  makeRoom(remoteAddress: string): string | undefined {
    const limits = this.limits();
    if ((this.countsOfAddresses.get(remoteAddress) ?? 0) >= limits.maxConnectionsPerAddress) {
      const block = addressBlock(remoteAddress);
      const isThere = (entry: Entry): boolean => entry.remoteAddress === remoteAddress;
      const yields =
        this.newcomers.oldestAt(block, isThere) ??
        this.guests.oldestAt(block, (entry) => isThere(entry) && isIdle(entry)) ??
        this.idlestUserAt(remoteAddress);
      if (yields === undefined) return "max ip connections";
      this.end(yields, "max ip connections");
    }
    const unproven = this.newcomers.size + this.guests.size;
    const isFull = unproven + this.users.size >= limits.maxConnections;
    const maxUnproven = Math.min(limits.maxUnauthenticatedConnections, withReserve(limits.maxConnections));
    if (!isFull && unproven < maxUnproven) return undefined;
    const limit = isFull ? "max connections" : "max unauthenticated connections";
    const yields = this.newcomers.oldest(() => true) ?? this.guests.oldest(isIdle);
    if (yields === undefined) return limit;
    this.end(yields, limit);
    return undefined;
  }

  /**
   * A machine that has lost connections without ending them comes back to its limit: the idlest one yields.
   */
  private idlestUserAt(remoteAddress: string): Entry | undefined {
    let idlest: Entry | undefined;
    for (const entry of this.users.keys()) {
      if (entry.remoteAddress !== remoteAddress || !isIdle(entry)) continue;
      if (entry.idleMs() >= MIN_IDLE_MS && entry.idleMs() > (idlest?.idleMs() ?? 0)) idlest = entry;
    }
    return idlest;
  }

  add(entry: Entry): void {
    this.newcomers.add(entry, holderOf(entry));
    addTo(this.countsOfAddresses, entry.remoteAddress, 1);
  }

  remove(entry: Entry): void {
    this.newcomers.remove(entry);
    this.guests.remove(entry);
    const user = this.users.get(entry);
    if (user !== undefined) addTo(this.countsOfUsers, user, -1);
    this.users.delete(entry);
    addTo(this.countsOfAddresses, entry.remoteAddress, -1);
  }

  /**
   * A log-on on this connection succeeded; `user` is undefined for a guest. Returns the limit where the
   * connection may not stay. Guests leave half of the connections to others, one user an eighth.
   */
  loggedOn(entry: Entry, user: string | undefined): string | undefined {
    if (this.users.has(entry)) return undefined;
    const { maxConnections } = this.limits();
    if (user !== undefined) {
      if ((this.countsOfUsers.get(user) ?? 0) >= withReserve(maxConnections)) return "max connections";
      this.newcomers.remove(entry);
      this.guests.remove(entry);
      this.users.set(entry, user);
      addTo(this.countsOfUsers, user, 1);
      return undefined;
    }
    if (this.guests.has(entry)) return undefined;
    if (this.guests.size >= Math.max(1, maxConnections >> 1)) {
      const yields = this.guests.oldest(isIdle);
      if (yields === undefined) return "max connections";
      this.end(yields, "max connections");
    }
    this.newcomers.remove(entry);
    this.guests.add(entry, holderOf(entry));
    return undefined;
  }

  private end(entry: Entry, limit: string): void {
    entry.close(`yields to another connection: '${limit}' is reached`);
  }
}

/**
 * An eighth of the connections is for those who prove a password, and for other users than any one of them.
 */
function withReserve(maxConnections: number): number {
  return Math.max(1, maxConnections - Math.ceil(maxConnections / 8));
}

function holderOf(entry: Entry): Holder {
  return { connectionId: entry.id, address: entry.addressBlock };
}

function addTo(counts: Map<string, number>, key: string, change: 1 | -1): void {
  const count = (counts.get(key) ?? 0) + change;
  if (count > 0) counts.set(key, count);
  else counts.delete(key);
}
