// The first run on the web page, one attempt after the other. The code has 79 bits: those who guess it are
// slowed down by their address, by the web page, and never keep out who has the right one.
import { Refusal, type RefusalCode } from "../refusal.ts";
import { WorkerQueue } from "../worker-queue.ts";
import type { PageSetup } from "./page-setup.ts";

/** `left`: what could not be done, such as a notice that is still there. */
export type PageSetupAnswer =
  | { readonly left: string | undefined }
  | { readonly fault: { readonly code: RefusalCode; readonly message: string } };

const queue = new WorkerQueue<PageSetup, PageSetupAnswer>("manager/setup/page-setup-worker.ts");

/** Returns what was left undone. Throws Refusal. */
export async function setUpInWorker(setup: PageSetup): Promise<string | undefined> {
  const answer = await queue.ask(setup);
  if (typeof answer === "string") throw new Refusal("failed", answer);
  if ("fault" in answer) throw new Refusal(answer.fault.code, answer.fault.message);
  return answer.left;
}
