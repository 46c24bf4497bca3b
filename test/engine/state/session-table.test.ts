// The limits of sessions: unfinished log-ons and guests yield, and a share stays for those who prove a password.
import { describe, expect, test } from "bun:test";
import { Session } from "../../../src/engine/state/session.ts";
import { type SessionLimits, SessionTable } from "../../../src/engine/state/session-table.ts";

const LIMITS: SessionLimits = {
  maxSessions: 8,
  maxSessionsPerUser: 6,
  maxGuestSessions: 4,
  maxUnfinishedLogons: 32,
};
const ADDRESS = "192.0.2.1";

function createTable() {
  const table = new SessionTable();
  const busy = new Set<Session>();
  let lastId = 0;
  const begin = (connectionId = ++lastId, address = ADDRESS) => {
    const session = new Session(++lastId, { revision: 0, cipher: 0, signingAlgorithm: 0, clientGuid: "" });
    const yields = table.begin(session, { connectionId, address }, LIMITS);
    if (yields !== undefined) table.delete(yields.id);
    return { session, yields };
  };
  /** Logs on over a connection and from an address of its own. */
  const logOn = (user: string | undefined, address = `a${lastId}`) => {
    const { session } = begin(undefined, address);
    const admission = table.admit(session, user, LIMITS, (one) => !busy.has(one));
    if ("limit" in admission) table.delete(session.id);
    else if (admission.yields !== undefined) table.delete(admission.yields.id);
    return { session, admission };
  };
  return { table, busy, begin, logOn };
}

const FITS = { yields: undefined };

describe("unfinished log-ons", () => {
  test("the oldest yields: of a connection, of an address, and in all", () => {
    const { table, begin } = createTable();
    const first = begin(1).session;
    begin(1);
    expect(begin(1).yields).toBe(first);
    for (let i = 2; i < 28; i++) begin(i);
    expect(table.size).toBe(28);
    expect(begin(28).yields).toBeDefined();
    for (let i = 0; i < 100; i++) begin(100 + i, `a${i}`);
    expect(table.size).toBe(32);
  });

  test("take no place of those that are logged on", () => {
    const { begin, logOn } = createTable();
    for (let i = 0; i < 100; i++) begin(1_000 + i, `b${i}`);
    expect(logOn("ann").admission).toEqual(FITS);
  });

  test("a log-on is not hindered by another connection that begins a thousand", () => {
    const { table, begin, logOn } = createTable();
    const { session } = begin(1);
    for (let i = 0; i < 1_000; i++) begin(2);
    expect(table.has(session.id)).toBe(true);
    expect(logOn("ann").admission).toEqual(FITS);
  });
});

describe("guests", () => {
  test("the oldest idle one yields to another guest", () => {
    const { busy, logOn } = createTable();
    const sessions = [1, 2, 3, 4].map(() => logOn(undefined).session);
    busy.add(sessions[0] as Session);
    expect(logOn(undefined).admission).toEqual({ yields: sessions[1] as Session });
  });

  test("are refused where no other one is idle", () => {
    const { busy, logOn } = createTable();
    for (let i = 0; i < 4; i++) busy.add(logOn(undefined).session);
    expect(logOn(undefined).admission).toEqual({ limit: "max guest sessions" });
    expect(logOn("ann").admission).toEqual(FITS);
  });

  test("of one address have half of the places", () => {
    const { table, logOn } = createTable();
    for (let i = 0; i < 100; i++) logOn(undefined, ADDRESS);
    expect(table.size).toBe(2);
  });

  test("yield to a user when the table is full, and get no place then", () => {
    const { table, logOn } = createTable();
    const guests = [1, 2].map(() => logOn(undefined).session);
    for (let i = 0; i < 6; i++) logOn("ann");
    expect(logOn("bob").admission).toEqual({ yields: guests[0] as Session });
    expect(logOn("bob").admission).toEqual({ yields: guests[1] as Session });
    expect(logOn(undefined).admission).toEqual({ limit: "max guest sessions" });
    expect(logOn("bob").admission).toEqual({ limit: "max active sessions" });
    expect(table.size).toBe(8);
  });
});

test("one user leaves places to others", () => {
  const { table, logOn } = createTable();
  const sessions = [1, 2, 3, 4, 5, 6].map(() => logOn("ann").session);
  expect(logOn("ann").admission).toEqual({ limit: "max user sessions" });
  expect(logOn("bob").admission).toEqual(FITS);
  table.delete((sessions[0] as Session).id);
  expect(logOn("ann").admission).toEqual(FITS);
});

test("an ended session leaves nothing behind", () => {
  const { table, begin, logOn } = createTable();
  for (let round = 0; round < 100; round++) {
    for (const { session } of [begin(), logOn("ann"), logOn(undefined)]) table.delete(session.id);
  }
  expect(table.size).toBe(0);
  expect(table.delete(1)).toBe(false);
  for (let i = 0; i < 6; i++) expect(logOn("ann").admission).toEqual(FITS);
});
