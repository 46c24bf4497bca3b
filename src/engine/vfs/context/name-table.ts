// The names of one directory, found by their folded form and by their short name: about 50 bytes a name, so
// that folders of hundreds of thousands of files fit into a small cache.
import { decodeName, encodeEscaped, hasEscapes } from "../../../linux/name-bytes.ts";
import { foldDiskName } from "../name/names.ts";
import { hashOf, type NameHashes } from "./name-hashes.ts";

const FIRST_SLOTS = 32;
const FIRST_BYTES = 512;
/** First byte of a removed name: no name on disk contains it. */
const REMOVED = 0x2f;
const encoder = new TextEncoder();

/** Short names by the rules of a share; `rule` identifies the rules. */
export interface ShortNames {
  readonly rule: string;
  readonly shortOf: (name: string) => string;
}

/** A removed entry, which the next one on its way replaces. */
const GONE = -1;

/** A hash table from 32-bit hashes to offsets, open addressing; several entries may have the same hash. */
class HashSlots {
  /** Hash and offset + 1 in turn; 0 is free. */
  private slots = new Int32Array(2 * FIRST_SLOTS);
  private used = 0;

  get bytes(): number {
    return this.slots.byteLength;
  }

  add(hash: number, offset: number): void {
    // At most three quarters are used.
    if (this.used * 8 >= this.slots.length * 3) this.grow();
    this.put(hash, offset + 1);
  }

  /** Calls `take` with the offset of each entry with that hash until it returns true. */
  find(hash: number, take: (offset: number) => boolean): void {
    const { slots } = this;
    const mask = slots.length / 2 - 1;
    for (let at = hash & mask; ; at = (at + 1) & mask) {
      const value = slots[2 * at + 1] ?? 0;
      if (value === 0) return;
      if (slots[2 * at] === hash && value > 0 && take(value - 1)) return;
    }
  }

  /** Calls `take` with the hashes of up to `count` slots from slot `from`; false behind the last. */
  some(from: number, count: number, take: (hash: number) => void): boolean {
    const { slots } = this;
    const end = Math.min(slots.length, 2 * (from + count));
    for (let at = 2 * from; at < end; at += 2) if ((slots[at + 1] ?? 0) > 0) take(slots[at] ?? 0);
    return end < slots.length;
  }

  remove(hash: number, offset: number): void {
    const { slots } = this;
    const mask = slots.length / 2 - 1;
    for (let at = hash & mask; slots[2 * at + 1] !== 0; at = (at + 1) & mask) {
      if (slots[2 * at + 1] !== offset + 1) continue;
      slots[2 * at + 1] = GONE;
      return;
    }
  }

  private put(hash: number, value: number): void {
    const { slots } = this;
    const mask = slots.length / 2 - 1;
    let at = hash & mask;
    while ((slots[2 * at + 1] ?? 0) > 0) at = (at + 1) & mask;
    if (slots[2 * at + 1] === 0) this.used++;
    slots[2 * at] = hash;
    slots[2 * at + 1] = value;
  }

  private grow(): void {
    const { slots } = this;
    this.slots = new Int32Array(slots.length * 2);
    this.used = 0;
    for (let at = 0; at < slots.length; at += 2) {
      const value = slots[at + 1] ?? 0;
      if (value > 0) this.put(slots[at] ?? 0, value);
    }
  }
}

/** Slots of a NameTable that are gone through in one step: a fraction of a millisecond. */
const SLOTS_PER_STEP = 8192;

export class NameTable {
  /** Each name as its length in one byte and its bytes on disk. */
  private names = new Uint8Array(FIRST_BYTES);
  private filled = 0;
  private removedBytes = 0;
  private readonly byFold = new HashSlots();
  /** Made at the first look-up of a short name; has the names before offset `until`. */
  private byShort: { readonly rules: ShortNames; readonly slots: HashSlots; until: number } | undefined;
  /** Number of names. */
  count = 0;

  /** Bytes of memory. */
  get bytes(): number {
    return this.names.length + this.byFold.bytes + (this.byShort?.slots.bytes ?? 0);
  }

  /** True where removed names take more room than the others: the table should be made anew. */
  get isWasteful(): boolean {
    return this.removedBytes > FIRST_BYTES && this.removedBytes * 2 > this.filled;
  }

