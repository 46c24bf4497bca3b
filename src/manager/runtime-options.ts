// Options of the runtime for boxes with little memory. It reads them from the environment when it starts, so
// the server starts again with them.
import { readFileSync, readlinkSync } from "node:fs";
import { replaceProcess } from "../linux/exec.ts";
import { plannedMemoryBytes } from "../linux/planned-memory.ts";

const MIB = 1024 * 1024;

/**
 * Below this memory the interpreter alone runs the server: the compilers and the code that they make took 4
 * to 6 MiB of the heap, and paging in the compilers' own code evicted the code that serves.
 */
const INTERPRETER_BELOW_BYTES = 96 * MIB;

/**
 * Below this memory the second compiler is left out and garbage collected before the heap has grown by half:
 * under load the heap was 60 to 70 MiB larger than idle, of which 15 were in use.
 */
const SMALL_BELOW_BYTES = 300 * MIB;

/** Garbage is collected each MiB instead of each 8, and no thread keeps pages ready for the heap. */
const SMALL_HEAP = {
  BUN_JSC_largeHeapSize: "1048576",
  BUN_JSC_useConcurrentGC: "0",
  BUN_JSC_useWarmUpMarkedBlocks: "0",
} as const;

/**
 * A thread does not take over pages of the allocator that another one left behind: their last free memory is
 * given back instead. After 50 clients that copy, 20 s of quiet: 25 MiB without this, 17 with it.
 */
const ALLOCATOR = {
  MIMALLOC_PAGE_RECLAIM_ON_FREE: "-1",
  MIMALLOC_PAGE_MAX_RECLAIM: "0",
} as const;

const MODEST = {
  ...ALLOCATOR,
  BUN_JSC_useDFGJIT: "0",
  BUN_JSC_forceMiniVMMode: "1",
} as const;

/** `BUN_JSC_useJIT=0` would switch bun:ffi off as well. */
const INTERPRETER = {
  ...MODEST,
  BUN_JSC_useBaselineJIT: "0",
  BUN_JSC_useRegExpJIT: "0",
} as const;

const NAMES = Object.keys({ ...SMALL_HEAP, ...INTERPRETER });

export type RuntimeOptions = Readonly<Record<string, string>>;

/** Variables of the environment; none where the runtime's own choice is right. */
export function runtimeOptionsFor(memoryBytes: number): RuntimeOptions {
  if (memoryBytes < INTERPRETER_BELOW_BYTES) return { ...SMALL_HEAP, ...INTERPRETER };
  return memoryBytes < SMALL_BELOW_BYTES ? MODEST : {};
}

/** The options for this machine. */
export function runtimeOptions(): RuntimeOptions {
  return runtimeOptionsFor(plannedMemoryBytes());
}

/**
 * On a small box the executable replaces this process by itself with the options, unless its environment has
 * some of them already; then it removes them, so that no program that the server starts inherits them. Does
 * not return where it succeeds. Where the kernel refuses, the server runs without them. Call it before the
 * server is loaded.
 */
export function restartWithRuntimeOptions(): void {
  const options = Object.entries(runtimeOptions());
  const isStarted = NAMES.some((name) => process.env[name] !== undefined);
  for (const name of NAMES) delete process.env[name];
  if (options.length === 0 || isStarted || !import.meta.url.includes("$bunfs")) return;
  const variables = options.map(([name, value]) => `${name}=${value}\0`).join("");
  try {
    // As bytes: words and variables need not be UTF-8. The path by name, which becomes the process's name.
    const environment = readFileSync("/proc/self/environ");
    const words = readFileSync("/proc/self/cmdline");
    const executable = readlinkSync("/proc/self/exe");
    replaceProcess(executable, words, Buffer.concat([environment, Buffer.from(variables)]));
  } catch {
    // Without /proc.
  }
}
