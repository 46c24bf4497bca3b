// The bun:ffi binding to libc: syscall(2) alone. Every file in this directory calls the kernel through `sys`
// and returns a number >= 0 or -errno. Nothing throws after libc is loaded.
import { type FFIFunction, FFIType, dlopen, ptr, read, type Pointer } from "bun:ffi";
import { Errno } from "./errno.ts";
import { encodeEscaped, hasEscapes } from "./name-bytes.ts";

// i64_fast returns a number, not a bigint, for every value that the kernel returns.
const LONG = FFIType.i64_fast;

// glibc; Alpine's musl by its sonames; the name that every musl resolves to itself (OpenWrt).
const LIBRARIES = ["libc.so.6", "libc.musl-x86_64.so.1", "libc.musl-aarch64.so.1", "libc.so"];

/** Functions of libc, by their types. Throws an Error where there is no libc that has them. */
export function loadLibc<Functions extends Record<string, FFIFunction>>(functions: Functions) {
  let failure: unknown;
  for (const name of LIBRARIES) {
    try {
      return dlopen(name, functions).symbols;
    } catch (error) {
      failure = error;
    }
  }
  throw new Error(`no libc could be loaded (${LIBRARIES.join(", ")})`, { cause: failure });
}

const libc = loadLibc({
  syscall: { args: [LONG, LONG, LONG, LONG, LONG, LONG, LONG], returns: LONG },
  __errno_location: { args: [], returns: "ptr" },
});
// errno is per thread; so is this module, because each worker evaluates its own instance.
const errnoAddress = libc.__errno_location() as Pointer;

/**
 * Makes a system call by number. Pointers are addresses from `addressOf`; the caller keeps their memory alive
 * during the call. Returns the call's result or -errno.
 */
export function sys(number: number, a = 0, b = 0, c = 0, d = 0, e = 0, f = 0): number {
  const result = libc.syscall(number, a, b, c, d, e, f) as number;
  if (result !== -1) return result;
  return -read.i32(errnoAddress, 0);
}

/** Address of a view's first byte; 0 for an empty view. */
export function addressOf(bytes: Uint8Array): number {
  return bytes.byteLength === 0 ? 0 : (ptr(bytes) as number);
}

/** A buffer of fixed address for structures that are passed to the kernel. */
export class Scratch {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  readonly address: number;

  constructor(size: number) {
    const buffer = new ArrayBuffer(size);
    this.bytes = new Uint8Array(buffer);
    this.view = new DataView(buffer);
    this.address = addressOf(this.bytes);
  }
}

// PATH_MAX: 4,096 bytes with the NUL. Longer paths fail here as they would in the kernel: encodeInto stops at
// the end of the buffer.
const PATH_ROOM = 4096;
const encoder = new TextEncoder();
const slots = [new Scratch(PATH_ROOM), new Scratch(PATH_ROOM), new Scratch(PATH_ROOM)] as const;

/**
 * Encodes a path as NUL-terminated UTF-8 (escaped bytes as in name-bytes.ts) into a reused buffer. Returns
 * its address, valid until the slot's next use, or -errno: -ENAMETOOLONG from 4,096 bytes on, -EINVAL for a
 * NUL in the text, -EILSEQ for a surrogate that stands for no byte. Each string argument of one system call
 * needs its own `slot`.
 */
export function cString(text: string, slot: 0 | 1 | 2 = 0): number {
  const room = slots[slot];
  let { read: units, written } = encoder.encodeInto(text, room.bytes);
  if (units < text.length || written >= PATH_ROOM) return -Errno.ENAMETOOLONG;
  if (text.indexOf("\0") >= 0) return -Errno.EINVAL;
  // ASCII has as many bytes as UTF-16 units and needs no search for lone surrogates.
  if (written > units && hasEscapes(text)) {
    written = encodeEscaped(text, room.bytes.subarray(0, PATH_ROOM - 1));
    if (written < 0) return -Errno.EILSEQ;
  }
  room.bytes[written] = 0;
  return room.address;
}
