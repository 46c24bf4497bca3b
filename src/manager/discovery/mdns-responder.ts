// The responder of one link: probes for its names, announces them, answers and says goodbye; RFC 6762
// sections 6 to 10.
import type { Timer, Timers } from "../../loop/timers.ts";
import { decodeMessage } from "./dns-decode.ts";
import { type DnsMessage, type DnsRecord, encodeData, encodeMessage } from "./dns-message.ts";
import { answerQuery, findFollowing, isSameData, isSameName } from "./mdns-answers.ts";
import type { Peer } from "./link-sockets.ts";
import { RateLimit } from "../../loop/rate-limit.ts";
import type { LinkRecords } from "./service-records.ts";

export const MDNS_PORT = 5353;

export interface MdnsHost {
  readonly timers: Timers;
  now(): number;
  random(): number;
  /** To the group, or to the one who asked. */
  send(bytes: Uint8Array, to?: Peer): void;
  /** Somebody else has one of the names. */
  conflict(): void;
}

const PROBES = 3;
const PROBE_MS = 250;
const ANNOUNCEMENTS = 2;
const ANNOUNCE_MS = 1000;
/** RFC 6762 section 6: a record is not sent to the group twice within that time. */
const REPEAT_MS = 1000;
/** RFC 6762 section 8.2: how long the loser of two simultaneous probes waits. */
const DEFER_MS = 1000;
/** Longest time to live in a reply to an ordinary resolver, in seconds; RFC 6762 section 6.7. */
const LEGACY_TTL = 10;
/** The rest of the known answers may follow in further messages; section 7.2. */
const TRUNCATED_MS = 450;
/** Messages of a second of which notice is taken, so that a flood costs little. */
const MAX_MESSAGES_PER_SECOND = 100;
const NOTHING: LinkRecords = { unique: [], shared: [] };

export class MdnsResponder {
  private readonly records: LinkRecords;
  private readonly host: MdnsHost;
  private timer: Timer | undefined;
  private replyTimer: Timer | undefined;
  private isEstablished = false;
  private readonly pending = new Set<DnsRecord>();
  private readonly sentMs = new Map<DnsRecord, number>();
  private readonly limit = new RateLimit();

  constructor(records: LinkRecords, host: MdnsHost) {
    this.records = records;
    this.host = host;
  }

  start(): void {
    this.later(this.host.random() * PROBE_MS, () => this.probe(0));
  }

  /** With a goodbye for what was announced and is not among `next`, which a new responder announces. */
  stop(next: LinkRecords = NOTHING): void {
    this.host.timers.clear(this.timer);
    this.host.timers.clear(this.replyTimer);
    if (!this.isEstablished) return;
    this.isEstablished = false;
    const { unique, shared } = this.records;
    const gone = [
      // Data of the same name and type replace the old ones (section 10.2).
      ...unique.filter((record) => findOwn(next.unique, record).length === 0),
      ...shared.filter((record) => !findOwn(next.shared, record).some((one) => isSameData(one, record))),
    ];
    if (gone.length > 0) this.say(gone.map((record) => withTtl(record, 0)));
  }

  receive(bytes: Uint8Array, from: Peer): void {
    if (!this.limit.admit(this.host.now(), MAX_MESSAGES_PER_SECOND)) return;
    const message = decodeMessage(bytes);
    if (message === undefined) return;
    if (from.isOwn && (message.isResponse || message.authorities.length > 0)) return;
    if (message.isResponse) this.hear(message);
    else this.answer(message, from);
  }

  private probe(count: number): void {
    if (count === PROBES) return this.announce(0);
    const names = [...new Set(this.records.unique.map((record) => record.name))];
    const questions = names.map((name) => ({ name, type: "ANY", wantsUnicast: false }));
    const authorities = this.records.unique.map((record) => ({ ...record, flush: false }));
    this.host.send(encodeMessage({ questions, authorities }));
    this.later(PROBE_MS, () => this.probe(count + 1));
  }

