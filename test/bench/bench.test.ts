// The benchmark runs: each kind of job once, with little data.
import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { makeDirectory, removeDirectory } from "../peer/test-server.ts";
import { drawChart } from "./chart.ts";
import { type RowReport, reportOf } from "./report.ts";
import type { Row } from "./rows.ts";

const ROWS = [
  "read 1 MiB x 8, plain, 3 clients",
  "write 1 MiB x 8, (plain|gmac|gcm), 1 client",
  "small files written, 1 KiB|files removed",
  "listing of 100 names|mixed work, 10 clients",
];

test("each job of the benchmark is done by minismbd", async () => {
  const directory = makeDirectory("minismbd-bench-test");
  try {
    const json = join(directory, "figures.json");
    const words = ["--runs", "1", "--mib", "24", "--against", "", "--json", json];
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
    const { rows } = JSON.parse(readFileSync(json, "utf8")) as { rows: readonly RowReport[] };
    expect(rows.flatMap(({ failures }) => failures)).toEqual([]);
    expect(rows.length).toBe(8);
    for (const { name, metrics } of rows) {
      expect([name, (metrics.value?.figures["minismbd"]?.median ?? 0) > 0]).toEqual([name, true]);
      expect(output).toContain(name);
    }
  } finally {
    removeDirectory(directory);
  }
}, 120_000);

const row: Row = {
  name: "reads & writes",
  unit: "1/s",
  cpuUnit: "s/1000",
  goals: { value: 2, cpu: 0.7 },
  measure: () => Promise.resolve({}),
};

test("a report has medians, spread, the ratio and whether the goal is reached", () => {
  const ours = [
    { value: 30, cpu: 1 },
    { value: 10, cpu: 1 },
    { value: 20, cpu: 1 },
  ];
  const theirs = [
    { value: 8, cpu: 1 },
    { value: 10, cpu: 1 },
  ];
  const report = reportOf(
    row,
    new Map([
      ["minismbd", ours],
      ["smbd", theirs],
    ]),
    [],
  );
  expect(report.metrics.value?.figures["minismbd"]).toEqual({ median: 20, least: 10, most: 30 });
  expect(report.metrics.value).toMatchObject({ unit: "1/s", goal: 2, isReached: true });
  expect(report.metrics.value?.ratio).toBeCloseTo(20 / 9, 5);
  expect(report.metrics.cpu).toMatchObject({ unit: "s/1000", ratio: 1, isReached: false });
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
