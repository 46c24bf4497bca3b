// The first run on the web page, one attempt after the other, and with a limit on wrong codes.
import { Refusal, type RefusalCode } from "../refusal.ts";
import { WorkerQueue } from "../worker-queue.ts";
import type { PageSetup } from "./page-setup.ts";

/** `left`: what could not be done, such as a notice that is still there. */
export type PageSetupAnswer =
  | { readonly left: string | undefined }
  | { readonly fault: { readonly code: RefusalCode; readonly message: string } };

/** Wrong codes within a minute; the code has 79 bits. */
export const MAX_WRONG = 5;
export const PERIOD_MS = 60_000;

const queue = new WorkerQueue<PageSetup, PageSetupAnswer>("manager/setup/page-setup-worker.ts");

export class PageSetups {
  private readonly nowMs: () => number;
  private readonly ask: (setup: PageSetup) => Promise<PageSetupAnswer | string>;
  private wrong: readonly number[] = [];

  constructor(
    nowMs: () => number = () => performance.now(),
    ask: PageSetups["ask"] = (setup) => queue.ask(setup),
  ) {
    this.nowMs = nowMs;
    this.ask = ask;
  }

  /** Returns what was left undone. Throws Refusal. */
  async setUp(setup: PageSetup): Promise<string | undefined> {
    const now = this.nowMs();
    this.wrong = this.wrong.filter((ms) => now - ms < PERIOD_MS);
    if (this.wrong.length >= MAX_WRONG)
      throw new Refusal("too-many", "too many wrong passwords: wait a minute, then try again");
    // Attempts that are under way count as wrong ones.
    this.wrong = [...this.wrong, now];
    const answer = await this.ask(setup);
    if (typeof answer === "string") throw new Refusal("failed", answer);
    const isWrong = "fault" in answer && answer.fault.code === "forbidden";
    if (!isWrong) this.wrong = this.wrong.filter((ms) => ms !== now);
    if ("fault" in answer) throw new Refusal(answer.fault.code, answer.fault.message);
    return answer.left;
  }
}