  private announce(count: number): void {
    this.isEstablished = true;
    const { unique, shared } = this.records;
    this.say([...unique, ...shared]);
    if (count + 1 < ANNOUNCEMENTS) this.later(ANNOUNCE_MS, () => this.announce(count + 1));
  }

  /** Another responder's records: one of ours with other data is a conflict (section 9). */
  private hear({ answers, additionals }: DnsMessage): void {
    const isConflict = [...answers, ...additionals].some((record) => {
      const own = findOwn(this.records.unique, record);
      return record.ttl > 0 && own.length > 0 && !own.some((one) => isSameData(one, record));
    });
    if (isConflict) this.host.conflict();
  }

  private answer(query: DnsMessage, from: Peer): void {
    if (!this.isEstablished) return this.compareProbes(query);
    if (query.questions.length === 0) return this.dropKnown(query);
    const reply = answerQuery(this.records, query);
    if (reply === undefined) return;
    if (from.port !== MDNS_PORT) return this.answerResolver(query, reply.answers, from);
    const { answers, additionals, isShared } = reply;
    if (query.questions.every((question) => question.wantsUnicast))
      return this.say(answers, additionals, from);
    for (const record of answers) this.pending.add(record);
    const delayMs = query.isTruncated ? TRUNCATED_MS : isShared ? 20 + this.host.random() * 100 : 0;
    this.replyTimer ??= this.host.timers.set(delayMs, () => this.flush());
  }

  /** Section 8.2: of two that probe for a name at once, the one whose data are later in order wins. */
  private compareProbes(query: DnsMessage): void {
    const hasLost = query.authorities.some((theirs) => {
      const [own] = findOwn(this.records.unique, theirs);
      if (own === undefined || isSameData(own, theirs)) return false;
      const ours = encodeData(own);
      const data = encodeData(theirs);
      return ours !== undefined && data !== undefined && Buffer.compare(data, ours) > 0;
    });
    if (hasLost) this.later(DEFER_MS, () => this.probe(0));
  }

  /** Section 7.2: a message without questions has more of what the one who asked knows. */
  private dropKnown(query: DnsMessage): void {
    for (const known of query.answers ?? [])
      for (const record of this.pending)
        if (record.type === known.type && isSameName(record.name, known.name) && isSameData(record, known))
          this.pending.delete(record);
  }

  private flush(): void {
    this.replyTimer = undefined;
    const now = this.host.now();
    const isFresh = (record: DnsRecord): boolean => now - (this.sentMs.get(record) ?? -REPEAT_MS) < REPEAT_MS;
    const answers = [...this.pending].filter((record) => !isFresh(record));
    this.pending.clear();
    if (answers.length === 0) return;
    const { unique, shared } = this.records;
    for (const record of [...unique, ...shared]) if (answers.includes(record)) this.sentMs.set(record, now);
    this.say(answers, findFollowing(answers, unique));
  }

  /** Section 6.7: a resolver that knows ordinary DNS alone. */
  private answerResolver({ id, questions }: DnsMessage, found: readonly DnsRecord[], to: Peer): void {
    const answers = found.map((record) => ({
      ...withTtl(record, Math.min(LEGACY_TTL, record.ttl)),
      flush: false,
    }));
    this.host.send(encodeMessage({ isResponse: true, id, questions, answers }), to);
  }

  private say(answers: readonly DnsRecord[], additionals: readonly DnsRecord[] = [], to?: Peer): void {
    this.host.send(encodeMessage({ isResponse: true, answers, additionals }), to);
  }

  private later(delayMs: number, run: () => void): void {
    this.host.timers.clear(this.timer);
    this.timer = this.host.timers.set(delayMs, run);
  }
}

/** Our records of the same name and type. */
function findOwn(ours: readonly DnsRecord[], { name, type }: DnsRecord): DnsRecord[] {
  return ours.filter((own) => own.type === type && isSameName(own.name, name));
}

function withTtl(record: DnsRecord, ttl: number): DnsRecord {
  return { ...record, ttl };
}
