// A row goes on when a measurement fails or hangs, and ends with its time.
import { expect, test } from "bun:test";
import { Budget } from "./budget.ts";
import type { Folder } from "./folders.ts";
import { Measuring } from "./measuring.ts";
import type { Row, Sample } from "./row.ts";
import type { Bench } from "./runs.ts";
import { Side } from "./sides.ts";

const folder = { clear: () => undefined } as unknown as Folder;
const bench: Bench = {
  library: "",
  folders: { memory: folder, disk: folder },
  mib: 8,
  signal: new AbortController().signal,
};

let stopped: string[] = [];

function sideOf(name: string): Side {
  const stop = (): Promise<void> => {
    stopped.push(name);
    return Promise.resolve();
  };
  return new Side(name, () =>
    Promise.resolve({ name, host: "", port: 0, pid: process.pid, startMs: 0, stop }),
  );
}

const sides = ["minismbd", "smbd"].map(sideOf);

function rowOf(measure: Row["measure"]): Row {
  return { name: "a row", place: "memory", unit: "1/s", measure };
}

function measuring(seconds = 100, longestSeconds = 60): Measuring {
  const budget = new Budget(seconds, 1, () => performance.now() / 1000);
  return new Measuring(bench, budget, { runs: 3, longestSeconds });
}

const sample: Sample = { value: 1, seconds: 1 };

test("a row is measured with little work first, then so many times with what fits", async () => {
  const scales: number[] = [];
  const report = await measuring().measure(
    rowOf((_, { name }, scale) => {
      scales.push(name === "minismbd" ? scale : -scale);
      return Promise.resolve(sample);
    }),
    sides,
  );
  expect(scales).toEqual([1 / 8, -1 / 8, 1, -1, 1, -1, 1, -1]);
  expect(report.failures).toEqual([]);
});

test("a failure is reported, the server started anew, and the other one measured", async () => {
  stopped = [];
  const row = rowOf(async (_, side) => {
    const { name } = await side.current();
    if (name === "smbd") throw new Error("request 1 failed");
    return sample;
  });
  const { failures, metrics } = await measuring().measure(row, sides);
  expect(failures).toEqual(["smbd: request 1 failed", "smbd: request 1 failed"]);
  expect(stopped).toEqual(["smbd", "smbd"]);
  expect(metrics.value?.figures["minismbd"]?.median).toBe(1);
});

test("a measurement that hangs is given up", async () => {
  const row = rowOf((_, { name }) =>
    name === "minismbd" ? new Promise<never>(() => undefined) : Promise.resolve(sample),
  );
  const { failures, metrics } = await measuring(100, 0.05).measure(row, sides);
  expect(failures).toEqual(["minismbd: not done after 0 s", "minismbd: not done after 0 s"]);
  expect(metrics.value).toBeUndefined();
}, 30_000);

test("a row that has no time left says so", async () => {
  const { failures } = await measuring(0).measure(
    rowOf(() => Promise.resolve(sample)),
    sides,
  );
  expect(failures).toEqual(["no time was left"]);
});
