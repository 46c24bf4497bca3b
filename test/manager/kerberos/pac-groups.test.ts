// Groups by the PAC of tickets: recorded ones of Samba's domain controller, and forged ones that are wrong in one way.
import { expect, test } from "bun:test";
import { join } from "node:path";
import { decodeKeytab, type KeytabEntry } from "../../../src/manager/kerberos/keytab.ts";
import { MAX_PAC_SIDS } from "../../../src/manager/kerberos/pac.ts";
import { TicketAcceptor, type TicketRules } from "../../../src/manager/kerberos/ticket-acceptor.ts";
import type { TicketAnswer } from "../../../src/port/ticket.ts";
import {
  DOMAIN_SID,
  type ForgedGroups,
  type ForgedPac,
  forgedKey,
  forgeLogonInfo,
  forgePac,
  forgeRequest,
  typeOf,
} from "./ticket-forge.ts";

interface Recorded {
  readonly etype: string;
  readonly receivedMs: number;
  readonly keytab: string;
  readonly token: string;
}
interface Vectors {
  readonly domain: string;
  readonly user: string;
  readonly photos: string;
  readonly local: string;
  readonly universal: string;
  readonly requests: readonly Recorded[];
}

const vectors = (await Bun.file(
  join(import.meta.dir, "../../vectors/kerberos-samba-pac.json"),
).json()) as Vectors;
const RULES: TicketRules = {
  services: [],
  skewMs: 300_000,
  allowsAes: true,
  allowsRc4: true,
  usesPacGroups: true,
};
const NOW_MS = Date.UTC(2026, 10, 29);
const OWN_DOMAIN = "S-1-5-21-9-9-9";

const bytesOf = (base64: string) => new Uint8Array(Buffer.from(base64, "base64"));

function accept(
  token: Uint8Array,
  keys: readonly KeytabEntry[],
  nowMs = NOW_MS,
  rules: Partial<TicketRules> = {},
) {
  const time = { wallTime: () => nowMs, now: () => 30 * 86_400_000 };
  return new TicketAcceptor(time, () => OWN_DOMAIN).accept(token, keys, { ...RULES, ...rules });
}

/** The answer to a ticket whose PAC is like this. */
function judge(pac: Partial<ForgedPac>, etype = 18): TicketAnswer {
  const key = forgedKey(etype);
  return accept(forgeRequest(key, { authMs: NOW_MS, pac: forgePac(key, { authMs: NOW_MS, ...pac }) }), [key]);
}

const judgeGroups = (groups: ForgedGroups) => judge({ logonInfo: forgeLogonInfo(groups) });

function sidsOf(answer: TicketAnswer): readonly string[] {
  if (answer.kind === "refused") throw new Error(answer.reason);
  return answer.membership?.sids ?? [];
}

const refused = (reason: string) => ({ kind: "refused", reason: expect.stringContaining(reason) });

test.each(vectors.requests)(
  "a ticket of Samba's domain controller of type $etype names all groups",
  (recorded) => {
    const answer = accept(
      bytesOf(recorded.token),
      decodeKeytab(bytesOf(recorded.keytab)),
      recorded.receivedMs,
    );
    const { domain, user, photos, local, universal } = vectors;
    const domainSid = user.replace(/-\d+$/, "");
    expect(answer).toMatchObject({ kind: "accepted", user: "alice", membership: { domain, domainSid } });
    const sids = sidsOf(answer);
    expect(sids[0]).toBe(user);
    expect([...sids.slice(1)].sort()).toEqual([`${domainSid}-513`, photos, local, universal].sort());
  },
);

test("a ticket has no groups where the option is off", () => {
  const [recorded] = vectors.requests;
  if (recorded === undefined) throw new Error("no vector");
  const keys = decodeKeytab(bytesOf(recorded.keytab));
  const answer = accept(bytesOf(recorded.token), keys, recorded.receivedMs, { usesPacGroups: false });
  expect(answer).toMatchObject({ kind: "accepted", membership: undefined });
});

test.each([17, 18, 19, 20, 23])("a PAC that is signed with a key of type %i is believed", (etype) => {
  expect(sidsOf(judge({}, etype))).toEqual([`${DOMAIN_SID}-1103`, `${DOMAIN_SID}-513`]);
});

