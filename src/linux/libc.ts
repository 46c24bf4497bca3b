// The binding to libc: one function, syscall(2), by bun:ffi. Every file of this room calls the kernel through `sys`
// and answers a number >= 0 or -errno; nothing here throws after the library is loaded.
import { FFIType, dlopen, ptr, read, type Pointer } from "bun:ffi";
import { Errno } from "./errno.ts";
import { encodeEscaped, hasEscapes } from "./name-bytes.ts";

// Comes back as a number, not as a bigint, for every value that the kernel answers.
const LONG = FFIType.i64_fast;

// glibc; Alpine's musl by its soname; the name by which every musl answers for itself (OpenWrt).
const LIBRARIES = ["libc.so.6", "libc.musl-x86_64.so.1", "libc.musl-aarch64.so.1", "libc.so"];

function load() {
  let failure: unknown;
  for (const name of LIBRARIES) {
    try {
      return dlopen(name, {
        syscall: { args: [LONG, LONG, LONG, LONG, LONG, LONG, LONG], returns: LONG },
        __errno_location: { args: [], returns: "ptr" },
      }).symbols;
    } catch (error) {
      failure = error;
    }
  }
  throw new Error(`no libc could be loaded (${LIBRARIES.join(", ")})`, { cause: failure });
}

const libc = load();
// errno belongs to a thread, and so does an instance of this module: a worker evaluates its own.
const errnoAddress = libc.__errno_location() as Pointer;

/**
 * A system call by number. Pointers are addresses from `addressOf`; the memory must outlive the call.
 * Answers the call's result, or -errno.
 */
export function sys(number: number, a = 0, b = 0, c = 0, d = 0, e = 0, f = 0): number {
  const result = libc.syscall(number, a, b, c, d, e, f) as number;
  if (result !== -1) return result;
  return -read.i32(errnoAddress, 0);
}

/** The address of the first byte of a view. An empty view has none: 0. */
export function addressOf(bytes: Uint8Array): number {
  return bytes.byteLength === 0 ? 0 : (ptr(bytes) as number);
}

/** A buffer for structures that the kernel fills: its bytes never move. */
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

// PATH_MAX is 4,096 with the NUL; what is longer is refused here as the kernel would. UTF-8 needs up to three
// bytes a unit, and encodeInto stops at the end of the room.
const PATH_ROOM = 4096;
const encoder = new TextEncoder();
const slots = [new Scratch(PATH_ROOM), new Scratch(PATH_ROOM), new Scratch(PATH_ROOM)] as const;

/**
 * Encodes a path as NUL-terminated UTF-8 (odd bytes by name-bytes.ts) into a reused buffer and answers its
 * address, or -errno: ENAMETOOLONG at 4,096 bytes, EINVAL for a NUL inside, EILSEQ for text that no bytes are. `slot` tells apart the strings of one call; the address is good
 * until the slot's next use.
 */
export function cString(text: string, slot: 0 | 1 | 2 = 0): number {
  const room = slots[slot];
  let { read: units, written } = encoder.encodeInto(text, room.bytes);
  if (units < text.length || written >= PATH_ROOM) return -Errno.ENAMETOOLONG;
  if (text.indexOf("\0") >= 0) return -Errno.EINVAL;
  // More bytes than units: beyond ASCII, where a surrogate may stand alone.
  if (written > units && hasEscapes(text)) {
    written = encodeEscaped(text, room.bytes.subarray(0, PATH_ROOM - 1));
    if (written < 0) return -Errno.EILSEQ;
  }
  room.bytes[written] = 0;
  return room.address;
}
