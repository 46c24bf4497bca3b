// Tells the running server that its files have changed.
import { notifyServer } from "../manager/lock-file.ts";
import { defaultLockFile } from "../manager/paths.ts";

/** Lets the running server read its files again, and prints what was done unless `isSilent`. */
export function notifyRunningServer(done: string, isSilent = false): void {
  const wasNotified = notifyServer(defaultLockFile(), "SIGHUP");
  if (isSilent) return;
  process.stdout.write(`${done}${wasNotified ? ", the running server was notified" : ""}\n`);
}
