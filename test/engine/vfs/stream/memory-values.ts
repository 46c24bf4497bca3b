// Named values in memory with the limits of a file system, synchronous or asynchronous.
import { Errno } from "../../../../src/linux/errno.ts";
import type { Count, Failure } from "../../../../src/engine/vfs/store.ts";
import type { TransferBuffer } from "../../../../src/engine/vfs/transfer-buffer.ts";
import {
  type LargeValues,
  type NamedValues,
  ValuePlace,
  type ValueSize,
} from "../../../../src/engine/vfs/value-store.ts";

export interface DiskLimits {
  /** Limits in bytes for one value and for all together; beyond them `set` returns -ENOSPC. */
  readonly valueBytes?: number;
  readonly totalBytes?: number;
  /** The kernel's limit; 65,536 by default. Beyond it `set` returns -E2BIG. */
  readonly maxValueBytes?: number;
  /** Every method returns a promise, as with a volume's worker. */
  readonly isSlow?: boolean;
}

export class MemoryValues implements NamedValues {
  readonly areAttributes = true;
  large?: MemoryLarge;
  readonly map = new Map<string, Uint8Array>();
  readonly calls: string[] = [];
  private readonly maxValueBytes: number;
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
      this.large?.files.delete(name);
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

/** Values as files of their own, which replace those of `values`. */
export class MemoryLarge implements LargeValues {
  readonly maxBytes = 67_108_864;
  readonly calls: string[] = [];
  readonly files = new Map<string, Uint8Array>();
  private readonly values: MemoryValues;

  constructor(values: MemoryValues) {
    this.values = values;
  }

  measure(names: readonly string[]): (ValueSize | Failure)[] {
    this.calls.push("measure");
    return names.map((name) => {
      const value = this.values.map.get(name);
      if (value !== undefined)
        return { bytes: value.length, last: value.at(-1) ?? -1, place: ValuePlace.ATTRIBUTE };
      const file = this.files.get(name);
      return file === undefined ? -Errno.ENODATA : { bytes: file.length, last: -1, place: ValuePlace.FILE };
    });
  }

  read(name: string, { bytes }: TransferBuffer, at: number, length: number, offset: number): Count | Failure {
    const part = this.files.get(name)?.subarray(offset, offset + length);
    if (part === undefined) return -Errno.ENODATA;
    bytes.set(part, at);
    return part.length;
  }

  write(
    name: string,
    { bytes }: TransferBuffer,
    at: number,
    length: number,
    offset: number,
  ): Count | Failure {
    this.calls.push(`write ${length}`);
    const file = this.files.get(name);
    if (file === undefined) return -Errno.ENODATA;
    const larger = new Uint8Array(Math.max(file.length, offset + length));
    larger.set(file);
    larger.set(bytes.subarray(at, at + length), offset);
    this.files.set(name, larger);
    return length;
  }

  truncate(name: string, size: number): 0 | Failure {
    this.calls.push(`truncate ${size}`);
    const file = this.files.get(name);
    if (file === undefined) return -Errno.ENODATA;
    const changed = new Uint8Array(size);
    changed.set(file.subarray(0, size));
    this.files.set(name, changed);
    return 0;
  }

  zeroRange(name: string, offset: number, length: number): Count | Failure {
    const file = this.files.get(name);
    if (file === undefined) return -Errno.ENODATA;
    file.fill(0, offset, offset + length);
    return length;
  }

  flush(): 0 {
    return 0;
  }

  store(name: string, data: Uint8Array | undefined, bytes: number): 0 {
    this.calls.push(`store ${bytes}`);
    this.files.set(name, (data ?? this.values.map.get(name) ?? new Uint8Array()).slice(0, bytes));
    this.values.map.delete(name);
    return 0;
  }

  rename(name: string, newName: string): 0 | Failure {
    const file = this.files.get(name);
    if (file === undefined) return -Errno.ENODATA;
    this.files.delete(name);
    this.files.set(newName, file);
    return 0;
  }
}
