// Questions to workers that change one file: one after the other, each to a worker of its own.
import { askWorker } from "./worker-question.ts";

/** Questions that wait for others. */
const MAX_WAITING = 16;

export class WorkerQueue<Question, Answer extends object> {
  private readonly path: string;
  private last: Promise<unknown> = Promise.resolve();
  private waiting = 0;

  /** `path`: the worker's file below src. */
  constructor(path: string) {
    this.path = path;
  }

  /** The answer, or why there is none. */
  async ask(question: Question): Promise<Answer | string> {
    if (this.waiting >= MAX_WAITING) return "too many changes are under way";
    this.waiting++;
    const mine = this.last.then(() => askWorker<Answer>(this.path, question));
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
