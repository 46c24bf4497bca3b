// Benchmarks this server and Debian's smbd in turn, with the same clients and the same folder. Usage:
// npm run bench -- [--rows PATTERN] [--runs N] [--mib N] [--folder DIR] [--against EXECUTABLE] [--provider NAME]
// [--json PATH] [--svg PATH]. The default folder is in memory (/dev/shm). README.md beside this file tells about
// the rows.
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { hasSmbd } from "../peer/smbd.ts";
import { makeDirectory, removeDirectory } from "../peer/test-server.ts";
import { drawChart } from "./chart.ts";
import { compile } from "./load.ts";
import { describeMachine, formatHead, formatRow, reportOf, type RowReport } from "./report.ts";
import { clearShare, prepareShare, type Row, rows, type Sample, type Side } from "./rows.ts";
import type { Bench } from "./runs.ts";
import { ceilingStarter, ownStarter, type OwnSettings, smbdStarter, type Starter } from "./subjects.ts";

const { values: options } = parseArgs({
  options: {
    rows: { type: "string", default: "" },
    runs: { type: "string", default: "3" },
    mib: { type: "string", default: "1024" },
    folder: { type: "string", default: "/dev/shm" },
    against: { type: "string" },
    provider: { type: "string" },
    json: { type: "string" },
    svg: { type: "string" },
  },
});

const CEILING = "ceiling";

function chooseStarters(program: string): Map<string, Starter> {
  const parameters = options.provider === undefined ? {} : { "crypto provider": options.provider };
  const own = (name: string, more: Partial<OwnSettings> = {}): Starter =>
    ownStarter({ name, parameters, ...more });
  const starters = new Map<string, Starter>([["minismbd", own("minismbd")]]);
  if (options.against) starters.set("other", own("other", { executable: options.against }));
  else if (options.against === undefined && hasSmbd()) starters.set("smbd", smbdStarter);
  else console.log("smbd is not installed, or this is not root: only minismbd is measured");
  return starters.set(CEILING, ceilingStarter(program, "big"));
}

/** Measures a row: each server once, then each once again, `runs` times. */
async function measure(row: Row, bench: Bench, sides: ReadonlyMap<string, Side>): Promise<RowReport> {
  const samples = new Map<string, Sample[]>();
  const failures: string[] = [];
  for (let run = 0; run < Math.min(Number(options.runs), row.mostRuns ?? Infinity); run++) {
    for (const [name, side] of sides) {
      if (name === CEILING && !row.hasCeiling) continue;
      try {
        const sample = await row.measure(bench, side);
        samples.set(name, [...(samples.get(name) ?? []), sample]);
      } catch (error) {
        failures.push(`${name}: ${error instanceof Error ? error.message : String(error)}`);
      }
      clearShare(bench.path);
    }
  }
  return reportOf(row, samples, failures);
}

function write(reports: readonly RowReport[], seconds: number): void {
  const machine = describeMachine();
  const about = {
    ...machine,
    seconds: Math.round(seconds),
    runs: Number(options.runs),
    mib: Number(options.mib),
  };
  const { folder, provider = "native" } = options;
  if (options.json !== undefined)
    writeFileSync(
      options.json,
      `${JSON.stringify({ ...about, folder, provider, rows: reports }, null, 2)}\n`,
    );
  if (options.svg === undefined) return;
  const peer = options.against === undefined ? "smbd" : "the other build";
  const title = `minismbd and ${peer}, medians of ${options.runs} runs in turn`;
  const subtitle = `${machine["processors"]} × ${machine["processor"]}, Linux ${machine["kernel"]}, ${machine["date"]}`;
  writeFileSync(options.svg, drawChart(reports, peer, { title, subtitle }));
}

async function main(): Promise<void> {
  const started = performance.now();
  const directory = makeDirectory("minismbd-bench", existsSync(options.folder) ? options.folder : undefined);
  const bench = {
    library: join(directory, "load.so"),
    path: join(directory, "share"),
    mib: Number(options.mib),
  };
  const program = join(directory, "ceiling");
  const pattern = new RegExp(options.rows);
  const sides = new Map<string, Side>();
  try {
    compile("load.c", bench.library);
    compile("ceiling.c", program);
    prepareShare(bench.path, bench.mib);
    for (const [name, start] of chooseStarters(program))
      sides.set(name, { subject: await start(bench.path), start });
    const names = [...sides.keys()];
    console.log(`${options.runs} runs each, medians; files in ${directory}\n${formatHead(names)}`);
    const reports: RowReport[] = [];
    for (const row of rows.filter(({ name }) => pattern.test(name))) {
      const report = await measure(row, bench, sides);
      console.log(formatRow(report, names));
      reports.push(report);
      write(reports, (performance.now() - started) / 1000);
    }
  } finally {
    for (const { subject } of sides.values()) await subject.stop();
    removeDirectory(directory);
  }
}

await main();
