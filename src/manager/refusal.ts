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

/** Of an error that a change has thrown. */
export function refusalCodeOf(error: unknown): RefusalCode {
  if (error instanceof Refusal) return error.code;
  const code = error instanceof ConfigError ? error.code : undefined;
  if (code === "ENOSPC" || code === "EDQUOT") return "no-space";
  // Another change is under way.
  return code === "EAGAIN" ? "changed" : "failed";
}
