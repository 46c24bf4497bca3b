// One load on one box: boots a guest, runs the load with the probe beside it, and judges what the guest reported.
import { existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { TESTER } from "../peer/test-server.ts";
import { copies } from "./copies.ts";
import { Guest, type Sample } from "./guest.ts";
import { copyImage } from "./image.ts";
import { type Ground, type Load, reason } from "./load.ts";
import { startProbe, type Waits } from "./probe.ts";
import { GUEST_ADDRESS, type ServerName } from "./root.ts";

export interface Trial {
  readonly server: ServerName;
  readonly load: string;
  readonly memoryMib: number;
  readonly done: string;
  readonly seconds: number;
  readonly waits: Waits;
  /** KiB: of the server before the load, at most, and 10 s after it. */
  readonly anonymous: { readonly before: number; readonly peak: number; readonly after: number };
  /** KiB, least. */
  readonly available: number;
  /** KiB of the executable's code in memory: before the load and least during it. */
  readonly code: { readonly before: number; readonly least: number };
  readonly majorFaults: number;
  readonly stopMs: number;
  readonly faults: readonly string[];
  /** The end of the server's log. */
  readonly log: readonly string[];
  readonly samples: readonly Sample[];
}

export interface TrialOptions {
  readonly server: ServerName;
  readonly memoryMib: number;
  readonly clients: number;
  readonly isQuick: boolean;
  readonly root: string;
  /** A directory of the command's, for everything that a trial makes. */
  readonly directory: string;
}

const P99_LIMIT_MS = 1000;
const STOP_LIMIT_MS = 2000;
const LOAD_LIMIT_MS = 10 * 60_000;
const START_LIMIT_MS = 60_000;
/** Faults that tell the same are counted, not listed. */
const LISTED_FAULTS = 3;
const LOG_LINES = 20;

/** The guest's network device has stopped, which no server can mend: 3 of 8 large copies at 256M. */
export class NetworkStopped extends Error {
  override readonly name = "NetworkStopped";
}

export async function runTrial(load: Load, options: TrialOptions): Promise<Trial> {
  const directory = join(options.directory, "trial");
  rmSync(directory, { recursive: true, force: true });
  for (const name of ["host", "clients"]) mkdirSync(join(directory, name), { recursive: true });
  const image = join(directory, "disk");
  copyImage(image);
  const guest = await Guest.boot({ ...options, image, directory });
  try {
    const trial = await measure(load, options, guest);
    return { ...trial, log: readLog(directory) };
  } catch (error) {
    if (error instanceof NetworkStopped) throw error;
    throw new Error([reason(error), ...guest.killed, ...readLog(directory)].join("\n    "));
  } finally {
    await guest.halt();
    rmSync(directory, { recursive: true, force: true });
  }
}

type Measured = Omit<Trial, "log">;

async function measure(load: Load, options: TrialOptions, guest: Guest): Promise<Measured> {
  const faults: string[] = [];
  const ground: Ground = {
    server: { host: GUEST_ADDRESS, port: 445, users: [TESTER] },
    clients: options.clients,
    isQuick: options.isQuick,
    directory: join(options.directory, "trial", "clients"),
    fail: (what) => faults.push(what),
  };
  await guest.startServer();
  await warmUp(ground);
  const before = await nextSample(guest);
  const from = guest.samples.length - 1;
  const probe = await startProbe(GUEST_ADDRESS);
  const start = performance.now();
  const limit = Bun.sleep(LOAD_LIMIT_MS).then(() => {
    ground.fail("the load did not end within 10 minutes");
    return "not done";
  });
  const done = await Promise.race([load.run(ground).catch((error) => reason(error)), limit]);
  const seconds = (performance.now() - start) / 1000;
  const waits = await probe.end();
  if (waits.failure !== undefined && !(await guest.reachesHost())) throw new NetworkStopped();
  await copies(() => 1, 1, 1)({ ...ground, fail: (what) => ground.fail(`afterwards, ${what}`) });
  await Bun.sleep(options.isQuick ? 3000 : 10_000);
  const after = await nextSample(guest);
  const during = guest.samples.slice(from);
  const stop = await guest.stopServer().catch((error) => {
    ground.fail(`SIGTERM: ${reason(error)}`);
    return { ms: Number.NaN, status: 0 };
  });
  // Samba's server ends by the signal itself.
  if (stop.status !== 0 && options.server === "minismbd")
    faults.push(`the server's exit status: ${stop.status}`);
  if (waits.failure !== undefined) faults.push(`the probe: ${waits.failure}`);
  if (waits.p99 > P99_LIMIT_MS) faults.push(`p99 of a small request: ${waits.p99.toFixed(0)} ms`);
  if (stop.ms > STOP_LIMIT_MS) faults.push(`SIGTERM: ${stop.ms.toFixed(0)} ms`);
  return {
    ...{ server: options.server, load: load.name, memoryMib: options.memoryMib, done, seconds, waits },
    anonymous: {
      before: before.anonymous,
      peak: Math.max(...during.map((sample) => sample.anonymous)),
      after: after.anonymous,
    },
    available: Math.min(...during.map((sample) => sample.available)),
    code: { before: before.code, least: Math.min(...during.map((sample) => sample.code)) },
    majorFaults: after.majorFaults - before.majorFaults,
    stopMs: stop.ms,
    faults: [...summarize(faults), ...guest.killed],
    samples: during,
  };
}

/** One client comes and goes, so that what every first client loads is in memory. */
async function warmUp(ground: Ground): Promise<void> {
  const end = performance.now() + START_LIMIT_MS;
  for (;;) {
    const failures: string[] = [];
    await copies(() => 1, 1, 1)({ ...ground, fail: (what) => failures.push(what) });
    if (failures.length === 0) return;
    if (performance.now() > end) throw new Error(`the server does not serve: ${failures.join(", ")}`);
    await Bun.sleep(500);
  }
}

async function nextSample(guest: Guest): Promise<Sample> {
  const count = guest.samples.length;
  const end = performance.now() + START_LIMIT_MS;
  while (guest.samples.length === count) {
    if (performance.now() > end) throw new Error(`no sample:\n${guest.console.join("\n")}`);
    await Bun.sleep(100);
  }
  return guest.samples.at(-1) as Sample;
}

function readLog(directory: string): string[] {
  const path = join(directory, "host", "log");
  if (!existsSync(path)) return [];
  const lines = readFileSync(path, "utf8").trimEnd().split("\n");
  return lines
    .filter((line) => !/ logged o(?:n|ff)\b|disconnected: by the client/.test(line))
    .slice(-LOG_LINES);
}

/** `put 1: X`, `put 2: X` become `put, 2 times: X`. */
function summarize(faults: readonly string[]): string[] {
  const counts = new Map<string, number>();
  for (const fault of faults) {
    const kind = fault.replace(/^((?:afterwards, )?\w+) \d+: /, "$1: ");
    counts.set(kind, (counts.get(kind) ?? 0) + 1);
  }
  const lines = [...counts].map(([kind, count]) => (count > 1 ? `${count} × ${kind}` : kind));
  const more = lines.length - LISTED_FAULTS;
  return more > 0 ? [...lines.slice(0, LISTED_FAULTS), `and ${more} other faults`] : lines;
}
