// The LOCK requests of an open that were carried out, so that a replay after a lost connection is not carried
// out again; [MS-SMB2] 3.3.1.10 (Open.LockSequenceArray), 3.3.5.14.

/** Indices run from 1 to this; 0 and larger ones are ignored. */
const MAX_INDEX = 64;
/** No sequence number: they have four bits. */
const INVALID = 0xff;
/** Length of `LockSequences.numbers`. */
export const LOCK_SEQUENCE_BYTES: number = MAX_INDEX + 1;

export class LockSequences {
  /** By index. */
  readonly numbers: Uint8Array;

  constructor(numbers: Uint8Array = new Uint8Array(LOCK_SEQUENCE_BYTES).fill(INVALID)) {
    this.numbers = numbers;
  }

  /** True for a request that was carried out already. Otherwise invalidates the entry at `index`. */
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
