// The acceptor of tickets against requests of smbclient with tickets of MIT's key distribution centre, at a fake time.
import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { decodeKeytab } from "../../../src/manager/kerberos/keytab.ts";
import {
  MAX_AUTHENTICATORS,
  MAX_OF_PRINCIPAL,
  ReplayCache,
} from "../../../src/manager/kerberos/replay-cache.ts";
import { TicketAcceptor, type TicketRules } from "../../../src/manager/kerberos/ticket-acceptor.ts";
import { forgedKey, forgeRequest } from "./ticket-forge.ts";

interface Recorded {
  readonly etype: string;
  readonly receivedMs: number;
  readonly keytab: string;
  readonly token: string;
}

const file = Bun.file(join(import.meta.dir, "../../vectors/kerberos-mit.json"));
const { requests } = (await file.json()) as { requests: readonly Recorded[] };
const RULES: TicketRules = {
  services: [],
  skewMs: 300_000,
  allowsAes: true,
  allowsRc4: true,
  usesPacGroups: false,
};
const DAY_MS = 86_400_000;

/** An acceptor that has run for a month. */
function acceptorAt(wallMs: number) {
  const time = { wallMs, nowMs: 0 };
  const acceptor = new TicketAcceptor({ wallTime: () => time.wallMs, now: () => time.nowMs });
  time.nowMs = 30 * DAY_MS;
  return { acceptor, time };
}

const tokenOf = ({ token }: Recorded) => new Uint8Array(Buffer.from(token, "base64"));
const keysOf = ({ keytab }: Recorded) => decodeKeytab(new Uint8Array(Buffer.from(keytab, "base64")));

function accept(recorded: Recorded, laterMs: number, rules: Partial<TicketRules> = {}) {
  const { acceptor } = acceptorAt(recorded.receivedMs + laterMs);
  return acceptor.accept(tokenOf(recorded), keysOf(recorded), { ...RULES, ...rules });
}

const first = requests[0] as Recorded;
const refused = (reason: string) => ({ kind: "refused", reason: expect.stringContaining(reason) });

describe.each(requests)("a ticket of type $etype", (recorded) => {
  test("is accepted for its user", () => {
    const answer = accept(recorded, 0);
    expect(answer).toMatchObject({ kind: "accepted", user: "alice", realm: "HOME.TEST" });
    if (answer.kind !== "accepted") return;
    expect([16, 32]).toContain(answer.key.length);
    // kinit's default is a day.
    expect(answer.expiresMs - recorded.receivedMs).toBeGreaterThan(DAY_MS - 600_000);
    expect(answer.expiresMs - recorded.receivedMs).toBeLessThan(DAY_MS + 600_000);
  });

  test("is refused in every shortened form", () => {
    const token = tokenOf(recorded);
    const { acceptor } = acceptorAt(recorded.receivedMs);
    for (let length = 0; length < token.length; length++) {
      expect(acceptor.accept(token.subarray(0, length), keysOf(recorded), RULES).kind).toBe("refused");
    }
  });

  test("is never accepted for another user or realm, whichever bit is wrong", () => {
    const token = tokenOf(recorded);
    const keys = keysOf(recorded);
    for (let bit = 0; bit < token.length * 8; bit += 3) {
      const changed = token.slice();
      changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      const answer = acceptorAt(recorded.receivedMs).acceptor.accept(changed, keys, RULES);
      if (answer.kind === "accepted") {
        expect([answer.user, answer.realm]).toEqual(["alice", "HOME.TEST"]);
      }
    }
  });
});

test("the microseconds of the authenticator count", () => {
  const key = forgedKey();
  const nowMs = Date.UTC(2026, 10, 29) + 900;
  const token = forgeRequest(key, { authMs: nowMs - 900, nowMs });
  const strict = { ...RULES, skewMs: 400 };
  expect(acceptorAt(nowMs).acceptor.accept(token, [key], strict)).toMatchObject({ kind: "accepted" });
  expect(acceptorAt(nowMs + 401).acceptor.accept(token, [key], strict)).toMatchObject(
    refused("clocks differ"),
  );
});

