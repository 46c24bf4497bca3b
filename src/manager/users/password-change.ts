// A change of one password in the password file, in a worker and one after the other.
import { askWorker } from "../ask-worker.ts";

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

async function changeInWorker(change: PasswordChange): Promise<PasswordChangeAnswer> {
  const answer = await askWorker<PasswordChangeAnswer>(startWorker, change);
  if (answer === "EMFILE") return { fault: "no descriptors are left" };
  return answer === "EIO" ? { fault: "the worker failed" } : answer;
}

/** The compiled executable has the worker's file under its path below src. */
function startWorker(): Worker {
  return import.meta.url.includes("$bunfs")
    ? new Worker("./manager/users/password-worker.ts")
    : new Worker(new URL("./password-worker.ts", import.meta.url));
}
