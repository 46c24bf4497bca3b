// Another program in the place of this process: execve(2).
import { cString, Scratch, sys } from "./libc.ts";
import { Syscall } from "./syscall-numbers.ts";

const POINTER_BYTES = 8;

/**
 * Runs `file` in the place of this process, which keeps its number and the descriptors that are inherited.
 * `words` and `environment` are strings that each end with a NUL, as in /proc/PID/cmdline and environ.
 * Returns only where that fails: -errno.
 */
export function replaceProcess(file: string, words: Uint8Array, environment: Uint8Array): number {
  const path = cString(file);
  if (path < 0) return path;
  const [argv, envp] = [stringList(words), stringList(environment)];
  return sys(Syscall.execve, path, argv.address, envp.address);
}

/** A list of pointers that ends with null, and behind it the strings. */
function stringList(strings: Uint8Array): Scratch {
  const starts: number[] = [];
  for (let start = 0, nul = strings.indexOf(0); nul >= 0; start = nul + 1, nul = strings.indexOf(0, start))
    starts.push(start);
  const listBytes = (starts.length + 1) * POINTER_BYTES;
  const memory = new Scratch(listBytes + strings.length);
  memory.bytes.set(strings, listBytes);
  for (const [index, start] of starts.entries())
    memory.view.setBigUint64(index * POINTER_BYTES, BigInt(memory.address + listBytes + start), true);
  return memory;
}
