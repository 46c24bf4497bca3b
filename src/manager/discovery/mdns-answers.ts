// What a responder answers to a query of multicast DNS; RFC 6762 sections 6, 7.1. Pure.
import { type DnsMessage, type DnsQuestion, type DnsRecord, encodeData } from "./dns-message.ts";
import type { LinkRecords, SrvData } from "./service-records.ts";

export interface Reply {
  readonly answers: readonly DnsRecord[];
  readonly additionals: readonly DnsRecord[];
  /** Others may answer as well: the reply waits a little, so that not all come at once. */
  readonly isShared: boolean;
}

/** Types of records that a client asks for next. */
const FOLLOWING: Readonly<Record<string, readonly string[]>> = { PTR: ["SRV", "TXT"], SRV: ["A", "AAAA"] };
const NSEC_TTL = 120;

/** Undefined: nothing to say. What the query knows already is left out. */
export function answerQuery(records: LinkRecords, query: DnsMessage): Reply | undefined {
  const all = [...records.unique, ...records.shared];
  const answers = new Set<DnsRecord>();
  for (const question of query.questions) {
    for (const record of all) if (isAsked(record, question)) answers.add(record);
    const denial = denyOther(records.unique, question);
    if (denial !== undefined) answers.add(denial);
  }
  for (const record of answers) if (isKnown(record, query.answers)) answers.delete(record);
  if (answers.size === 0) return undefined;
  const isShared = records.shared.some((record) => answers.has(record));
  return { answers: [...answers], additionals: findFollowing([...answers], records.unique), isShared };
}

/** Case does not count. */
export function isSameName(one: string, other: string): boolean {
  return one.toLowerCase() === other.toLowerCase();
}

export function isSameData(one: DnsRecord, other: DnsRecord): boolean {
  const data = encodeData(one);
  return data !== undefined && encodeData(other)?.equals(data) === true;
}

function isAsked(record: DnsRecord, { name, type }: DnsQuestion): boolean {
  return isSameName(record.name, name) && (type === record.type || type === "ANY");
}

/** RFC 6762 section 6.1: the name is ours alone, so nobody has the record that is asked for. */
function denyOther(unique: readonly DnsRecord[], { name, type }: DnsQuestion): DnsRecord | undefined {
  const own = unique.filter((record) => isSameName(record.name, name));
  const [first] = own;
  if (first === undefined || type === "ANY" || own.some((record) => record.type === type)) return undefined;
  const rrtypes = [...new Set(own.map((record) => record.type))];
  return {
    name: first.name,
    type: "NSEC",
    ttl: NSEC_TTL,
    flush: true,
    data: { nextDomain: first.name, rrtypes },
  };
}

/** RFC 6762 section 7.1: known with at least half of its time to live. */
function isKnown(record: DnsRecord, known: readonly DnsRecord[]): boolean {
  return known.some(
    (other) =>
      other.type === record.type &&
      isSameName(other.name, record.name) &&
      other.ttl * 2 >= record.ttl &&
      isSameData(other, record),
  );
}

/** The records that `answers` lead to, besides those themselves. */
export function findFollowing(answers: readonly DnsRecord[], unique: readonly DnsRecord[]): DnsRecord[] {
  const found = new Set<DnsRecord>();
  const queue = [...answers];
  for (let record = queue.shift(); record !== undefined; record = queue.shift()) {
    const { type } = record;
    const target =
      type === "PTR" ? String(record.data) : type === "SRV" ? (record.data as SrvData).target : "";
    for (const next of unique) {
      const isNext = FOLLOWING[type]?.includes(next.type) === true && isSameName(next.name, target);
      if (!isNext || found.has(next)) continue;
      found.add(next);
      queue.push(next);
    }
  }
  for (const record of answers) found.delete(record);
  return [...found];
}
