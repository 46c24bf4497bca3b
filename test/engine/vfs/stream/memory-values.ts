// Named values in memory with the limits of a file system, synchronous or asynchronous.
import { Errno } from "../../../../src/linux/errno.ts";
import type { Failure, NamedValues } from "../../../../src/engine/vfs/store.ts";

export interface DiskLimits {
  /** Limits in bytes for one value and for all together; beyond them `set` returns -ENOSPC. */
  readonly valueBytes?: number;
  readonly totalBytes?: number;
  /** The reported limit; 65,536 by default. Beyond it `set` returns -E2BIG. */
  readonly maxValueBytes?: number;
  /** Every method returns a promise, as with a volume's worker. */
  readonly isSlow?: boolean;
}

export class MemoryValues implements NamedValues {
  readonly map = new Map<string, Uint8Array>();
  readonly calls: string[] = [];
  readonly maxValueBytes: number;
  private readonly limits: DiskLimits;

  constructor(limits: DiskLimits = {}) {
    this.limits = limits;
    this.maxValueBytes = limits.maxValueBytes ?? 65_536;
  }

  get(name: string): Uint8Array | Failure | Promise<Uint8Array | Failure> {
    this.calls.push(`get ${name}`);
    return this.later(() => this.map.get(name)?.slice() ?? -Errno.ENODATA);
  }

  set(name: string, value: Uint8Array): 0 | Failure | Promise<0 | Failure> {
    this.calls.push(`set ${name}`);
    const copy = value.slice();
    return this.later(() => {
      const { valueBytes = this.maxValueBytes, totalBytes = Number.POSITIVE_INFINITY } = this.limits;
      if (copy.length > this.maxValueBytes) return -Errno.E2BIG;
      if (copy.length > valueBytes) return -Errno.ENOSPC;
      let total = copy.length;
      for (const [key, other] of this.map) if (key !== name) total += other.length;
      if (total > totalBytes) return -Errno.ENOSPC;
      this.map.set(name, copy);
      return 0;
    });
  }

  remove(name: string): 0 | Failure | Promise<0 | Failure> {
    this.calls.push(`remove ${name}`);
    return this.later(() => (this.map.delete(name) ? 0 : -Errno.ENODATA));
  }

  list(): readonly string[] | Promise<readonly string[]> {
    return this.later(() => [...this.map.keys()]);
  }

  private later<T>(answer: () => T): T | Promise<T> {
    return this.limits.isSlow === true ? Bun.sleep(0).then(answer) : answer();
  }
}
