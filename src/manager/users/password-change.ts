// Changes of the password file, in a worker and one after the other.
import { type Outcome, valueOf } from "../refusal.ts";
import { WorkerQueue } from "../worker-queue.ts";
import type { Expectation } from "./user-change.ts";

/** Hashes are NT hashes in hex. */
export type PasswordChange = { readonly file: string; readonly user: string } & (
  | {
      /** As a user has asked: only where the file has the hash that he has proven to know. */
      readonly kind: "replace";
      readonly oldHash: string;
      readonly newHash: string;
    }
  | { readonly kind: "set"; readonly hash: string; readonly expected: Expectation }
  | { readonly kind: "delete" }
);

const queue = new WorkerQueue<PasswordChange, Outcome<void>>("manager/users/password-worker.ts");

/** Resolves once the change is on disk. Throws Refusal; then nothing was changed. */
export async function changePasswordFile(change: PasswordChange): Promise<void> {
  valueOf(await queue.ask(change));
}
