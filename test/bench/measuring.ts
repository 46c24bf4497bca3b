// Measures one row within its share of the time: each server once, then each once again. A measurement that fails or
// takes too long is reported, its server is started anew, and the rest goes on.
import { type Budget, FIRST_SCALE, scaleFor } from "./budget.ts";
import { reportOf, type RowReport } from "./report.ts";
import type { Row, Sample } from "./row.ts";
import type { Bench } from "./runs.ts";
import type { Side } from "./sides.ts";

export interface MeasuringLimits {
  /** Of each server in a row. */
  readonly runs: number;
  /** A measurement is given up after this; earlier where less is left of the whole time. */
  readonly longestSeconds: number;
}

/** A measurement that has begun may take this long, even when the whole time is over. */
const LEAST_SECONDS = 5;
/** Failures after which a row is not repeated. */
const MOST_FAILURES = 2;
/** A row's next run is left out when it would take more than this multiple of the row's share. */
const MOST_OVERRUN = 1.3;
/** For a client that was killed to end. */
const KILLED_MS = 2000;

export class Measuring {
  private readonly bench: Bench;
  private readonly budget: Budget;
  private readonly limits: MeasuringLimits;
  private samples = new Map<string, Sample[]>();
  private failures: string[] = [];

  constructor(bench: Bench, budget: Budget, limits: MeasuringLimits) {
    this.bench = bench;
    this.budget = budget;
    this.limits = limits;
  }

  /** The first two of `sides` are compared. */
  async measure(row: Row, sides: readonly Side[]): Promise<RowReport> {
    const seconds = this.budget.allot(row.weight ?? 1);
    const runs = Math.min(this.limits.runs, row.mostRuns ?? Infinity);
    const began = now();
    this.samples = new Map(sides.map(({ name }) => [name, []]));
    this.failures = [];
    let scale = 1;
    let isEnough = this.budget.remainingSeconds <= 0;
    if (!isEnough) {
      const workSeconds = await this.round(row, sides, FIRST_SCALE);
      const first = { seconds: now() - began, workSeconds };
      scale = scaleFor(seconds - first.seconds, runs, first);
      isEnough = first.seconds > seconds / 2;
      // What takes a fixed time counts, and what there is no time to do better.
      if (workSeconds > 0 && !isEnough) for (const list of this.samples.values()) list.length = 0;
    }
    while (!isEnough && this.roundsDone() < runs && this.failures.length < MOST_FAILURES) {
      const startedAt = now();
      await this.round(row, sides, scale);
      const roundSeconds = now() - startedAt;
      isEnough = this.budget.remainingSeconds <= 0 || now() - began + roundSeconds > seconds * MOST_OVERRUN;
    }
    if (this.roundsDone() === 0 && this.failures.length === 0) this.failures.push("no time was left");
    return reportOf(row, this.samples, this.failures);
  }

  private roundsDone(): number {
    return Math.max(0, ...[...this.samples.values()].map(({ length }) => length));
  }

  /** Measures each side once. Returns the seconds in which requests ran. */
  private async round(row: Row, sides: readonly Side[], scale: number): Promise<number> {
    let workSeconds = 0;
    for (const side of sides) {
      try {
        const sample = await this.attempt(row, side, scale);
        this.samples.get(side.name)?.push(sample);
        workSeconds += sample.seconds ?? 0;
      } catch (error) {
        this.failures.push(`${side.name}: ${error instanceof Error ? error.message : String(error)}`);
        await side.stop().catch(() => undefined);
      }
      this.bench.folders[row.place].clear();
      if (row.place === "disk") this.bench.folders.disk.settle();
    }
    return workSeconds;
  }

  private async attempt(row: Row, side: Side, scale: number): Promise<Sample> {
    const left = Math.max(LEAST_SECONDS, this.budget.remainingSeconds);
    const seconds = Math.min(this.limits.longestSeconds, left);
    const controller = new AbortController();
    this.bench.signal = controller.signal;
    const timer = setTimeout(() => controller.abort(), seconds * 1000);
    const late = new Promise<never>((_, reject) => {
      controller.signal.addEventListener("abort", () =>
        setTimeout(() => reject(new Error(`not done after ${seconds.toFixed(0)} s`)), KILLED_MS),
      );
    });
    try {
      return await Promise.race([row.measure(this.bench, side, scale), late]);
    } catch (error) {
      throw controller.signal.aborted ? new Error(`not done after ${seconds.toFixed(0)} s`) : error;
    } finally {
      clearTimeout(timer);
    }
  }
}

function now(): number {
  return performance.now() / 1000;
}
