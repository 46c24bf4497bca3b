// Reads messages of DNS; RFC 1035 section 4.1, RFC 6762 section 18. The time is bounded by the message's
// length: a name that several pointers lead to is read once.
import type { DnsMessage, DnsQuestion, DnsRecord } from "./dns-message.ts";

/** RFC 6762 section 17. */
const MAX_BYTES = 9000;
/** More than a neighbour has to say at once. */
const MAX_RECORDS = 300;
const MAX_NAME_BYTES = 255;
const HEADER_BYTES = 12;

const RESPONSE = 0x8000;
/** Opcode and RCODE: multicast DNS and LLMNR ignore all but 0. */
const OTHER_OPERATIONS = 0x780f;
const TRUNCATED = 0x0200;
/** RFC 6762 sections 5.4 and 10.2: in the class of a question `wantsUnicast`, of a record `flush`. */
const TOP_BIT = 0x8000;
const POINTER = 0xc0;

const TYPES: Readonly<Record<number, string>> = {
  1: "A",
  12: "PTR",
  16: "TXT",
  28: "AAAA",
  33: "SRV",
  47: "NSEC",
  255: "ANY",
};

/** Not thrown beyond this file. */
class MalformedMessage extends Error {}

/** Undefined for bytes that are no message, and for operations and errors that multicast DNS ignores. */
export function decodeMessage(bytes: Uint8Array): DnsMessage | undefined {
  try {
    return new MessageReader(bytes).read();
  } catch (error) {
    if (error instanceof MalformedMessage) return undefined;
    throw error;
  }
}

class MessageReader {
  private readonly bytes: Uint8Array;
  private readonly view: DataView;
  private readonly names = new Map<number, string>();
  private at = HEADER_BYTES;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  read(): DnsMessage | undefined {
    const { view } = this;
    if (view.byteLength < HEADER_BYTES || view.byteLength > MAX_BYTES) return undefined;
    const header = view.getUint16(2);
    if ((header & OTHER_OPERATIONS) !== 0) return undefined;
    const [questions = 0, ...records] = [4, 6, 8, 10].map((offset) => view.getUint16(offset));
    if (records.reduce((sum, count) => sum + count, questions) > MAX_RECORDS) return undefined;
    const { readQuestion, readRecord } = this;
    return {
      id: view.getUint16(0),
      isResponse: (header & RESPONSE) !== 0,
      isTruncated: (header & TRUNCATED) !== 0,
      flags: header & ~RESPONSE,
      questions: repeat(questions, readQuestion),
      answers: repeat(records[0] ?? 0, readRecord),
      authorities: repeat(records[1] ?? 0, readRecord),
      additionals: repeat(records[2] ?? 0, readRecord),
    };
  }

  private readonly readQuestion = (): DnsQuestion => {
    const name = this.readName();
    const start = this.take(4);
    const type = typeName(this.view.getUint16(start));
    return { name, type, wantsUnicast: (this.view.getUint16(start + 2) & TOP_BIT) !== 0 };
  };

  private readonly readRecord = (): DnsRecord => {
    const name = this.readName();
    const start = this.take(10);
    const type = typeName(this.view.getUint16(start));
    const flush = (this.view.getUint16(start + 2) & TOP_BIT) !== 0;
    const length = this.view.getUint16(start + 8);
    const data = this.take(length);
    return {
      name,
      type,
      ttl: this.view.getUint32(start + 4),
      flush,
      data: this.readData(type, data, length),
    };
  };

  /** As dns-packet writes it; bytes where the type is none of ours. */
  private readData(type: string, start: number, length: number): unknown {
    const end = start + length;
    if (type === "A" && length === 4) return this.bytes.subarray(start, end).join(".");
    if (type === "AAAA" && length === 16)
      return Array.from({ length: 8 }, (_, i) => this.view.getUint16(start + 2 * i).toString(16)).join(":");
    if (type === "TXT") return this.readTexts(start, end);
    if (type === "PTR") return this.nameAt(start);
    if (type === "SRV" && length > 6) {
      const [priority, weight, port] = [0, 2, 4].map((offset) => this.view.getUint16(start + offset));
      return { priority, weight, port, target: this.nameAt(start + 6) };
    }
    return Buffer.from(this.bytes.subarray(start, end));
  }

  private readTexts(start: number, end: number): Buffer[] {
    const texts: Buffer[] = [];
    for (let at = start; at < end; at += 1 + (this.bytes[at] ?? 0)) {
      const last = at + 1 + (this.bytes[at] ?? 0);
      if (last > end) throw new MalformedMessage();
      texts.push(Buffer.from(this.bytes.subarray(at + 1, last)));
    }
    return texts;
  }

  private take(length: number): number {
    const start = this.at;
    this.at += length;
    if (this.at > this.view.byteLength) throw new MalformedMessage();
    return start;
  }

  private readName(): string {
    const name = this.nameAt(this.at);
    for (let length = this.lengthAt(this.at); length !== 0; length = this.lengthAt(this.at)) {
      if (length >= POINTER) return this.take(2) >= 0 ? name : "";
      this.take(1 + length);
    }
    this.take(1);
    return name;
  }

  /** The name that begins there; "." for the root's. Pointers lead back, or they would lead in a circle. */
  private nameAt(start: number): string {
    const parts: { readonly start: number; readonly labels: readonly string[] }[] = [];
    let rest: string | undefined = "";
    for (let at = start, next: number | undefined = start; next !== undefined; at = next ?? at) {
      rest = this.names.get(at);
      if (rest !== undefined) break;
      const labels: string[] = [];
      next = this.readLabels(at, labels);
      if (next !== undefined && next >= at) throw new MalformedMessage();
      parts.push({ start: at, labels });
    }
    let name = rest ?? "";
    for (const part of parts.reverse()) {
      name = [...part.labels, ...(name === "" ? [] : [name])].join(".");
      if (name.length > MAX_NAME_BYTES) throw new MalformedMessage();
      this.names.set(part.start, name);
    }
    return name === "" ? "." : name;
  }

  /** Adds the labels up to the name's end or a pointer, whose target is returned. */
  private readLabels(start: number, labels: string[]): number | undefined {
    let at = start;
    for (let length = this.lengthAt(at); length !== 0; length = this.lengthAt(at)) {
      if (length >= POINTER) {
        if (at + 2 > this.view.byteLength) throw new MalformedMessage();
        return this.view.getUint16(at) & 0x3fff;
      }
      const end = at + 1 + length;
      if (length >= 0x40 || end > this.view.byteLength || end - start > MAX_NAME_BYTES)
        throw new MalformedMessage();
      labels.push(Buffer.from(this.bytes.subarray(at + 1, end)).toString("utf8"));
      at = end;
    }
    return undefined;
  }

  private lengthAt(at: number): number {
    const length = this.bytes[at];
    if (length === undefined) throw new MalformedMessage();
    return length;
  }
}

function typeName(type: number): string {
  return TYPES[type] ?? `UNKNOWN_${type}`;
}

function repeat<T>(count: number, read: () => T): T[] {
  return Array.from({ length: count }, read);
}
