// Cache of security descriptors, so that most opens read none from disk. An entry is valid while the object's
// change time (ctime) is the same. A descriptor read so soon after a change that another change could get the
// same change time is not cached.
import type { SecurityDescriptor } from "../../wire/security/security-descriptor.ts";

/** Longer than the granularity of change times on any file system that stores descriptors. */
const SETTLED_SECONDS = 3;

/** Descriptors with more ACEs are not cached, so that clients cannot make the cache large. */
const MAX_ACES = 64;

export interface ChangeTime {
  readonly changeSeconds: number;
  readonly changeNanoseconds: number;
}

interface Entry extends ChangeTime {
  /** Undefined: the object has none stored. */
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

  /**
   * Returns undefined if nothing is cached; else an entry, whose descriptor is undefined if none is stored on
   * disk.
   */
  find(key: string, time: ChangeTime): { readonly descriptor: SecurityDescriptor | undefined } | undefined {
    const entry = this.entries.get(key);
    if (entry === undefined) return undefined;
    const isSame =
      entry.changeSeconds === time.changeSeconds && entry.changeNanoseconds === time.changeNanoseconds;
    if (isSame) return entry;
    this.entries.delete(key);
    return undefined;
  }

  /** `time` is the object's change time, read before `descriptor` was. */
  remember(key: string, time: ChangeTime, descriptor: SecurityDescriptor | undefined): void {
    if (this.nowSeconds() - time.changeSeconds < SETTLED_SECONDS) return;
    if ((descriptor?.dacl?.aces.length ?? 0) > MAX_ACES) return;
    if (this.entries.size >= this.limit) {
      // Drops the oldest entry, not the least recently used: one that is used often is soon cached again.
      for (const oldest of this.entries.keys()) {
        this.entries.delete(oldest);
        break;
      }
    }
    const { changeSeconds, changeNanoseconds } = time;
    this.entries.set(key, { changeSeconds, changeNanoseconds, descriptor });
  }

  clear(): void {
    this.entries.clear();
  }

  /** For changes by the server itself: on a disk without change times nothing else invalidates the entry. */
  forget(key: string): void {
    this.entries.delete(key);
  }

  get size(): number {
    return this.entries.size;
  }
}
