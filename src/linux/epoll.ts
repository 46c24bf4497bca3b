// Waiting for many descriptors at once; epoll(7).
import { Scratch, sys } from "./libc.ts";
import { Open } from "./open.ts";
import { Syscall, architecture, type Architecture } from "./syscall-numbers.ts";

/** EPOLL masks of sys/epoll.h. ERR and HUP are always reported, whatever was asked for. */
export const Epoll = { IN: 0x1, PRI: 0x2, OUT: 0x4, ERR: 0x8, HUP: 0x10 } as const;

/** epoll_ctl(2) operations. */
export const EpollControl = { ADD: 1, DEL: 2, MOD: 3 } as const;

export interface EpollLayout {
  readonly size: number;
  readonly events: number;
  readonly data: number;
}

/** Layout of struct epoll_event, which is packed on x86-64 alone. */
export function epollLayout(of: Architecture): EpollLayout {
  return of === "x64" ? { size: 12, events: 0, data: 4 } : { size: 16, events: 0, data: 8 };
}

const LAYOUT = epollLayout(architecture);
const single = new Scratch(LAYOUT.size);

/** Creates an epoll. Returns its descriptor or -errno. */
export function createEpoll(): number {
  return sys(Syscall.epoll_create1, Open.CLOEXEC);
}

/**
 * Adds, changes or removes a descriptor. `tag` is 32 bits that come back with its events beside the
 * descriptor. Returns 0 or -errno.
 */
export function controlEpoll(
  epoll: number,
  operation: number,
  fd: number,
  events: number,
  tag: number,
): number {
  single.view.setUint32(LAYOUT.events, events, true);
  single.view.setInt32(LAYOUT.data, fd, true);
  single.view.setUint32(LAYOUT.data + 4, tag, true);
  return sys(Syscall.epoll_ctl, epoll, operation, fd, single.address);
}

/** Room for the events of one wait. */
export class EpollEvents {
  private readonly capacity: number;
  private readonly room: Scratch;

  constructor(capacity: number) {
    this.capacity = capacity;
    this.room = new Scratch(capacity * LAYOUT.size);
  }

  /**
   * Waits until a descriptor is ready or `timeoutMs` are over; without limit for -1. Returns the number of
   * events or -errno (-EINTR: a signal).
   */
  wait(epoll: number, timeoutMs: number): number {
    return sys(Syscall.epoll_pwait, epoll, this.room.address, this.capacity, timeoutMs, 0, 0);
  }

  eventsAt(index: number): number {
    return this.room.view.getUint32(index * LAYOUT.size + LAYOUT.events, true);
  }

  fdAt(index: number): number {
    return this.room.view.getInt32(index * LAYOUT.size + LAYOUT.data, true);
  }

  tagAt(index: number): number {
    return this.room.view.getUint32(index * LAYOUT.size + LAYOUT.data + 4, true);
  }
}
