// A change of one password in the password file, in a worker and one after the other.
import { hasFreeDescriptors } from "../../linux/limits.ts";

export interface PasswordChange {
  readonly file: string;
  readonly user: string;
  /** NT hashes in hex. The file is changed only where it has `oldHash`. */
  readonly oldHash: string;
  readonly newHash: string;
}

/** `fault`: why nothing was changed. */
export interface PasswordChangeAnswer {
  readonly fault: string | undefined;
}

/** What a thread of the runtime needs while it starts. */
const DESCRIPTORS_PER_THREAD = 8;
/** Changes that wait for others. */
const MAX_WAITING = 16;

let last: Promise<unknown> = Promise.resolve();
let waiting = 0;

/** Returns why the password was not changed; undefined: it is on disk. */
export async function changeStoredPassword(change: PasswordChange): Promise<string | undefined> {
  if (waiting >= MAX_WAITING) return "too many passwords are being changed";
  waiting++;
  const mine = last.then(() => changeInWorker(change));
  last = mine.catch(() => undefined);
  try {
    return (await mine).fault;
  } finally {
    waiting--;
  }
}

function changeInWorker(change: PasswordChange): Promise<PasswordChangeAnswer> {
  // The runtime ends the process where a worker gets no descriptors.
  if (!hasFreeDescriptors(DESCRIPTORS_PER_THREAD))
    return Promise.resolve({ fault: "no descriptors are left" });
  const worker = import.meta.url.includes("$bunfs")
    ? new Worker("./manager/users/password-worker.ts")
    : new Worker(new URL("./password-worker.ts", import.meta.url));
  worker.unref();
  return new Promise<PasswordChangeAnswer>((resolve) => {
    worker.onmessage = (event: MessageEvent<PasswordChangeAnswer>) => resolve(event.data);
    worker.onerror = () => resolve({ fault: "the worker failed" });
    worker.postMessage(change);
  }).finally(() => worker.terminate());
}
