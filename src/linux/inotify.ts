// Directory watches by inotify(7). Reading the queue never waits; the caller decides when to read.
import { Errno } from "./errno.ts";
import { Scratch, cString, sys } from "./libc.ts";
import { decodeName } from "./name-bytes.ts";
import { Open, closeFd, procPath } from "./open.ts";
import { Syscall } from "./syscall-numbers.ts";

/** IN_ masks of sys/inotify.h. */
export const Inotify = {
  ACCESS: 0x1,
  MODIFY: 0x2,
  ATTRIB: 0x4,
  CLOSE_WRITE: 0x8,
  MOVED_FROM: 0x40,
  MOVED_TO: 0x80,
  CREATE: 0x100,
  DELETE: 0x200,
  DELETE_SELF: 0x400,
  MOVE_SELF: 0x800,
  UNMOUNT: 0x2000,
  /** Events were lost: any watched directory may have changed. */
  Q_OVERFLOW: 0x4000,
  IGNORED: 0x8000,
  ONLYDIR: 0x0100_0000,
  EXCL_UNLINK: 0x0400_0000,
  ISDIR: 0x4000_0000,
} as const;

/** Offsets in struct inotify_event; the name follows, NUL-padded to `len`. */
export const INOTIFY_OFFSETS = { wd: 0, mask: 4, cookie: 8, len: 12, name: 16 } as const;

/** Called once per event. `name` is "" for the watched object itself. */
export type InotifyListener = (watch: number, mask: number, cookie: number, name: string) => void;

/** Creates a queue. Returns its descriptor or -errno (-EMFILE: fs.inotify.max_user_instances is reached). */
export function createInotify(): number {
  return sys(Syscall.inotify_init1, Open.NONBLOCK | Open.CLOEXEC);
}

/**
 * Watches the object of a descriptor (O_PATH too). Returns a watch number or -errno (-ENOSPC:
 * fs.inotify.max_user_watches is reached).
 */
export function addWatch(queue: number, fd: number, mask: number): number {
  return sys(Syscall.inotify_add_watch, queue, cString(procPath(fd)), mask);
}

/** Ends a watch; the kernel then queues an IGNORED event. Returns 0 or -errno. */
export function removeWatch(queue: number, watch: number): number {
  return sys(Syscall.inotify_rm_watch, queue, watch);
}

const room = new Scratch(65_536);

/** Passes every queued event to `listener`. Returns 0 once the queue is empty, or -errno. */
export function drainInotify(queue: number, listener: InotifyListener): number {
  for (;;) {
    const length = sys(Syscall.read, queue, room.address, room.bytes.length);
    if (length < 0) return length === -Errno.EAGAIN ? 0 : length;
    // A copy, because the listener may drain a queue itself and so overwrite `room`.
    const bytes = room.bytes.slice(0, length);
    const view = new DataView(bytes.buffer);
    for (let at = 0; at + INOTIFY_OFFSETS.name <= length;) {
      const nameLength = view.getUint32(at + INOTIFY_OFFSETS.len, true);
      const start = at + INOTIFY_OFFSETS.name;
      const name = nameOf(bytes, start, nameLength);
      listener(
        view.getInt32(at + INOTIFY_OFFSETS.wd, true),
        view.getUint32(at + INOTIFY_OFFSETS.mask, true),
        view.getUint32(at + INOTIFY_OFFSETS.cookie, true),
        name,
      );
      at = start + nameLength;
    }
  }
}

function nameOf(bytes: Uint8Array, start: number, length: number): string {
  let end = start;
  while (end < start + length && bytes[end] !== 0) end++;
  return decodeName(bytes.subarray(start, end));
}

// fcntl(2) commands and O_ASYNC of asm-generic/fcntl.h, the same on x86-64 and arm64.
const F_SETFL = 4;
const F_SETOWN = 8;
const O_ASYNC = 0x2000;

/**
 * Turns SIGIO to this process on or off for arriving events. A permanent SIGIO handler must be installed
 * before, because the signal's default action terminates the process. Returns 0 or -errno.
 */
export function signalEvents(queue: number, wanted: boolean): number {
  if (!wanted) return sys(Syscall.fcntl, queue, F_SETFL, Open.NONBLOCK);
  const owned = sys(Syscall.fcntl, queue, F_SETOWN, process.pid);
  return owned < 0 ? owned : sys(Syscall.fcntl, queue, F_SETFL, Open.NONBLOCK | O_ASYNC);
}

export function closeInotify(queue: number): number {
  return closeFd(queue);
}
