// A call whose last fragment has not arrived; C706 12.6.3.1 and 12.6.4.9.
import type { PduHeader, RequestPdu } from "./pdu.ts";

/** Limit for the stub of one call over all its fragments; the operations take only names and numbers. */
export const MAX_REQUEST_BYTES = 64 * 1024;
/** Fragments of one call: each takes memory beside its bytes, however few it has. */
export const MAX_PIECES = 1024;
/** Memory of a stored fragment beside its bytes. */
const PIECE_BYTES = 256;

export class PendingCall {
  readonly callId: number;
  readonly contextId: number;
  readonly opnum: number;
  readonly littleEndian: boolean;
  private readonly parts: Uint8Array[] = [];
  private bytes = 0;

  constructor({ callId, littleEndian }: PduHeader, { contextId, opnum }: RequestPdu) {
    this.callId = callId;
    this.contextId = contextId;
    this.opnum = opnum;
    this.littleEndian = littleEndian;
  }

  get heldBytes(): number {
    return this.bytes + this.parts.length * PIECE_BYTES;
  }

  /** Adds a fragment; false if it belongs to another call, or the call has become too long. */
  add(header: PduHeader, { contextId, opnum, stub }: RequestPdu, isLast: boolean): boolean {
    const isSame = this.callId === header.callId && this.contextId === contextId && this.opnum === opnum;
    const isTooLong = this.bytes + stub.length > MAX_REQUEST_BYTES || this.parts.length >= MAX_PIECES;
    if (!isSame || this.littleEndian !== header.littleEndian || isTooLong) return false;
    this.bytes += stub.length;
    // The last part is used before the request's buffer is reused; earlier ones must outlive it.
    if (stub.length > 0) this.parts.push(isLast ? stub : stub.slice());
    return true;
  }

  /** The whole stub. */
  stub(): Uint8Array {
    const [only] = this.parts;
    return this.parts.length === 1 && only ? only : Buffer.concat(this.parts);
  }
}
