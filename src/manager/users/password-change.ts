// A change of one password in the password file, in a worker and one after the other.
import { WorkerQueue } from "../worker-queue.ts";

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

const queue = new WorkerQueue<PasswordChange, PasswordChangeAnswer>("manager/users/password-worker.ts");

/** Returns why the password was not changed; undefined: it is on disk. */
export async function changeStoredPassword(change: PasswordChange): Promise<string | undefined> {
  const answer = await queue.ask(change);
  return typeof answer === "string" ? answer : answer.fault;
}
