// A change that an administrator asked for and that is not made, with a sentence for people.

import { ConfigError } from "./config/parse.ts";

/** Of which kind it is, for programs: codes of the control socket. */
export type RefusalCode =
  | "not-found"
  | "exists"
  | "changed"
  | "refused"
  | "forbidden"
  | "bad-argument"
  | "too-many"
  | "failed"
  | "no-space";

export class Refusal extends Error {
  readonly code: RefusalCode;

  constructor(code: RefusalCode, message: string) {
    super(message);
    this.code = code;
  }
}

/** What a worker posts: what its work has returned, or why there is nothing. */
export type Outcome<T> =
  { readonly value: T } | { readonly refusal: { readonly code: RefusalCode; readonly message: string } };

/** In the worker. */
export function outcomeOf<T>(work: () => T): Outcome<T> {
  try {
    return { value: work() };
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return { refusal: { code: refusalCodeOf(error), message } };
  }
}

/** Where the worker was asked; a text says why there is no outcome. Throws Refusal. */
export function valueOf<T>(outcome: Outcome<T> | string): T {
  if (typeof outcome === "string") throw new Refusal("failed", outcome);
  if ("refusal" in outcome) throw new Refusal(outcome.refusal.code, outcome.refusal.message);
  return outcome.value;
}

/** Of an error that a change has thrown. */
export function refusalCodeOf(error: unknown): RefusalCode {
  if (error instanceof Refusal) return error.code;
  const code = error instanceof ConfigError ? error.code : undefined;
  if (code === "ENOSPC" || code === "EDQUOT") return "no-space";
  // Another change is under way.
  return code === "EAGAIN" ? "changed" : "failed";
}
