// ksmbd.lock: the process id of the running server, for commands that signal it.
import { closeSync, fstatSync, openSync, readFileSync, statSync, unlinkSync, writeSync } from "node:fs";
import { ConfigError } from "./config/parse.ts";

/** The process id in the file, or undefined if that process is not a minismbd server. */
export function findServer(file: string): number | undefined {
  const pid = pidIn(file);
  // Process ids are reused: after a power cut the file may name any process.
  return pid !== undefined && pid > 1 && pid !== process.pid && isServer(pid) ? pid : undefined;
}

/**
 * Takes the lock, replacing a stale one. Throws ConfigError if another server holds it or the file cannot be
 * written.
 */
export function takeLock(file: string): { release(): void } {
  const other = findServer(file);
  if (other !== undefined)
    throw new ConfigError(file, `another server runs (process ${other}), stop it first`);
  let own: number;
  try {
    removeFile(file);
    // Exclusive: of two servers that start at once, one fails here.
    const descriptor = openSync(file, "wx", 0o644);
    writeSync(descriptor, `${process.pid}\n`);
    own = fstatSync(descriptor).ino;
    closeSync(descriptor);
  } catch (error) {
    throw new ConfigError(file, `the lock file cannot be written (${(error as NodeJS.ErrnoException).code})`);
  }
  return {
    release() {
      // Somebody may have removed it, and another server may have taken its place.
      // An inode number is reused at once, a process id is not.
      if (statSync(file, { throwIfNoEntry: false })?.ino === own && pidIn(file) === process.pid)
        removeFile(file);
    },
  };
}

/** Sends a signal to the server. False: no server runs. Throws ConfigError if the signal cannot be sent. */
export function notifyServer(file: string, signal: "SIGHUP" | "SIGTERM"): boolean {
  const pid = findServer(file);
  if (pid === undefined) return false;
  try {
    process.kill(pid, signal);
    return true;
  } catch (error) {
    throw new ConfigError(
      file,
      `${signal} to process ${pid} failed (${(error as NodeJS.ErrnoException).code})`,
    );
  }
}

function pidIn(file: string): number | undefined {
  try {
    return Number(/^\d{1,9}\s*$/.exec(readFileSync(file, "utf8"))?.[0]);
  } catch {
    return undefined;
  }
}

function isServer(pid: number): boolean {
  try {
    const [name = "", ...rest] = readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0");
    return (
      /(^|\/)(minismbd|ksmbd\.mountd)[^/]*$/.test(name) || rest.some((word) => /(^|\/)main\.ts$/.test(word))
    );
  } catch {
    return false;
  }
}

function removeFile(file: string): void {
  try {
    unlinkSync(file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
}
