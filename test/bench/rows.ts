// The rows of the benchmark.
import { IdleServers, idleMemory, peakOfWriters, startTime } from "./fresh-server.ts";
import { FILES, listedFolder, type Place, RANDOM_MIB } from "./folders.ts";
import type { ProtectionName } from "./jobs.ts";
import type { Goals, Row, Sample } from "./row.ts";
import { type JobOptions, type Measured, runJob, runSmbclients } from "./runs.ts";

const MIB = 1024 * 1024;
const FAST: Goals = { value: 1.2, cpu: 0.7 };
const TWICE: Goals = { value: 2 };
const NEAR_CEILING: Goals = { value: 0.7, cpu: 1.5 };

type RowOptions = Partial<Pick<Row, "isHeadline" | "goals" | "provider" | "place" | "mostRuns">>;

function clients(count: number): string {
  return count === 1 ? "1 client" : `${count} clients`;
}

/** Rows on a disk say so in their names. */
function named(name: string, place: Place): { readonly name: string; readonly place: Place } {
  return { name: place === "disk" ? `disk: ${name}` : name, place };
}

type Run = Pick<Measured, "seconds" | "cpuSeconds" | "peakAnonymousKib">;

/** Of a transfer: MiB/s, and the server's CPU seconds for a GiB. */
function throughput({ seconds, cpuSeconds, peakAnonymousKib }: Run, mib: number): Sample {
  return {
    value: mib / seconds,
    cpu: (cpuSeconds * 1024) / mib,
    peak: peakAnonymousKib / 1024,
    seconds,
  };
}

/** Rate of `operations` chains of requests, and the server's CPU seconds for 1,000. */
function rateOf(measured: Measured, operations = measured.chains): Sample {
  const { seconds, cpuSeconds, p50, p99, peakAnonymousKib } = measured;
  const cpu = (cpuSeconds * 1000) / operations;
  return { value: operations / seconds, cpu, p50, p99, peak: peakAnonymousKib / 1024, seconds };
}

interface Transfer {
  readonly kind: "read" | "write";
  readonly protection: ProtectionName;
  readonly connections: number;
}

/** A pure provider's ciphers are far slower: this part of the data is enough. */
const PURE_PART = 1 / 8;

function sequential({ kind, protection, connections }: Transfer, options: RowOptions = {}): Row {
  const { place = "memory", provider } = options;
  const name = `${kind} 1 MiB x 8, ${protection}, ${clients(connections)}`;
  const isPlain = protection === "plain";
  return {
    ...named(provider === undefined ? name : `${name}, ${provider}`, place),
    unit: "MiB/s",
    cpuUnit: "s/GiB",
    hasCeiling: isPlain,
    ...(protection === "ccm" || provider !== undefined ? {} : { goals: FAST }),
    ...(isPlain ? { ceilingGoals: NEAR_CEILING } : {}),
    ...options,
    async measure(bench, side, scale) {
      const mib = bench.mib * scale * (provider === undefined ? 1 : PURE_PART);
      const count = Math.max(8, Math.floor(mib / connections));
      const file = kind === "read" ? "big" : "written";
      const job: JobOptions = { kind, protection, connections, file, share: place };
      const measured = await runJob(bench, await side.current(), {
        ...job,
        count: Math.min(count, bench.mib),
        depth: 8,
        size: MIB,
      });
      return throughput(measured, Math.min(count, bench.mib) * connections);
    },
  };
}

/** A file that is not in the page cache, read from its begin to its end. */
const coldRead: Row = {
  ...sequential({ kind: "read", protection: "plain", connections: 1 }),
  ...named("read 1 MiB x 8, not cached, 1 client", "disk"),
  goals: {},
  ceilingGoals: {},
  async measure(bench, side, scale) {
    const count = Math.max(8, Math.floor(bench.mib * scale));
    bench.folders.disk.evict("big");
    const job: JobOptions = { kind: "read", file: "big", share: "disk", count: Math.min(count, bench.mib) };
    const measured = await runJob(bench, await side.current(), { ...job, depth: 8, size: MIB });
    return throughput(measured, Math.min(count, bench.mib));
  },
};

/** CPU time is known to 10 ms only, because smbd's processes end with the connection. */
const LEAST_FILE_MIB = 32;

interface SmbclientTransfer {
  readonly kind: "get" | "put";
  readonly protection: ProtectionName;
  readonly count: number;
}

function smbclient({ kind, protection, count }: SmbclientTransfer, options: RowOptions = {}): Row {
  const { place = "memory" } = options;
  return {
    ...named(`smbclient ${kind}, ${protection}, ${clients(count)}`, place),
    unit: "MiB/s",
    cpuUnit: "s/GiB",
    ...(protection === "ccm" ? {} : { goals: FAST }),
    ...options,
    async measure(bench, side, scale) {
      const each = Math.max(LEAST_FILE_MIB, (bench.mib * scale) / count);
      // Few sizes, because each is a file.
      const mib = 2 ** Math.floor(Math.log2(each));
      const source = bench.folders[kind === "get" ? place : "memory"];
      const file = source.ensureFile(mib);
      const commands = Array.from({ length: count }, (_, number) =>
        kind === "get" ? `get ${file} /dev/null` : `put ${source.path}/${file} written-${number}`,
      );
      const measured = await runSmbclients(bench, await side.current(), { place, protection, commands });
      return throughput(measured, mib * count);
    },
  };
}