test("groups of the domain, of other domains and of resources count, each once", () => {
  const sids = sidsOf(
    judgeGroups({ groups: [513, 512, 1104], extra: ["S-1-5-21-4-5-6-1200"], resources: [1300] }),
  );
  expect(sids).toEqual([
    ...[1103, 513, 512, 1104].map((rid) => `${DOMAIN_SID}-${rid}`),
    "S-1-5-21-4-5-6-1200",
    `${DOMAIN_SID}-1300`,
  ]);
});

test("SIDs that decide about this machine are left out", () => {
  const extra = ["S-1-22-1-0", "S-1-22-2-0", "S-1-5-32-544", "S-1-5-18", "S-1-5-88-1-0", "S-1-18-1"];
  expect(sidsOf(judgeGroups({ extra: [...extra, `${OWN_DOMAIN}-1000`, "S-1-5-21-5"] }))).toEqual([
    `${DOMAIN_SID}-1103`,
    `${DOMAIN_SID}-513`,
  ]);
});

test.each(["S-1-22-1", OWN_DOMAIN, "S-1-5-32"])("a PAC of the domain %s is refused", (domainSid) => {
  expect(judgeGroups({ domainSid })).toMatchObject(refused("as the SID of a domain"));
});

test("a group that is not enabled does not count, and one that may only deny refuses the ticket", () => {
  expect(sidsOf(judgeGroups({ groups: [512], attributes: 3 }))).not.toContain(`${DOMAIN_SID}-512`);
  expect(judgeGroups({ groups: [512], attributes: 0x17 })).toMatchObject(refused("only denies"));
});

test("a ticket without a PAC, or with one without groups, is refused", () => {
  const key = forgedKey();
  expect(accept(forgeRequest(key, { authMs: NOW_MS }), [key])).toMatchObject(refused("without a PAC"));
  expect(judge({ logonInfo: undefined })).toMatchObject(refused("a PAC without groups"));
});

test("a PAC of another user or of another log-on is refused", () => {
  expect(judge({ name: "bob" })).toMatchObject(refused("another ticket's"));
  expect(judge({ authMs: NOW_MS - 1000 })).toMatchObject(refused("another ticket's"));
});

test("a PAC that is signed with another key or algorithm is refused", () => {
  const key = forgedKey();
  const other = { ...key, key: key.key.map((octet) => octet ^ 1) };
  const pac = forgePac(other, { authMs: NOW_MS });
  expect(accept(forgeRequest(key, { authMs: NOW_MS, pac }), [key])).toMatchObject(refused("not signed"));
  // HMAC-MD5 takes a key of any length.
  expect(judge({ signatureType: typeOf(23) })).toMatchObject(refused("not signed"));
});

test("no bit of a PAC can be changed, but of its own two signatures' keeping", () => {
  const key = forgedKey();
  const pac = forgePac(key, { authMs: NOW_MS });
  const accepted: number[] = [];
  for (let bit = 0; bit < pac.length * 8; bit += 5) {
    const changed = pac.slice();
    changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    const answer = accept(forgeRequest(key, { authMs: NOW_MS, pac: changed }), [key]);
    if (answer.kind === "accepted") accepted.push(bit >> 3);
  }
  // The signature of the key distribution centre, which is the last buffer and which no service can verify.
  const kdcSignature = pac.length - 12;
  expect(accepted.every((at) => at >= kdcSignature)).toBe(true);
});

test("a PAC that is cut short is refused", () => {
  const key = forgedKey();
  const pac = forgePac(key, { authMs: NOW_MS });
  for (let length = 0; length < pac.length; length += 3) {
    const token = forgeRequest(key, { authMs: NOW_MS, pac: pac.slice(0, length) });
    expect(accept(token, [key]).kind).toBe("refused");
  }
});

test("two lists of groups in a PAC are refused", () => {
  const more = [[1, forgeLogonInfo({ groups: [512] })] as const];
  expect(judge({ more })).toMatchObject(refused("two buffers of a type"));
});

test("a user in as many groups as Windows allows is let in, one in more is not", () => {
  const groups = (count: number) => Array.from({ length: count }, (_, i) => 2000 + i);
  expect(sidsOf(judgeGroups({ groups: groups(MAX_PAC_SIDS - 2) }))).toHaveLength(MAX_PAC_SIDS);
  expect(judgeGroups({ groups: groups(MAX_PAC_SIDS - 1) })).toMatchObject(
    refused("in more than 1024 groups"),
  );
});
