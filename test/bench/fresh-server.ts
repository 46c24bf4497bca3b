// Measurements that need a server of their own: memory, start, idleness.
import { type Bench, holdConnections, runJob } from "./runs.ts";
import { memoryOf, wakeUps } from "./processes.ts";
import type { Sample } from "./rows.ts";
import type { Starter } from "./subjects.ts";

const MIB = 1024 * 1024;
const SETTLE_MS = 5000;
/** The runtime collects garbage every second, and every 30 s when that has found nothing for a while. */
const QUIET_MS = 60_000;
const IDLE_MS = 15_000;

/** The highest anonymous memory of a new server while `connections` clients write. */
export async function peakOfWriters(bench: Bench, start: Starter, connections: number): Promise<Sample> {
  const subject = await start(bench.path);
  try {
    const count = Math.max(16, Math.floor(bench.mib / connections));
    const job = { kind: "write", file: "written", connections, count, depth: 8, size: MIB } as const;
    return { value: (await runJob(bench, subject, job)).peakAnonymousKib / 1024 };
  } finally {
    await subject.stop();
  }
}

/** Anonymous memory of a new server with so many clients logged on that do nothing. */
export async function idleMemory(bench: Bench, start: Starter, connections: number): Promise<Sample> {
  const subject = await start(bench.path);
  try {
    const release = connections > 0 ? await holdConnections(bench, subject, connections) : undefined;
    await Bun.sleep(SETTLE_MS);
    const value = memoryOf(subject.pid).anonymousKib / 1024;
    await release?.();
    return { value };
  } finally {
    await subject.stop();
  }
}

/** Milliseconds from the start of the process to the first connection accepted. */
export async function startTime(bench: Bench, start: Starter): Promise<Sample> {
  const subject = await start(bench.path);
  await subject.stop();
  return { value: subject.startMs };
}

/** How often a second a thread of a new server wakes with nobody connected. */
export async function wakeUpRate(bench: Bench, start: Starter): Promise<Sample> {
  const subject = await start(bench.path);
  try {
    await Bun.sleep(QUIET_MS);
    const before = wakeUps(subject.pid);
    await Bun.sleep(IDLE_MS);
    return { value: ((wakeUps(subject.pid) - before) * 1000) / IDLE_MS };
  } finally {
    await subject.stop();
  }
}
