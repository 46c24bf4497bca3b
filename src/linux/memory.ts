// Memory of the server's own beside the runtime's heap: mmap(2), madvise(2).
import { type Pointer, toArrayBuffer } from "bun:ffi";
import { addressOf, sys } from "./libc.ts";
import { Syscall } from "./syscall-numbers.ts";

export const PAGE_BYTES = 4096;

const PROT_READ_WRITE = 3;
const MAP_PRIVATE_ANONYMOUS_NORESERVE = 0x4022;
const MADV_DONTNEED = 4;
const MADV_NOHUGEPAGE = 15;

/** Memory at an address that never changes; it is never unmapped. */
export interface MappedMemory {
  readonly address: number;
  readonly buffer: ArrayBuffer;
}

/**
 * Maps `size` bytes of zeros, which take memory page by page when they are first written. Where the kernel
 * refuses (RLIMIT_AS), the memory comes from the runtime's heap.
 */
export function mapMemory(size: number): MappedMemory {
  const address = sys(Syscall.mmap, 0, size, PROT_READ_WRITE, MAP_PRIVATE_ANONYMOUS_NORESERVE, -1, 0);
  if (address <= 0) {
    const buffer = new ArrayBuffer(size);
    return { address: addressOf(new Uint8Array(buffer)), buffer };
  }
  // A huge page would take 2 MiB where one byte is written.
  sys(Syscall.madvise, address, size, MADV_NOHUGEPAGE);
  return viewMemory(address, size);
}

/** Returns memory that `mapMemory` mapped before, with an ArrayBuffer of its own. */
export function viewMemory(address: number, size: number): MappedMemory {
  return { address, buffer: toArrayBuffer(address as Pointer, 0, size) };
}

/** Gives the pages back to the kernel: they read as zeros and take memory again when they are written. */
export function discardMemory(address: number, size: number): void {
  sys(Syscall.madvise, address, size, MADV_DONTNEED);
}
