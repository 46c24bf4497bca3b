// Tells the running server that its files have changed.
import { notifyServer } from "../manager/lock-file.ts";
import { defaultLockFile } from "../manager/paths.ts";

/** Prints what was done, and lets the running server read its files again. */
export function notifyRunningServer(done: string): void {
  const wasNotified = notifyServer(defaultLockFile(), "SIGHUP");
  process.stdout.write(`${done}${wasNotified ? ", the running server was notified" : ""}\n`);
}
