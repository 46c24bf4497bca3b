// The subset of DER in authentication tokens: definite lengths, single-octet tags, object identifiers.
// ITU-T X.690 8.1 (tag and length), 8.19 (object identifier), 10.1 (definite form).
import { wireError } from "../cursor.ts";

/** Identifier octets; `contextTag` makes the context-specific ones. */
export const Tag = {
  INTEGER: 0x02,
  OCTET_STRING: 0x04,
  OBJECT_IDENTIFIER: 0x06,
  ENUMERATED: 0x0a,
  GENERAL_STRING: 0x1b,
  SEQUENCE: 0x30,
  /** [APPLICATION 0] IMPLICIT SEQUENCE, the start of a GSS-API token; RFC 2743 3.1. */
  GSS_TOKEN: 0x60,
} as const;

/** The identifier octet of `[number]` EXPLICIT. */
export function contextTag(number: number): number {
  return 0xa0 | number;
}

/** Accepts padded lengths; a token cannot exceed the 16-bit buffer length of SESSION_SETUP anyway. */
const MAX_LENGTH_OCTETS = 4;
const MAX_OID_BYTES = 64;

/** Reads the elements of one constructed value; `enter` returns a reader confined to a nested value. */
export class DerReader {
  private readonly bytes: Uint8Array;
  private position = 0;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  get isAtEnd(): boolean {
    return this.position >= this.bytes.length;
  }

  /** The next element's tag, or -1 at the end. */
  peek(): number {
    return this.bytes[this.position] ?? -1;
  }

  /** A view of the next element's content. Throws WireError for another tag. */
  value(tag: number): Uint8Array {
    if (this.peek() !== tag) throw wireError("unexpected DER tag");
    return this.next();
  }

  /** A view of the next element's content, whatever its tag. */
  next(): Uint8Array {
    const tag = this.octet();
    if ((tag & 0x1f) === 0x1f) throw wireError("DER tag of several octets");
    const length = this.length();
    const from = this.position;
    if (length > this.bytes.length - from) throw wireError("DER length past the end");
    this.position = from + length;
    return this.bytes.subarray(from, this.position);
  }

  /** A view of the whole next element, with tag and length. Throws WireError for another tag. */
  element(tag: number): Uint8Array {
    const from = this.position;
    this.value(tag);
    return this.bytes.subarray(from, this.position);
  }

  /** A reader of the next element's content. Throws WireError for another tag. */
  enter(tag: number): DerReader {
    return new DerReader(this.value(tag));
  }

  private octet(): number {
    const value = this.bytes[this.position];
    if (value === undefined) throw wireError("DER element too short");
    this.position++;
    return value;
  }

  // Accepts lengths with more octets than needed, which is BER and not DER: some clients send them.
  private length(): number {
    const first = this.octet();
    if (first < 0x80) return first;
    const octets = first & 0x7f;
    if (octets === 0 || octets > MAX_LENGTH_OCTETS) throw wireError("DER length of unsupported form");
    let length = 0;
    for (let i = 0; i < octets; i++) length = length * 256 + this.octet();
    return length;
  }
}

/** Encodes an element with the joined parts as content. Throws RangeError from 64 KiB on. */
export function encodeDer(tag: number, ...parts: readonly Uint8Array[]): Uint8Array {
  let length = 0;
  for (const part of parts) length += part.length;
  const head = [tag];
  if (length < 0x80) head.push(length);
  else if (length < 0x100) head.push(0x81, length);
  else if (length < 0x1_0000) head.push(0x82, length >> 8, length & 0xff);
  else throw new RangeError("DER element larger than any token of ours");
  const out = new Uint8Array(head.length + length);
  out.set(head);
  let at = head.length;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

/** Encodes a number that is not negative. */
export function encodeInteger(value: number): Uint8Array {
  const octets = [value & 0xff];
  for (let rest = Math.floor(value / 256); rest > 0; rest = Math.floor(rest / 256))
    octets.unshift(rest & 0xff);
  if ((octets[0] ?? 0) >= 0x80) octets.unshift(0);
  return encodeDer(Tag.INTEGER, Uint8Array.from(octets));
}

/** Decodes the content octets of an object identifier into dotted text. Throws WireError when malformed. */
export function decodeOid(content: Uint8Array): string {
  if (content.length === 0 || content.length > MAX_OID_BYTES)
    throw wireError("object identifier of bad length");
  const arcs: number[] = [];
  let arc = 0;
  let isOpen = false;
  for (const octet of content) {
    arc = arc * 128 + (octet & 0x7f);
    if (arc > 0xffff_ffff) throw wireError("object identifier arc too large");
    isOpen = octet >= 0x80;
    if (isOpen) continue;
    if (arcs.length === 0) {
      const top = Math.min(Math.floor(arc / 40), 2);
      arcs.push(top, arc - top * 40);
    } else arcs.push(arc);
    arc = 0;
  }
  if (isOpen) throw wireError("object identifier cut short");
  return arcs.join(".");
}

/** Encodes an object identifier element from dotted text, which is not validated. */
export function encodeOid(dotted: string): Uint8Array {
  const arcs = dotted.split(".").map(Number);
  const content: number[] = [];
  const values = [(arcs[0] ?? 0) * 40 + (arcs[1] ?? 0), ...arcs.slice(2)];
  for (const value of values) {
    const octets = [value & 0x7f];
    for (let rest = Math.floor(value / 128); rest > 0; rest = Math.floor(rest / 128)) {
      octets.unshift(0x80 | (rest & 0x7f));
    }
    content.push(...octets);
  }
  return encodeDer(Tag.OBJECT_IDENTIFIER, Uint8Array.from(content));
}