interface RandomAccess {
  readonly isWrite: boolean;
  readonly size: number;
  readonly depth: number;
}

function random({ isWrite, size, depth }: RandomAccess, options: RowOptions = {}): Row {
  const { place = "memory" } = options;
  const most = (depth === 1 ? 20_000 : 60_000) / (size > 4096 ? 2 : 1);
  return {
    ...named(`random ${isWrite ? "write" : "read"} ${size / 1024} KiB, depth ${depth}`, place),
    unit: "1/s",
    cpuUnit: "s/1000",
    hasCeiling: true,
    ...(size === 4096 && depth > 1 ? { goals: TWICE } : {}),
    ...options,
    async measure(bench, side, scale) {
      const kind = isWrite ? "randomWrite" : "randomRead";
      const file = { file: "random", fileBytes: RANDOM_MIB * MIB, share: place };
      const count = Math.ceil(most * scale);
      return rateOf(await runJob(bench, await side.current(), { kind, ...file, count, depth, size }));
    },
  };
}

function echo(depth: number): Row {
  return {
    ...named(`echo, depth ${depth}`, "memory"),
    unit: "1/s",
    cpuUnit: "s/1000",
    hasCeiling: true,
    async measure(bench, side, scale) {
      const count = Math.ceil(40_000 * scale);
      return rateOf(await runJob(bench, await side.current(), { kind: "echo", count, depth }));
    },
  };
}

interface SmallJob {
  readonly kind: "create" | "stat" | "remove";
  readonly count: number;
  readonly depth?: number;
}

/** Chains of requests of one client on the files of a folder. */
function small(name: string, { kind, count, depth = 1 }: SmallJob, options: RowOptions = {}): Row {
  const { place = "memory" } = options;
  return {
    ...named(name, place),
    unit: "1/s",
    cpuUnit: "s/1000",
    goals: TWICE,
    ...options,
    async measure(bench, side, scale) {
      const scaled = Math.ceil(count * scale);
      if (kind === "remove") bench.folders[place].fill(scaled);
      const job = { kind, file: kind === "stat" ? "listed" : FILES, share: place, size: 1024 };
      return rateOf(await runJob(bench, await side.current(), { ...job, count: scaled, depth }));
    },
  };
}

function listing(entries: number, rounds: number, options: RowOptions = {}): Row {
  return {
    ...named(`listing of ${entries.toLocaleString("en")} names`, "memory"),
    unit: "names/s",
    cpuUnit: "s/1000",
    ...(entries > 100 ? { goals: TWICE } : {}),
    ...options,
    async measure(bench, side, scale) {
      bench.folders.memory.ensureListed(entries);
      const count = Math.ceil(rounds * scale);
      const job: JobOptions = { kind: "list", file: listedFolder(entries), count, size: 65_536 };
      return rateOf(await runJob(bench, await side.current(), job), entries * count);
    },
  };
}

const MIXED_SECONDS = 2;

function mixed(connections: number, options: RowOptions = {}): Row {
  const { place = "memory" } = options;
  return {
    ...named(`mixed work, ${clients(connections)}`, place),
    unit: "ops/s",
    cpuUnit: "s/1000",
    ...(connections === 100 ? { goals: { value: 2, p99: 0.5 } } : {}),
    weight: 2,
    ...options,
    async measure(bench, side) {
      const job: JobOptions = { kind: "mixed", file: "random", fileBytes: RANDOM_MIB * MIB, connections };
      const subject = await side.current();
      const measured = await runJob(bench, subject, { ...job, share: place, seconds: MIXED_SECONDS });
      // A fixed time is nothing to scale.
      return { ...rateOf(measured), seconds: 0 };
    },
  };
}

function serverCopy(options: RowOptions = {}): Row {
  const { place = "memory" } = options;
  return {
    ...named("server-side copy, smbclient scopy", place),
    unit: "MiB/s",
    cpuUnit: "s/GiB",
    ...options,
    async measure(bench, side, scale) {
      const mib = 2 ** Math.floor(Math.log2(Math.max(LEAST_FILE_MIB, bench.mib * scale)));
      const commands = [`scopy ${bench.folders[place].ensureFile(mib)} written-copy`];
      const job = { place, protection: "plain", commands } as const;
      return throughput(await runSmbclients(bench, await side.current(), job), mib);
    },
  };
}

interface Cost {
  readonly unit: string;
  readonly goal?: number;
  readonly measure: Row["measure"];
}

function cost(name: string, { unit, goal, measure }: Cost, options: RowOptions = {}): Row {
  const { place = "memory" } = options;
  const goals = goal === undefined ? {} : { goals: { value: goal } };
  return { ...named(name, place), unit, isCost: true, measure, ...goals, isHeadline: true, ...options };
}

