// The limits of connections: those without a log-on yield to newer ones, and places stay for those who log on.
import { describe, expect, test } from "bun:test";
import { ConnectionTable, type Entry, MIN_IDLE_MS } from "../../../src/engine/connection/connection-table.ts";

const HERE = "192.0.2.1";

class FakeEntry implements Entry {
  isClosed = false;
  isBusy = false;
  idle = 0;
  readonly id: number;
  readonly remoteAddress: string;
  private readonly table: ConnectionTable;
  constructor(id: number, remoteAddress: string, table: ConnectionTable) {
    this.id = id;
    this.remoteAddress = remoteAddress;
    this.table = table;
  }
  get addressBlock(): string {
    return this.remoteAddress;
  }
  hasOpens(): boolean {
    return this.isBusy;
  }
  idleMs(): number {
    return this.idle;
  }
  close(): void {
    this.isClosed = true;
    this.table.remove(this);
  }
}

function createTable(changes = {}) {
  const limits = {
    maxConnections: 8,
    maxConnectionsPerAddress: 4,
    maxUnauthenticatedConnections: 6,
    ...changes,
  };
  const table = new ConnectionTable(() => limits);
  let lastId = 0;
  const connect = (address = `a${lastId}`): FakeEntry | string => {
    const limit = table.makeRoom(address);
    if (limit !== undefined) return limit;
    const entry = new FakeEntry(++lastId, address, table);
    table.add(entry);
    return entry;
  };
  const accepted = (address?: string): FakeEntry => {
    const entry = connect(address);
    if (typeof entry === "string") throw new Error(entry);
    return entry;
  };
  const logOn = (user: string | undefined, address?: string): FakeEntry => {
    const entry = accepted(address);
    expect(table.loggedOn(entry, user)).toBeUndefined();
    return entry;
  };
  return { table, connect, accepted, logOn };
}

describe("a new connection", () => {
  test("is served while thousands connect and send nothing, and then the oldest of them are closed", () => {
    const { accepted, logOn } = createTable();
    const first = accepted();
    for (let i = 0; i < 1_000; i++) accepted();
    expect(first.isClosed).toBe(true);
    const user = logOn("ann");
    for (let i = 0; i < 1_000; i++) accepted();
    expect(user.isClosed).toBe(false);
  });

  test("closes the oldest of the address that has most of them", () => {
    const { accepted } = createTable();
    const other = accepted("b");
    const many = [1, 2, 3, 4].map(() => accepted("c"));
    accepted("d");
    accepted("e");
    expect(other.isClosed).toBe(false);
    expect(many.map(({ isClosed }) => isClosed)).toEqual([true, false, false, false]);
  });

  test("takes the place of one without a log-on where its address has no more", () => {
    const { accepted, logOn } = createTable();
    const users = [1, 2, 3].map(() => logOn("ann", HERE));
    const idle = accepted(HERE);
    logOn("ann", HERE);
    expect(idle.isClosed).toBe(true);
    expect(users.some(({ isClosed }) => isClosed)).toBe(false);
  });

  test("is refused where all others of its address, or of the server, are logged on", () => {
    const { connect, logOn } = createTable();
    for (let i = 0; i < 4; i++) logOn("ann", HERE);
    expect(connect(HERE)).toBe("max ip connections");
    for (let i = 0; i < 4; i++) logOn("bob");
    expect(connect()).toBe("max connections");
  });
});

describe("guests", () => {
  test("without open files yield to new connections", () => {
    const { accepted, logOn } = createTable({ maxUnauthenticatedConnections: 3 });
    const busy = logOn(undefined);
    busy.isBusy = true;
    const idle = logOn(undefined);
    accepted();
    accepted();
    accepted();
    expect([busy.isClosed, idle.isClosed]).toEqual([false, false]);
    const users = [1, 2, 3, 4, 5].map(() => logOn("ann"));
    accepted();
    logOn("bob");
    accepted();
    expect([busy.isClosed, idle.isClosed]).toEqual([false, true]);
    expect(users.some(({ isClosed }) => isClosed)).toBe(false);
  });

  test("have half of the connections", () => {
    const { table, accepted, logOn } = createTable();
    const guests = [1, 2, 3, 4].map(() => logOn(undefined));
    for (const guest of guests) guest.isBusy = true;
    const fifth = accepted();
    expect(table.loggedOn(fifth, undefined)).toBe("max connections");
    expect(table.loggedOn(fifth, "ann")).toBeUndefined();
    (guests[2] as FakeEntry).isBusy = false;
    logOn(undefined);
    expect(guests.map(({ isClosed }) => isClosed)).toEqual([false, false, true, false]);
  });

  test("who log on with a password are users from then on", () => {
    const { table, accepted, logOn } = createTable();
    const entry = logOn(undefined);
    expect(table.loggedOn(entry, undefined)).toBeUndefined();
    expect(table.loggedOn(entry, "ann")).toBeUndefined();
    expect(table.loggedOn(entry, undefined)).toBeUndefined();
    for (let i = 0; i < 100; i++) accepted();
    expect(entry.isClosed).toBe(false);
  });
});

test("one user leaves some connections to others", () => {
  const { table, accepted, logOn } = createTable();
  const own = [1, 2, 3, 4, 5, 6, 7].map(() => logOn("ann"));
  expect(table.loggedOn(accepted(), "ann")).toBe("max connections");
  logOn("bob");
  (own[0] as FakeEntry).close();
  logOn("ann");
});

test("at the limit per address the idlest connection of that address without open files yields", () => {
  const { connect, logOn } = createTable();
  const [busy, fresh, idle, idlest] = [1, 2, 3, 4].map(() => logOn("anna", HERE));
  if (!busy || !fresh || !idle || !idlest) throw new Error("four connections");
  expect(connect(HERE)).toBe("max ip connections");
  for (const entry of [busy, idle, idlest]) entry.idle = MIN_IDLE_MS;
  idlest.idle++;
  busy.isBusy = true;
  busy.idle *= 10;
  expect(connect(HERE)).not.toBeString();
  expect([busy, fresh, idle, idlest].map(({ isClosed }) => isClosed)).toEqual([false, false, false, true]);
});
