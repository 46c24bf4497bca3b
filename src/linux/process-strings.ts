// The arguments and the environment of this process in its memory, where the kernel reads
// /proc/PID/cmdline and /proc/PID/environ; proc_pid_stat(5). JavaScript strings made of them are copies.
import { readFileSync } from "node:fs";
import { type Pointer, toArrayBuffer } from "bun:ffi";

/**
 * Fields of /proc/PID/stat, counted from the state (field 3) on: arg_start and env_start; their ends follow.
 */
const FIRST_FIELDS = { arguments: 45, environment: 47 } as const;

export type ProcessStrings = keyof typeof FIRST_FIELDS;

/**
 * Returns the memory itself, strings that each end with a NUL; undefined where /proc does not tell its
 * address.
 */
export function ownStrings(kind: ProcessStrings): Uint8Array | undefined {
  let text: string;
  try {
    text = readFileSync("/proc/self/stat", "latin1");
  } catch {
    return undefined;
  }
  // The command's name, in parentheses, may have blanks.
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  const at = FIRST_FIELDS[kind];
  const start = Number(fields[at]);
  const length = Number(fields[at + 1]) - start;
  if (!Number.isSafeInteger(start) || start === 0 || !(length > 0)) return undefined;
  return new Uint8Array(toArrayBuffer(start as Pointer, 0, length));
}