function writersMemory(connections: number, goal: number, place: Place): Row {
  return cost(
    `peak memory, ${connections} writers`,
    { unit: "MiB", goal, measure: (bench, side) => peakOfWriters(bench, side, place, connections) },
    { place },
  );
}

function protectionsOf(provider?: "pure"): ProtectionName[] {
  return provider === undefined ? ["plain", "gmac", "cmac", "gcm"] : ["gmac", "cmac", "gcm", "ccm"];
}

const KINDS = ["read", "write"] as const;
const COMMANDS = ["get", "put"] as const;
const COUNTS = [1, 3] as const;

function sequentialRows(): Row[] {
  const native = protectionsOf().flatMap((protection) =>
    COUNTS.flatMap((connections) =>
      KINDS.map((kind) =>
        sequential(
          { kind, protection, connections },
          { isHeadline: connections === 1 && protection !== "cmac" },
        ),
      ),
    ),
  );
  const ccm = KINDS.map((kind) => sequential({ kind, protection: "ccm", connections: 1 }));
  return [...native, ...ccm];
}

function pureRows(): Row[] {
  return protectionsOf("pure").flatMap((protection) =>
    KINDS.map((kind) => sequential({ kind, protection, connections: 1 }, { provider: "pure" })),
  );
}

function smbclientRows(): Row[] {
  const native = protectionsOf().flatMap((protection) =>
    COUNTS.flatMap((count) =>
      COMMANDS.map((kind) => smbclient({ kind, protection, count }, { isHeadline: protection === "plain" })),
    ),
  );
  return [...native, ...COMMANDS.map((kind) => smbclient({ kind, protection: "ccm", count: 1 }))];
}

function randomRows(): Row[] {
  return [1, 32].flatMap((depth) =>
    [4096, 65_536].flatMap((size) =>
      [false, true].map((isWrite) => random({ isWrite, size, depth }, { isHeadline: size === 4096 })),
    ),
  );
}

function diskRows(): Row[] {
  const place = "disk";
  return [
    ...COUNTS.flatMap((connections) =>
      KINDS.map((kind) =>
        sequential({ kind, protection: "plain", connections }, { place, isHeadline: connections === 1 }),
      ),
    ),
    coldRead,
    ...COUNTS.flatMap((count) =>
      COMMANDS.map((kind) => smbclient({ kind, protection: "plain", count }, { place })),
    ),
    ...[1, 32].flatMap((depth) =>
      [4096, 65_536].flatMap((size) =>
        [false, true].map((isWrite) => random({ isWrite, size, depth }, { place, goals: {} })),
      ),
    ),
    small("small files written, 1 KiB", { kind: "create", count: 4000 }, { place }),
    small("stat: create, query, close", { kind: "stat", count: 8000 }, { place }),
    small("files removed", { kind: "remove", count: 4000 }, { place }),
    mixed(10, { place }),
    serverCopy({ place }),
  ];
}

/** All rows, in the order of the table: those with goals first, should time run out. `idle`: servers that nobody has connected to. */
export function allRows(idle: IdleServers): Row[] {
  const isHeadline = true;
  return [
    ...sequentialRows(),
    ...smbclientRows(),
    echo(1),
    echo(32),
    ...randomRows(),
    small("small files written, 1 KiB", { kind: "create", count: 6000 }, { isHeadline }),
    small("small files written, depth 32", { kind: "create", count: 12_000, depth: 32 }),
    small("stat: create, query, close", { kind: "stat", count: 12_000 }, { isHeadline }),
    small("stat, depth 32", { kind: "stat", count: 30_000, depth: 32 }),
    small("files removed", { kind: "remove", count: 6000 }, { isHeadline }),
    listing(100, 3000),
    listing(5000, 80, { isHeadline }),
    listing(100_000, 8, { isHeadline }),
    mixed(1),
    mixed(10),
    mixed(100, { isHeadline }),
    serverCopy({ isHeadline }),
    writersMemory(3, 0.5, "memory"),
    writersMemory(10, 0.2, "memory"),
    writersMemory(3, 0.5, "disk"),
    writersMemory(10, 0.2, "disk"),
    cost("memory, 100 clients connected", {
      unit: "MiB",
      goal: 0.1,
      measure: (bench, side) => idleMemory(bench, side, 100),
    }),
    cost("memory, nobody connected", { unit: "MiB", measure: (bench, side) => idleMemory(bench, side, 0) }),
    cost("start to first accept", { unit: "ms", measure: (_, side) => startTime(side) }),
    { ...wakeUps(idle), weight: 3 },
    ...diskRows(),
    ...pureRows(),
  ];
}

export const WAKE_UPS = "wake-ups, nobody connected";

function wakeUps(idle: IdleServers): Row {
  const measure: Row["measure"] = (bench, side) => idle.wakeUpRate(side, bench.signal);
  return cost(WAKE_UPS, { unit: "1/s", measure }, { mostRuns: 1 });
}