test("a request is accepted once", () => {
  const { acceptor, time } = acceptorAt(first.receivedMs);
  const again = () => acceptor.accept(tokenOf(first), keysOf(first), RULES);
  expect(again()).toMatchObject({ kind: "accepted" });
  expect(again()).toMatchObject(refused("replay"));
  time.wallMs += 299_000;
  expect(again()).toMatchObject(refused("replay"));
});

test("a request that was made before the server was started is refused", () => {
  const nowMs = first.receivedMs + 10_000;
  const acceptor = new TicketAcceptor({ wallTime: () => nowMs, now: () => 5 });
  expect(acceptor.accept(tokenOf(first), keysOf(first), RULES)).toMatchObject(
    refused("before the server was started"),
  );
});

test("the first request is accepted, though this code is loaded by it", () => {
  const nowMs = first.receivedMs + 2000;
  const acceptor = new TicketAcceptor({ wallTime: () => nowMs, now: () => 60_000 });
  expect(acceptor.accept(tokenOf(first), keysOf(first), RULES)).toMatchObject({ kind: "accepted" });
});

test("a clock that was a year ahead at the start locks nobody out", () => {
  const { acceptor } = acceptorAt(first.receivedMs + 365 * DAY_MS);
  expect(acceptor.accept(tokenOf(first), keysOf(first), RULES)).toMatchObject(refused("clocks differ"));
  const { acceptor: corrected } = acceptorAt(first.receivedMs);
  expect(corrected.accept(tokenOf(first), keysOf(first), RULES)).toMatchObject({ kind: "accepted" });
});

test.each([
  [-301_000, "clocks differ by 301 s"],
  [302_000, "clocks differ by"],
])("a clock that is %i ms off is refused with the difference", (laterMs, reason) => {
  expect(accept(first, laterMs)).toMatchObject(refused(reason));
});

test("the difference of the clocks that is tolerated is also added to the life of a ticket", () => {
  expect(accept(first, 3 * DAY_MS, { skewMs: DAY_MS })).toMatchObject(refused("clocks differ"));
  expect(accept(first, 3 * DAY_MS, { skewMs: 4 * DAY_MS })).toMatchObject({ kind: "accepted" });
});

test.each([
  [{ services: ["cifs/nas.home.test"] }, "accepted"],
  [{ services: ["cifs/nas.home.test@HOME.TEST"] }, "accepted"],
  [{ services: ["cifs/nas.home.test@OTHER.TEST"] }, "refused"],
  [{ services: ["cifs/other.home.test"] }, "refused"],
  [{ services: ["host/nas.home.test"] }, "refused"],
  [{ allowsAes: false }, "refused"],
] as const)("rules %p: %s", (rules, kind) => {
  expect(accept(first, 0, rules).kind).toBe(kind);
});

test("RC4 is refused where it is not allowed", () => {
  const rc4 = requests.find(({ etype }) => etype === "arcfour-hmac") as Recorded;
  expect(accept(rc4, 0, { allowsRc4: false })).toMatchObject(refused("rc4-hmac is not allowed"));
});

test("keys of another name, realm, type, version or value open no ticket", () => {
  const { acceptor } = acceptorAt(first.receivedMs);
  const [key] = keysOf(first);
  if (key === undefined) throw new Error("no key");
  const tryKeys = (change: Partial<typeof key>) =>
    acceptor.accept(tokenOf(first), [{ ...key, ...change }], RULES);
  expect(tryKeys({ principal: ["cifs", "other.home.test"] })).toMatchObject(refused("has no key"));
  expect(tryKeys({ principal: ["host", "nas.home.test"] })).toMatchObject(refused("has no key"));
  expect(tryKeys({ realm: "OTHER.TEST" })).toMatchObject(refused("has no key"));
  expect(tryKeys({ etype: 17 })).toMatchObject(refused("encryption type aes256"));
  expect(tryKeys({ kvno: 9 })).toMatchObject(refused("another key"));
  expect(tryKeys({ key: new Uint8Array(32) })).toMatchObject(refused("another key"));
  expect(tryKeys({ key: new Uint8Array(31) })).toMatchObject(refused("another length"));
  expect(tryKeys({})).toMatchObject({ kind: "accepted" });
});

