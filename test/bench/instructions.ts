// Instructions of two arm64 builds under qemu-user: what an operation costs the event loop's thread, whatever else the
// machine does meanwhile. They tell nothing of caches and memory.
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Folder, RANDOM_MIB } from "./folders.ts";
import { compile } from "./load.ts";
import { type Bench, type JobOptions, runJob } from "./runs.ts";
import { Side } from "./sides.ts";
import { ownStarter, type Subject } from "./subjects.ts";

const MIB = 1024 * 1024;
const BIG_MIB = 32;
/** Rounds before the one that counts, in which the runtime compiles what is used. */
const WARM_UPS = 3;
/** Of which the least is the figure: garbage collection falls into some. */
const ROUNDS = 3;

interface Work {
  readonly name: string;
  readonly unit: string;
  readonly job: JobOptions;
  /** Operations, or MiB, of the job. */
  readonly amount: number;
  readonly isPure?: boolean;
}

function chains(name: string, job: JobOptions, unit = "operation"): Work {
  return { name, unit, job, amount: job.count ?? 1 };
}

function transfers(isPure: boolean, mib: number): Work[] {
  const protections = isPure
    ? (["gmac", "cmac", "gcm", "ccm"] as const)
    : (["plain", "gmac", "cmac", "gcm"] as const);
  return protections.flatMap((protection) =>
    (["read", "write"] as const).map((kind) => ({
      name: `${kind} 1 MiB x 8, ${protection}${isPure ? ", pure" : ""}`,
      unit: "MiB",
      job: { kind, protection, file: kind === "read" ? "big" : "written", count: mib, depth: 8, size: MIB },
      amount: mib,
      isPure,
    })),
  );
}

const random = { file: "random", fileBytes: RANDOM_MIB * MIB, count: 1000 };
const LISTED_NAMES = 5000;

const works: readonly Work[] = [
  chains("echo", { kind: "echo", count: 1000 }),
  chains("read 4 KiB", { kind: "randomRead", size: 4096, ...random }),
  chains("write 4 KiB", { kind: "randomWrite", size: 4096, ...random }),
  chains("read 64 KiB", { kind: "randomRead", size: 65_536, ...random }),
  chains("stat: create, query, close", { kind: "stat", file: "listed", count: 500 }),
  chains("small file written", { kind: "create", file: "files", size: 1024, count: 200 }),
  {
    ...chains("listing of 5,000 names", { kind: "list", file: "listed", size: 65_536, count: 2 }, "name"),
    amount: 2 * LISTED_NAMES,
  },
  ...transfers(false, BIG_MIB),
  ...transfers(true, 8),
];

/** Instructions of one operation; not a number when a round fails, which is said. */
async function count(bench: Bench, side: Side, counts: string, work: Work): Promise<number> {
  try {
    return await countRounds(bench, await side.current(), counts, work);
  } catch (error) {
    console.log(`${work.name} failed: ${error instanceof Error ? error.message : String(error)}`);
    await side.stop();
    return Number.NaN;
  }
}

/** Instructions that the main thread has executed: the first counter of count.c. */
function executed(counts: string): number {
  return Number(readFileSync(counts).readBigUInt64LE(0));
}

async function countRounds(
  bench: Bench,
  subject: Subject,
  counts: string,
  { job, amount }: Work,
): Promise<number> {
  let least = Infinity;
  for (let round = 0; round < WARM_UPS + ROUNDS; round++) {
    // Without log-on and what else the client does before its requests.
    const { cpuSeconds: instructions } = await runJob(bench, subject, job, () => executed(counts));
    if (round >= WARM_UPS) least = Math.min(least, instructions);
    bench.folders.memory.clear();
  }
  return least / amount;
}

export interface InstructionOptions {
  /** qemu-aarch64 of the package qemu-user; qemu-user-static has no plugins. */
  readonly qemu: string;
  readonly executables: readonly string[];
  readonly pattern: RegExp;
}

/** Prints the instructions of an operation for each executable, and the ratio of the last to the first. */
export async function compareInstructions(directory: string, options: InstructionOptions): Promise<void> {
  const { qemu, executables, pattern } = options;
  const plugin = join(directory, "count.so");
  const library = join(directory, "load.so");
  compile("count.c", plugin);
  compile("load.c", library);
  const memory = new Folder(join(directory, "share"), BIG_MIB);
  mkdirSync(join(directory, "unused"));
  const paths = { memory: memory.path, disk: join(directory, "unused") };
  const { signal } = new AbortController();
  const bench: Bench = { library, folders: { memory, disk: memory }, mib: BIG_MIB, signal };
  const sides = executables.flatMap((executable, index) =>
    [false, true].map((isPure) => {
      const counts = join(directory, `counts-${index}-${isPure}`);
      const wrapper = [qemu, "-L", "/", "-plugin", `${plugin},counts=${counts}`];
      const parameters = isPure ? { "crypto provider": "pure" } : {};
      const side = new Side(
        `${index}`,
        ownStarter(paths, { name: `${index}`, executable, parameters, wrapper }),
      );
      return { index, isPure, counts, side };
    }),
  );
  console.log(`instructions under ${qemu}: ${executables.join(", ")}; ratio`);
  try {
    for (const work of works.filter(({ name }) => pattern.test(name))) {
      const results: number[] = [];
      for (const { side, counts } of sides.filter(({ isPure }) => isPure === (work.isPure === true)))
        results.push(await count(bench, side, counts, work));
      const ratio = (results.at(-1) ?? Number.NaN) / (results[0] ?? Number.NaN);
      const cells = results.map((each) => each.toFixed(0).padStart(12)).join("");
      console.log(
        `${work.name.padEnd(34)}${`a ${work.unit}`.padEnd(12)}${cells}${ratio.toFixed(2).padStart(7)}`,
      );
    }
  } finally {
    for (const { side } of sides) await side.stop();
  }
}
