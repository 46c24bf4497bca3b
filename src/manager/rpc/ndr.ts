// NDR 2.0 for stubs: a bounds-checked reader, and a writer with a growing buffer.
// C706 chapter 14; [MS-RPCE] 2.2.4 (strings and pointers as Windows uses them).
import { wireError } from "../../wire/cursor.ts";
import type { Sid } from "../../wire/security/sid.ts";
import type { SyntaxName } from "./syntax.ts";

/** RPC_UNICODE_STRING without its referent; [MS-DTYP] 2.3.10. */
export interface UnicodeStringHeader {
  /** UTF-16 units. */
  readonly units: number;
  readonly isPresent: boolean;
}

/** A context handle: attributes and UUID; C706 appendix N, ndr_context_handle. */
export const HANDLE_BYTES = 20;

/** Longest string argument in UTF-16 units; server, share and path names are shorter. */
export const MAX_STRING_UNITS = 1_024;
/** A larger reply is a bug or an attack on memory; a thousand shares take a tenth of it. */
export const MAX_STUB_BYTES = 4 * 1024 * 1024;

/** Reads one request's stub. Throws only WireError. Alignment is relative to the stub's start. */
export class NdrReader {
  private readonly bytes: Uint8Array;
  private readonly view: DataView;
  private readonly littleEndian: boolean;
  private position = 0;

  constructor(bytes: Uint8Array, littleEndian: boolean) {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.littleEndian = littleEndian;
  }

  u8(): number {
    return this.view.getUint8(this.take(1, 1));
  }
  u16(): number {
    return this.view.getUint16(this.take(2, 2), this.littleEndian);
  }
  u32(): number {
    return this.view.getUint32(this.take(4, 4), this.littleEndian);
  }
  /** A hyper. */
  u64(): bigint {
    return this.view.getBigUint64(this.take(8, 8), this.littleEndian);
  }
  /** Before a structure, to the alignment of its widest field. */
  align(boundary: number): void {
    this.take(0, boundary);
  }
  /** A view of the stub, which is not aligned. */
  bytesOf(size: number): Uint8Array {
    const at = this.take(size, 1);
    return this.bytes.subarray(at, at + size);
  }

  /** The size of a conformant array, which has at most `most` elements. */
  count(most: number): number {
    const count = this.u32();
    if (count > most) throw wireError("array too long");
    return count;
  }

  /** A context handle, in hex: its little-endian form, whatever byte order the client has. */
  handle(): string {
    const bytes = new Uint8Array(HANDLE_BYTES);
    const view = new DataView(bytes.buffer);
    view.setUint32(0, this.u32(), true);
    view.setUint32(4, this.u32(), true);
    view.setUint16(8, this.u16(), true);
    view.setUint16(10, this.u16(), true);
    bytes.set(this.bytesOf(8), 12);
    return bytes.toHex();
  }

  /** RPC_SID with the count of its conformant array in front; [MS-DTYP] 2.4.2.3. */
  sid(): Sid {
    const count = this.count(15);
    const revision = this.u8();
    if (this.u8() !== count || revision !== 1) throw wireError("not a SID");
    let authority = 0;
    for (let i = 0; i < 6; i++) authority = authority * 256 + this.u8();
    const subAuthorities: number[] = [];
    for (let i = 0; i < count; i++) subAuthorities.push(this.u32());
    return { authority, subAuthorities };
  }

  unicodeStringHeader(): UnicodeStringHeader {
    // The structure has the alignment of its pointer.
    this.align(4);
    const length = this.u16();
    const most = this.u16();
    if (length > most || length % 2 !== 0) throw wireError("string counts disagree");
    return { units: length / 2, isPresent: this.pointer() };
  }

  /**
   * The text of a RPC_UNICODE_STRING, which stands where its pointer's referent does; "" for a null pointer.
   */
  unicodeString({ units, isPresent }: UnicodeStringHeader): string {
    if (!isPresent) {
      if (units > 0) throw wireError("string without text");
      return "";
    }
    const actual = this.stringUnits();
    if (actual !== units) throw wireError("string counts disagree");
    return this.text(actual);
  }

  /**
   * A unique or full pointer: true if its referent follows, after the structure that contains the pointer.
   */
  pointer(): boolean {
    return this.u32() !== 0;
  }

  /**
   * A conformant varying string of wchar_t, terminated or not; C706 14.3.4. Throws if the three counts
   * disagree or text follows an embedded NUL.
   */
  string(): string {
    let text = this.text(this.stringUnits());
    if (text.endsWith("\0")) text = text.slice(0, -1);
    if (text.includes("\0")) throw wireError("NUL inside a string");
    return text;
  }

  /**
   * Skips the unique pointer to the server's name, with which many operations begin. Checks its counts but
   * not its text, which nothing depends on and some clients fill with NULs.
   */
  skipServerName(): void {
    if (this.pointer()) this.take(this.stringUnits() * 2, 1);
  }

  private text(units: number): string {
    const at = this.take(units * 2, 1);
    let text = "";
    for (let i = 0; i < units; i++) {
      text += String.fromCharCode(this.view.getUint16(at + 2 * i, this.littleEndian));
    }
    return text;
  }

  private stringUnits(): number {
    const most = this.u32();
    const offset = this.u32();
    const actual = this.u32();
    if (offset !== 0 || actual > most) throw wireError("string counts disagree");
    if (actual > MAX_STRING_UNITS) throw wireError("string too long");
    return actual;
  }

