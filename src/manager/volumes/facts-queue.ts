// Questions about disks that were mounted, to a worker, one after the other. A disk that does not answer
// keeps its worker; the next question goes to another.
import { canStartThread } from "../../linux/limits.ts";
import { type Timer, timers } from "../../loop/timers.ts";
import { startWorker } from "../../loop/worker.ts";
import type { VolumeFacts, VolumeQuestion } from "./volume-facts.ts";

/** A disk may have to spin up. */
const ANSWER_MS = 15_000;
/** Workers that a disk keeps; while there are as many, no disk is asked. */
const MAX_STUCK = 3;
/** Disks that wait for their turn. */
const MAX_WAITING = 1024;

/** What is known of a disk that does not answer. */
export const NO_FACTS: VolumeFacts = {
  ...{ fileSystem: "", uuid: "", label: "", isDirty: false },
  ...{ isRemovable: false, isHibernated: false, isWriteProtected: false },
};

interface Waiting {
  readonly question: VolumeQuestion;
  readonly resolve: (facts: VolumeFacts) => void;
}

export class FactsQueue {
  private readonly start: () => Worker;
  private readonly waiting: Waiting[] = [];
  private worker: Worker | undefined;
  private isAsking = false;
  private stuck = 0;

  constructor(start: () => Worker = () => startWorker("manager/volumes/facts-worker.ts")) {
    this.start = start;
  }

  /** `NO_FACTS` where the disk does not answer in time. */
  ask(question: VolumeQuestion): Promise<VolumeFacts> {
    if (this.waiting.length >= MAX_WAITING) return Promise.resolve(NO_FACTS);
    return new Promise((resolve) => {
      this.waiting.push({ question, resolve });
      this.next();
    });
  }

  private next(): void {
    if (this.isAsking) return;
    const first = this.waiting.shift();
    if (first === undefined) {
      this.worker?.terminate();
      this.worker = undefined;
      return;
    }
    const worker = this.workerForNext();
    if (worker === undefined) {
      first.resolve(NO_FACTS);
      this.next();
    } else this.askWorker(worker, first);
  }

  private workerForNext(): Worker | undefined {
    if (this.worker !== undefined) return this.worker;
    if (this.stuck >= MAX_STUCK || !canStartThread()) return undefined;
    this.worker = this.start();
    this.worker.unref();
    return this.worker;
  }

  private askWorker(worker: Worker, { question, resolve }: Waiting): void {
    this.isAsking = true;
    let timer: Timer | undefined;
    const end = (facts: VolumeFacts): void => {
      timers.clear(timer);
      this.isAsking = false;
      resolve(facts);
      this.next();
    };
    timer = timers.set(ANSWER_MS, () => {
      this.abandon(worker);
      end(NO_FACTS);
    });
    worker.onmessage = (event: MessageEvent<VolumeFacts>) => end(event.data);
    worker.onerror = () => {
      this.worker = undefined;
      worker.terminate();
      end(NO_FACTS);
    };
    worker.postMessage(question);
  }

  /** The thread ends once the disk has answered. */
  private abandon(worker: Worker): void {
    this.worker = undefined;
    this.stuck++;
    const ended = (): void => {
      worker.onmessage = worker.onerror = null;
      this.stuck--;
      worker.terminate();
    };
    worker.onmessage = ended;
    worker.onerror = ended;
  }
}
