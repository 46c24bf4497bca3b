// Messages of DNS as multicast DNS and LLMNR have them, and their bytes by the package dns-packet. They are
// read by dns-decode.ts: the package takes a second for a message of 60 KB whose names are pointers to
// pointers.
import { encode, type Packet } from "dns-packet";

export interface DnsQuestion {
  readonly name: string;
  /** `ANY` and the types of records. */
  readonly type: string;
  /** A reply to the asker alone is enough; RFC 6762 section 5.4. */
  readonly wantsUnicast: boolean;
}

export interface DnsRecord {
  readonly name: string;
  readonly type: string;
  /** Seconds. */
  readonly ttl: number;
  /** Older records of this name and type are wrong; RFC 6762 section 10.2. */
  readonly flush?: boolean;
  readonly data: unknown;
}

export interface DnsMessage {
  readonly id: number;
  readonly isResponse: boolean;
  readonly isTruncated: boolean;
  /** The header's bits from AA to RD; LLMNR has meanings of its own for some. */
  readonly flags: number;
  readonly questions: readonly DnsQuestion[];
  readonly answers: readonly DnsRecord[];
  readonly authorities: readonly DnsRecord[];
  readonly additionals: readonly DnsRecord[];
}

export const EMPTY_MESSAGE: DnsMessage = {
  id: 0,
  isResponse: false,
  isTruncated: false,
  flags: 0,
  questions: [],
  answers: [],
  authorities: [],
  additionals: [],
};

const AUTHORITATIVE = 0x0400;
const TRUNCATED = 0x0200;
/**
 * Bytes before the data of a record whose name is the root's: header, name, type, class, time to live,
 * length.
 */
const BEFORE_DATA = 12 + 1 + 10;

/** Without `flags` a response is authoritative; RFC 6762 section 18.4. */
export function encodeMessage(message: Partial<DnsMessage>): Uint8Array {
  const { id, isResponse, isTruncated, questions, answers, authorities, additionals } = {
    ...EMPTY_MESSAGE,
    ...message,
  };
  return encode({
    type: isResponse ? "response" : "query",
    id,
    flags: message.flags ?? (isResponse ? AUTHORITATIVE : 0) | (isTruncated ? TRUNCATED : 0),
    questions: questions.map(({ name, type }) => ({ name, type })),
    answers,
    authorities,
    additionals,
  } as unknown as Packet);
}

/** The data of a record as on the wire; undefined for those that dns-packet cannot write. */
export function encodeData(record: DnsRecord): Buffer | undefined {
  try {
    return Buffer.from(encodeMessage({ answers: [{ ...record, name: "." }] })).subarray(BEFORE_DATA);
  } catch {
    return undefined;
  }
}
