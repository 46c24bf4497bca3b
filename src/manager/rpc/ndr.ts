// NDR 2.0 for stubs: a bounds-checked reader, and a writer with a growing buffer.
// C706 chapter 14; [MS-RPCE] 2.2.4 (strings and pointers as Windows uses them).
import { wireError } from "../../wire/cursor.ts";

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

  u16(): number {
    return this.view.getUint16(this.take(2, 2), this.littleEndian);
  }
  u32(): number {
    return this.view.getUint32(this.take(4, 4), this.littleEndian);
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
    const units = this.stringUnits();
    const at = this.take(units * 2, 1);
    let text = "";
    for (let i = 0; i < units; i++) {
      text += String.fromCharCode(this.view.getUint16(at + 2 * i, this.littleEndian));
    }
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

  u16(value: number): void {
    const at = this.take(2, 2);
    this.view.setUint16(at, value, true);
  }
  u32(value: number): void {
    const at = this.take(4, 4);
    this.view.setUint32(at, value, true);
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
    const at = this.take(units * 2, 1);
    for (let i = 0; i < text.length; i++) this.view.setUint16(at + 2 * i, text.charCodeAt(i), true);
  }

  /** The stub so far, not copied. */
  finish(): Uint8Array {
    return this.bytes.subarray(0, this.position);
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
