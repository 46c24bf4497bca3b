// What a server leaves of its durable opens to the next one: bytes and back, what is refused, and how the opens
// come back into the tables.
import { describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { CachingTable } from "../../../src/engine/state/caching.ts";
import { DurableOpens } from "../../../src/engine/state/durable-opens.ts";
import { isUnchanged } from "../../../src/engine/state/file-facts.ts";
import type { Open } from "../../../src/engine/state/open.ts";
import { OpenTable } from "../../../src/engine/state/open-table.ts";
import { Session, type Tree } from "../../../src/engine/state/session.ts";
import { isStorable, restoreOpen, type StoredOpen, storedOf } from "../../../src/engine/state/stored-open.ts";
import {
  decodeStoredOpens,
  encodeStoredOpens,
  MAX_STORED_BYTES,
  MAX_STORED_OPENS,
} from "../../../src/engine/state/stored-opens-codec.ts";
import { ShareAccess } from "../../../src/wire/command/create.ts";
import { WireError } from "../../../src/wire/cursor.ts";
import { Access } from "../../../src/wire/security/access.ts";

const RWH = 7;
const RH = 3;
const BY = { serverGuid: "ab".repeat(16), bootId: "0f0f-boot", uptimeMs: 123_456 };
const DATA = Access.READ_DATA | Access.WRITE_DATA;
const ALL_SHARED = ShareAccess.READ | ShareAccess.WRITE | ShareAccess.DELETE;

function bytes(value: number): Uint8Array {
  return new Uint8Array(16).fill(value);
}

function storedOpen(change: Partial<StoredOpen> = {}): StoredOpen {
  return {
    id: 77,
    user: "anna",
    domain: "BOX",
    remoteAddress: "192.0.2.7",
    localAddress: "192.0.2.1",
    clientGuid: "11".repeat(16),
    dialect: 0x311,
    share: "files",
    sharePath: "/srv/files",
    path: "photos/one.raw",
    facts: {
      identity: "8:1:4711",
      size: 2 ** 40,
      modify: { seconds: 1_700_000_000, nanoseconds: 999_999_999 },
      change: { seconds: 1_700_000_001, nanoseconds: 1 },
      birth: { seconds: -5, nanoseconds: 0 },
    },
    grantedAccess: DATA,
    sharingAccess: DATA,
    unusableAccess: 0,
    shareAccess: ALL_SHARED,
    createOptions: 0x40,
    mode: 0x20,
    position: 12,
    createAction: 2,
    isPosix: true,
    hasWritten: true,
    isMarked: true,
    reservedBytes: 4096,
    version: 2,
    timeoutMs: 60_000,
    remainingMs: 45_000,
    createGuid: "22".repeat(16),
    appInstanceId: "33".repeat(16),
    parentLeaseKey: "44".repeat(16),
    lease: { key: bytes(5), version: 2, parentKey: bytes(4) },
    caching: RWH,
    epoch: 9,
    locks: [
      { offset: 0n, length: 10n, isExclusive: true },
      { offset: 20n, length: 5n, isExclusive: false },
      { offset: 20n, length: 5n, isExclusive: false },
    ],
    lockSequences: new Uint8Array(65).fill(3),
    fixedTimes: { access: undefined, modify: { seconds: 1, nanoseconds: 2 }, change: undefined },
    ...change,
  };
}

const OPLOCK: Partial<StoredOpen> = {
  ...{ id: 78, version: 1, lease: undefined, createGuid: "", appInstanceId: "", parentLeaseKey: "" },
  ...{ locks: [], lockSequences: undefined, fixedTimes: undefined, isPosix: false },
};

function encoded(...opens: StoredOpen[]): Uint8Array {
  return encodeStoredOpens(BY, opens).bytes;
}

/** The bytes with a checksum that fits, however they were changed. */
function sealed(content: Uint8Array): Uint8Array {
  return new Uint8Array(Buffer.concat([content, createHash("sha256").update(content).digest()]));
}

class Server {
  readonly opens = new OpenTable();
  readonly durables = new DurableOpens();
  readonly unreachable: number[] = [];
  readonly caching = new CachingTable({
    timers: { setTimer: () => undefined, clearTimer: () => undefined },
    breakTimeoutMs: () => 35_000,
    sendBreak: () => false,
    unreachable: (holder) => this.unreachable.push(...[...holder.opens].map(({ id }) => id)),
    directoryLeased: () => undefined,
    directoryReleased: () => undefined,
    expired: () => undefined,
  });

  restore(stored: StoredOpen, nowMs = 1000): Open | undefined {
    const { clientGuid } = stored;
    const session = new Session(0, { revision: 0x311, cipher: 0, signingAlgorithm: 0, clientGuid });
    const { domain, localAddress, remoteAddress, user } = stored;
    const identity = { domain, localAddress, remoteAddress, user };
    session.identity = { ...identity, isGuest: false, isAnonymous: false, accountVersion: 0 };
    const tree = { session, grant: { path: stored.sharePath, name: stored.share } } as unknown as Tree;
    return restoreOpen(this, stored, tree, { perOpen: 100, perFile: 100, inAll: 100 }, nowMs);
  }
}

describe("the bytes of stored opens", () => {
  test("give back every field", () => {
    const opens = [storedOpen(), storedOpen(OPLOCK)];
    expect(decodeStoredOpens(encoded(...opens))).toEqual({ by: BY, opens });
  });

  test("keep names that are no text", () => {
    const path = "folder/\ud800\udfff\ud800 name\n";
    expect(decodeStoredOpens(encoded(storedOpen({ path }))).opens[0]?.path).toBe(path);
  });

  test("leave opens out beyond the limits of number and size", () => {
    const small = storedOpen(OPLOCK);
    const many = encodeStoredOpens(BY, Array(MAX_STORED_OPENS + 1).fill(small));
    expect(many.count).toBe(MAX_STORED_OPENS);
    const path = "x".repeat(4096);
    const large = encodeStoredOpens(BY, Array(MAX_STORED_OPENS).fill(storedOpen({ path })));
    expect(large.count).toBeLessThan(MAX_STORED_OPENS);
    expect(large.bytes.length).toBeLessThanOrEqual(MAX_STORED_BYTES);
    expect(decodeStoredOpens(large.bytes).opens.length).toBe(large.count);
  });

  test.each<[string, Partial<StoredOpen>]>([
    ["a path that leads out of the share", { path: "a/../../etc/passwd" }],
    ["an absolute path", { path: "/etc/passwd" }],
    ["no path", { path: "" }],
    ["no user", { user: "" }],
    ["a share that is no absolute path", { sharePath: "files" }],
    ["more access than was granted", { grantedAccess: DATA | Access.DELETE }],
    ["a time-out of a day", { timeoutMs: 86_400_000, remainingMs: 0 }],
    ["more time left than the time-out", { remainingMs: 60_001 }],
    ["a lease without HANDLE", { caching: 5 }],
    ["a lease with unknown rights", { caching: 15 }],
    ["an oplock that is not batch", { ...OPLOCK, caching: RH }],
    ["a lock beyond 2^64", { locks: [{ offset: 2n ** 64n - 1n, length: 2n, isExclusive: true }] }],
    ["the id 0", { id: 0 }],
  ])("are refused with %s", (_, change) => {
    expect(() => decodeStoredOpens(encoded(storedOpen(change)))).toThrow(WireError);
  });

  test("are refused when they are cut off, longer, of another version or damaged", () => {
    const whole = encoded(storedOpen());
    const content = whole.subarray(0, whole.length - 32);
    const version = content.slice();
    version[4] = 2;
    const damaged = whole.slice();
    damaged[100] = (damaged[100] ?? 0) ^ 1;
    const longer = new Uint8Array([...content, 0]);
    const wrong = [new Uint8Array(0), whole.subarray(0, 40), damaged, sealed(version), sealed(longer)];
    for (const each of wrong) expect(() => decodeStoredOpens(each)).toThrow(WireError);
  });

  test("cause nothing but a WireError or opens that fit or are refused, whatever is changed in them", () => {
    const whole = encoded(storedOpen(), storedOpen(OPLOCK));
    const content = whole.subarray(0, whole.length - 32);
    for (let at = 0; at < content.length; at++) {
      for (const value of [0, 1, 0x7f, 0xff]) {
        const changed = content.slice();
        changed[at] = value;
        try {
          const server = new Server();
          for (const stored of decodeStoredOpens(sealed(changed)).opens) server.restore(stored);
        } catch (error) {
          if (!(error instanceof WireError)) throw error;
        }
      }
    }
  });
});

describe("a stored open", () => {
  test("is restored with all that it had, without descriptors, and can be stored again", () => {
    const server = new Server();
    const stored = storedOpen();
    const open = server.restore(stored);
    if (open?.file === undefined) throw new Error("not restored");
    expect(open.node).toBeUndefined();
    expect(server.opens.find(77)).toBe(open);
    expect(open.file.path).toBe("/srv/files/photos/one.raw");
    expect(isStorable(open, server.durables)).toBe(true);
    const again = storedOf(open, stored.facts, server.durables.remainingMs(open, 1000));
    expect(again).toEqual(stored);
  });

  test("ends when the rest of its time-out has passed", () => {
    const server = new Server();
    const open = server.restore(storedOpen(), 1000);
    expect(server.durables.expired(45_999)).toEqual([]);
    expect(server.durables.expired(46_000)).toEqual([open as Open]);
  });

  test("is found by its application instance", () => {
    const server = new Server();
    const open = server.restore(storedOpen());
    expect([...server.durables.ofApplication("33".repeat(16))]).toEqual([open as Open]);
  });

  test("loses its rights to a client that opens the file, as any client does that cannot be reached", () => {
    const server = new Server();
    const file = server.restore(storedOpen())?.file;
    if (file === undefined) throw new Error("not restored");
    const arrival = { leaseId: undefined, access: DATA, overwrites: false, conflicts: false };
    server.caching.admit(file.caching, { ...arrival, isFirstTry: true });
    expect(server.unreachable).toEqual([77]);
  });

  test("shares its lease with another open of the same client", () => {
    const server = new Server();
    const first = server.restore(storedOpen());
    const second = server.restore(storedOpen({ id: 79, locks: [] }));
    expect(second?.caching).toBe(first?.caching as never);
    expect(first?.caching).toMatchObject({ state: RWH, epoch: 9 });
  });

  test("with RH comes back beside another client's RH", () => {
    const server = new Server();
    const other = { id: 80, clientGuid: "99".repeat(16), caching: RH, locks: [] };
    expect(server.restore(storedOpen({ caching: RH }))).toBeDefined();
    expect(server.restore(storedOpen(other))?.caching?.state).toBe(RH);
  });

  test.each<[string, Partial<StoredOpen>]>([
    ["an id that is there", { clientGuid: "99".repeat(16), caching: RH }],
    ["an open that does not share the access of the first", { id: 80, shareAccess: 0, locks: [] }],
    ["rights to cache writes beside another client's", { id: 80, clientGuid: "99".repeat(16), locks: [] }],
    ["a lock that conflicts", { id: 80 }],
    ["the lease key of another file", { id: 80, facts: { ...storedOpen().facts, identity: "8:1:5" } }],
    [
      "more locks than are allowed",
      { ...OPLOCK, facts: { ...storedOpen().facts, identity: "8:1:5" }, locks: manyLocks() },
    ],
  ])("is refused with %s, and leaves nothing behind", (_, change) => {
    const server = new Server();
    const first = server.restore(storedOpen());
    expect(server.restore(storedOpen(change))).toBeUndefined();
    expect(server.opens.count).toBe(1);
    expect(server.opens.fileCount).toBe(1);
    expect(server.opens.usage.count).toBe(1);
    expect(server.opens.lockUsage.count).toBe(3);
    expect(server.durables.detachedCount).toBe(1);
    expect(first?.caching).toMatchObject({ state: RWH, epoch: 9 });
  });
});

function manyLocks(): StoredOpen["locks"] {
  return Array.from({ length: 101 }, (_, at) => ({ offset: BigInt(at), length: 1n, isExclusive: true }));
}

test("a file is another one when identity, size or one of its times differs", () => {
  const { facts } = storedOpen();
  const later = { seconds: 1_700_000_001, nanoseconds: 2 };
  expect(isUnchanged(facts, { ...facts })).toBe(true);
  for (const change of [
    { identity: "8:1:1" },
    { size: 1 },
    { modify: later },
    { change: later },
    { birth: later },
  ])
    expect(isUnchanged(facts, { ...facts, ...change })).toBe(false);
});
