// The picture of a benchmark: one bar a row for the ratio of the two servers' rates, as SVG without scripts.
import type { MetricReport, RowReport } from "./report.ts";

const WIDTH = 820;
const NAME_WIDTH = 270;
const ROW_HEIGHT = 19;
const PLOT_WIDTH = 400;
const HEAD = 56;
const SECTION_HEAD = 34;
/** Longer bars are cut off; their figure is beside them. */
const MOST = 5;

const COLOUR = {
  better: "#2f7d5b",
  worse: "#b4552d",
  text: "#222222",
  faint: "#8a8a8a",
  line: "#cccccc",
} as const;

interface Bar {
  readonly name: string;
  readonly ratio: number;
  readonly isBetter: boolean;
  readonly note: string;
}

function short(value: number): string {
  if (value >= 10_000) return `${(value / 1000).toFixed(0)}k`;
  return value >= 100 ? value.toFixed(0) : value.toPrecision(2);
}

function barOf(name: string, { figures, ratio, unit }: MetricReport, isCost: boolean): Bar | undefined {
  const [first, second] = Object.values(figures);
  if (ratio === undefined || !first || !second) return undefined;
  const note = `${short(first.median)} : ${short(second.median)} ${unit}`;
  return { name, ratio, isBetter: isCost ? ratio <= 1 : ratio >= 1, note };
}

function sectionsOf(reports: readonly RowReport[], peer: string): [string, Bar[]][] {
  const bars = (pick: (report: RowReport) => Bar | undefined): Bar[] =>
    reports.map(pick).filter((bar) => bar !== undefined);
  const {
    value: rates,
    cpu,
    cost,
  } = {
    value: bars(({ name, isCost, metrics }) =>
      isCost || !metrics.value ? undefined : barOf(name, metrics.value, false),
    ),
    cpu: bars(({ name, metrics }) => metrics.cpu && barOf(name, metrics.cpu, true)),
    cost: bars(({ name, isCost, metrics }) =>
      isCost && metrics.value ? barOf(name, metrics.value, true) : undefined,
    ),
  };
  return [
    [`Speed, as a multiple of ${peer}'s (longer is better)`, rates],
    [`Processor time for the same work, as a multiple of ${peer}'s (shorter is better)`, cpu],
    [`Memory, start and idleness, as a multiple of ${peer}'s (shorter is better)`, cost],
  ];
}

function escape(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

function text(x: number, y: number, content: string, attributes = ""): string {
  return `<text x="${x}" y="${y}" ${attributes}>${escape(content)}</text>`;
}

function drawBar({ name, ratio, isBetter, note }: Bar, y: number): string {
  const width = (Math.min(ratio, MOST) / MOST) * PLOT_WIDTH;
  const fill = isBetter ? COLOUR.better : COLOUR.worse;
  const x = NAME_WIDTH + 8;
  const baseline = y + ROW_HEIGHT - 6;
  return [
    text(NAME_WIDTH, baseline, name, 'text-anchor="end"'),
    `<rect x="${x}" y="${y + 2}" width="${width.toFixed(1)}" height="${ROW_HEIGHT - 6}" fill="${fill}"/>`,
    text(x + width + 5, baseline, `${ratio.toFixed(2)} ×`, 'font-weight="bold"'),
    text(WIDTH - 8, baseline, note, `text-anchor="end" fill="${COLOUR.faint}"`),
  ].join("\n");
}

/** Draws the rows that both servers have done. `title` and `subtitle` stand above them. */
export function drawChart(
  reports: readonly RowReport[],
  peer: string,
  { title, subtitle }: { readonly title: string; readonly subtitle: string },
): string {
  const parts: string[] = [];
  let y = HEAD;
  for (const [head, bars] of sectionsOf(reports, peer)) {
    if (bars.length === 0) continue;
    parts.push(text(8, y + SECTION_HEAD - 12, head, 'font-weight="bold"'));
    y += SECTION_HEAD;
    const one = NAME_WIDTH + 8 + PLOT_WIDTH / MOST;
    const bottom = y + bars.length * ROW_HEIGHT;
    for (const bar of bars) {
      parts.push(drawBar(bar, y));
      y += ROW_HEIGHT;
    }
    const dashes = `stroke="${COLOUR.text}" stroke-dasharray="2 3"`;
    parts.push(
      `<line x1="${one}" x2="${one}" y1="${bottom - bars.length * ROW_HEIGHT}" y2="${bottom}" ${dashes}/>`,
    );
  }
  const height = y + 10;
  return `${[
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}"`,
    `  font-family="sans-serif" font-size="12" fill="${COLOUR.text}" role="img" aria-label="${escape(title)}">`,
    `<rect width="${WIDTH}" height="${height}" fill="#ffffff"/>`,
    text(8, 24, title, 'font-size="16" font-weight="bold"'),
    text(8, 44, subtitle, `fill="${COLOUR.faint}"`),
    ...parts,
    "</svg>",
  ].join("\n")}\n`;
}
