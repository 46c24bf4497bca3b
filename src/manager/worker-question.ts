// One question to a worker of its own, which ends with the answer: for work that may wait for a disk.
import { canStartThread } from "../linux/limits.ts";
import { startWorker } from "../loop/worker.ts";

/** Why there is no answer: no descriptors are left for a thread, or the worker failed. */
export type WorkerFault = "EMFILE" | "EIO";

/** `path`: the worker's file below src; the worker answers one message with another. */
export function askWorker<Answer extends object>(
  path: string,
  question: unknown,
): Promise<Answer | WorkerFault> {
  if (!canStartThread()) return Promise.resolve("EMFILE");
  const worker = startWorker(path);
  worker.unref();
  return new Promise<Answer | WorkerFault>((resolve) => {
    worker.onmessage = (event: MessageEvent<Answer>) => resolve(event.data);
    worker.onerror = () => resolve("EIO");
    worker.postMessage(question);
  }).finally(() => worker.terminate());
}
