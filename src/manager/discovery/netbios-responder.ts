// The NetBIOS name service of one link, for devices that know no other: claims the server's names by
// broadcast, defends and answers for them, and releases them; RFC 1001 section 15, RFC 1002 section 5.1.1 (a
// B node).
import type { Timer } from "../../loop/timers.ts";
import { RateLimit } from "../../loop/rate-limit.ts";
import type { ResponderHost } from "./link-responders.ts";
import type { Peer } from "./link-sockets.ts";
import {
  ACTIVE_ERROR,
  ANY_NAME,
  decodePacket,
  encodeAnswer,
  encodeRequest,
  encodeStatus,
  GROUP_NAME,
  NameType,
  type NetbiosName,
  type NetbiosPacket,
  NmFlag,
  Opcode,
  type OwnedName,
} from "./netbios-message.ts";

export const NETBIOS_PORT = 137;

/** The bytes behind a name: the machine, or as a group its workgroup; the file server. */
const WORKSTATION = 0x00;
const FILE_SERVER = 0x20;
/** RFC 1002 section 6: BCAST_REQ_RETRY_COUNT, BCAST_REQ_RETRY_TIMEOUT. */
const REQUESTS = 3;
const REQUEST_MS = 250;
/** When a name that another machine had may be free again. */
const RECHECK_MS = 300_000;
/** Seconds. */
const TTL = 300;
/** An answer has all addresses of the link, but no more than a question's bytes are worth. */
const MAX_ADDRESSES = 4;
const MAX_ANSWERS_PER_SECOND = 20;

const REGISTRATION_FLAGS = NmFlag.RECURSION_DESIRED | NmFlag.BROADCAST;
const REFUSAL_FLAGS = NmFlag.AUTHORITATIVE | NmFlag.RECURSION_DESIRED | NmFlag.RECURSION_AVAILABLE;

interface Claim {
  readonly own: OwnedName;
  state: "claimed" | "owned" | "lost";
  /** Of its requests. */
  id: number;
  timer: Timer | undefined;
}

export class NetbiosResponder {
  private readonly claims: readonly Claim[];
  private readonly addresses: readonly string[];
  private readonly host: ResponderHost;
  private readonly limit = new RateLimit();

  constructor(server: string, workgroup: string, addresses: readonly string[], host: ResponderHost) {
    const names: OwnedName[] = [
      { name: server.toUpperCase(), suffix: WORKSTATION, isGroup: false },
      { name: server.toUpperCase(), suffix: FILE_SERVER, isGroup: false },
      { name: workgroup.toUpperCase(), suffix: WORKSTATION, isGroup: true },
    ];
    this.claims = names.map((own) => ({ own, state: "claimed", id: 0, timer: undefined }));
    this.addresses = addresses.slice(0, MAX_ADDRESSES);
    this.host = host;
  }

  start(): void {
    for (const claim of this.claims) this.claim(claim);
  }

  /** With a release of each name that is ours. */
  stop(): void {
    for (const { own, state, timer } of this.claims) {
      this.host.timers.clear(timer);
      if (state === "owned") this.request(own, Opcode.RELEASE, NmFlag.BROADCAST, this.newId(), 0);
    }
  }

  receive(bytes: Uint8Array, from: Peer): void {
    if (from.isOwn) return;
    const packet = decodePacket(bytes);
    if (packet === undefined) return;
    const { isResponse, opcode } = packet;
    if (isResponse) this.hear(packet);
    else if (opcode === Opcode.QUERY) this.answer(packet, from);
    else if (isClaim(packet)) this.defend(packet, from);
  }

  private claim(claim: Claim): void {
    claim.id = this.newId();
    this.ask(claim, 0);
  }

  private ask(claim: Claim, count: number): void {
    const { id, own } = claim;
    if (count === REQUESTS) {
      claim.state = "owned";
      // Nobody refused: everybody else is to forget the name.
      this.request(own, Opcode.REGISTRATION, NmFlag.BROADCAST, id, TTL);
      return;
    }
    this.request(own, Opcode.REGISTRATION, REGISTRATION_FLAGS, id, TTL);
    claim.timer = this.host.timers.set(REQUEST_MS, () => this.ask(claim, count + 1));
  }

  private request(own: OwnedName, opcode: number, flags: number, id: number, ttl: number): void {
    this.host.send(encodeRequest({ id, opcode, flags }, own, this.addresses[0] ?? "", ttl));
  }

  /**
   * A refusal of a name that is being claimed. A name that is owned stays: anybody could send a NAME CONFLICT
   * DEMAND, section 4.2.8.
   */
  private hear({ id, opcode, rcode, subject }: NetbiosPacket): void {
    if (opcode !== Opcode.REGISTRATION || rcode === 0) return;
    const claim = this.claims.find((one) => one.id === id && isSame(one.own, subject));
    if (claim === undefined || claim.state === "owned") return;
    this.host.timers.clear(claim.timer);
    if (claim.state === "claimed") this.host.conflict(claim.own.name);
    claim.state = "lost";
    claim.timer = this.host.timers.set(RECHECK_MS, () => this.claim(claim));
  }

  private answer({ id, subject }: NetbiosPacket, to: Peer): void {
    const names = this.claims.filter(({ state }) => state === "owned").map(({ own }) => own);
    const own = names.find((one) => isSame(one, subject));
    if (
      subject.type === NameType.NBSTAT &&
      names.length > 0 &&
      (own !== undefined || isSame(subject, ANY_NAME))
    )
      return this.reply(encodeStatus(id, subject, names), to);
    if (subject.type !== NameType.NB || own === undefined) return;
    const flags = NmFlag.AUTHORITATIVE | NmFlag.RECURSION_DESIRED;
    this.reply(encodeAnswer({ id, opcode: Opcode.QUERY, flags }, own, this.addresses, TTL), to);
  }

  /** Several machines may be in a group; a name is one machine's, or a group's. */
  private defend({ id, nameFlags = 0, subject }: NetbiosPacket, to: Peer): void {
    const own = this.claims.find((one) => one.state === "owned" && isSame(one.own, subject))?.own;
    const isGroup = (nameFlags & GROUP_NAME) !== 0;
    if (own === undefined || (own.isGroup && isGroup)) return;
    const header = { id, opcode: Opcode.REGISTRATION, flags: REFUSAL_FLAGS, rcode: ACTIVE_ERROR };
    this.reply(encodeAnswer(header, own, this.addresses.slice(0, 1), 0), to);
  }

  private reply(bytes: Uint8Array, to: Peer): void {
    if (this.limit.admit(this.host.now(), MAX_ANSWERS_PER_SECOND)) this.host.send(bytes, to);
  }

  private newId(): number {
    return Math.floor(this.host.random() * 0x1_0000);
  }
}

/** The request before a name is taken; the demand after it is no question any more. */
function isClaim({ flags, opcode }: NetbiosPacket): boolean {
  const isRefresh = opcode === Opcode.REFRESH || opcode === Opcode.REFRESH_TOO;
  return isRefresh || (opcode === Opcode.REGISTRATION && (flags & NmFlag.RECURSION_DESIRED) !== 0);
}

function isSame(one: NetbiosName, other: NetbiosName): boolean {
  return one.name === other.name && one.suffix === other.suffix;
}
