// Benchmarks this server and Debian's smbd in turn, with the same clients and the same folders, within a time limit.
// README.md beside this file has the usage and tells about the rows.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { hasSmbd } from "../peer/smbd.ts";
import { makeDirectory, removeDirectory } from "../peer/test-server.ts";
import { Budget } from "./budget.ts";
import { drawChart } from "./chart.ts";
import { Folder, mostMib } from "./folders.ts";
import { IdleServers } from "./fresh-server.ts";
import { compareInstructions } from "./instructions.ts";
import { compile } from "./load.ts";
import { Measuring } from "./measuring.ts";
import { writeReadme } from "./readme.ts";
import { describeMachine, type Figures, formatGoals, formatHead, formatRow } from "./report.ts";
import { type Row } from "./row.ts";
import { allRows, WAKE_UPS } from "./rows.ts";
import type { Bench } from "./runs.ts";
import { Side } from "./sides.ts";
import { CEILING, ceilingStarter, ownStarter, type Paths, smbdStarter } from "./subjects.ts";

const { values: options, positionals } = parseArgs({
  options: {
    rows: { type: "string", default: "" },
    runs: { type: "string", default: "3" },
    minutes: { type: "string", default: "19" },
    mib: { type: "string", default: "1024" },
    memory: { type: "string", default: "/dev/shm" },
    disk: { type: "string", default: "/var/tmp" },
    against: { type: "string" },
    json: { type: "string" },
    svg: { type: "string" },
    from: { type: "string" },
    "write-readme": { type: "boolean", default: false },
    arm64: { type: "boolean", default: false },
    qemu: { type: "string", default: "qemu-aarch64" },
  },
  allowPositionals: true,
});

/** Of the time limit, for what is before the first row and after the last. */
const AROUND_SECONDS = 40;

/** Of one measurement. */
const LONGEST_SECONDS = 30;

interface Sides {
  readonly own: Side;
  readonly pure: Side;
  readonly peer: Side | undefined;
  readonly ceiling: Side;
}

function chooseSides(paths: Paths, program: string): Sides {
  const own = (name: string, parameters = {}, executable?: string): Side =>
    new Side(name, ownStarter(paths, { name, parameters, ...(executable ? { executable } : {}) }));
  const isSmbd = options.against === undefined && hasSmbd();
  if (!isSmbd && !options.against)
    console.log("smbd is not installed, or this is not root: only minismbd is measured");
  return {
    own: own("minismbd"),
    pure: own("minismbd", { "crypto provider": "pure" }),
    peer: options.against
      ? own("other", {}, options.against)
      : isSmbd
        ? new Side("smbd", smbdStarter(paths))
        : undefined,
    ceiling: new Side(CEILING, ceilingStarter(paths, program)),
  };
}

function sidesOf(row: Row, { own, pure, peer, ceiling }: Sides): Side[] {
  const servers = [row.provider === "pure" ? pure : own, ...(peer === undefined ? [] : [peer])];
  return row.hasCeiling === true ? [...servers, ceiling] : servers;
}

function prepare(directory: string, disk: string): { bench: Bench; program: string } {
  const library = join(directory, "load.so");
  const program = join(directory, "ceiling");
  compile("load.c", library);
  compile("ceiling.c", program);
  const mib = Math.min(mostMib(directory, Number(options.mib)), mostMib(disk, Number(options.mib)));
  const folders = {
    memory: new Folder(join(directory, "share"), mib),
    disk: new Folder(join(disk, "share"), mib),
  };
  return { bench: { library, folders, mib, signal: new AbortController().signal }, program };
}

/** Stops what has been started, also when the benchmark is interrupted: smbd is no child of the terminal's group. */
let stopServers = (): Promise<void> => Promise.resolve();

