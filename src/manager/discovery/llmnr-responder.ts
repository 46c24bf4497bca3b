// The responder of one link for Link-Local Multicast Name Resolution, by which Windows resolves names of one
// label; RFC 4795. Verifies that its names are unique, answers for them, and gives way to a machine that has
// one already.
import type { Timer } from "../../loop/timers.ts";
import { RateLimit } from "../../loop/rate-limit.ts";
import { parseAddress } from "../config/hosts.ts";
import { decodeMessage } from "./dns-decode.ts";
import { type DnsMessage, type DnsRecord, encodeMessage } from "./dns-message.ts";
import type { ResponderHost } from "./link-responders.ts";
import type { Peer } from "./link-sockets.ts";

export const LLMNR_PORT = 5355;

/** Bits of the header; section 2.1.1. */
const CONFLICT = 0x0400;
const TENTATIVE = 0x0100;
/** Section 4.1 with the time-outs of section 7 for Ethernet. */
const QUERIES = 3;
const TIMEOUT_MS = 100;
const JITTER_MS = 100;
/** When a name that another machine had may be free again. */
const RECHECK_MS = 60_000;
/** A neighbour that reports conflicts does not have the server ask again and again. */
const VERIFY_AGAIN_MS = 10_000;
/** Seconds; section 2.8. */
const TTL = 30;
/** Keeps an answer, whose question may be forged, near the size of the question. */
const MAX_ADDRESSES = 4;
/** About the server's names; a large network asks for others all the time. */
const MAX_MESSAGES_PER_SECOND = 20;

interface OwnName {
  readonly name: string;
  /** Undefined until the first verification has ended. */
  isOurs: boolean | undefined;
  /** Of the verification's queries, while it lasts. */
  id: number | undefined;
  verifiedMs: number;
  timer: Timer | undefined;
}

export class LlmnrResponder {
  private readonly names: readonly OwnName[];
  private readonly addresses: readonly string[];
  private readonly host: ResponderHost;
  private readonly limit = new RateLimit();

  /** `addresses` are the machine's on the link; the first is the one that the link's queries come from. */
  constructor(names: readonly string[], addresses: readonly string[], host: ResponderHost) {
    const fresh = {
      isOurs: undefined,
      id: undefined,
      verifiedMs: Number.NEGATIVE_INFINITY,
      timer: undefined,
    };
    this.names = names.map((name) => ({ name, ...fresh }));
    this.addresses = addresses;
    this.host = host;
  }

  start(): void {
    for (const own of this.names) this.verify(own);
  }

  stop(): void {
    for (const { timer } of this.names) this.host.timers.clear(timer);
  }

  receive(bytes: Uint8Array, from: Peer): void {
    // The group's messages come back.
    if (from.isOwn) return;
    const message = decodeMessage(bytes);
    if (message === undefined || message.questions.length !== 1) return;
    const [question] = message.questions;
    const own = this.names.find(({ name }) => name.toLowerCase() === question?.name.toLowerCase());
    if (own === undefined || !this.limit.admit(this.host.now(), MAX_MESSAGES_PER_SECOND)) return;
    if (message.isResponse) this.hear(own, message, from);
    else this.answer(own, message, from);
  }

  private answer(own: OwnName, query: DnsMessage, to: Peer): void {
    const { answers, authorities, flags, id, questions } = query;
    if (answers.length > 0 || authorities.length > 0 || own.isOurs === false) return;
    if ((flags & CONFLICT) !== 0) {
      if (this.host.now() - own.verifiedMs >= VERIFY_AGAIN_MS) this.verify(own);
      return;
    }
    const tentative = own.isOurs === undefined ? TENTATIVE : 0;
    const [question] = questions;
    const records = question === undefined ? [] : this.recordsOf(own.name, question.type);
    this.host.send(
      encodeMessage({ isResponse: true, id, flags: tentative, questions, answers: records }),
      to,
    );
  }

  /** Of a type that is not there, an answer has no records; section 2.3. */
  private recordsOf(name: string, asked: string): DnsRecord[] {
    const records = this.addresses.map((data) => ({
      name,
      type: data.includes(":") ? "AAAA" : "A",
      ttl: TTL,
      data,
    }));
    return records.filter(({ type }) => asked === type || asked === "ANY").slice(0, MAX_ADDRESSES);
  }

  private verify(own: OwnName): void {
    this.host.timers.clear(own.timer);
    if (own.isOurs === true) own.isOurs = undefined;
    own.id = Math.floor(this.host.random() * 0x1_0000);
    own.verifiedMs = this.host.now();
    this.ask(own, own.id, 0);
  }

  private ask(own: OwnName, id: number, count: number): void {
    if (count === QUERIES) {
      own.id = undefined;
      own.isOurs = true;
      return;
    }
    const question = { name: own.name, type: "ANY", wantsUnicast: false };
    this.host.send(encodeMessage({ id, questions: [question] }));
    const delayMs = TIMEOUT_MS + this.host.random() * JITTER_MS;
    own.timer = this.host.timers.set(delayMs, () => this.ask(own, id, count + 1));
  }

  /** Section 4.1: of two that verify a name at once, the one with the lower address keeps it. */
  private hear(own: OwnName, { flags, id }: DnsMessage, from: Peer): void {
    if (own.id !== id) return;
    if ((flags & TENTATIVE) !== 0 && !isLower(from.address, this.addresses[0] ?? "")) return;
    this.host.timers.clear(own.timer);
    own.id = undefined;
    if (own.isOurs !== false) this.host.conflict(own.name);
    own.isOurs = false;
    own.timer = this.host.timers.set(RECHECK_MS, () => this.verify(own));
  }
}

function isLower(one: string, other: string): boolean {
  const [a, b] = [parseAddress(one), parseAddress(other)];
  return a !== undefined && b !== undefined && Buffer.compare(a, b) < 0;
}
