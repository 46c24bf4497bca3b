// The benchmark's part of the README: a picture, a table of the rows that matter most, and all figures beside this file.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { digits, type Figures, formatGoals, type MetricReport, type RowReport } from "./report.ts";

const ROOT = join(import.meta.dir, "../..");
const README = join(ROOT, "README.md");
const BEGIN = "<!-- benchmark: begin; written by npm run bench -- --write-readme -->";
const END = "<!-- benchmark: end -->";

function cell({ figures, unit }: MetricReport, server: string): string {
  const figure = figures[server];
  return figure === undefined ? "" : `${digits(figure.median)} ${unit}`;
}

function ratio(metric: MetricReport | undefined): string {
  return metric?.ratio === undefined ? "" : `${metric.ratio.toFixed(2)} ×`;
}

/** One line of the table: speed or cost of both servers, their ratio, and that of the processor time. */
function line({ name, metrics }: RowReport, servers: readonly string[]): string {
  const { value, cpu } = metrics;
  const [own = "", peer = ""] = servers;
  const cells = value === undefined ? ["", ""] : [cell(value, own), cell(value, peer)];
  return `| ${[name, ...cells, ratio(value), ratio(cpu)].join(" | ")} |`;
}

/** The README's text between the marks. */
export function formatSection(figures: Figures): string {
  const { servers, rows, processors, processor, kernel, date, memoryMib, runs } = figures;
  const [own = "", peer = ""] = servers;
  const headline = rows.filter(({ isHeadline, metrics }) => isHeadline && metrics.value !== undefined);
  const [summary = ""] = formatGoals(rows).split("\n");
  return [
    `![${own} beside ${peer}](test/bench/chart.svg)`,
    "",
    `Medians of ${runs} runs of each server in turn, on ${processors} × ${processor} with ${memoryMib} MiB, Linux ${kernel},`,
    `${date}; files in memory unless a row says disk. ${summary}. [All figures](test/bench/figures.txt) have the spread,`,
    "memory, latencies and a C program beside them; [test/bench/README.md](test/bench/README.md) tells how they are measured.",
    "",
    `| | ${own} | ${peer} | ratio | processor time |`,
    "| --- | --: | --: | --: | --: |",
    ...headline.map((row) => line(row, servers)),
  ].join("\n");
}

/** Replaces what is between the marks. Throws where a text has no marks. */
export function replaceSection(readme: string, section: string): string {
  const begin = readme.indexOf(BEGIN);
  const end = readme.indexOf(END);
  if (begin < 0 || end < begin) throw new Error("README.md lacks the marks of the benchmark");
  return `${readme.slice(0, begin + BEGIN.length)}\n\n${section}\n\n${readme.slice(end)}`;
}

/** Writes the README's section, the picture and all figures. `table`: what the benchmark has printed. */
export function writeReadme(figures: Figures, chart: string, table: string): void {
  writeFileSync(README, replaceSection(readFileSync(README, "utf8"), formatSection(figures)));
  writeFileSync(join(import.meta.dir, "chart.svg"), chart);
  writeFileSync(join(import.meta.dir, "figures.json"), `${JSON.stringify(figures, null, 2)}\n`);
  writeFileSync(join(import.meta.dir, "figures.txt"), table);
}
