// The rows of the benchmark: what is measured, in which unit, and what is to be reached beside smbd.
import { chownSync, existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { writeRandomFile } from "../e2e/client/sample-files.ts";
import { giveToTester, TESTER_UID } from "../peer/test-server.ts";
import type { ProtectionName } from "./jobs.ts";
import { LISTED, listedName, smallName } from "./plans.ts";
import { idleMemory, peakOfWriters, startTime, wakeUpRate } from "./fresh-server.ts";
import { type Bench, type JobOptions, type Measured, runJob, runSmbclients } from "./runs.ts";
import type { Starter, Subject } from "./subjects.ts";

/** One of the servers that are compared. */
export interface Side {
  readonly subject: Subject;
  /** Starts another one, for rows that need a fresh server. */
  readonly start: Starter;
}

/** Names of figures: `value` is the row's own, in its unit. */
export type Metric = "value" | "cpu" | "peak" | "p50" | "p99";
export type Sample = Partial<Record<Metric, number>>;

export interface Row {
  readonly name: string;
  readonly unit: string;
  /** Unit of `cpu`. */
  readonly cpuUnit?: "s/GiB" | "s/1000";
  /** Less is better. */
  readonly isCost?: boolean;
  readonly hasCeiling?: boolean;
  /** At most so many runs, for what takes long and varies little. */
  readonly mostRuns?: number;
  /** Ratios to smbd that are to be reached: at least for rates, at most for costs. */
  readonly goals?: Partial<Record<Metric, number>>;
  readonly measure: (bench: Bench, side: Side) => Promise<Sample>;
}

const MIB = 1024 * 1024;
const RANDOM_MIB = 64;
const FILES = "files";
const FAST = { value: 1.2, cpu: 0.7 };
const TWICE = { value: 2 };

const perGib = (measured: Pick<Measured, "cpuSeconds">, mib: number): number =>
  (measured.cpuSeconds * 1024) / mib;

function clients(count: number): string {
  return count === 1 ? "1 client" : `${count} clients`;
}

function sequential(kind: "read" | "write", protection: ProtectionName, connections: number): Row {
  return {
    name: `${kind} 1 MiB x 8, ${protection}, ${clients(connections)}`,
    unit: "MiB/s",
    cpuUnit: "s/GiB",
    hasCeiling: protection === "plain",
    ...(protection === "ccm" ? {} : { goals: FAST }),
    async measure(bench, { subject }) {
      const count = Math.max(8, Math.floor(bench.mib / connections));
      const file = kind === "read" ? "big" : "written";
      const job: JobOptions = { kind, protection, connections, file, count, depth: 8, size: MIB };
      const measured = await runJob(bench, subject, job);
      const mib = count * connections;
      const peak = measured.peakAnonymousKib / 1024;
      return { value: mib / measured.seconds, cpu: perGib(measured, mib), peak };
    },
  };
}

function smbclient(kind: "get" | "put", protection: ProtectionName, count: number): Row {
  return {
    name: `smbclient ${kind}, ${protection}, ${clients(count)}`,
    unit: "MiB/s",
    cpuUnit: "s/GiB",
    ...(protection === "ccm" ? {} : { goals: FAST }),
    async measure(bench, { subject }) {
      const file = count === 1 ? "big" : "third";
      const mib = count === 1 ? bench.mib : Math.floor(bench.mib / 3) * count;
      const commands = Array.from({ length: count }, (_, number) =>
        kind === "get" ? `get ${file} /dev/null` : `put ${join(bench.path, file)} written-${number}`,
      );
      const measured = await runSmbclients(subject, protection, commands);
      return { value: mib / measured.seconds, cpu: perGib(measured, mib) };
    },
  };
}

/** Rate of `operations` chains of requests, and the server's CPU seconds for 1,000. */
function rateOf(measured: Measured, operations = measured.chains): Sample {
  const { seconds, cpuSeconds, p50, p99 } = measured;
  return { value: operations / seconds, cpu: (cpuSeconds * 1000) / operations, p50, p99 };
}

function random(isWrite: boolean, size: number, depth: number, count: number): Row {
  return {
    name: `random ${isWrite ? "write" : "read"} ${size / 1024} KiB, depth ${depth}`,
    unit: "1/s",
    cpuUnit: "s/1000",
    hasCeiling: true,
    ...(size === 4096 && depth > 1 ? { goals: TWICE } : {}),
    async measure(bench, { subject }) {
      const kind = isWrite ? "randomWrite" : "randomRead";
      const fileBytes = RANDOM_MIB * MIB;
      return rateOf(await runJob(bench, subject, { kind, file: "random", fileBytes, count, depth, size }));
    },
  };
}

/** Chains of requests of one client on the files of a folder. */
function small(name: string, job: JobOptions, prepare: (folder: string, count: number) => void): Row {
  return {
    name,
    unit: "1/s",
    cpuUnit: "s/1000",
    goals: TWICE,
    async measure(bench, { subject }) {
      const folder = join(bench.path, FILES);
      prepare(folder, job.count ?? 0);
      return rateOf(await runJob(bench, subject, { file: FILES, ...job }));
    },
  };
}

function fill(folder: string, count: number): void {
  for (let index = 0; index < count; index++) {
    const path = join(folder, smallName(0, index));
    writeFileSync(path, "");
    chownSync(path, TESTER_UID, TESTER_UID);
  }
}

const leaveEmpty = (): void => undefined;

function listing(entries: number, rounds: number): Row {
  return {
    name: `listing of ${entries.toLocaleString("en")} names`,
    unit: "names/s",
    cpuUnit: "s/1000",
    ...(entries > 100 ? { goals: TWICE } : {}),
    async measure(bench, { subject }) {
      ensureListed(bench.path, entries);
      const job: JobOptions = { kind: "list", file: folderOf(entries), count: rounds, size: 65_536 };
      return rateOf(await runJob(bench, subject, job), entries * rounds);
    },
  };
}

const MIXED_SECONDS = 3;

function mixed(connections: number): Row {
  return {
    name: `mixed work, ${clients(connections)}`,
    unit: "ops/s",
    cpuUnit: "s/1000",
    ...(connections === 100 ? { goals: { value: 2, p99: 0.5 } } : {}),
    async measure(bench, { subject }) {
      const job: JobOptions = { kind: "mixed", file: "random", fileBytes: RANDOM_MIB * MIB, connections };
      const measured = await runJob(bench, subject, { ...job, seconds: MIXED_SECONDS });
      return { ...rateOf(measured), peak: measured.peakAnonymousKib / 1024 };
    },
  };
}

const serverCopy: Row = {
  name: "server-side copy, smbclient scopy",
  unit: "MiB/s",
  cpuUnit: "s/GiB",
  async measure(bench, { subject }) {
    const measured = await runSmbclients(subject, "plain", ["scopy big written-copy"]);
    return { value: bench.mib / measured.seconds, cpu: perGib(measured, bench.mib) };
  },
};

function cost(name: string, unit: string, goal: number | undefined, measure: Row["measure"]): Row {
  return { name, unit, isCost: true, measure, ...(goal === undefined ? {} : { goals: { value: goal } }) };
}

const PROTECTIONS = ["plain", "gmac", "cmac", "gcm", "ccm"] as const;
const DEPTHS = [1, 32] as const;

export const rows: readonly Row[] = [
  ...PROTECTIONS.flatMap((protection) =>
    [1, 3].flatMap((count) => [
      sequential("read", protection, count),
      sequential("write", protection, count),
    ]),
  ),
  ...PROTECTIONS.flatMap((protection) =>
    [1, 3].flatMap((count) => [smbclient("get", protection, count), smbclient("put", protection, count)]),
  ),
  ...DEPTHS.flatMap((depth) =>
    [false, true].flatMap((isWrite) => [
      random(isWrite, 4096, depth, depth === 1 ? 10_000 : 40_000),
      random(isWrite, 65_536, depth, depth === 1 ? 6000 : 20_000),
    ]),
  ),
  small("small files written, 1 KiB", { kind: "create", count: 3000, size: 1024 }, leaveEmpty),
  small("small files written, depth 32", { kind: "create", count: 6000, size: 1024, depth: 32 }, leaveEmpty),
  small("stat: create, query, close", { kind: "stat", file: "listed", count: 6000 }, leaveEmpty),
  small("stat, depth 32", { kind: "stat", file: "listed", count: 20_000, depth: 32 }, leaveEmpty),
  small("files removed", { kind: "remove", count: 3000 }, fill),
  listing(100, 1000),
  listing(5000, 20),
  listing(100_000, 2),
  mixed(1),
  mixed(10),
  mixed(100),
  serverCopy,
  cost("peak memory, 3 writers", "MiB", 0.5, (bench, side) => peakOfWriters(bench, side.start, 3)),
  cost("peak memory, 10 writers", "MiB", 0.2, (bench, side) => peakOfWriters(bench, side.start, 10)),
  cost("memory, 100 clients connected", "MiB", 0.1, (bench, side) => idleMemory(bench, side.start, 100)),
  cost("memory, nobody connected", "MiB", undefined, (bench, side) => idleMemory(bench, side.start, 0)),
  cost("start to first accept", "ms", undefined, (bench, side) => startTime(bench, side.start)),
  {
    ...cost("wake-ups, nobody connected", "1/s", undefined, (bench, side) => wakeUpRate(bench, side.start)),
    mostRuns: 1,
  },
];

function folderOf(entries: number): string {
  return entries === LISTED ? "listed" : `listed-${entries}`;
}

function makeFolder(path: string): void {
  mkdirSync(path);
  giveToTester(path);
}

/** Makes a folder of so many empty files, unless it is there. */
function ensureListed(share: string, entries: number): void {
  const path = join(share, folderOf(entries));
  if (existsSync(path)) return;
  makeFolder(path);
  for (let index = 0; index < entries; index++) writeFileSync(join(path, listedName(index)), "");
}

/** Makes the files and folders that the rows need. */
export function prepareShare(path: string, mib: number): void {
  makeFolder(path);
  writeRandomFile(join(path, "big"), mib * MIB);
  writeRandomFile(join(path, "third"), Math.floor(mib / 3) * MIB);
  writeRandomFile(join(path, "random"), RANDOM_MIB * MIB);
  giveToTester(join(path, "random"));
  for (const entries of [100, LISTED]) ensureListed(path, entries);
  makeFolder(join(path, FILES));
}

/** Removes what a measurement has made. */
export function clearShare(path: string): void {
  for (const name of new Bun.Glob("written*").scanSync({ cwd: path })) rmSync(join(path, name));
  rmSync(join(path, FILES), { recursive: true });
  makeFolder(join(path, FILES));
}
