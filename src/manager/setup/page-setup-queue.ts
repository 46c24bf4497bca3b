// The first run on the web page, one attempt after the other. The code has 79 bits: those who guess it are
// slowed down by their address, by the web page, and never keep out who has the right one.
import { type Outcome, valueOf } from "../refusal.ts";
import { WorkerQueue } from "../worker-queue.ts";
import type { PageSetup } from "./page-setup.ts";

const queue = new WorkerQueue<PageSetup, Outcome<string | undefined>>("manager/setup/page-setup-worker.ts");

/** Returns what was left undone, such as a notice that is still there. Throws Refusal. */
export async function setUpInWorker(setup: PageSetup): Promise<string | undefined> {
  return valueOf(await queue.ask(setup));
}