test("a key table is refused in every shortened form, or has fewer entries", () => {
  const bytes = new Uint8Array(Buffer.from(first.keytab, "base64"));
  expect(decodeKeytab(bytes)).toMatchObject([
    { realm: "HOME.TEST", principal: ["cifs", "nas.home.test"], kvno: 2, etype: 18 },
  ]);
  for (let length = 0; length < bytes.length; length++) {
    const decode = () => decodeKeytab(bytes.subarray(0, length));
    if (length === 2) expect(decode()).toEqual([]);
    else expect(decode).toThrow();
  }
});

test("the replay cache forgets what has expired and takes no more than its limit", () => {
  const cache = new ReplayCache();
  const add = (i: number, untilMs: number, nowMs: number) =>
    cache.add(`${i}`, `user ${i % 8}`, untilMs, nowMs);
  for (let i = 0; i < MAX_AUTHENTICATORS; i++) expect(add(i, 1000 + i, 0)).toBe("new");
  expect(add(MAX_AUTHENTICATORS, 2000, 0)).toBe("full");
  expect(add(5, 2000, 0)).toBe("replay");
  expect(add(MAX_AUTHENTICATORS, 5000, 1500)).toBe("new");
  expect(cache.size).toBe(MAX_AUTHENTICATORS - 499);
});

test("a principal who logs on all the time fills his share of the replay cache alone", () => {
  const cache = new ReplayCache();
  for (let i = 0; i < MAX_OF_PRINCIPAL; i++) expect(cache.add(`${i}`, "eve@HOME", 1000, 0)).toBe("new");
  expect(cache.add("more", "eve@HOME", 1000, 0)).toBe("full");
  expect(cache.add("more", "anna@HOME", 1000, 0)).toBe("new");
  expect(cache.add("later", "eve@HOME", 2000, 1001)).toBe("new");
  expect(cache.size).toBe(1);
});

describe("the checksum 0x8003 of the authenticator", () => {
  const NOW_MS = Date.UTC(2026, 10, 29);
  const DELEG_AND_MUTUAL = 0x03;

  /** Lgth, Bnd, Flags and what follows; RFC 4121 4.1.1. */
  function judge(bindings: Uint8Array, flags: number, more: Uint8Array = new Uint8Array(0)) {
    const head = new Uint8Array(4 + bindings.length + 4);
    const view = new DataView(head.buffer);
    view.setUint32(0, bindings.length, true);
    head.set(bindings, 4);
    view.setUint32(4 + bindings.length, flags, true);
    const key = forgedKey();
    const token = forgeRequest(key, { authMs: NOW_MS, checksum: Buffer.concat([head, more]) });
    return acceptorAt(NOW_MS).acceptor.accept(token, [key], RULES);
  }

  test.each([0, 0xff])("with channel bindings of %i is accepted: SMB has no channel to compare", (octet) => {
    expect(judge(new Uint8Array(16).fill(octet), 0)).toMatchObject({ kind: "accepted", token: undefined });
  });

  test("says that the client wants an AP-REP", () => {
    expect(judge(new Uint8Array(16), 0x02)).toMatchObject({ token: expect.any(Uint8Array) });
  });

  test.each([0, 1, 4, 4000])(
    "with %i bytes of delegated credentials is accepted, whatever they are",
    (length) => {
      const credentials = new Uint8Array(length).fill(0xee);
      expect(judge(new Uint8Array(16), DELEG_AND_MUTUAL, credentials)).toMatchObject({ kind: "accepted" });
    },
  );

  test.each([0, 15, 17, 24])("with %i bytes of channel bindings is refused", (length) => {
    expect(judge(new Uint8Array(length), 0, new Uint8Array(16))).toMatchObject(
      refused("checksum of GSS-API"),
    );
  });
});
