// Bounds-checked access to wire bytes: Message (at fixed offsets), Reader (in sequence), Writer (in
// sequence). Every length, offset and count from a client is checked here; [MS-SMB2] 2.2, all little-endian.

/** The only error that decoders throw; the dispatcher turns it into STATUS_INVALID_PARAMETER. */
export class WireError extends Error {
  override readonly name = "WireError";
}

/** A WireError without a stack trace: a client can cause any number of them, and traces are expensive. */
export function wireError(text: string): WireError {
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = 0;
  const error = new WireError(text);
  Error.stackTraceLimit = limit;
  return error;
}

// ignoreBOM keeps a byte order mark: in a name it is an ordinary character.
const decoder16 = new TextDecoder("utf-16le", { ignoreBOM: true });

/**
 * One SMB2 message inside a larger buffer. Offsets count from the message's own SMB2 header, as in the
 * specification; reads past the end throw WireError. The object is reused for the next message: do not keep
 * it.
 */
export class Message {
  bytes: Uint8Array;
  view: DataView;
  /** Index of the SMB2 header in `bytes`. */
  start: number;
  /** Length in bytes, with the header and the padding before the next message of a compound. */
  length: number;

  constructor(bytes: Uint8Array, start = 0, length = bytes.length - start) {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.start = start;
    this.length = length;
  }

  /** Points this object at another message; `view` must cover exactly `bytes`. */
  set(bytes: Uint8Array, view: DataView, start: number, length: number): void {
    this.bytes = bytes;
    this.view = view;
    this.start = start;
    this.length = length;
  }

  private at(offset: number, size: number): number {
    if (offset < 0 || offset + size > this.length) throw wireError("message too short");
    return this.start + offset;
  }

  u8(offset: number): number {
    return this.view.getUint8(this.at(offset, 1));
  }
  u16(offset: number): number {
    return this.view.getUint16(this.at(offset, 2), true);
  }
  u32(offset: number): number {
    return this.view.getUint32(this.at(offset, 4), true);
  }
  /**
   * A 64-bit value as a number: exact below 2^53, rounded above, which is enough to compare it with limits.
   */
  u64(offset: number): number {
    const at = this.at(offset, 8);
    return this.view.getUint32(at, true) + this.view.getUint32(at + 4, true) * 0x1_0000_0000;
  }
  big64(offset: number): bigint {
    return this.view.getBigUint64(this.at(offset, 8), true);
  }

  /** A view of the `length` bytes at `offset`. An empty range is allowed at any offset. */
  range(offset: number, length: number): Uint8Array {
    if (length === 0) return EMPTY;
    const at = this.at(offset, length);
    return this.bytes.subarray(at, at + length);
  }

  /** As `range`; also throws when a non-empty range starts before `least`, the end of the fixed part. */
  dynamic(offset: number, length: number, least: number): Uint8Array {
    if (length > 0 && offset < least) throw wireError("dynamic part overlaps the fixed part");
    return this.range(offset, length);
  }

  /** A sequential reader over `length` bytes at `offset`. */
  reader(offset: number, length: number): Reader {
    return new Reader(this.range(offset, length));
  }
}

export const EMPTY: Uint8Array = new Uint8Array(0);

/** Reads little-endian values in sequence; reads past the end throw WireError. */
export class Reader {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  position = 0;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get remaining(): number {
    return this.bytes.length - this.position;
  }

  private take(size: number): number {
    const at = this.position;
    if (size < 0 || at + size > this.bytes.length) throw wireError("structure too short");
    this.position = at + size;
    return at;
  }

  u8(): number {
    return this.view.getUint8(this.take(1));
  }
  u16(): number {
    return this.view.getUint16(this.take(2), true);
  }
  u32(): number {
    return this.view.getUint32(this.take(4), true);
  }
  i32(): number {
    return this.view.getInt32(this.take(4), true);
  }
  /** A 64-bit value as a number: exact below 2^53, rounded above. */
  u64(): number {
    const at = this.take(8);
    return this.view.getUint32(at, true) + this.view.getUint32(at + 4, true) * 0x1_0000_0000;
  }
  big64(): bigint {
    return this.view.getBigUint64(this.take(8), true);
  }
  /** A view of the next `length` bytes. */
  range(length: number): Uint8Array {
    const at = this.take(length);
    return this.bytes.subarray(at, at + length);
  }
  skip(length: number): void {
    this.take(length);
  }
  /** Sets the position, counted from the start of the bytes. */
  seek(position: number): void {
    if (position < 0 || position > this.bytes.length) throw wireError("position outside the structure");
    this.position = position;
  }
  /** UTF-16LE text of `length` bytes. Throws WireError for an odd length or a lone surrogate. */
  utf16(length: number): string {
    return decodeUtf16(this.range(length));
  }
}

