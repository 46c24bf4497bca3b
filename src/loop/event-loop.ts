// The event loop of the server's sockets, inside the runtime's: an epoll of ours watches the sockets and the
// runtime's own epoll. A round is one wait, the ready sockets, the timers that are due and what `soon` has
// queued. A turn is as many rounds as follow one another closely; between two turns the runtime has its own
// (workers' answers, finished calls of the thread pool, signals).
import { drainMicrotasks } from "bun:jsc";
import { Errno } from "../linux/errno.ts";
import { Epoll, EpollControl, EpollEvents, controlEpoll, createEpoll } from "../linux/epoll.ts";
import { closeFd } from "../linux/open.ts";
import { findRuntimeEpoll } from "./runtime-epoll.ts";
import { throwLater, timers } from "./timers.ts";

/** The receiver of a descriptor's events. */
export interface Watcher {
  /** `events`: masks of `Epoll`. */
  ready(events: number): void;
}

/** A watched descriptor. */
export interface Watch {
  readonly fd: number;
  readonly watcher: Watcher;
  /** Tells this watch's events from those of an earlier watch of the same number. */
  readonly tag: number;
  events: number;
}

/** Events that one wait may return. */
const MAX_EVENTS = 128;
/** Milliseconds of one turn after which further ready sockets wait for the next. */
const TURN_MS = 8;
/**
 * How long a turn waits for its next round. A client that sends a request when it has the reply to the one
 * before is served without a turn of the runtime, which costs a system call and 3 µs.
 */
const NEXT_ROUND_MS = 1;
/**
 * After something has happened the loop wakes up a few more times, each time after a longer wait: the runtime
 * has timers that cannot be seen from here, among them those of its garbage collector.
 */
const FIRST_SETTLE_MS = 2;
const SETTLE_FACTOR = 4;
const LAST_SETTLE_MS = 2048;

class EventLoop {
  private epoll = -1;
  private readonly watches = new Map<number, Watch>();
  private readonly events = new EpollEvents(MAX_EVENTS);
  /** Events of the last wait: those from `next` on are not handled yet. */
  private count = 0;
  private next = 0;
  /** The runtime has something to do: its epoll was among the events. */
  private isRuntimeDue = false;
  private runtimeEpoll = -1;
  private lastTag = 0;
  private queue: (() => void)[] = [];
  private isTurning = false;
  private settleMs = FIRST_SETTLE_MS;

  /**
   * Prepares for `watch`. False where that cannot be: without /proc or epoll(7), or where the runtime's epoll
   * cannot be told. Call it before the first worker is started.
   */
  open(): boolean {
    if (this.epoll >= 0) return true;
    const runtime = findRuntimeEpoll();
    if (runtime === undefined) return false;
    const epoll = createEpoll();
    if (epoll < 0) return false;
    if (controlEpoll(epoll, EpollControl.ADD, runtime, Epoll.IN, 0) < 0) {
      closeFd(epoll);
      return false;
    }
    this.epoll = epoll;
    this.runtimeEpoll = runtime;
    return true;
  }

  /** Watches a descriptor after `open`. Returns -errno where the kernel refuses (-ENOMEM, -ENOSPC). */
  watch(fd: number, events: number, watcher: Watcher): Watch | number {
    const watch: Watch = { fd, watcher, events, tag: ++this.lastTag >>> 0 };
    const result = controlEpoll(this.epoll, EpollControl.ADD, fd, events, watch.tag);
    if (result < 0) return result;
    this.watches.set(fd, watch);
    this.start();
    return watch;
  }

  /** Changes the events that are wanted. */
  change(watch: Watch, events: number): void {
    if (watch.events === events) return;
    watch.events = events;
    controlEpoll(this.epoll, EpollControl.MOD, watch.fd, events, watch.tag);
  }

