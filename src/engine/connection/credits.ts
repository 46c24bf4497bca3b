// Credits and the sequence window of one connection; [MS-SMB2] 3.3.1.1, 3.3.1.2, 3.3.5.2.3.
// Each credit is one message id, usable once, in any order.
import type { Dialect } from "./dialect.ts";

const START_WORDS = 16;
/** Payload bytes per credit; 3.1.5.2. */
export const CREDIT_BYTES = 65_536;

/** The credits that a request costs whose payload, sent or asked for, has so many bytes; 3.1.5.2. */
export function creditsFor(payloadBytes: number): number {
  return payloadBytes === 0 ? 1 : Math.floor((payloadBytes - 1) / CREDIT_BYTES) + 1;
}

export class SequenceWindow {
  /** The lowest unused id. */
  private low = 0;
  /** The highest granted id plus 1. */
  private high = 1;
  /** The number of used ids in [low, high). */
  private usedCount = 0;
  // The used ids: bit (id modulo the number of bits). Grown on demand, so that an idle connection needs
  // little memory.
  private bits = new Uint32Array(START_WORDS);
  private readonly maxCredits: number;

  constructor(maxCredits: number) {
    this.maxCredits = maxCredits;
  }

  /** The number of credits that the client holds. */
  available(): number {
    return this.high - this.low - this.usedCount;
  }

  /**
   * Marks `charge` ids from `id` on as used. False, changing nothing, when one is outside the window or used
   * already.
   */
  consume(id: number, charge: number): boolean {
    if (id < this.low || id + charge > this.high) return false;
    const mask = this.bits.length * 32 - 1;
    for (let i = id; i < id + charge; i++) {
      const bit = i & mask;
      if (((this.bits[bit >>> 5] ?? 0) & (1 << (bit & 31))) !== 0) return false;
    }
    for (let i = id; i < id + charge; i++) this.setBit(i & mask);
    this.usedCount += charge;
    this.advance(mask);
    return true;
  }

  /**
   * Grants up to `wanted` credits, so that the client holds at most `limit`, and returns their number. A
   * client that holds none gets at least 1 whatever the limit, or it could send nothing any more.
   */
  grant(wanted: number, limit: number): number {
    const ceiling = Math.max(1, Math.min(this.maxCredits, limit));
    // Bounds the bitmap when a client leaves a low id unused for ever.
    const span = 2 * this.maxCredits - (this.high - this.low);
    const granted = Math.max(0, Math.min(wanted, ceiling - this.available(), span));
    this.high += granted;
    if (this.high - this.low > this.bits.length * 32) this.grow();
    return granted;
  }

  private setBit(bit: number): void {
    this.bits[bit >>> 5] = (this.bits[bit >>> 5] ?? 0) | (1 << (bit & 31));
  }

  private advance(mask: number): void {
    while (this.low < this.high) {
      const bit = this.low & mask;
      const word = this.bits[bit >>> 5] ?? 0;
      if ((word & (1 << (bit & 31))) === 0) return;
      this.bits[bit >>> 5] = word & ~(1 << (bit & 31));
      this.low++;
      this.usedCount--;
    }
  }

  private grow(): void {
    const old = this.bits;
    const oldMask = old.length * 32 - 1;
    let words = old.length;
    while (this.high - this.low > words * 32) words *= 2;
    this.bits = new Uint32Array(words);
    for (let id = this.low; id < this.high; id++) {
      const bit = id & oldMask;
      // Ids beyond the old bitmap were just granted and are unused.
      if (id - this.low > oldMask) break;
      if (((old[bit >>> 5] ?? 0) & (1 << (bit & 31))) !== 0) this.setBit(id & (words * 32 - 1));
    }
  }
}

interface ChargedRequest {
  readonly connection: { readonly negotiated: { readonly dialect: Dialect } | undefined };
  readonly creditCharge: number;
}

/**
 * True when the request's CreditCharge covers `payloadBytes`, the larger of the sizes it sends and asks for.
 * Without multi-credit support (2.0.2) the limit is 64 KiB. [MS-SMB2] 3.3.5.2.5.
 */
export function paysFor(request: ChargedRequest, payloadBytes: number): boolean {
  const { negotiated } = request.connection;
  if (negotiated?.dialect.hasMultiCredit !== true) return payloadBytes <= CREDIT_BYTES;
  return creditsFor(payloadBytes) <= Math.max(1, request.creditCharge);
}