  /** Adds an on-disk name with its folded form (of the name that clients see), unless it is there. */
  add(name: string, folded = foldDiskName(name)): void {
    const hash = hashOf(folded);
    if (this.offsetOf(hash, name) >= 0) return;
    const offset = this.append(name);
    if (offset < 0) return;
    this.byFold.add(hash, offset);
    this.count++;
  }

  /** False where it was not there. */
  remove(name: string): boolean {
    const hash = hashOf(foldDiskName(name));
    const offset = this.offsetOf(hash, name);
    if (offset < 0) return false;
    this.byFold.remove(hash, offset);
    const short = this.byShort?.rules.shortOf(name) ?? "";
    if (short !== "") this.byShort?.slots.remove(hashOf(short), offset);
    this.names[offset + 1] = REMOVED;
    this.removedBytes += 1 + (this.names[offset] ?? 0);
    this.count--;
    return true;
  }

  /** Copies the hashes of the names in steps: the next one each time the generator is asked. */
  *copyHashes(hashes: NameHashes): Generator<undefined, void> {
    for (let at = 0; this.byFold.some(at, SLOTS_PER_STEP, (hash) => hashes.addHash(hash));) {
      at += SLOTS_PER_STEP;
      yield;
    }
  }

  /** The on-disk names with that folded form. */
  find(folded: string): readonly string[] {
    const found: string[] = [];
    this.byFold.find(hashOf(folded), (offset) => {
      const name = this.nameAt(offset);
      if (name !== undefined && foldDiskName(name) === folded) found.push(name);
      return false;
    });
    return found;
  }

  /**
   * Prepares `findShort` for those rules, for at most about `maxMs`; false where it has to be called again.
   * What is begun for the rules of another share is completed first, or neither of two would ever be.
   */
  prepareShort(rules: ShortNames, maxMs: number): boolean {
    let { byShort } = this;
    const isDone = byShort === undefined || byShort.until >= this.filled;
    if (byShort === undefined || (isDone && byShort.rules.rule !== rules.rule))
      this.byShort = byShort = { rules, slots: new HashSlots(), until: 0 };
    const startMs = performance.now();
    for (let count = 1; byShort.until < this.filled; count++) {
      const offset = byShort.until;
      byShort.until += 1 + (this.names[offset] ?? 0);
      const name = this.nameAt(offset);
      const short = name === undefined ? "" : byShort.rules.shortOf(name);
      if (short !== "") byShort.slots.add(hashOf(short), offset);
      if (count % 64 === 0 && performance.now() - startMs > maxMs) return false;
    }
    return byShort.rules.rule === rules.rule;
  }

  /** The first name whose short name is `short`; after `prepareShort` has returned true for these rules. */
  findShort(short: string): string | undefined {
    let found: string | undefined;
    this.byShort?.slots.find(hashOf(short), (offset) => {
      const name = this.nameAt(offset);
      if (name !== undefined && this.byShort?.rules.shortOf(name) === short) found = name;
      return found !== undefined;
    });
    return found;
  }

  private offsetOf(hash: number, name: string): number {
    let found = -1;
    this.byFold.find(hash, (offset) => {
      if (this.nameAt(offset) === name) found = offset;
      return found >= 0;
    });
    return found;
  }

  private nameAt(offset: number): string | undefined {
    const { names } = this;
    if (names[offset + 1] === REMOVED) return undefined;
    return decodeName(names.subarray(offset + 1, offset + 1 + (names[offset] ?? 0)));
  }

  /** Returns the offset; -1 for text that stands for no name on disk. */
  private append(name: string): number {
    // The longest name has 255 bytes; text may take three bytes for each unit while it is encoded.
    const room = this.filled + 1 + name.length * 3;
    if (room > this.names.length) {
      const larger = new Uint8Array(Math.max(room, Math.ceil(this.names.length * 1.5)));
      larger.set(this.names.subarray(0, this.filled));
      this.names = larger;
    }
    const target = this.names.subarray(this.filled + 1);
    const length = hasEscapes(name) ? encodeEscaped(name, target) : encoder.encodeInto(name, target).written;
    if (length <= 0 || length > 255) return -1;
    const offset = this.filled;
    this.names[offset] = length;
    this.filled += 1 + length;
    return offset;
  }
}
