// Overwrites passwords in this process's arguments and environment, which others read in /proc/PID. In place,
// as other servers do: a second exec with the password in a pipe would show it for as long as this does,
// until the process runs its own code.
import { ownStrings } from "../../linux/process-strings.ts";

const NUL = 0;

/** What may stand before a password in an argument: nothing, `NAME:`, `--password=`, `-p`. */
const BEFORE_SECRET = /^$|[:=]$|^-[a-zA-Z]+$/;

/** Overwrites the password wherever an argument ends with it. False where the arguments cannot be reached. */
export function hideArgument(secret: string): boolean {
  if (secret === "") return true;
  const memory = ownStrings("arguments");
  if (memory === undefined) return false;
  const wanted = Buffer.from(secret);
  for (const { start, end } of stringsIn(memory)) {
    const at = end - wanted.length;
    if (at < start || !wanted.equals(memory.subarray(at, end))) continue;
    if (!BEFORE_SECRET.test(Buffer.from(memory.subarray(start, at)).toString())) continue;
    memory.fill(NUL, at, end);
  }
  return true;
}

/** Overwrites the value of a variable. */
export function hideVariable(name: string): void {
  const memory = ownStrings("environment");
  if (memory === undefined) return;
  const head = Buffer.from(`${name}=`);
  for (const { start, end } of stringsIn(memory)) {
    const at = start + head.length;
    if (at <= end && head.equals(memory.subarray(start, at))) memory.fill(NUL, at, end);
  }
}

/** The places of the strings, without their NULs. */
function stringsIn(memory: Uint8Array): { start: number; end: number }[] {
  const found: { start: number; end: number }[] = [];
  for (let start = 0; start < memory.length;) {
    const nul = memory.indexOf(NUL, start);
    const end = nul < 0 ? memory.length : nul;
    found.push({ start, end });
    start = end + 1;
  }
  return found;
}
