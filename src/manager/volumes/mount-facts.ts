// What was found out about mounted disks: each is asked once, in a worker, and what it has answered is kept
// while it is mounted.
import type { Mount } from "../../linux/mountinfo.ts";
import { timers } from "../../loop/timers.ts";
import { FactsQueue, NO_FACTS } from "./facts-queue.ts";
import type { VolumeFacts } from "./volume-facts.ts";

const MAX_KEPT = 256;

/** Disks that hang keep a bounded number of workers. */
const queue = new FactsQueue();
const kept = new Map<string, VolumeFacts>();

/** Asks the disk anew. Undefined where it does not answer in time. */
export async function askFacts(mount: Mount, timeoutMs: number): Promise<VolumeFacts | undefined> {
  const answer = await Promise.race([queue.ask(mount), timers.sleep(timeoutMs)]);
  return answer === undefined || answer === NO_FACTS ? undefined : answer;
}

/** As the disk was when it was first asked. Undefined where it does not answer in time. */
export async function factsOf(mount: Mount, timeoutMs: number): Promise<VolumeFacts | undefined> {
  if (!mount.source.startsWith("/dev/")) return undefined;
  const key = `${mount.mountId} ${mount.source} ${mount.mountPoint}`;
  const known = kept.get(key);
  if (known !== undefined) return known;
  const found = await askFacts(mount, timeoutMs);
  if (found === undefined) return undefined;
  if (kept.size >= MAX_KEPT) kept.clear();
  kept.set(key, found);
  return found;
}
