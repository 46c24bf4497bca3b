// Credits and the sequence window of one connection; [MS-SMB2] 3.3.1.1, 3.3.1.2, 3.3.5.2.3.
// Message ids are granted as credits, used once, in any order; the window never spans more than its bitmap.
import type { Dialect } from "./dialect.ts";

const START_WORDS = 16;
/** Bytes that one credit pays for; 3.1.5.2. */
const CREDIT_BYTES = 65_536;

export class SequenceWindow {
  /** The lowest id that was granted and not yet used. */
  private low = 0;
  /** One above the highest id granted. */
  private high = 1;
  /** Ids in [low, high) already used. */
  private usedAbove = 0;
  // One bit an id, at id modulo the number of bits; grown on demand, so that an idle connection stays small.
  private bits = new Uint32Array(START_WORDS);
  private readonly maxCredits: number;

  constructor(maxCredits: number) {
    this.maxCredits = maxCredits;
  }

  /** Credits the client holds at this moment. */
  available(): number {
    return this.high - this.low - this.usedAbove;
  }

  /** Uses `charge` consecutive ids from `id`; false when one of them is not in the window or used already. */
  consume(id: number, charge: number): boolean {
    if (id < this.low || id + charge > this.high) return false;
    const mask = this.bits.length * 32 - 1;
    for (let i = id; i < id + charge; i++) {
      const bit = i & mask;
      if (((this.bits[bit >>> 5] ?? 0) & (1 << (bit & 31))) !== 0) return false;
    }
    for (let i = id; i < id + charge; i++) this.setBit(i & mask);
    this.usedAbove += charge;
    this.advance(mask);
    return true;
  }

  /**
   * Grants up to `wanted` further credits and returns how many. At least one where the client would otherwise
   * hold none: it could never speak again.
   */
  grant(wanted: number, limit: number): number {
    const ceiling = Math.max(1, Math.min(this.maxCredits, limit));
    // A client that keeps a low id unused must not make the window grow without end.
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
      this.usedAbove--;
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
      // Ids above the old bitmap's reach were just granted and cannot be used yet.
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
 * False when a request pays too few credits for `payloadBytes`, the larger of what it sends and asks for;
 * [MS-SMB2] 3.3.5.2.5.
 */
export function paysFor(request: ChargedRequest, payloadBytes: number): boolean {
  const { negotiated } = request.connection;
  if (negotiated?.dialect.hasMultiCredit !== true) return payloadBytes <= CREDIT_BYTES;
  const needed = payloadBytes === 0 ? 1 : Math.floor((payloadBytes - 1) / CREDIT_BYTES) + 1;
  return needed <= Math.max(1, request.creditCharge);
}
