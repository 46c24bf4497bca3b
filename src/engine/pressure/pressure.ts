// How short memory is, as a step, from samples a second apart. Each step gives up more than the one before,
// and is taken back after some seconds of comfort. Pure; the clock is passed in.

/** What the server gives up from each step on. */
export const Step = {
  /** Nothing. */
  NONE: 0,
  /** Clients get fewer credits, and the buffers half of their budget. */
  CREDITS: 1,
  /** A quarter of the budget: sockets are not read while it is in use. */
  BUFFERS: 2,
  /** An eighth; the caches of names and descriptors are dropped. */
  CACHES: 3,
  /** Log-ons are refused while others are logged on. */
  LOGONS: 4,
} as const;
export type Step = (typeof Step)[keyof typeof Step];

export interface MemorySample {
  readonly totalBytes: number;
  readonly availableBytes: number;
  /** Of the process since its start. */
  readonly majorFaults: number;
  /** The kernel has reported that work waits for memory. */
  readonly isStalled: boolean;
}

/** Memory is short where less than this part of it is available, and less than MOST_SHORT_BYTES. */
const SHORT_PART = 1 / 16;
const MOST_SHORT_BYTES = 64 * 1024 * 1024;
/** Twice as much is comfort. */
const COMFORT_FACTOR = 2;
/**
 * Major faults a second: on a small box the server reads its own code again. MemAvailable does not tell, as
 * it counts the memory that the kernel keeps free: 9 of 52 MiB while 2 MiB of page cache were left.
 */
const SHORT_FAULTS = 300;
const COMFORT_FAULTS = 75;
/** Without a sample for this long (a quiet server) the count of faults begins anew. */
const LONGEST_GAP_MS = 5_000;
/** A single short sample may be the start of something: its pages are read once. */
const SAMPLES_BEFORE_FIRST = 2;
/** How long all else must have been given up, and too little been available, before log-ons are refused. */
const BEFORE_LOGONS_MS = 5_000;
/** Comfort before a step is taken back. */
const COMFORT_MS = 5_000;
/** The budget of buffers never shrinks below this, or a large request would not fit. */
const LEAST_BUDGET_BYTES = 1024 * 1024;

/** Bytes of the buffers' budget that are used at a step. */
export function budgetAt(step: Step, budgetBytes: number): number {
  const shift = Math.min(step, Step.CACHES);
  return Math.min(budgetBytes, Math.max(LEAST_BUDGET_BYTES, Math.floor(budgetBytes / 2 ** shift)));
}

export class Pressure {
  step: Step = Step.NONE;
  private shortSamples = 0;
  /** Time and faults of the last sample. */
  private lastMs = -Infinity;
  private lastFaults = 0;
  /** When the present step was taken. */
  private stepMs = 0;
  /** Since when too little is available; undefined while enough is. */
  private scarceMs: number | undefined;
  /** Since when there is comfort; undefined where there is none. */
  private comfortMs: number | undefined;

  /** True while further samples without shortage would take a step back. */
  get isEasing(): boolean {
    return this.step !== Step.NONE && this.comfortMs !== undefined;
  }

  /** Takes a sample; true where it changes the step. */
  note(nowMs: number, sample: MemorySample): boolean {
    const before = this.step;
    const faults = this.faultsPerSecond(nowMs, sample.majorFaults);
    const shortBytes = Math.min(sample.totalBytes * SHORT_PART, MOST_SHORT_BYTES);
    const isScarce = sample.availableBytes < shortBytes;
    const isShort = sample.isStalled || isScarce || faults > SHORT_FAULTS;
    const isAmple = sample.availableBytes >= shortBytes * COMFORT_FACTOR;
    const isCalm = !sample.isStalled && faults <= COMFORT_FAULTS;
    // Faults and stalls alone refuse no log-on.
    const isComfort = isAmple && (isCalm || this.step === Step.LOGONS);
    if (!isComfort) this.comfortMs = undefined;
    else this.comfortMs ??= nowMs;
    if (!isScarce) this.scarceMs = undefined;
    else this.scarceMs ??= nowMs;
    this.shortSamples = isShort ? this.shortSamples + 1 : 0;
    if (this.comfortMs !== undefined && nowMs - this.comfortMs >= COMFORT_MS) this.lower(nowMs);
    else if (isShort) this.raise(nowMs);
    return this.step !== before;
  }

  private faultsPerSecond(nowMs: number, majorFaults: number): number {
    const passedMs = nowMs - this.lastMs;
    const faults = majorFaults - this.lastFaults;
    this.lastMs = nowMs;
    this.lastFaults = majorFaults;
    return passedMs > 0 && passedMs <= LONGEST_GAP_MS ? (faults * 1000) / passedMs : 0;
  }

  private raise(nowMs: number): void {
    if (this.step === Step.LOGONS || this.shortSamples < SAMPLES_BEFORE_FIRST) return;
    if (this.step === Step.CACHES) {
      const fromMs = Math.max(this.stepMs, this.scarceMs ?? nowMs);
      if (nowMs - fromMs < BEFORE_LOGONS_MS) return;
    }
    this.step = (this.step + 1) as Step;
    this.stepMs = nowMs;
  }

  /** The next step back needs as long a comfort of its own. */
  private lower(nowMs: number): void {
    if (this.step === Step.NONE) return;
    this.step = (this.step - 1) as Step;
    this.stepMs = nowMs;
    this.comfortMs = nowMs;
  }
}
