// Accepts the AP-REQ of a client: finds the service's key, decrypts the ticket and the authenticator, and
// checks times, names and replays. RFC 4120 3.2.3, with the checks in its order; 3.2.4 (AP-REP).
import { createHash } from "node:crypto";
import type { EncryptionType } from "../../crypto/kerberos-type.ts";
import { findEncryptionType, KeyUsage, RC4_HMAC } from "../../crypto/kerberos.ts";
import type { TicketAnswer } from "../../port/ticket.ts";
import {
  AP_MUTUAL_REQUIRED,
  type ApReq,
  type Authenticator,
  decodeApRep,
  decodeApRepSequence,
  decodeApReqToken,
  decodeAuthenticator,
  decodeEncTicketPart,
  encodeApRepToken,
  encodeEncApRepPart,
  type EncTicketPart,
  type EncryptedData,
  type EncryptionKey,
  GssFlag,
  isBareApReq,
  TICKET_INVALID,
} from "../../wire/auth/kerberos.ts";
import { encodeSkewErrorToken } from "../../wire/auth/kerberos-error.ts";
import { WireError } from "../../wire/cursor.ts";
import type { KeytabEntry } from "./keytab.ts";
import { membershipOf } from "./pac-groups.ts";
import { ReplayCache } from "./replay-cache.ts";
import { TicketError } from "./ticket-error.ts";

/** What the configuration says about tickets. */
export interface TicketRules {
  /**
   * Names of principals in lower case, with or without their realm: `cifs/nas@HOME`. Empty: every `cifs/`.
   */
  readonly services: readonly string[];
  /** Difference of the clocks that is tolerated; RFC 4120 recommends five minutes. */
  readonly skewMs: number;
  readonly allowsAes: boolean;
  readonly allowsRc4: boolean;
  /** The PAC's groups are the user's; a ticket without them is refused. */
  readonly usesPacGroups: boolean;
}

export interface Clock {
  /** Milliseconds since 1970, which may jump. */
  wallTime(): number;
  /** Monotonic milliseconds since the server was started. */
  now(): number;
}

export class TicketAcceptor {
  private readonly clock: Clock;
  private readonly ownDomain: () => string;
  private readonly replays = new ReplayCache();

  /** `ownDomain`: the SID of this machine's own users, which no PAC speaks for; asked where PACs are used. */
  constructor(clock: Clock, ownDomain = () => "") {
    this.clock = clock;
    this.ownDomain = ownDomain;
  }

  /** Never throws for what a client sent. `forRpc`: in a bind, which may use the exchange of DCE. */
  accept(
    token: Uint8Array,
    keytab: readonly KeytabEntry[],
    rules: TicketRules,
    forRpc = false,
  ): TicketAnswer {
    try {
      if (!forRpc && isBareApReq(token)) throw new TicketError("a request without GSS-API's frame");
      return this.acceptRequest(decodeApReqToken(token), keytab, rules, forRpc);
    } catch (error) {
      if (error instanceof TicketError) {
        const { message, user, reply } = error;
        return { kind: "refused", reason: message, user, reply: forRpc ? undefined : reply };
      }
      if (error instanceof WireError) {
        return { kind: "refused", reason: `Kerberos token that does not decode: ${error.message}`, user: "" };
      }
      throw error;
    }
  }

  private acceptRequest(
    request: ApReq,
    keytab: readonly KeytabEntry[],
    rules: TicketRules,
    forRpc: boolean,
  ): TicketAnswer {
    const { ticket } = request;
    const { sealed, serviceKey } = openTicket(request, keytab, rules, forRpc);
    const key = usableKey(sealed.key, rules);
    const bytes = key.type.decrypt(
      key.value,
      KeyUsage.AP_REQ_AUTHENTICATOR,
      cipherOf(request.authenticator, key),
    );
    if (bytes === undefined) throw new TicketError("the authenticator does not belong to the ticket");
    const authenticator = decodeAuthenticator(bytes);
    const user = principalOf(sealed.client, sealed.realm);
    if (principalOf(authenticator.client, authenticator.realm) !== user) {
      throw new TicketError("the authenticator is another user's", user);
    }
    const nowMs = this.clock.wallTime();
    checkClocks(request, authenticator, nowMs, rules.skewMs, user);
    checkLife(sealed, nowMs, rules.skewMs, user);
    this.checkReplay(request, authenticator, nowMs, rules.skewMs, user);
    const name = sealed.client[0];
    if (name === undefined || sealed.client.length !== 1) {
      throw new TicketError("the ticket is that of a service, not of a user", user);
    }
    // A user of another realm that this realm trusts is not the user of the same name here.
    if (sealed.realm !== ticket.realm) throw new TicketError("a user of another realm", user);
    if ((authenticator.gssFlags & GssFlag.DCE_STYLE) !== 0 && !forRpc) {
      throw new TicketError("asks for the exchange of DCE", user);
    }
    const membership = rules.usesPacGroups
      ? membershipOf(sealed, serviceKey, user, this.ownDomain())
      : undefined;
    return { ...answerOf(request, sealed, key, authenticator, name, rules), membership };
  }

