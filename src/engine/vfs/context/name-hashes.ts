// Of the names of a directory that is too large for a NameTable the hashes of their folded forms, 5 to 8
// bytes a name: they tell which names are missing, so that the directory is not read for each of them.
import { foldDiskName } from "../name/names.ts";

const FIRST_SLOTS = 1024;
/** Hashes of more than one name, or of one that was added twice, which are kept for good. */
const MAX_SHARED = 20_000;

/** A set of 32-bit hashes, linear probing; 4 bytes a slot, of which at most three quarters are used. */
class HashSet32 {
  /** 0 is free; the hash 0 is stored as 1. */
  readonly slots: Int32Array;
  private count = 0;

  constructor(size: number) {
    this.slots = new Int32Array(size);
  }

  get isFull(): boolean {
    return this.count * 4 >= this.slots.length * 3;
  }

  add(hash: number): void {
    this.slots[this.slotOf(hash || 1)] = hash || 1;
    this.count++;
  }

  has(hash: number): boolean {
    return this.slots[this.slotOf(hash || 1)] !== 0;
  }

  /** Moves what stands behind the free slot, so that each hash is found from its own. */
  remove(hash: number): void {
    const { slots } = this;
    const mask = slots.length - 1;
    let free = this.slotOf(hash || 1);
    if (slots[free] === 0) return;
    this.count--;
    for (let at = (free + 1) & mask; slots[at] !== 0; at = (at + 1) & mask) {
      const own = (slots[at] ?? 0) & mask;
      if (((at - own) & mask) < ((at - free) & mask)) continue;
      slots[free] = slots[at] ?? 0;
      free = at;
    }
    slots[free] = 0;
  }

  /** The slot that has the hash, or the free one where it would be. */
  private slotOf(hash: number): number {
    const { slots } = this;
    const mask = slots.length - 1;
    let at = hash & mask;
    while (slots[at] !== 0 && slots[at] !== hash) at = (at + 1) & mask;
    return at;
  }
}

export class NameHashes {
  /**
   * When the last one is full another is made, half as large as all before: no step has to move millions of
   * hashes.
   */
  private readonly sets: HashSet32[];
  private slots: number;
  private readonly shared = new Set<number>();

  /** With room for `expected` names before it grows. */
  constructor(expected: number) {
    this.slots = FIRST_SLOTS;
    while (this.slots * 3 < expected * 4) this.slots *= 2;
    this.sets = [new HashSet32(this.slots)];
  }

  get bytes(): number {
    return this.slots * 4 + this.shared.size * 32;
  }

  /** It should be made anew. */
  get isWasteful(): boolean {
    return this.shared.size > MAX_SHARED;
  }

  add(name: string, folded = foldDiskName(name)): void {
    this.addHash(hashOf(folded));
  }

  addHash(hash: number): void {
    if (this.setOf(hash) !== undefined) {
      this.shared.add(hash);
      return;
    }
    let set = this.sets.find((one) => !one.isFull);
    if (set === undefined) {
      set = new HashSet32(1 << Math.floor(Math.log2(this.slots / 2)));
      this.slots += set.slots.length;
      this.sets.push(set);
    }
    set.add(hash);
  }

  remove(name: string): void {
    const hash = hashOf(foldDiskName(name));
    if (!this.shared.has(hash)) this.setOf(hash)?.remove(hash);
  }

  /** Empty where no name has that folded form; undefined where one may have: the directory must be read. */
  find(folded: string): readonly string[] | undefined {
    return this.setOf(hashOf(folded)) === undefined ? [] : undefined;
  }

  private setOf(hash: number): HashSet32 | undefined {
    return this.sets.find((one) => one.has(hash));
  }
}

/** Differs in every process: nobody can make many names with one hash. */
const SEED = crypto.getRandomValues(new Int32Array(1))[0] ?? 0;

/** FNV-1a over UTF-16 units, with a last mixing for the low bits. */
export function hashOf(text: string): number {
  let hash = SEED;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x0100_0193);
  return Math.imul(hash ^ (hash >>> 15), 0x2c1b_3c6d) | 0;
}
