// A change that is not made, with a sentence for people; ControlError's codes say of which kind it is.

export type RefusalCode =
  "not-found" | "exists" | "changed" | "refused" | "bad-argument" | "failed" | "no-space";

export class Refusal extends Error {
  readonly code: RefusalCode;

  constructor(code: RefusalCode, message: string) {
    super(message);
    this.code = code;
  }
}