  private checkReplay(
    request: ApReq,
    { timeMs }: Authenticator,
    nowMs: number,
    skewMs: number,
    user: string,
  ): void {
    // What was accepted before this process began is not in the cache. The start is counted back from now, so
    // that a clock that was wrong at the start locks nobody out.
    const startMs = nowMs - this.clock.now();
    if (timeMs < startMs) {
      throw new TicketError(
        "made before the server was started; a new attempt succeeds if the clocks are right",
        user,
      );
    }
    const digest = createHash("sha256").update(request.authenticator.cipher).digest("base64");
    const found = this.replays.add(digest, user, timeMs + 2 * skewMs, nowMs);
    if (found === "replay") throw new TicketError("a replay of an earlier log-on", user);
    if (found === "full") throw new TicketError("too many log-ons with tickets at once", user);
  }
}

interface UsableKey {
  readonly type: EncryptionType;
  readonly value: Uint8Array;
}

function usableKey(key: EncryptionKey, rules: TicketRules): UsableKey {
  const type = findEncryptionType(key.etype);
  if (type === undefined || !(type.id === RC4_HMAC ? rules.allowsRc4 : rules.allowsAes)) {
    const name = type?.name ?? `number ${key.etype}`;
    throw new TicketError(`encryption type ${name} is not allowed (see "kerberos encryption types")`);
  }
  if (key.value.length !== type.keyBytes) throw new TicketError("a key of another length than its type's");
  return { type, value: key.value };
}

function cipherOf(sealed: EncryptedData, key: UsableKey): Uint8Array {
  if (sealed.etype !== key.type.id) throw new TicketError("encrypted with another type than its key's");
  return sealed.cipher;
}

/** Decrypts the ticket with each of the service's keys that fits. */
function openTicket(
  { ticket }: ApReq,
  keytab: readonly KeytabEntry[],
  rules: TicketRules,
  forRpc: boolean,
): { readonly sealed: EncTicketPart; readonly serviceKey: UsableKey } {
  const { realm, service, sealed } = ticket;
  const name = service.join("/");
  const own = isOurService(name, realm, rules, forRpc)
    ? keytab.filter((entry) => entry.realm === realm && isSameName(entry.principal.join("/"), name))
    : [];
  if (own.length === 0)
    throw new TicketError(`a ticket for ${name}@${realm}, for which the key table has no key`);
  const fitting = own.filter((entry) => entry.etype === sealed.etype);
  if (fitting.length === 0) {
    const type = findEncryptionType(sealed.etype)?.name ?? `number ${sealed.etype}`;
    throw new TicketError(`a ticket of encryption type ${type}, of which the key table has no key`);
  }
  for (const entry of fitting) {
    if (sealed.kvno !== undefined && !isSameVersion(sealed.kvno, entry.kvno)) continue;
    const key = usableKey({ etype: entry.etype, value: entry.key }, rules);
    const bytes = key.type.decrypt(key.value, KeyUsage.TICKET, sealed.cipher);
    if (bytes !== undefined) return { sealed: decodeEncTicketPart(bytes), serviceKey: key };
  }
  const version = sealed.kvno === undefined ? "" : ` (version ${sealed.kvno})`;
  throw new TicketError(`a ticket made with another key${version} than those of the key table for ${name}`);
}

/** Some tools write the lowest eight bits alone. */
function isSameVersion(sent: number, stored: number): boolean {
  return sent === stored || (stored < 256 && (sent & 0xff) === stored);
}

/**
 * A ticket for another service of this host (`HTTP/…`) is no log-on to the file server, and one for the host
 * itself in a bind alone: the clients of RPC ask for `host/…`.
 */
