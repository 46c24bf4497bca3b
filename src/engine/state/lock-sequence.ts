// Which LOCK requests of an open were carried out already, so that one sent again after a lost connection is not
// carried out twice; [MS-SMB2] 3.3.1.10 (Open.LockSequenceArray), 3.3.5.14.

/** Indices run from 1 to this; 0 and larger ones take no part. */
const MAX_INDEX = 64;
/** No sequence number is that large: they have four bits. */
const INVALID = 0xff;

export class LockSequences {
  private readonly numbers = new Uint8Array(MAX_INDEX + 1).fill(INVALID);

  /** True for a request that was carried out already; what was remembered at the index is forgotten otherwise. */
  isReplay(index: number, sequenceNumber: number): boolean {
    if (index === 0 || index > MAX_INDEX) return false;
    if (this.numbers[index] === sequenceNumber) return true;
    this.numbers[index] = INVALID;
    return false;
  }

  remember(index: number, sequenceNumber: number): void {
    if (index !== 0 && index <= MAX_INDEX) this.numbers[index] = sequenceNumber;
  }
}
