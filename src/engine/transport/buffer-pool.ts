// One pool of size-classed buffers with a budget: every frame that spans packets and every reply lives in one.
// design.md, 5: memory is never the client's to choose.

/** Bytes in front of a reply's first SMB2 header: 4 of framing and 52 of a transform header. */
export const HEAD_ROOM = 56;

/** A buffer on loan. Whoever holds it gives it back once, by `release`. */
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

// Each class leaves room for headers above a round payload, so that a 64 KiB READ does not take a 128 KiB buffer.
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
  /** Bytes in buffers on loan. */
  lentBytes = 0;
  /** Bytes in buffers that wait for their next use. */
  idleBytes = 0;
  private readonly free: PooledBuffer[][] = CLASS_BYTES.map(() => []);

  constructor(budgetBytes: number) {
    this.budgetBytes = budgetBytes;
  }

  /** A buffer of at least `size` bytes, contents undefined. Never refuses: callers watch `isLow` beforehand. */
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

  release(buffer: PooledBuffer): void {
    if (buffer.isFree) throw new Error("buffer released twice");
    buffer.isFree = true;
    const size = buffer.bytes.length;
    this.lentBytes -= size;
    // Beyond the budget the garbage collector takes it: the pool shrinks again after a burst.
    if (this.lentBytes + this.idleBytes + size <= this.budgetBytes) {
      this.idleBytes += size;
      this.free[buffer.sizeClass]?.push(buffer);
    }
  }

  /** True when a reader should stop taking new requests until buffers come back. */
  isLow(): boolean {
    return this.lentBytes >= this.budgetBytes;
  }

  /** Forgets idle buffers; called when the server has been quiet for a while. */
  trim(): void {
    for (const list of this.free) list.length = 0;
    this.idleBytes = 0;
  }
}
