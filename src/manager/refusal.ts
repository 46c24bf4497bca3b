// A change that an administrator asked for and that is not made, with a sentence for people.

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