/** Measures the chosen rows; `report` gets the figures after each. */
async function run(
  directories: readonly [string, string],
  report: (figures: Figures) => void,
): Promise<Figures> {
  const startedMs = performance.now();
  const [directory, disk] = directories;
  const { bench, program } = prepare(directory, disk);
  const sides = chooseSides({ memory: bench.folders.memory.path, disk: bench.folders.disk.path }, program);
  const idle = new IdleServers();
  stopServers = async () => {
    const all = [sides.own, sides.pure, sides.peer, sides.ceiling, idle];
    await Promise.all(all.map((each) => each?.stop().catch(() => undefined)));
  };
  const pattern = new RegExp(options.rows);
  const rows = allRows(idle).filter(({ name }) => pattern.test(name));
  const { own, peer } = sides;
  const servers = [own, ...(peer === undefined ? [] : [peer])];
  const names = [...servers.map(({ name }) => name), CEILING];
  const elapsed = (): number => (performance.now() - startedMs) / 1000;
  let figures: Figures = {
    ...describeMachine(),
    ...{ seconds: 0, runs: Number(options.runs), mib: bench.mib },
    ...{ memory: options.memory, disk: options.disk, servers: names, rows: [] },
  };
  try {
    if (rows.some(({ name }) => name === WAKE_UPS)) await idle.start(servers);
    const weight = rows.reduce((sum, row) => sum + (row.weight ?? 1), 0);
    const seconds = Number(options.minutes) * 60 - AROUND_SECONDS - elapsed();
    const budget = new Budget(seconds, weight, () => performance.now() / 1000);
    const measuring = new Measuring(bench, budget, {
      runs: Number(options.runs),
      longestSeconds: LONGEST_SECONDS,
    });
    console.log(
      `medians of ${options.runs} runs; files in ${directories.join(" and ")}\n${formatHead(names)}`,
    );
    for (const row of rows) {
      const done = await measuring.measure(row, sidesOf(row, sides));
      console.log(formatRow(done, names));
      figures = { ...figures, seconds: Math.round(elapsed()), rows: [...figures.rows, done] };
      report(figures);
    }
  } finally {
    await stopServers();
  }
  return figures;
}

function draw(
  { rows, processors, processor, kernel, date, runs, servers }: Figures,
  isShort: boolean,
): string {
  const peer = servers[1] === CEILING ? "nobody" : (servers[1] ?? "");
  return drawChart(
    rows.filter(({ isHeadline }) => isHeadline || !isShort),
    peer,
    {
      title: `minismbd and ${peer}, medians of ${runs} runs in turn`,
      subtitle: `${processors} × ${processor}, Linux ${kernel}, ${date}`,
    },
  );
}

function report(figures: Figures): void {
  if (options.json !== undefined) writeFileSync(options.json, `${JSON.stringify(figures, null, 2)}\n`);
  if (options.svg !== undefined) writeFileSync(options.svg, draw(figures, false));
}

function finish(figures: Figures): void {
  report(figures);
  const rows = figures.rows.map((row) => formatRow(row, figures.servers));
  const table = [formatHead(figures.servers), ...rows, "", formatGoals(figures.rows), ""].join("\n");
  console.log(`\n${table}${figures.seconds} s`);
  if (options["write-readme"]) writeReadme(figures, draw(figures, true), table);
}

async function countInstructions(): Promise<void> {
  if (positionals.length === 0) throw new Error("usage: npm run bench -- --arm64 OLD NEW");
  const directory = makeDirectory("minismbd-bench", existsSync(options.memory) ? options.memory : undefined);
  const executables = positionals.map((path) => resolve(path));
  try {
    const pattern = new RegExp(options.rows);
    await compareInstructions(directory, { qemu: options.qemu, executables, pattern });
  } finally {
    removeDirectory(directory);
  }
}

async function main(): Promise<void> {
  if (options.from !== undefined) return finish(JSON.parse(readFileSync(options.from, "utf8")) as Figures);
  if (options.arm64) return countInstructions();
  const directory = makeDirectory("minismbd-bench", existsSync(options.memory) ? options.memory : undefined);
  mkdirSync(options.disk, { recursive: true });
  const disk = makeDirectory("minismbd-bench", options.disk);
  const clear = (): void => [directory, disk].forEach(removeDirectory);
  process.once("SIGINT", () => {
    void stopServers().finally(() => {
      clear();
      process.exit(130);
    });
  });
  try {
    finish(await run([directory, disk], report));
  } finally {
    clear();
  }
}

await main();
