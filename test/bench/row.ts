// One row of the benchmark's table: what is measured, in which unit, and what is to be reached.
import type { Place } from "./folders.ts";
import type { Bench } from "./runs.ts";
import type { Side } from "./sides.ts";

/** Names of figures: `value` is the row's own, in its unit. */
export type Metric = "value" | "cpu" | "peak" | "p50" | "p99";

/** `seconds`: how long the requests ran, where more of them take longer. */
export type Sample = Partial<Record<Metric | "seconds", number>>;

/** Ratios that are to be reached: at least for rates, at most for costs. */
export type Goals = Partial<Record<Metric, number>>;

export interface Row {
  readonly name: string;
  readonly place: Place;
  readonly unit: string;
  /** Unit of `cpu`. */
  readonly cpuUnit?: "s/GiB" | "s/1000";
  /** Less is better. */
  readonly isCost?: boolean;
  readonly hasCeiling?: boolean;
  /** `crypto provider` of minismbd in this row; absent: native. */
  readonly provider?: "pure";
  /** At most so many runs, for what takes long and varies little. */
  readonly mostRuns?: number;
  /** The share of the time that this row needs beside others; 1. */
  readonly weight?: number;
  /** To smbd. */
  readonly goals?: Goals;
  /** To the C program. */
  readonly ceilingGoals?: Goals;
  /** It is in the README's table and picture. */
  readonly isHeadline?: boolean;
  /** `scale`: above 0 and at most 1, of the row's amount of work; ignored where the row takes a fixed time. */
  readonly measure: (bench: Bench, side: Side, scale: number) => Promise<Sample>;
}
