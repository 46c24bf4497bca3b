// What `npm run try-package` prints: one line a check.
import type { Outcome } from "./machine.ts";

let failed = 0;

export function failedChecks(): number {
  return failed;
}

/** One line a check; what was found, if it is not as wanted. */
export function check(title: string, isRight: boolean, found: string): void {
  if (!isRight) failed++;
  process.stdout.write(`${isRight ? "ok    " : "FAILED"} ${title}\n${isRight ? "" : `${found}\n`}`);
}

export function expectStatus(
  title: string,
  { status, out }: Outcome,
  wanted: number,
  text: string | RegExp = "",
): void {
  const isRight = status === wanted && (typeof text === "string" ? out.includes(text) : text.test(out));
  check(title, isRight, `status ${status}: ${out}`);
}

/** Waits up to 20 s. */
export async function waitFor(isReached: () => boolean): Promise<void> {
  for (let i = 0; i < 100 && !isReached(); i++) await Bun.sleep(200);
}
