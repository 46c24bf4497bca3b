// Places that all clients share, bounded per connection, per address and in all: where they run out, the
// oldest one of the largest holder yields. Pure state.

/** The holder of a place. */
export interface Holder {
  readonly connectionId: number;
  /** As limits count addresses; see loop/client-address.ts. */
  readonly address: string;
}

export interface PlaceLimits {
  readonly perConnection: number;
  readonly perAddress: number;
  readonly inAll: number;
}

interface OfAddress {
  count: number;
  readonly connections: Map<number, Set<object>>;
}

/** `fits`: there is a free place; `full`: nothing may yield; otherwise what yields. */
export type Room<T> = T | "fits" | "full";

export class SharedPlaces<T extends object> {
  private readonly holders = new Map<T, Holder>();
  private readonly addresses = new Map<string, OfAddress>();

  get size(): number {
    return this.holders.size;
  }

  has(item: T): boolean {
    return this.holders.has(item);
  }

  holderOf(item: T): Holder | undefined {
    return this.holders.get(item);
  }

  add(item: T, holder: Holder): void {
    this.holders.set(item, holder);
    const ofAddress = this.addresses.get(holder.address) ?? { count: 0, connections: new Map() };
    this.addresses.set(holder.address, ofAddress);
    ofAddress.count++;
    const items = ofAddress.connections.get(holder.connectionId) ?? new Set();
    ofAddress.connections.set(holder.connectionId, items);
    items.add(item);
  }

  remove(item: T): void {
    const holder = this.holders.get(item);
    if (holder === undefined) return;
    this.holders.delete(item);
    const ofAddress = this.addresses.get(holder.address);
    const items = ofAddress?.connections.get(holder.connectionId);
    if (ofAddress === undefined || items === undefined) return;
    items.delete(item);
    if (items.size === 0) ofAddress.connections.delete(holder.connectionId);
    if (--ofAddress.count === 0) this.addresses.delete(holder.address);
  }

  /** Says what must yield before `holder` may have one more place. */
  roomFor(holder: Holder, limits: PlaceLimits, mayYield: (item: T) => boolean): Room<T> {
    const ofAddress = this.addresses.get(holder.address);
    const own = ofAddress?.connections.get(holder.connectionId) as Set<T> | undefined;
    if (own !== undefined && own.size >= limits.perConnection) return oldestOf(own, mayYield) ?? "full";
    if (ofAddress !== undefined && ofAddress.count >= limits.perAddress)
      return oldestOfAddress(ofAddress, mayYield) ?? "full";
    return this.holders.size < limits.inAll ? "fits" : (this.oldest(mayYield) ?? "full");
  }

  /** The oldest item that may yield, of the address with the most places; of another where it has none. */
  oldest(mayYield: (item: T) => boolean): T | undefined {
    return fromLargest(
      this.addresses,
      ({ count }) => count,
      (ofAddress) => oldestOfAddress(ofAddress, mayYield),
    );
  }

  /** The oldest item of one address that may yield. */
  oldestAt(address: string, mayYield: (item: T) => boolean): T | undefined {
    const ofAddress = this.addresses.get(address);
    return ofAddress && oldestOfAddress(ofAddress, mayYield);
  }
}

function oldestOfAddress<T extends object>(
  { connections }: OfAddress,
  mayYield: (item: T) => boolean,
): T | undefined {
  return fromLargest(
    connections,
    ({ size }) => size,
    (items) => oldestOf(items as Set<T>, mayYield),
  );
}

function oldestOf<T>(items: ReadonlySet<T>, mayYield: (item: T) => boolean): T | undefined {
  for (const item of items) if (mayYield(item)) return item;
  return undefined;
}

/** What `find` finds in the largest of the values; in one of the others where it finds nothing there. */
function fromLargest<V, R>(
  map: ReadonlyMap<unknown, V>,
  sizeOf: (value: V) => number,
  find: (value: V) => R | undefined,
): R | undefined {
  let largest: V | undefined;
  for (const value of map.values())
    if (largest === undefined || sizeOf(value) > sizeOf(largest)) largest = value;
  const found = largest && find(largest);
  if (found !== undefined) return found;
  for (const value of map.values()) {
    const other = value === largest ? undefined : find(value);
    if (other !== undefined) return other;
  }
  return undefined;
}
