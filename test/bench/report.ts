// The figures of a benchmark: medians, spread and ratios, as lines for people and as JSON.
import { cpus, loadavg, release, totalmem } from "node:os";
import type { Metric, Row, Sample } from "./row.ts";
import { CEILING } from "./subjects.ts";

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
  readonly isHeadline: boolean;
  readonly metrics: Partial<Record<Metric, MetricReport>>;
  /** Server and message of each measurement that failed. */
  readonly failures: readonly string[];
}

/** The result of a benchmark. */
export interface Figures extends Machine {
  readonly seconds: number;
  readonly runs: number;
  readonly mib: number;
  /** Where the files in memory and those on a disk were. */
  readonly memory: string;
  readonly disk: string;
  /** The server, the one it is compared with, and the C program. */
  readonly servers: readonly string[];
  readonly rows: readonly RowReport[];
}

/** What the figures depend on besides the servers. */
export interface Machine {
  readonly date: string;
  readonly processor: string;
  readonly processors: number;
  readonly memoryMib: number;
  readonly kernel: string;
  /** Processes that wanted to run in the minute before: 0 on a machine for figures that others read. */
  readonly load: number;
}

export interface MetricReport {
  readonly unit: string;
  readonly figures: Readonly<Record<string, Figure>>;
  /** Of the medians of the first server and the second. */
  readonly ratio: number | undefined;
  readonly goal: number | undefined;
  readonly isReached: boolean | undefined;
  /** The same with the C program in the second server's place. */
  readonly ceiling:
    { readonly ratio: number; readonly goal?: number; readonly isReached?: boolean } | undefined;
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
  const [ours, peer] = [...samples.keys()];
  const [first, second] = [ours, peer === CEILING ? undefined : peer].map((name) => medianOf(figures, name));
  if (first === undefined) return undefined;
  const isAtLeast = metric === "value" && row.isCost !== true;
  const compare = (other: number | undefined, goal: number | undefined) => {
    const ratio = other === undefined || other === 0 ? undefined : first / other;
    const isReached =
      goal === undefined || ratio === undefined ? undefined : isAtLeast ? ratio >= goal : ratio <= goal;
    return { ratio, goal, isReached };
  };
  const { ratio, goal, isReached } = compare(second, row.goals?.[metric]);
  const isComparable = metric !== "peak";
  const beside = compare(isComparable ? medianOf(figures, CEILING) : undefined, row.ceilingGoals?.[metric]);
  const ceiling =
    beside.ratio === undefined
      ? undefined
      : {
          ratio: beside.ratio,
          ...(beside.goal === undefined ? {} : { goal: beside.goal }),
          ...(beside.isReached === undefined ? {} : { isReached: beside.isReached }),
        };
  const unit = metric === "value" ? row.unit : metric === "cpu" ? (row.cpuUnit ?? "s") : UNITS[metric];
  return { unit, figures, ratio, goal, isReached, ceiling };
}

function medianOf(figures: Readonly<Record<string, Figure>>, name: string | undefined): number | undefined {
  return name === undefined ? undefined : figures[name]?.median;
}

export function reportOf(row: Row, samples: Samples, failures: readonly string[]): RowReport {
  const metrics: Partial<Record<Metric, MetricReport>> = {};
  for (const metric of METRICS) {
    const report = metricOf(row, metric, samples);
    if (report) metrics[metric] = report;
  }
  const { name, unit, isCost = false, isHeadline = false } = row;
  return { name, unit, isCost, isHeadline, metrics, failures };
}

export function digits(value: number): string {
  return value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toPrecision(3);
}

/** Half of the range of the runs, in per cent of the median. */
function spread({ median, least, most }: Figure): string {
  return median > 0 ? `±${(((most - least) / 2 / median) * 100).toFixed(0)}%` : "";
}

const NAME_WIDTH = 44;

export function formatHead(servers: readonly string[]): string {
  const cells = [...servers.flatMap((name) => [name.padStart(11), "".padStart(6)]), "ratio".padStart(7)];
  return `${"".padEnd(NAME_WIDTH + 8)}${cells.join("")}  goal; beside the C program`;
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
    const sign = metric === "value" && !report.isCost ? ">=" : "<=";
    const goal = found.goal === undefined ? "" : `  ${formatGoal(sign, found.goal, found.isReached)}`;
    const { ceiling } = found;
    const beside = ceiling === undefined ? "" : `; ${ceiling.ratio.toFixed(2)}`;
    const limit =
      ceiling?.goal === undefined ? beside : `${beside} ${formatGoal(sign, ceiling.goal, ceiling.isReached)}`;
    const name = metric === "value" ? report.name : `  ${metric}`;
    return [`${name.padEnd(NAME_WIDTH)}${found.unit.padEnd(8)}${cells.join("")}${ratio}${goal}${limit}`];
  });
  const failures = report.failures.map((text) => `  failed: ${text}`);
  return [...(lines.length > 0 ? lines : [report.name]), ...failures].join("\n");
}

function formatGoal(sign: string, goal: number, isReached: boolean | undefined): string {
  return `${sign} ${goal}${isReached === false ? " missed" : ""}`;
}

/** How many goals are reached, then a line for each that is missed and for each row without a comparison. */
export function formatGoals(reports: readonly RowReport[]): string {
  const missed: string[] = [];
  let reached = 0;
  const judge = (isReached: boolean | undefined, line: string): void => {
    if (isReached === true) reached++;
    else missed.push(isReached === false ? `  missed: ${line}` : `  not measured: ${line}`);
  };
  for (const { name, isCost, metrics } of reports) {
    for (const metric of METRICS) {
      const found = metrics[metric];
      const sign = metric === "value" && !isCost ? ">=" : "<=";
      const what = metric === "value" ? name : `${name}, ${metric}`;
      const line = (ratio: number | undefined, goal: number, beside: string): string =>
        `${what}: ${ratio?.toFixed(2) ?? "-"} of ${beside}, goal ${sign} ${goal}`;
      if (found?.goal !== undefined)
        judge(found.isReached, line(found.ratio, found.goal, "the other server"));
      const ceiling = found?.ceiling;
      if (ceiling?.goal !== undefined)
        judge(ceiling.isReached, line(ceiling.ratio, ceiling.goal, "the C program"));
    }
  }
  const failed = reports.flatMap(({ name, failures }) =>
    failures.map((text) => `  failed: ${name}: ${text}`),
  );
  const total = reached + missed.length;
  return [`Goals reached: ${reached} of ${total}`, ...missed, ...failed].join("\n");
}

export function describeMachine(): Machine {
  const all = cpus();
  return {
    date: new Date().toISOString().slice(0, 10),
    processor: all[0]?.model ?? "",
    processors: all.length,
    memoryMib: Math.round(totalmem() / 1024 / 1024),
    kernel: release(),
    load: loadavg()[0] ?? 0,
  };
}
