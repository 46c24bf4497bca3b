// Finds the epoll on which the runtime's event loop waits in the main thread.
import { readFileSync, readdirSync, readlinkSync } from "node:fs";
import { Open } from "../linux/open.ts";

const DESCRIPTORS = "/proc/self/fd";

/**
 * Returns the descriptor of the runtime's epoll, or undefined where it cannot be told: without /proc, or
 * where the process has several. Call it before the first worker is started, which has an epoll of its own.
 */
export function findRuntimeEpoll(): number | undefined {
  try {
    const found = readdirSync(DESCRIPTORS).map(Number).filter(isRuntimeEpoll);
    return found.length === 1 ? found[0] : undefined;
  } catch {
    return undefined;
  }
}

/** An inherited epoll is not close-on-exec, or it would not have been inherited; the runtime's is. */
function isRuntimeEpoll(fd: number): boolean {
  try {
    if (readlinkSync(`${DESCRIPTORS}/${fd}`) !== "anon_inode:[eventpoll]") return false;
  } catch {
    // The descriptor of the listing itself is closed by now.
    return false;
  }
  const flags = /^flags:\s*([0-7]+)/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, "utf8"))?.[1] ?? "";
  return (Number.parseInt(flags, 8) & Open.CLOEXEC) !== 0;
}