/** Decodes UTF-16LE. Throws WireError for an odd length or a lone surrogate. */
export function decodeUtf16(bytes: Uint8Array): string {
  if (bytes.length % 2 !== 0) throw wireError("UTF-16 text of odd length");
  const text = decoder16.decode(bytes);
  // TextDecoder replaces lone surrogates by U+FFFD; only a comparison tells them from a U+FFFD in the input.
  if (text.includes("\uFFFD") && !sameUtf16(text, bytes)) throw wireError("lone surrogate in UTF-16 text");
  return text;
}

function sameUtf16(text: string, bytes: Uint8Array): boolean {
  if (text.length * 2 !== bytes.length) return false;
  for (let i = 0; i < text.length; i++) {
    if (text.charCodeAt(i) !== ((bytes[2 * i] ?? 0) | ((bytes[2 * i + 1] ?? 0) << 8))) return false;
  }
  return true;
}

/**
 * Writes little-endian values in sequence into a buffer that the caller made large enough; exceeding it is a
 * bug of the server and throws RangeError. `origin` is the index of the message's SMB2 header, from which the
 * specification's offset fields (`offset()`) count.
 */
export class Writer {
  bytes: Uint8Array;
  view: DataView;
  origin: number;
  position: number;

  constructor(bytes: Uint8Array, origin = 0, position = origin) {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.origin = origin;
    this.position = position;
  }

  set(bytes: Uint8Array, view: DataView, origin: number, position: number): void {
    this.bytes = bytes;
    this.view = view;
    this.origin = origin;
    this.position = position;
  }

  private take(size: number): number {
    const at = this.position;
    if (at + size > this.bytes.length) throw new RangeError("reply larger than the room reserved for it");
    this.position = at + size;
    return at;
  }

  /** Offset of the next byte from the SMB2 header. */
  offset(): number {
    return this.position - this.origin;
  }
  u8(value: number): void {
    this.view.setUint8(this.take(1), value);
  }
  u16(value: number): void {
    this.view.setUint16(this.take(2), value, true);
  }
  u32(value: number): void {
    this.view.setUint32(this.take(4), value, true);
  }
  /** A non-negative integer below 2^53. */
  u64(value: number): void {
    const at = this.take(8);
    this.view.setUint32(at, value % 0x1_0000_0000, true);
    this.view.setUint32(at + 4, Math.floor(value / 0x1_0000_0000), true);
  }
  big64(value: bigint): void {
    this.view.setBigUint64(this.take(8), value, true);
  }
  /** A 64-bit value given as two halves. */
  pair(low: number, high: number): void {
    const at = this.take(8);
    this.view.setUint32(at, low, true);
    this.view.setUint32(at + 4, high, true);
  }
  raw(bytes: Uint8Array): void {
    this.bytes.set(bytes, this.take(bytes.length));
  }
  /** A few of the bytes: for so few, a view of them takes longer than the copy. */
  part(bytes: Uint8Array, start: number, end: number): void {
    const at = this.take(end - start) - start;
    for (let i = start; i < end; i++) this.bytes[at + i] = bytes[i] ?? 0;
  }
  zero(length: number): void {
    const at = this.take(length);
    this.bytes.fill(0, at, at + length);
  }
  utf16(text: string): void {
    const at = this.take(text.length * 2);
    for (let i = 0; i < text.length; i++) this.view.setUint16(at + 2 * i, text.charCodeAt(i), true);
  }
  /** Writes zeros up to the next multiple of `boundary`, counted from the SMB2 header. */
  align(boundary: number): void {
    const over = this.offset() % boundary;
    if (over !== 0) this.zero(boundary - over);
  }
  /** Overwrites a field written earlier; `at` is an index into `bytes`, not an offset from the header. */
  patch16(at: number, value: number): void {
    this.view.setUint16(at, value, true);
  }
  patch32(at: number, value: number): void {
    this.view.setUint32(at, value, true);
  }
}
