// The figures of a benchmark: medians, spread and ratios, as lines for people and as JSON.
import { cpus, release, totalmem } from "node:os";
import type { Metric, Row, Sample } from "./rows.ts";

/** Name of a server to its samples, one a run. */
export type Samples = ReadonlyMap<string, readonly Sample[]>;

export interface Figure {
  readonly median: number;
  readonly least: number;
  readonly most: number;
}

export interface RowReport {
  readonly name: string;
  readonly unit: string;
  readonly isCost: boolean;
  readonly metrics: Partial<Record<Metric, MetricReport>>;
  /** Server and message of each measurement that failed. */
  readonly failures: readonly string[];
}

export interface MetricReport {
  readonly unit: string;
  readonly figures: Readonly<Record<string, Figure>>;
  /** Of the medians of the first server and the second. */
  readonly ratio: number | undefined;
  readonly goal: number | undefined;
  readonly isReached: boolean | undefined;
}

function figureOf(values: readonly number[]): Figure {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  const median = sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
  return { median, least: sorted[0] ?? Number.NaN, most: sorted.at(-1) ?? Number.NaN };
}

const UNITS: Readonly<Record<Metric, string>> = { value: "", cpu: "", peak: "MiB", p50: "ms", p99: "ms" };
const METRICS = Object.keys(UNITS) as Metric[];

function metricOf(row: Row, metric: Metric, samples: Samples): MetricReport | undefined {
  const figures: Record<string, Figure> = {};
  for (const [server, list] of samples) {
    const values = list.map((sample) => sample[metric]).filter((value) => value !== undefined);
    if (values.length > 0) figures[server] = figureOf(values);
  }
  const [first, second] = [...samples.keys()].slice(0, 2).map((name) => figures[name]?.median);
  if (first === undefined) return undefined;
  const ratio = second === undefined ? undefined : first / second;
  const goal = row.goals?.[metric];
  const isAtLeast = metric === "value" && !row.isCost;
  const isReached =
    goal === undefined || ratio === undefined ? undefined : isAtLeast ? ratio >= goal : ratio <= goal;
  const unit = metric === "value" ? row.unit : metric === "cpu" ? (row.cpuUnit ?? "s") : UNITS[metric];
  return { unit, figures, ratio, goal, isReached };
}

export function reportOf(row: Row, samples: Samples, failures: readonly string[]): RowReport {
  const metrics: Partial<Record<Metric, MetricReport>> = {};
  for (const metric of METRICS) {
    const report = metricOf(row, metric, samples);
    if (report) metrics[metric] = report;
  }
  return { name: row.name, unit: row.unit, isCost: row.isCost === true, metrics, failures };
}

function digits(value: number): string {
  return value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toPrecision(3);
}

/** Half of the range of the runs, in per cent of the median. */
function spread({ median, least, most }: Figure): string {
  return median > 0 ? `±${(((most - least) / 2 / median) * 100).toFixed(0)}%` : "";
}

const NAME_WIDTH = 40;

export function formatHead(servers: readonly string[]): string {
  const cells = [...servers.flatMap((name) => [name.padStart(11), "".padStart(6)]), "ratio".padStart(7)];
  return `${"".padEnd(NAME_WIDTH + 8)}${cells.join("")}  goal`;
}

export function formatRow(report: RowReport, servers: readonly string[]): string {
  const lines = METRICS.flatMap((metric) => {
    const found = report.metrics[metric];
    if (!found) return [];
    const cells = servers.map((server) => {
      const figure = found.figures[server];
      return figure ? digits(figure.median).padStart(11) + spread(figure).padStart(6) : "".padStart(17);
    });
    const ratio = (found.ratio?.toFixed(2) ?? "").padStart(7);
    const isRate = metric === "value" && !report.isCost;
    const mark = found.isReached === false ? " missed" : "";
    const goal = found.goal === undefined ? "" : `  ${isRate ? ">=" : "<="} ${found.goal}${mark}`;
    const name = metric === "value" ? report.name : `  ${metric}`;
    return [`${name.padEnd(NAME_WIDTH)}${found.unit.padEnd(8)}${cells.join("")}${ratio}${goal}`];
  });
  return [...lines, ...report.failures.map((text) => `  failed: ${text}`)].join("\n");
}

/** What the figures depend on besides the servers. */
export function describeMachine(): Readonly<Record<string, string | number>> {
  const all = cpus();
  return {
    date: new Date().toISOString().slice(0, 10),
    processor: all[0]?.model ?? "",
    processors: all.length,
    memoryMib: Math.round(totalmem() / 1024 / 1024),
    kernel: release(),
  };
}
