// Directory reading by getdents64(2): pooled buffers, entries read in place without an object for each.
import { Scratch, sys } from "./libc.ts";
import { decodeName } from "./name-bytes.ts";
import { Syscall } from "./syscall-numbers.ts";
import { Open, closeFd, openAt } from "./open.ts";

/** d_type. Some file systems report UNKNOWN only; the caller must then use statx. */
export const DirentType = {
  UNKNOWN: 0,
  FIFO: 1,
  CHARACTER: 2,
  DIRECTORY: 4,
  BLOCK: 6,
  REGULAR: 8,
  SYMLINK: 10,
  SOCKET: 12,
} as const;

/** Offsets in struct linux_dirent64; the name is NUL-terminated. */
export const DIRENT_OFFSETS = { ino: 0, off: 8, reclen: 16, type: 18, name: 19 } as const;

const BATCH_BYTES = 32_768;
const MAX_IDLE_BATCHES = 8;
const idle: Scratch[] = [];

/** A getdents64 buffer and its current entry. `release` returns the buffer and makes the reader unusable. */
export class DirentReader {
  private scratch: Scratch | undefined = idle.pop() ?? new Scratch(BATCH_BYTES);
  private filled = 0;
  private following = 0;
  private current = 0;
  private nameEnd = 0;

  /**
   * Moves to the next entry (`.` and `..` included) and fetches another batch from the kernel when needed.
   * Returns 1, 0 at the end, or -errno.
   */
  advance(fd: number): number {
    const scratch = this.scratch;
    if (scratch === undefined) return 0;
    if (this.following >= this.filled) {
      const result = sys(Syscall.getdents64, fd, scratch.address, BATCH_BYTES);
      this.filled = Math.max(result, 0);
      this.following = 0;
      if (result <= 0) return result;
    }
    this.current = this.following;
    this.following += scratch.view.getUint16(this.current + DIRENT_OFFSETS.reclen, true);
    let end = this.current + DIRENT_OFFSETS.name;
    while (scratch.bytes[end] !== 0) end++;
    this.nameEnd = end;
    return 1;
  }

  /** Discards the batch after the caller has rewound the descriptor. */
  reset(): void {
    this.filled = 0;
    this.following = 0;
  }

  /** Whether `advance` will succeed without a system call. */
  get hasMore(): boolean {
    return this.following < this.filled;
  }

  get type(): number {
    return this.scratch?.bytes[this.current + DIRENT_OFFSETS.type] ?? DirentType.UNKNOWN;
  }

  /** Whether the current entry is `.` or `..`. */
  get isDots(): boolean {
    const bytes = this.scratch?.bytes;
    if (bytes === undefined) return false;
    const start = this.current + DIRENT_OFFSETS.name;
    const length = this.nameEnd - start;
    return length <= 2 && bytes[start] === 0x2e && (length === 1 || bytes[start + 1] === 0x2e);
  }

  /** Whether the current name begins with a dot, as `.` and `..` do. */
  get isDotName(): boolean {
    return this.scratch?.bytes[this.current + DIRENT_OFFSETS.name] === 0x2e;
  }

  /** Address of the NUL-terminated name, valid until the next `advance`. */
  get nameAddress(): number {
    return this.scratch === undefined ? 0 : this.scratch.address + this.current + DIRENT_OFFSETS.name;
  }

  /** The name's bytes without the NUL, valid until the next `advance`. */
  get nameBytes(): Uint8Array {
    if (this.scratch === undefined) return new Uint8Array(0);
    return this.scratch.bytes.subarray(this.current + DIRENT_OFFSETS.name, this.nameEnd);
  }

  /** The name as text; bytes that are not UTF-8 are escaped as in name-bytes.ts. */
  get name(): string {
    return decodeName(this.nameBytes);
  }

  release(): void {
    if (this.scratch !== undefined && idle.length < MAX_IDLE_BATCHES) idle.push(this.scratch);
    this.scratch = undefined;
    this.filled = 0;
    this.following = 0;
  }
}

/** Calls `take` with every name in a directory until it answers false; -errno where it cannot be read. */
export function eachName(directory: number, take: (name: string) => boolean): number {
  const fd = openAt(directory, ".", Open.RDONLY | Open.DIRECTORY);
  if (fd < 0) return fd;
  const reader = new DirentReader();
  let result = reader.advance(fd);
  while (result > 0 && (reader.isDots || take(reader.name))) result = reader.advance(fd);
  reader.release();
  closeFd(fd);
  return result < 0 ? result : 0;
}

/** Counts the names in a directory that begin with no dot, without making strings; -errno on failure. */
export function countNames(directory: number): number {
  const fd = openAt(directory, ".", Open.RDONLY | Open.DIRECTORY);
  if (fd < 0) return fd;
  const reader = new DirentReader();
  let count = 0;
  let result = reader.advance(fd);
  for (; result > 0; result = reader.advance(fd)) if (!reader.isDotName) count++;
  reader.release();
  closeFd(fd);
  return result < 0 ? result : count;
}
