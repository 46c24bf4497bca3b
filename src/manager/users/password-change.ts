// Changes of the password file, in a worker and one after the other.
import { Refusal, type RefusalCode } from "../refusal.ts";
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

/** `fault`: why nothing was changed. */
export interface PasswordChangeAnswer {
  readonly fault: { readonly code: RefusalCode; readonly message: string } | undefined;
}

const queue = new WorkerQueue<PasswordChange, PasswordChangeAnswer>("manager/users/password-worker.ts");

/** Resolves once the change is on disk. Throws Refusal; then nothing was changed. */
export async function changePasswordFile(change: PasswordChange): Promise<void> {
  const answer = await queue.ask(change);
  const fault = typeof answer === "string" ? ({ code: "failed", message: answer } as const) : answer.fault;
  if (fault !== undefined) throw new Refusal(fault.code, fault.message);
}