  private take(size: number, boundary: number): number {
    const at = Math.ceil(this.position / boundary) * boundary;
    if (at + size > this.bytes.length) throw wireError("stub too short");
    this.position = at + size;
    return at;
  }
}

/** Writes one reply's stub, little-endian. */
export class NdrWriter {
  private bytes = new Uint8Array(512);
  private view = new DataView(this.bytes.buffer);
  private position = 0;
  private lastReferent = 0x0002_0000;
  private deferred: (() => void)[] = [];

  u8(value: number): void {
    const at = this.take(1, 1);
    this.view.setUint8(at, value);
  }
  u16(value: number): void {
    const at = this.take(2, 2);
    this.view.setUint16(at, value, true);
  }
  u32(value: number): void {
    const at = this.take(4, 4);
    this.view.setUint32(at, value, true);
  }
  /** A hyper. */
  u64(value: bigint): void {
    const at = this.take(8, 8);
    this.view.setBigUint64(at, BigInt.asUintN(64, value), true);
  }
  /** Not aligned. */
  raw(bytes: Uint8Array): void {
    const at = this.take(bytes.length, 1);
    this.bytes.set(bytes, at);
  }
  align(boundary: number): void {
    this.take(0, boundary);
  }

  /** A context handle, from its hex; null: all zeros. */
  handle(handle: string | null): void {
    this.align(4);
    this.raw(handle === null ? new Uint8Array(HANDLE_BYTES) : Uint8Array.fromHex(handle));
  }

  /** RPC_SID with the count of its conformant array in front. */
  sid({ authority, subAuthorities }: Sid): void {
    this.u32(subAuthorities.length);
    this.u8(1);
    this.u8(subAuthorities.length);
    for (let power = 5; power >= 0; power--) this.u8(Math.floor(authority / 256 ** power) % 256);
    for (const sub of subAuthorities) this.u32(sub);
  }

  /** Identifier and version of an interface; C706 appendix N, p_syntax_id_t. */
  syntax({ uuid, major, minor }: SyntaxName): void {
    this.uuid(uuid);
    this.u32((minor << 16) | major);
  }

  /** From its canonical text. */
  uuid(text: string): void {
    const [low = "", mid = "", high = "", ...rest] = text.split("-");
    this.u32(Number.parseInt(low, 16));
    this.u16(Number.parseInt(mid, 16));
    this.u16(Number.parseInt(high, 16));
    this.raw(Uint8Array.fromHex(rest.join("")));
  }

  /** A conformant varying string of char with its terminator, in a buffer of `most` bytes. */
  asciiString(text: string, most: number): void {
    this.u32(most);
    this.u32(0);
    this.u32(text.length + 1);
    this.raw(Buffer.from(`${text}\0`, "latin1"));
  }

  /** An embedded pointer: `write` writes its referent after the structure, at `referents`. */
  later(write: () => void): void {
    this.pointer();
    this.deferred.push(write);
  }

  /** Writes what `later` deferred, each with its own embedded pointers behind it; C706 14.3.12.3. */
  referents(): void {
    const { deferred } = this;
    for (const write of deferred) {
      this.deferred = [];
      write();
      this.referents();
    }
    this.deferred = [];
  }

  /** An embedded pointer to a conformant varying string, which `referents` writes. */
  text(text: string): void {
    this.later(() => this.string(text));
  }

  /**
   * RPC_UNICODE_STRING; its text is a referent. `isTerminated`: the buffer has room for a NUL, as LSA's
   * names.
   */
  unicodeString(text: string, isTerminated = false): void {
    const size = text.length * 2;
    this.align(4);
    this.u16(size);
    this.u16(isTerminated ? size + 2 : size);
    this.later(() => this.varyingText(text, isTerminated ? text.length + 1 : text.length));
  }

  /** LSA_STRING with characters of one byte; others become question marks. */
  ansiString(text: string): void {
    const bytes = Buffer.from(text.replaceAll(/[^\x20-\x7e]/g, "?"), "latin1");
    this.align(4);
    this.u16(bytes.length);
    this.u16(bytes.length);
    this.later(() => {
      for (const value of [bytes.length, 0, bytes.length]) this.u32(value);
      this.raw(bytes);
    });
  }

  /** A non-null pointer, or null. The caller writes the referent. */
  pointer(isPresent = true): void {
    if (isPresent) this.lastReferent += 4;
    this.u32(isPresent ? this.lastReferent : 0);
  }

  /** A conformant varying string with its terminator. */
  string(text: string): void {
    const units = text.length + 1;
    this.u32(units);
    this.u32(0);
    this.u32(units);
    this.units(text, units);
  }

  /** The stub so far, not copied. */
  finish(): Uint8Array {
    return this.bytes.subarray(0, this.position);
  }

  private varyingText(text: string, most: number): void {
    this.u32(most);
    this.u32(0);
    this.u32(text.length);
    this.units(text, text.length);
  }

  private units(text: string, units: number): void {
    const at = this.take(units * 2, 1);
    for (let i = 0; i < text.length; i++) this.view.setUint16(at + 2 * i, text.charCodeAt(i), true);
  }

  // May replace `view`: call it before using that.
  private take(size: number, boundary: number): number {
    const at = Math.ceil(this.position / boundary) * boundary;
    const end = at + size;
    if (end > MAX_STUB_BYTES) throw new RangeError("RPC reply too large");
    if (end > this.bytes.length) {
      const larger = new Uint8Array(Math.max(end, this.bytes.length * 2));
      larger.set(this.bytes);
      this.bytes = larger;
      this.view = new DataView(larger.buffer);
    }
    this.position = end;
    return at;
  }
}