  /** Ends a watch; the caller then closes the descriptor. */
  unwatch(watch: Watch): void {
    if (this.watches.get(watch.fd) !== watch) return;
    this.watches.delete(watch.fd);
    controlEpoll(this.epoll, EpollControl.DEL, watch.fd, 0, 0);
  }

  /** Calls `work` after the sockets that are ready now, in the order of the calls. */
  soon(work: () => void): void {
    if (this.isTurning) this.queue.push(work);
    else setImmediate(work);
  }

  /** Resolves after the sockets that are ready now. */
  pause(): Promise<void> {
    return new Promise((resolve) => this.soon(resolve));
  }

  private start(): void {
    if (this.isTurning) return;
    this.isTurning = true;
    timers.setDriven(true);
    setImmediate(this.turn);
  }

  private readonly turn = (): void => {
    const startMs = performance.now();
    this.isRuntimeDue = false;
    try {
      if (this.next === this.count) this.wait();
      for (;;) {
        this.serveReady();
        // After a stall what clients have sent in time counts before the time limits that are over by now.
        if (this.next === this.count) timers.runDue();
        this.runQueue();
        if (this.isRuntimeDue || !this.isNeeded() || performance.now() - startMs > TURN_MS) break;
        if (this.next === this.count && !this.waitForRound()) break;
      }
    } finally {
      if (this.isNeeded()) setImmediate(this.turn);
      else this.stop();
    }
  };

  private isNeeded(): boolean {
    return this.watches.size > 0 || this.queue.length > 0;
  }

  private stop(): void {
    this.isTurning = false;
    timers.setDriven(false);
  }

  private wait(): void {
    const delayMs = this.queue.length > 0 ? 0 : timers.delayMs();
    const isSettling = this.settleMs <= LAST_SETTLE_MS && (delayMs < 0 || delayMs > this.settleMs);
    const count = this.take(isSettling ? this.settleMs : delayMs);
    if (count > 0) this.settleMs = FIRST_SETTLE_MS;
    else if (count === 0 && isSettling) this.settleMs *= SETTLE_FACTOR;
  }

  /**
   * Waits for another round of this turn. False when nothing is due: the runtime has its turn before a longer
   * wait.
   */
  private waitForRound(): boolean {
    const delayMs = this.queue.length > 0 ? 0 : timers.delayMs();
    const isShort = delayMs >= 0 && delayMs <= NEXT_ROUND_MS;
    return this.take(isShort ? delayMs : NEXT_ROUND_MS) > 0 || isShort;
  }

  /** Takes the events that come within `delayMs`. Returns their number or -errno. */
  private take(delayMs: number): number {
    const count = this.events.wait(this.epoll, delayMs);
    this.next = 0;
    this.count = Math.max(0, count);
    if (count < 0 && count !== -Errno.EINTR) throwLater(new Error(`epoll_pwait: errno ${-count}`));
    return count;
  }

  private serveReady(): void {
    const startMs = performance.now();
    while (this.next < this.count) {
      const at = this.next++;
      const fd = this.events.fdAt(at);
      // The runtime serves its own events after this turn.
      if (fd === this.runtimeEpoll) this.isRuntimeDue = true;
      const watch = this.watches.get(fd);
      // A watch that ended, perhaps for another, gets no events.
      if (watch === undefined || watch.tag !== this.events.tagAt(at)) continue;
      try {
        watch.watcher.ready(this.events.eventsAt(at));
      } catch (error) {
        throwLater(error);
      }
      // Continuations of promises run after each piece of work, as they do after each callback of the
      // runtime.
      drainMicrotasks();
      if (this.next < this.count && performance.now() - startMs > TURN_MS) return;
    }
  }

  private runQueue(): void {
    if (this.queue.length === 0) return;
    const queue = this.queue;
    this.queue = [];
    for (const work of queue) {
      try {
        work();
      } catch (error) {
        throwLater(error);
      }
      drainMicrotasks();
    }
  }
}

/** The event loop of this thread. */
export const eventLoop = new EventLoop();
