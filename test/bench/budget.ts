// How a benchmark's time is shared out among its rows, and how much work a row does in its share.

/** The part of a row's work by which the row begins: to warm up, and to tell how long all of it would take. */
export const FIRST_SCALE = 1 / 8;

export class Budget {
  private readonly endSeconds: number;
  private readonly now: () => number;
  private weight: number;

  /** `weight`: of all rows together. `now`: in seconds. */
  constructor(totalSeconds: number, weight: number, now: () => number) {
    this.now = now;
    this.endSeconds = now() + totalSeconds;
    this.weight = weight;
  }

  get remainingSeconds(): number {
    return Math.max(0, this.endSeconds - this.now());
  }

  /** Seconds for the next row: what earlier rows have left over is shared by those that follow. */
  allot(weight: number): number {
    const seconds = (this.remainingSeconds * weight) / Math.max(weight, this.weight);
    this.weight -= weight;
    return seconds;
  }
}

export interface FirstRun {
  /** Of the measurements, with all that is around them. */
  readonly seconds: number;
  /** In which requests ran. */
  readonly workSeconds: number;
}

/** The scale at which `runs` runs take `seconds`, from what a run at FIRST_SCALE took. */
export function scaleFor(seconds: number, runs: number, first: FirstRun): number {
  const around = Math.max(0, first.seconds - first.workSeconds);
  const forWork = seconds / runs - around;
  const scale = (FIRST_SCALE * forWork) / Math.max(first.workSeconds, 1e-3);
  return Math.min(1, Math.max(FIRST_SCALE, scale));
}
