// One pool of buffers in size classes, for every reply and every message that spans packets. Its budget
// bounds the memory that clients can make the server use: connections stop reading while the pool is low, and
// what needs a large buffer waits in line until there is room.
// The memory is mapped by the pool itself, in slabs of one or many buffers. A slab is made once and keeps its
// address; the runtime's collector never has anything to do with it, and workers read and write it by
// address. Pages of idle slabs go back to the kernel when others need the budget, and when the server is
// quiet.
import { discardMemory, mapMemory, viewMemory } from "../../linux/memory.ts";

/** Bytes in front of a reply's first SMB2 header: 4 of framing and 52 of a transform header. */
export const HEAD_ROOM = 56;

/** Bytes that the objects of a buffer take in the runtime's heap, measured: 290. */
const OBJECT_BYTES = 256;

/** A buffer of the pool. Its holder calls `BufferPool.release` exactly once. */
export class PooledBuffer {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  /** Address of the first byte. */
  readonly address: number;
  /** Bytes that it counts in the budget. */
  readonly cost: number;
  isFree = true;
  /** @internal */
  readonly slab: Slab;
  private users = 0;

  constructor(slab: Slab, offset: number, size: number) {
    this.slab = slab;
    this.bytes = new Uint8Array(slab.buffer, offset, size);
    this.view = new DataView(slab.buffer, offset, size);
    this.address = slab.address + offset;
    this.cost = size + OBJECT_BYTES;
  }

  /** True while a worker may read or write the memory. */
  get isInUse(): boolean {
    return this.users > 0;
  }

  /**
   * A worker gets the address. Until `endUse` the memory is used for nothing else, also if the holder
   * releases the buffer because it waits no longer.
   */
  beginUse(): void {
    this.users++;
  }

  endUse(): void {
    this.users--;
    if (this.users === 0 && this.isFree) this.slab.pool.takeBack(this);
  }
}

/** A mapped piece of memory with the buffers in it. */
class Slab {
  readonly pool: BufferPool;
  readonly sizeClass: SizeClass;
  readonly address: number;
  readonly buffer: ArrayBuffer;
  readonly free: PooledBuffer[] = [];

  constructor(pool: BufferPool, sizeClass: SizeClass, address: number, buffer: ArrayBuffer) {
    this.pool = pool;
    this.sizeClass = sizeClass;
    this.address = address;
    this.buffer = buffer;
    const { bufferBytes, perSlab } = sizeClass;
    for (let i = perSlab - 1; i >= 0; i--)
      this.free.push(new PooledBuffer(this, i * bufferBytes, bufferBytes));
  }

  get isIdle(): boolean {
    return this.free.length === this.sizeClass.perSlab;
  }
}

/** Buffers of one size. */
class SizeClass {
  readonly bufferBytes: number;
  readonly perSlab: number;
  /** Slabs with free buffers that may have pages in memory; the last one is used first. */
  readonly open: Slab[] = [];
  /** Idle slabs without pages in memory. */
  readonly cold: Slab[] = [];
  /** Addresses of slabs whose objects were dropped. */
  readonly spare: number[] = [];
  /** The least length of `open` since the last `decay`: so many slabs were not needed. */
  leastOpen = 0;

  constructor(bufferBytes: number, perSlab: number) {
    this.bufferBytes = bufferBytes;
    this.perSlab = perSlab;
  }

  get slabBytes(): number {
    return this.bufferBytes * this.perSlab;
  }
}

/**
 * Bytes for headers beside a round payload: without them a READ of 64 KiB would need the class of 128 KiB.
 */
const SLACK = 4096;
/** The largest buffer: a WRITE of 8 MiB with other requests in its compound. */
export const LARGEST_BUFFER = 8_388_608 + 131_072;

/** Bytes of a buffer, buffers of a slab; a slab is a number of whole pages. */
const CLASSES: readonly (readonly [number, number])[] = [
  [512, 120],
  [5120, 12],
  [16_384 + SLACK, 3],
  [65_536 + SLACK, 1],
  [131_072 + SLACK, 1],
  [262_144 + SLACK, 1],
  [524_288 + SLACK, 1],
  [1_048_576 + SLACK, 1],
  [2_097_152 + SLACK, 1],
  [4_194_304 + SLACK, 1],
  [LARGEST_BUFFER, 1],
];
/** Slabs whose objects a trimmed class keeps. */
const KEPT_SLABS = 4;
/** Buffers up to this size are lent whatever the budget says: the request that frees others may need one. */
export const SMALL_BUFFER = 5120;

interface Waiter {
  readonly size: number;
  readonly action: () => void;
}

export class BufferPool {
  /** Fewer than `fullBudgetBytes` while memory is short. */
  budgetBytes: number;
  readonly fullBudgetBytes: number;
  /** Bytes of buffers in use. */
  lentBytes = 0;
  /** Bytes of slabs that may have pages in memory. */
  residentBytes = 0;
  private readonly classes = CLASSES.map(([bytes, count]) => new SizeClass(bytes, count));
  private readonly waiting: Waiter[] = [];
  private isWaking = false;
  /** The first in line has its turn. */
  private isServing = false;

  constructor(budgetBytes: number) {
    this.budgetBytes = budgetBytes;
    this.fullBudgetBytes = budgetBytes;
  }

  /** Gives idle buffers beyond the new budget back at once, those in use when they are released. */
  setBudget(bytes: number): void {
    this.budgetBytes = bytes;
    while (this.residentBytes > bytes && this.discardOne());
    this.wakeSoon();
  }

