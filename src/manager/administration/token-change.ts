// Changes of ksmbd.tokens, in a worker and one after the other.
import { Refusal, type RefusalCode } from "../refusal.ts";
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

export interface TokenChangeAnswer {
  readonly fault: { readonly code: RefusalCode; readonly message: string } | undefined;
}

const queue = new WorkerQueue<TokenChange, TokenChangeAnswer>("manager/administration/token-worker.ts");

/** Resolves once the change is on disk. Throws Refusal; then nothing was changed. */
export async function changeTokenFile(change: TokenChange): Promise<void> {
  const answer = await queue.ask(change);
  const fault = typeof answer === "string" ? ({ code: "failed", message: answer } as const) : answer.fault;
  if (fault !== undefined) throw new Refusal(fault.code, fault.message);
}
