// The memory of requests that wait for other clients (LOCK, CREATE and SET_INFO behind a break,
// CHANGE_NOTIFY): they may wait for hours, so they are limited separately from the buffers of requests in
// progress.

/** Bytes of a waiting request beside its message: its objects and the promise of its handler. */
const REQUEST_BYTES = 2048;

/** The divisor of the buffer budget: waiting requests of all connections together get that part. */
const PART_OF_BUDGET = 4;

export class WaitingMemory {
  readonly limitBytes: number;
  /** Bytes of the waiting requests of all connections. */
  heldBytes = 0;

  constructor(budgetBytes: number) {
    this.limitBytes = Math.floor(budgetBytes / PART_OF_BUDGET);
  }

  /**
   * Takes memory for a waiting request with a message of `messageBytes`; `ownBytes` are held by its
   * connection already. Returns the bytes to give back, or 0 when there is no room: a connection may hold as
   * much as is still free, so that others always have a part.
   */
  take(ownBytes: number, messageBytes: number): number {
    const bytes = REQUEST_BYTES + messageBytes;
    if (ownBytes + bytes > this.limitBytes - this.heldBytes) return 0;
    this.heldBytes += bytes;
    return bytes;
  }

  release(bytes: number): void {
    this.heldBytes -= bytes;
  }
}
