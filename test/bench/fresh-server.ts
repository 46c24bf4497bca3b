// Measurements that need a server of their own: memory, start, idleness.
import type { Place } from "./folders.ts";
import { memoryOf, wakeUps } from "./processes.ts";
import type { Sample } from "./row.ts";
import { type Bench, holdConnections, runJob } from "./runs.ts";
import type { Side } from "./sides.ts";
import type { Subject } from "./subjects.ts";

const MIB = 1024 * 1024;
const SETTLE_MS = 3000;
/** The runtime collects garbage every second, and every 30 s when that has found nothing for a while. */
const QUIET_MS = 60_000;
const LEAST_IDLE_MS = 15_000;

async function withFresh<T>(side: Side, work: (subject: Subject) => Promise<T>): Promise<T> {
  const subject = await side.fresh();
  try {
    return await work(subject);
  } finally {
    await subject.stop();
  }
}

/** The highest anonymous memory of a new server while `connections` clients write. */
export function peakOfWriters(bench: Bench, side: Side, place: Place, connections: number): Promise<Sample> {
  return withFresh(side, async (subject) => {
    const count = Math.max(16, Math.floor(bench.mib / connections));
    const job = {
      kind: "write",
      share: place,
      file: "written",
      connections,
      count,
      depth: 8,
      size: MIB,
    } as const;
    const { seconds, peakAnonymousKib } = await runJob(bench, subject, job);
    return { value: peakAnonymousKib / 1024, seconds };
  });
}

/** Anonymous memory of a new server with so many clients logged on that do nothing. */
export function idleMemory(bench: Bench, side: Side, connections: number): Promise<Sample> {
  return withFresh(side, async (subject) => {
    const release = connections > 0 ? await holdConnections(bench, subject, connections) : undefined;
    await Bun.sleep(SETTLE_MS);
    const value = memoryOf(subject.pid).anonymousKib / 1024;
    await release?.();
    return { value };
  });
}

/** Milliseconds from the start of the process to the first connection accepted. */
export function startTime(side: Side): Promise<Sample> {
  return withFresh(side, (subject) => Promise.resolve({ value: subject.startMs }));
}

/**
 * A server of each side that nobody connects to, from the benchmark's start on: it comes to rest while other rows are
 * measured.
 */
export class IdleServers {
  private readonly servers = new Map<string, { subject: Subject; startedMs: number }>();

  async start(sides: Iterable<Side>): Promise<void> {
    for (const side of sides) {
      try {
        this.servers.set(side.name, { subject: await side.fresh(), startedMs: performance.now() });
      } catch {
        // The row says that there is none.
      }
    }
  }

  /** How often a second a thread of the server wakes up. */
  async wakeUpRate(side: Side, signal: AbortSignal): Promise<Sample> {
    const found = this.servers.get(side.name);
    if (found === undefined) throw new Error("the server did not start");
    while (performance.now() - found.startedMs < QUIET_MS && !signal.aborted) await Bun.sleep(100);
    const [before, from] = [wakeUps(found.subject.pid), performance.now()];
    while (performance.now() - from < LEAST_IDLE_MS && !signal.aborted) await Bun.sleep(100);
    signal.throwIfAborted();
    const value = ((wakeUps(found.subject.pid) - before) * 1000) / (performance.now() - from);
    return { value };
  }

  async stop(): Promise<void> {
    for (const { subject } of this.servers.values()) await subject.stop();
  }
}
