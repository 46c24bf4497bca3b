// Changes of ksmbd.tokens, in a worker and one after the other.
import { type Outcome, valueOf } from "../refusal.ts";
import { WorkerQueue } from "../worker-queue.ts";

export interface StoredToken {
  readonly id: string;
  readonly name: string;
  /** SHA-256 of the token, in base64url. */
  readonly hash: string;
  readonly isReadOnly: boolean;
  /** The administrator with whose rights it ends; absent: root made it, by the control socket. */
  readonly owner?: string | undefined;
  /** Days since 1970. */
  readonly createdDay: number;
  readonly usedDay?: number | undefined;
}

export type TokenChange = { readonly file: string } & (
  | { readonly kind: "add"; readonly stored: StoredToken }
  | { readonly kind: "remove"; readonly id: string }
  | { readonly kind: "use"; readonly id: string; readonly day: number }
);

const queue = new WorkerQueue<TokenChange, Outcome<void>>("manager/administration/token-worker.ts");

/** Resolves once the change is on disk. Throws Refusal; then nothing was changed. */
export async function changeTokenFile(change: TokenChange): Promise<void> {
  valueOf(await queue.ask(change));
}