function isOurService(name: string, realm: string, { services }: TicketRules, forRpc: boolean): boolean {
  const folded = forRpc ? name.toLowerCase().replace(/^host\//, "cifs/") : name.toLowerCase();
  if (services.length === 0) return folded.startsWith("cifs/");
  return services.includes(folded) || services.includes(`${folded}@${realm}`);
}

/** Names of hosts have no case. */
function isSameName(a: string, b: string): boolean {
  return a.toLowerCase() === b.toLowerCase();
}

function checkClocks(
  { ticket }: ApReq,
  authenticator: Authenticator,
  nowMs: number,
  skewMs: number,
  user: string,
): void {
  const aheadMs = authenticator.timeMs - nowMs;
  if (Math.abs(aheadMs) <= skewMs) return;
  const seconds = Math.round(Math.abs(aheadMs) / 1000);
  const whose = aheadMs > 0 ? "the client's is ahead" : "the server's is ahead";
  const allowed = Math.round(skewMs / 1000);
  throw new TicketError(
    `the clocks differ by ${seconds} s, ${whose}; set the time of the machine whose clock is wrong ` +
      `('kerberos clock skew' allows ${allowed} s)`,
    user,
    encodeSkewErrorToken(ticket, authenticator, nowMs),
  );
}

function checkLife(sealed: EncTicketPart, nowMs: number, skewMs: number, user: string): void {
  if ((sealed.flags & TICKET_INVALID) !== 0 || sealed.startMs - skewMs > nowMs) {
    throw new TicketError("the ticket is not valid yet", user);
  }
  if (sealed.endMs + skewMs <= nowMs) throw new TicketError("the ticket has expired", user);
}

function answerOf(
  request: ApReq,
  sealed: EncTicketPart,
  ticketKey: UsableKey,
  authenticator: Authenticator,
  user: string,
  rules: TicketRules,
): Extract<TicketAnswer, { kind: "accepted" }> {
  const { subkey, gssFlags } = authenticator;
  const clientKey = subkey === undefined ? ticketKey : usableKey(subkey, rules);
  const isDce = (gssFlags & GssFlag.DCE_STYLE) !== 0;
  const isMutual = isDce || (request.options & AP_MUTUAL_REQUIRED) !== 0 || (gssFlags & GssFlag.MUTUAL) !== 0;
  const sequence = (crypto.getRandomValues(new Uint32Array(1))[0] ?? 0) & 0x3fff_ffff;
  // Outside of DCE's exchange without a subkey of the server's: the kernel's client takes its own as the
  // session key, whatever comes back.
  const key = isDce ? makeKey(clientKey.type) : clientKey;
  const serverKey = isDce ? { etype: key.type.id, value: key.value } : undefined;
  let token: Uint8Array | undefined;
  if (isMutual) {
    const { type, value } = ticketKey;
    const confounder = crypto.getRandomValues(new Uint8Array(type.confounderBytes));
    const plain = encodeEncApRepPart(authenticator, sequence, serverKey);
    token = encodeApRepToken(type.id, type.encrypt(value, KeyUsage.AP_REP, plain, confounder), isDce);
  }
  return {
    kind: "accepted",
    user,
    realm: sealed.realm,
    etype: key.type.id,
    key: key.value.slice(),
    isServerKey: isDce,
    sequence,
    clientSequence: authenticator.sequence ?? 0,
    token,
    confirm: isDce ? (reply) => isConfirmation(reply, ticketKey, sequence) : undefined,
    expiresMs: sealed.endMs + rules.skewMs,
  };
}

function principalOf(name: readonly string[], realm: string): string {
  return `${name.join("/")}@${realm}`;
}

function makeKey(type: EncryptionType): UsableKey {
  return { type, value: crypto.getRandomValues(new Uint8Array(type.keyBytes)) };
}

/**
 * The third message of DCE's exchange: the client shows that it could read the server's number; [MS-KILE]
 * 3.4.5.1.
 */
function isConfirmation(reply: Uint8Array, { type, value }: UsableKey, sequence: number): boolean {
  try {
    const { etype, cipher } = decodeApRep(reply);
    const bytes = etype === type.id ? type.decrypt(value, KeyUsage.AP_REP, cipher) : undefined;
    return bytes !== undefined && decodeApRepSequence(bytes) === sequence;
  } catch (error) {
    if (error instanceof WireError) return false;
    throw error;
  }
}
