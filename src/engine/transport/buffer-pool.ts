// One pool of buffers in size classes, for every reply and every message that spans packets. Its budget
// bounds the memory that clients can make the server use: connections stop reading while the pool is low.

/** Bytes in front of a reply's first SMB2 header: 4 of framing and 52 of a transform header. */
export const HEAD_ROOM = 56;

/** A buffer of the pool. Its holder calls `BufferPool.release` exactly once. */
export class PooledBuffer {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  readonly sizeClass: number;
  isFree = false;

  constructor(size: number, sizeClass: number) {
    this.bytes = new Uint8Array(size);
    this.view = new DataView(this.bytes.buffer);
    this.sizeClass = sizeClass;
  }
}

/**
 * Bytes for headers beside a round payload: without them a READ of 64 KiB would need the class of 128 KiB.
 */
const SLACK = 1024;
const CLASS_BYTES: readonly number[] = [
  512,
  4096 + SLACK,
  16_384 + SLACK,
  65_536 + SLACK,
  131_072 + SLACK,
  262_144 + SLACK,
  1_048_576 + SLACK,
  2_097_152 + SLACK,
  4_194_304 + SLACK,
  8_388_608 + SLACK,
];
/** The largest buffer: 8 MiB of data and its headers. */
export const LARGEST_BUFFER = 8_388_608 + SLACK;

export class BufferPool {
  readonly budgetBytes: number;
  /** Bytes of buffers in use. */
  lentBytes = 0;
  /** Bytes of idle buffers. */
  idleBytes = 0;
  private readonly free: PooledBuffer[][] = CLASS_BYTES.map(() => []);
  private readonly waiting: (() => void)[] = [];
  private isWaking = false;

  constructor(budgetBytes: number) {
    this.budgetBytes = budgetBytes;
  }

  /**
   * Returns a buffer of at least `size` bytes with undefined contents, also beyond the budget: callers check
   * `isLow` first. Throws RangeError above LARGEST_BUFFER.
   */
  acquire(size: number): PooledBuffer {
    let sizeClass = 0;
    while (sizeClass < CLASS_BYTES.length && (CLASS_BYTES[sizeClass] ?? 0) < size) sizeClass++;
    const classBytes = CLASS_BYTES[sizeClass];
    if (classBytes === undefined) throw new RangeError(`no buffer class for ${size} bytes`);
    const reused = this.free[sizeClass]?.pop();
    this.lentBytes += classBytes;
    if (reused !== undefined) {
      this.idleBytes -= classBytes;
      reused.isFree = false;
      return reused;
    }
    return new PooledBuffer(classBytes, sizeClass);
  }

  /** Throws when `buffer` was released before. */
  release(buffer: PooledBuffer): void {
    if (buffer.isFree) throw new Error("buffer released twice");
    buffer.isFree = true;
    const size = buffer.bytes.length;
    this.lentBytes -= size;
    // Buffers beyond the budget are left to the garbage collector, so that the pool shrinks after a burst.
    if (this.lentBytes + this.idleBytes + size <= this.budgetBytes) {
      this.idleBytes += size;
      this.free[buffer.sizeClass]?.push(buffer);
    }
    if (this.waiting.length > 0 && !this.isWaking && !this.isLow()) {
      this.isWaking = true;
      queueMicrotask(() => this.wake());
    }
  }

  /** Calls `action` once, after a release that leaves the pool no longer low. Call it while the pool is low. */
  whenRoom(action: () => void): void {
    this.waiting.push(action);
  }

  /** Each action may take a buffer: the others wait for the next release then. */
  private wake(): void {
    this.isWaking = false;
    while (!this.isLow()) {
      const action = this.waiting.shift();
      if (action === undefined) return;
      action();
    }
  }

  /** True when the budget is in use: connections should read no more requests until buffers are released. */
  isLow(): boolean {
    return this.lentBytes >= this.budgetBytes;
  }

  /** Drops the idle buffers. */
  trim(): void {
    for (const list of this.free) list.length = 0;
    this.idleBytes = 0;
  }
}
