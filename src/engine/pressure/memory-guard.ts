// Watches the machine's memory while clients send something, and has the engine give up what it can spare.
// An idle server samples nothing; the kernel's own report (PSI), where it has one, wakes it.
import { closeFd } from "../../linux/open.ts";
import { Epoll } from "../../linux/epoll.ts";
import { majorFaults, memoryState } from "../../linux/memory-state.ts";
import { openStallTrigger } from "../../linux/stall-trigger.ts";
import { eventLoop, type Watch } from "../../loop/event-loop.ts";
import { type MemorySample, Pressure, Step } from "./pressure.ts";

const SAMPLE_MS = 1_000;
const MIB = 1024 * 1024;

export interface GuardHost {
  /** Called with each new step. */
  readonly apply: (step: Step) => void;
  readonly log: {
    readonly warn: ((text: string) => void) | undefined;
    readonly info: ((text: string) => void) | undefined;
  };
  readonly now: () => number;
  readonly setTimer: (delayMs: number, run: () => void) => unknown;
  readonly clearTimer: (timer: unknown) => void;
  /** Tests replace these two. The first returns a descriptor or -1. */
  readonly openTrigger?: () => number;
  /** Undefined where nothing tells how much memory there is. */
  readonly sample?: () => Omit<MemorySample, "isStalled"> | undefined;
}

export class MemoryGuard {
  private readonly pressure = new Pressure();
  private readonly host: GuardHost;
  private timer: unknown;
  /** A client has sent something since the last sample. */
  private isUsed = false;
  private isStalled = false;
  private isStopped = false;
  private shortFromMs = 0;
  private isWatching = false;
  private trigger: Watch | undefined;

  constructor(host: GuardHost) {
    this.host = host;
  }

  get step(): Step {
    return this.pressure.step;
  }

  /** Asks the kernel for its reports: at the first client, when the event loop is open. */
  private watchStalls(): void {
    this.isWatching = true;
    const fd = (this.host.openTrigger ?? openStallTrigger)();
    if (fd < 0) return;
    const watch = eventLoop.watch(fd, Epoll.PRI, { ready: (events) => this.stalled(events) });
    if (typeof watch === "number") closeFd(fd);
    else this.trigger = watch;
  }

  /** Called when a client has sent something. */
  wake(): void {
    this.isUsed = true;
    if (this.timer !== undefined || this.isStopped) return;
    if (!this.isWatching) this.watchStalls();
    this.sampleLater();
  }

  stop(): void {
    this.isStopped = true;
    this.host.clearTimer(this.timer);
    this.endTrigger();
  }

  private endTrigger(): void {
    const { trigger } = this;
    if (trigger === undefined) return;
    this.trigger = undefined;
    eventLoop.unwatch(trigger);
    closeFd(trigger.fd);
  }

  private stalled(events: number): void {
    // The control group is gone.
    if ((events & Epoll.ERR) !== 0) return this.endTrigger();
    this.isStalled = true;
    this.wake();
  }

  private sampleLater(): void {
    this.timer = this.host.setTimer(SAMPLE_MS, () => {
      this.timer = undefined;
      const isWanted = this.isUsed || this.isStalled;
      this.isUsed = false;
      this.take();
      // What is still short of memory and serves nobody waits for the next request.
      if ((isWanted || this.pressure.isEasing) && !this.isStopped) this.sampleLater();
    });
  }

  private take(): void {
    const sample = (this.host.sample ?? sampleMemory)();
    const { isStalled } = this;
    this.isStalled = false;
    if (sample === undefined) return;
    const now = this.host.now();
    const before = this.step;
    if (!this.pressure.note(now, { ...sample, isStalled })) return;
    if (before === Step.NONE) this.reportShort(now, sample);
    else if (this.step === Step.NONE) this.reportEnough(now);
    this.host.apply(this.step);
  }

  private reportShort(now: number, { availableBytes, totalBytes }: Omit<MemorySample, "isStalled">): void {
    this.shortFromMs = now;
    this.host.log.warn?.(
      `memory is short (${mib(availableBytes)} of ${mib(totalBytes)} MiB available): ` +
        "clients are served with less of it, and slower",
    );
  }

  private reportEnough(now: number): void {
    const seconds = Math.round((now - this.shortFromMs) / 1000);
    this.host.log.info?.(`memory is no longer short, after ${seconds} s`);
  }
}

function sampleMemory(): Omit<MemorySample, "isStalled"> | undefined {
  const state = memoryState();
  return state === undefined ? undefined : { ...state, majorFaults: majorFaults() };
}

function mib(bytes: number): number {
  return Math.round(bytes / MIB);
}
