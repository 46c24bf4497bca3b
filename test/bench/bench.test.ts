// The benchmark runs: each kind of row once, with little data, and within its time.
import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { makeDirectory, removeDirectory } from "../peer/test-server.ts";
import { Budget, FIRST_SCALE, scaleFor } from "./budget.ts";
import { drawChart } from "./chart.ts";
import { formatSection, replaceSection } from "./readme.ts";
import { describeMachine, type Figures, formatGoals, reportOf } from "./report.ts";
import type { Row } from "./row.ts";

const ROWS = [
  "read 1 MiB x 8, plain, 3 clients",
  "write 1 MiB x 8, (plain|gmac|gcm), 1 client",
  "read 1 MiB x 8, ccm, 1 client, pure",
  "echo, depth 1",
  "disk: random write 4 KiB, depth 1",
  "disk: small files written, 1 KiB",
  "files removed",
  "listing of 100 names",
  "mixed work, 10 clients",
  "start to first accept",
];

test("each kind of row is measured with minismbd alone", async () => {
  const directory = makeDirectory("minismbd-bench-test");
  try {
    const json = join(directory, "figures.json");
    const words = [
      "--runs",
      "1",
      "--minutes",
      "2",
      "--mib",
      "24",
      "--against",
      "",
      "--json",
      json,
      "--disk",
      directory,
    ];
    const script = join(import.meta.dir, "bench.ts");
    const child = Bun.spawn([process.execPath, script, ...words, "--rows", `^(?:${ROWS.join("|")})$`], {
      stdout: "pipe",
      stderr: "pipe",
    });
    const [output, errors] = await Promise.all([
      new Response(child.stdout).text(),
      new Response(child.stderr).text(),
    ]);
    expect([await child.exited, errors]).toEqual([0, ""]);
    const { rows } = JSON.parse(readFileSync(json, "utf8")) as Figures;
    expect(rows.flatMap(({ failures }) => failures)).toEqual([]);
    expect(rows.length).toBe(12);
    for (const { name, metrics } of rows) {
      expect([name, (metrics.value?.figures["minismbd"]?.median ?? 0) > 0]).toEqual([name, true]);
      expect(output).toContain(name);
    }
  } finally {
    removeDirectory(directory);
  }
}, 300_000);

const row: Row = {
  name: "reads & writes",
  place: "memory",
  unit: "1/s",
  cpuUnit: "s/1000",
  goals: { value: 2, cpu: 0.7 },
  ceilingGoals: { value: 0.7 },
  isHeadline: true,
  measure: () => Promise.resolve({}),
};

const SAMPLES = new Map([
  [
    "minismbd",
    [
      { value: 30, cpu: 1 },
      { value: 10, cpu: 1 },
      { value: 20, cpu: 1 },
    ],
  ],
  [
    "smbd",
    [
      { value: 8, cpu: 1 },
      { value: 10, cpu: 1 },
    ],
  ],
  ["ceiling", [{ value: 40, cpu: 0.5 }]],
]);

test("a report has medians, spread, the ratios and whether the goals are reached", () => {
  const { value, cpu } = reportOf(row, SAMPLES, []).metrics;
  expect(value?.figures["minismbd"]).toEqual({ median: 20, least: 10, most: 30 });
  expect(value).toMatchObject({ unit: "1/s", goal: 2, isReached: true });
  expect(value?.ratio).toBeCloseTo(20 / 9, 5);
  expect(value?.ceiling).toEqual({ ratio: 0.5, goal: 0.7, isReached: false });
  expect(cpu).toMatchObject({ unit: "s/1000", ratio: 1, isReached: false, ceiling: { ratio: 2 } });
});

test("the summary counts goals and names those that are missed, not measured or failed", () => {
  const other = reportOf({ ...row, name: "listing" }, new Map([["minismbd", [{ value: 1 }]]]), [
    "smbd: gone",
  ]);
  expect(formatGoals([reportOf(row, SAMPLES, []), other]).split("\n")).toEqual([
    "Goals reached: 1 of 4",
    "  missed: reads & writes: 0.50 of the C program, goal >= 0.7",
    "  missed: reads & writes, cpu: 1.00 of the other server, goal <= 0.7",
    "  not measured: listing: - of the other server, goal >= 2",
    "  failed: listing: smbd: gone",
  ]);
});

test("time that a row leaves over is shared by the rows after it", () => {
  let seconds = 1000;
  const budget = new Budget(100, 4, () => seconds);
  expect(budget.allot(1)).toBe(25);
  seconds += 10;
  expect(budget.allot(1)).toBe(30);
  seconds += 50;
  expect(budget.allot(2)).toBe(40);
  seconds += 50;
  expect([budget.allot(1), budget.remainingSeconds]).toEqual([0, 0]);
});

test("a row does as much work as fits in its time, at least what it began with", () => {
  const first = { seconds: 3, workSeconds: 1 };
  expect(scaleFor(12, 3, first)).toBeCloseTo(FIRST_SCALE * 2, 5);
  expect(scaleFor(3, 3, first)).toBe(FIRST_SCALE);
  expect(scaleFor(900, 3, first)).toBe(1);
});

test("the README's section has the headline rows and replaces the former one", () => {
  const reports = [
    reportOf(row, SAMPLES, []),
    reportOf({ ...row, name: "other", isHeadline: false }, SAMPLES, []),
  ];
  const about = {
    seconds: 1,
    runs: 3,
    mib: 1,
    memory: "",
    disk: "",
    servers: ["minismbd", "smbd", "ceiling"],
  };
  const section = formatSection({ ...describeMachine(), ...about, rows: reports });
  expect(section).toContain("| reads & writes | 20.0 1/s | 9.00 1/s | 2.22 × | 1.00 × |");
  expect(section).not.toContain("| other |");
  const readme = readFileSync(join(import.meta.dir, "../../README.md"), "utf8");
  const replaced = replaceSection(readme, section);
  expect(replaceSection(replaced, section)).toBe(replaced);
  expect(replaced).toContain(section);
});

test("the chart is well-formed and has a bar for each ratio", async () => {
  const samples = new Map([
    ["minismbd", [{ value: 20, cpu: 1 }]],
    ["smbd", [{ value: 10, cpu: 4 }]],
  ]);
  const chart = drawChart([reportOf(row, samples, [])], "smbd", { title: "A < B", subtitle: "" });
  expect(chart).toContain("A &lt; B");
  expect(chart).toContain("reads &amp; writes");
  expect([...chart.matchAll(/\d\.\d\d ×/g)].map(String)).toEqual(["2.00 ×", "0.25 ×"]);
  const tags: string[] = [];
  await new HTMLRewriter()
    .on("*", { element: (element) => void tags.push(element.tagName) })
    .transform(new Response(chart))
    .text();
  expect(tags.filter((tag) => tag === "rect").length).toBe(3);
});
