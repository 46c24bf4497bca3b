// Descriptors as they were read, for as long as the object's change time says that nothing about it has changed: most
// opens then ask the disk for none. Changes set the change time; one that was read so soon after a change that another
// could bear the same time is not remembered.
import type { SecurityDescriptor } from "../../wire/security/security-descriptor.ts";

/** Coarser than the change times of any disk that keeps descriptors. */
const SETTLED_SECONDS = 3;

/** What is longer is read anew each time: the memory is not the client's to choose. */
const MAX_ENTRIES = 64;

export interface ChangeTime {
  readonly changeSeconds: number;
  readonly changeNanoseconds: number;
}

interface Entry extends ChangeTime {
  /** Undefined: none is kept. */
  readonly descriptor: SecurityDescriptor | undefined;
}

export class DescriptorCache {
  private readonly entries = new Map<string, Entry>();
  private readonly limit: number;
  private readonly nowSeconds: () => number;

  constructor(limit: number, nowSeconds: () => number) {
    this.limit = limit;
    this.nowSeconds = nowSeconds;
  }

  /** Undefined where it is not known; the entry says what is kept. */
  find(key: string, time: ChangeTime): { readonly descriptor: SecurityDescriptor | undefined } | undefined {
    const entry = this.entries.get(key);
    if (entry === undefined) return undefined;
    const isSame =
      entry.changeSeconds === time.changeSeconds && entry.changeNanoseconds === time.changeNanoseconds;
    if (isSame) return entry;
    this.entries.delete(key);
    return undefined;
  }

  /** `time` is the object's change time from before `descriptor` was read. */
  remember(key: string, time: ChangeTime, descriptor: SecurityDescriptor | undefined): void {
    if (this.nowSeconds() - time.changeSeconds < SETTLED_SECONDS) return;
    if ((descriptor?.dacl?.aces.length ?? 0) > MAX_ENTRIES) return;
    if (this.entries.size >= this.limit) {
      // The oldest; who is asked for often comes back soon.
      for (const oldest of this.entries.keys()) {
        this.entries.delete(oldest);
        break;
      }
    }
    const { changeSeconds, changeNanoseconds } = time;
    this.entries.set(key, { changeSeconds, changeNanoseconds, descriptor });
  }

  /** It has been changed here: where a disk has no change times, nothing else would tell. */
  forget(key: string): void {
    this.entries.delete(key);
  }

  get size(): number {
    return this.entries.size;
  }
}