  /**
   * Returns a buffer of at least `size` bytes with undefined contents, also beyond the budget: callers check
   * `hasRoom` first, for small ones `isLow`. Throws RangeError above LARGEST_BUFFER.
   */
  acquire(size: number): PooledBuffer {
    const sizeClass = this.classFor(size);
    const slab = sizeClass.open.at(-1) ?? this.openSlab(sizeClass);
    const buffer = slab.free.pop();
    if (buffer === undefined) throw new Error("an open slab has no free buffer");
    if (slab.free.length === 0) {
      sizeClass.open.pop();
      sizeClass.leastOpen = Math.min(sizeClass.leastOpen, sizeClass.open.length);
    }
    this.lentBytes += buffer.cost;
    buffer.isFree = false;
    return buffer;
  }

  private classFor(size: number): SizeClass {
    for (const sizeClass of this.classes) if (sizeClass.bufferBytes >= size) return sizeClass;
    throw new RangeError(`no buffer class for ${size} bytes`);
  }

  private openSlab(sizeClass: SizeClass): Slab {
    const { slabBytes } = sizeClass;
    while (this.residentBytes + slabBytes > this.budgetBytes && this.discardOne());
    const slab = sizeClass.cold.pop() ?? this.makeSlab(sizeClass);
    this.residentBytes += slabBytes;
    sizeClass.open.push(slab);
    return slab;
  }

  private makeSlab(sizeClass: SizeClass): Slab {
    const spare = sizeClass.spare.pop();
    const { slabBytes } = sizeClass;
    const { address, buffer } = spare === undefined ? mapMemory(slabBytes) : viewMemory(spare, slabBytes);
    return new Slab(this, sizeClass, address, buffer);
  }

  /** Throws when `buffer` was released before. */
  release(buffer: PooledBuffer): void {
    if (buffer.isFree) throw new Error("buffer released twice");
    buffer.isFree = true;
    if (!buffer.isInUse) this.takeBack(buffer);
  }

  /** A released buffer that no worker uses may be lent again. @internal */
  takeBack(buffer: PooledBuffer): void {
    const { slab } = buffer;
    const { open } = slab.sizeClass;
    this.lentBytes -= buffer.cost;
    if (slab.free.length === 0) open.push(slab);
    slab.free.push(buffer);
    // Beyond the budget nothing is kept, so that the pool shrinks after a burst.
    if (this.residentBytes > this.budgetBytes && slab.isIdle) this.discard(slab);
    this.wakeSoon();
  }

  private wakeSoon(): void {
    const [first] = this.waiting;
    if (first !== undefined && !this.isWaking && this.fits(first.size)) {
      this.isWaking = true;
      queueMicrotask(() => this.wake());
    }
  }

  /**
   * Gives the pages of slabs back that nobody has needed since the last call: after large transfers small
   * requests do not hold their memory.
   */
  decay(): void {
    for (const sizeClass of this.classes) {
      const { open } = sizeClass;
      const unused = open.slice(0, sizeClass.leastOpen).filter(({ isIdle }) => isIdle);
      for (const slab of unused) this.discard(slab);
      sizeClass.leastOpen = open.length;
    }
  }

  /** Gives the pages of an idle slab back, of the largest first; false where there is none. */
  private discardOne(): boolean {
    for (let i = this.classes.length - 1; i >= 0; i--) {
      const slab = this.classes[i]?.open.find(({ isIdle }) => isIdle);
      if (slab === undefined) continue;
      this.discard(slab);
      return true;
    }
    return false;
  }

  private discard(slab: Slab): void {
    const { open, cold, slabBytes } = slab.sizeClass;
    open.splice(open.lastIndexOf(slab), 1);
    slab.sizeClass.leastOpen = Math.min(slab.sizeClass.leastOpen, open.length);
    discardMemory(slab.address, slabBytes);
    this.residentBytes -= slabBytes;
    cold.push(slab);
  }

  /** Bytes of the budget that are not in use. */
  get freeBytes(): number {
    return Math.max(0, this.budgetBytes - this.lentBytes);
  }

  /** True when a buffer of `size` bytes may be acquired now: within the budget, and nobody waits for room. */
  hasRoom(size: number): boolean {
    return !this.mustQueue && this.fits(size);
  }

  private get mustQueue(): boolean {
    return this.waiting.length > 0 && !this.isServing;
  }

  /** What is larger than half of the budget would wait for ever behind requests that wait for hours. */
  private fits(size: number): boolean {
    return this.lentBytes + size <= this.budgetBytes || this.lentBytes <= this.budgetBytes / 2;
  }

  /**
   * Calls `action` once, after a release that leaves room for `size` bytes, in the order of the calls. Call
   * it where `hasRoom` is false.
   */
  whenRoom(size: number, action: () => void): void {
    this.waiting.push({ size, action });
  }

  /** Each action may take a buffer: the others wait for the next release then. */
  private wake(): void {
    this.isWaking = false;
    for (;;) {
      const [first] = this.waiting;
      if (first === undefined || !this.fits(first.size)) return;
      this.waiting.shift();
      this.isServing = true;
      try {
        first.action();
      } finally {
        this.isServing = false;
      }
    }
  }

  /**
   * True when the budget is in use, or somebody waits for room: connections should read no more requests
   * until buffers are released.
   */
  isLow(): boolean {
    return this.mustQueue || this.lentBytes >= this.budgetBytes;
  }

  /** Gives the pages of all idle slabs back, and drops most of their objects. */
  trim(): void {
    while (this.discardOne());
    for (const { cold, spare } of this.classes) {
      for (const { address } of cold.splice(KEPT_SLABS)) spare.push(address);
    }
  }
}
