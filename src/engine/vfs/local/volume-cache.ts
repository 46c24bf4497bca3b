// The answers to questions about a disk's space, kept for `dfree cache time`, so that clients that ask again
// and again do not reach the disk.
import { andThen } from "../../and-then.ts";
import type { MaybePromise } from "../../../port/port.ts";
import type { Failure, VolumeInfo } from "../store.ts";

/** File systems below one share. */
const MAX_KNOWN = 64;

export class VolumeCache {
  private readonly keepMs: number;
  private readonly nowMs: () => number;
  private readonly known = new Map<number, { readonly info: VolumeInfo; readonly untilMs: number }>();

  /** `nowMs` is a monotonic clock. */
  constructor(keepSeconds: number, nowMs: () => number) {
    this.keepMs = keepSeconds * 1000;
    this.nowMs = nowMs;
  }

  /** The volume of a device: what was asked last, or else by `ask`. Failures are not kept. */
  get(device: number, ask: () => MaybePromise<VolumeInfo | Failure>): MaybePromise<VolumeInfo | Failure> {
    if (this.keepMs === 0) return ask();
    const found = this.known.get(device);
    if (found !== undefined && this.nowMs() < found.untilMs) return found.info;
    return andThen(ask(), (info) => {
      if (typeof info === "number") return info;
      if (this.known.size >= MAX_KNOWN) this.known.clear();
      this.known.set(device, { info, untilMs: this.nowMs() + this.keepMs });
      return info;
    });
  }
}
