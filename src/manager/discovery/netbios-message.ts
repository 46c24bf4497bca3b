// Packets of the NetBIOS name service; RFC 1002 sections 4.1 and 4.2.

/** A name of 15 characters and the byte that says what it is for. */
export interface NetbiosName {
  /** Upper case, without the spaces that fill it up. */
  readonly name: string;
  readonly suffix: number;
}

export interface NetbiosPacket {
  readonly id: number;
  readonly isResponse: boolean;
  readonly opcode: number;
  /** NM_FLAGS. */
  readonly flags: number;
  readonly rcode: number;
  /** The first question, or of a packet without one the first record. */
  readonly subject: NetbiosName & { readonly type: number };
  /** NB_FLAGS of the first record; undefined without one. */
  readonly nameFlags: number | undefined;
}

export interface OwnedName extends NetbiosName {
  readonly isGroup: boolean;
}

export const Opcode = { QUERY: 0, REGISTRATION: 5, RELEASE: 6, REFRESH: 8, REFRESH_TOO: 9 } as const;
export const NmFlag = {
  BROADCAST: 0x01,
  RECURSION_AVAILABLE: 0x08,
  RECURSION_DESIRED: 0x10,
  AUTHORITATIVE: 0x40,
} as const;
export const NameType = { NB: 0x20, NBSTAT: 0x21 } as const;
/** NB_FLAGS and NAME_FLAGS: a group's name; in a node's status: the name is in use. */
export const GROUP_NAME = 0x8000;
const ACTIVE_NAME = 0x0400;
/** RCODE of a name that another machine owns. */
export const ACTIVE_ERROR = 6;

const CLASS_IN = 1;
const HEADER_BYTES = 12;
const NAME_BYTES = 16;
/** Length, two letters a byte, and the empty scope. */
const ENCODED_BYTES = 34;
/** A pointer to the question's name. */
const POINTER = 0xc00c;
const STATISTICS_BYTES = 46;
/** What `*` becomes, which asks a node for its status whatever its names; section 4.2.17. */
export const ANY_NAME: NetbiosName = { name: "*", suffix: 0 };

/** Undefined for what is no packet with a name, and for names within a scope. */
export function decodePacket(bytes: Uint8Array): NetbiosPacket | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const end = HEADER_BYTES + ENCODED_BYTES;
  if (bytes.length < end + 4) return undefined;
  const header = view.getUint16(2);
  const [questions, answers] = [view.getUint16(4), view.getUint16(6)];
  const others = view.getUint16(8) + view.getUint16(10);
  const name = decodeName(bytes.subarray(HEADER_BYTES, end));
  if (name === undefined || questions + answers !== 1 || view.getUint16(end + 2) !== CLASS_IN)
    return undefined;
  // A record: name or pointer, type, class, time to live, length.
  const data = questions === 0 ? end + 10 : others === 0 ? undefined : end + 4 + 2 + 10;
  const hasData = data !== undefined && data + 2 <= bytes.length;
  return {
    id: view.getUint16(0),
    isResponse: (header & 0x8000) !== 0,
    opcode: (header >> 11) & 0xf,
    flags: (header >> 4) & 0x7f,
    rcode: header & 0xf,
    subject: { ...name, type: view.getUint16(end) },
    nameFlags: hasData ? view.getUint16(data) : undefined,
  };
}

function decodeName(encoded: Uint8Array): NetbiosName | undefined {
  if (encoded[0] !== 2 * NAME_BYTES || encoded[ENCODED_BYTES - 1] !== 0) return undefined;
  const bytes = new Uint8Array(NAME_BYTES);
  for (let i = 0; i < NAME_BYTES; i++) {
    const [high, low] = [(encoded[1 + 2 * i] ?? 0) - 0x41, (encoded[2 + 2 * i] ?? 0) - 0x41];
    if (high < 0 || high > 15 || low < 0 || low > 15) return undefined;
    bytes[i] = (high << 4) | low;
  }
  const text = String.fromCharCode(...bytes.subarray(0, NAME_BYTES - 1));
  return { name: text.replace(/[ \0]+$/, "").toUpperCase(), suffix: bytes[NAME_BYTES - 1] ?? 0 };
}

