// Questions to workers that change one file: one after the other, each to a worker of its own.
import { askWorker } from "./ask-worker.ts";

/** Questions that wait for others. */
const MAX_WAITING = 16;

export class WorkerQueue<Question, Answer extends object> {
  private readonly start: () => Worker;
  private last: Promise<unknown> = Promise.resolve();
  private waiting = 0;

  constructor(start: () => Worker) {
    this.start = start;
  }

  /** The answer, or why there is none. */
  async ask(question: Question): Promise<Answer | string> {
    if (this.waiting >= MAX_WAITING) return "too many changes are under way";
    this.waiting++;
    const mine = this.last.then(() => askWorker<Answer>(this.start, question));
    this.last = mine.catch(() => undefined);
    try {
      const answer = await mine;
      if (answer === "EMFILE") return "no descriptors are left";
      return answer === "EIO" ? "the worker failed" : answer;
    } finally {
      this.waiting--;
    }
  }
}
