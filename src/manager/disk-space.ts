// Total and free space of mounted disks, asked by workers, so that neither the event loop nor another disk
// waits for one that hangs.
import { timers } from "../loop/timers.ts";
import { askWorker } from "./worker-question.ts";

/** `code` is the name of an errno. */
export type SpaceAnswer =
  { readonly totalBytes: number; readonly freeBytes: number } | { readonly code: string };

/** Workers at once; the disks that hang keep theirs. */
const MAX_WORKERS = 4;

const pending = new Map<string, Promise<SpaceAnswer>>();

/** ETIMEDOUT where a disk does not answer within `timeoutMs`, EAGAIN where too many hang. */
export async function askSpaces(
  mountPoints: readonly string[],
  timeoutMs: number,
): Promise<ReadonlyMap<string, SpaceAnswer>> {
  const answers = new Map<string, SpaceAnswer>();
  const rest = [...mountPoints];
  while (rest.length > 0) {
    const free = Math.max(0, MAX_WORKERS - pending.size);
    const next = free === 0 ? rest.splice(0) : rest.splice(0, free);
    const asked = await Promise.all(next.map((mountPoint) => askSpace(mountPoint, timeoutMs)));
    for (const [i, mountPoint] of next.entries()) answers.set(mountPoint, asked[i] ?? { code: "EIO" });
  }
  return answers;
}

function askSpace(mountPoint: string, timeoutMs: number): SpaceAnswer | Promise<SpaceAnswer> {
  let running = pending.get(mountPoint);
  if (running === undefined) {
    if (pending.size >= MAX_WORKERS) return { code: "EAGAIN" };
    running = askInWorker(mountPoint).finally(() => pending.delete(mountPoint));
    pending.set(mountPoint, running);
  }
  return Promise.race([running, timers.sleep(timeoutMs).then(() => ({ code: "ETIMEDOUT" }))]);
}

async function askInWorker(mountPoint: string): Promise<SpaceAnswer> {
  const answer = await askWorker<SpaceAnswer>("manager/space-worker.ts", mountPoint);
  return typeof answer === "string" ? { code: answer } : answer;
}