/** The name's 16 bytes; `*` is filled up with zeros. */
function nameBytes({ name, suffix }: NetbiosName): Uint8Array {
  const bytes = new Uint8Array(NAME_BYTES).fill(name === ANY_NAME.name ? 0 : 0x20);
  bytes.set(Buffer.from(name, "latin1").subarray(0, NAME_BYTES - 1));
  bytes[NAME_BYTES - 1] = suffix;
  return bytes;
}

function encodeName(name: NetbiosName): Uint8Array {
  const letters = [...nameBytes(name)].flatMap((byte) => [0x41 + (byte >> 4), 0x41 + (byte & 0xf)]);
  return Uint8Array.from([2 * NAME_BYTES, ...letters, 0]);
}

interface Header {
  readonly id: number;
  readonly opcode: number;
  readonly flags: number;
  readonly isResponse?: boolean;
  readonly rcode?: number;
}

/** A request to everybody about a name of one's own: question and record; sections 4.2.2, 4.2.3, 4.2.9. */
export function encodeRequest(header: Header, own: OwnedName, address: string, ttl: number): Uint8Array {
  const question = [...encodeName(own), ...u16(NameType.NB), ...u16(CLASS_IN)];
  const record = [...u16(POINTER), ...recordOf(NameType.NB, ttl, addressEntry(own, address))];
  return Uint8Array.from([...encodeHeader(header, { questions: 1, others: 1 }), ...question, ...record]);
}

/** An answer with the addresses of a name; sections 4.2.6 and 4.2.13. */
export function encodeAnswer(
  header: Header,
  own: OwnedName,
  addresses: readonly string[],
  ttl: number,
): Uint8Array {
  const data = addresses.flatMap((address) => addressEntry(own, address));
  const record = [...encodeName(own), ...recordOf(NameType.NB, ttl, data)];
  return Uint8Array.from([...encodeHeader({ ...header, isResponse: true }, { answers: 1 }), ...record]);
}

/** A node's status: its names, and statistics that say nothing; section 4.2.18. */
export function encodeStatus(id: number, asked: NetbiosName, names: readonly OwnedName[]): Uint8Array {
  const entries = names.flatMap((own) => [
    ...nameBytes(own),
    ...u16((own.isGroup ? GROUP_NAME : 0) | ACTIVE_NAME),
  ]);
  const data = [names.length, ...entries, ...new Uint8Array(STATISTICS_BYTES)];
  const header = { id, opcode: Opcode.QUERY, flags: NmFlag.AUTHORITATIVE, isResponse: true };
  const record = [...encodeName(asked), ...recordOf(NameType.NBSTAT, 0, data)];
  return Uint8Array.from([...encodeHeader(header, { answers: 1 }), ...record]);
}

function encodeHeader(
  { id, opcode, flags, isResponse = false, rcode = 0 }: Header,
  { questions = 0, answers = 0, others = 0 },
): number[] {
  const word = (isResponse ? 0x8000 : 0) | (opcode << 11) | (flags << 4) | rcode;
  return [id, word, questions, answers, 0, others].flatMap(u16);
}

function recordOf(type: number, ttl: number, data: readonly number[]): number[] {
  return [
    ...u16(type),
    ...u16(CLASS_IN),
    ...u16(ttl >>> 16),
    ...u16(ttl & 0xffff),
    ...u16(data.length),
    ...data,
  ];
}

function addressEntry({ isGroup }: OwnedName, address: string): number[] {
  return [...u16(isGroup ? GROUP_NAME : 0), ...address.split(".").map(Number)];
}

function u16(value: number): number[] {
  return [value >> 8, value & 0xff];
}
