// Replaces a file as a whole: readers find the old one or the new one. The temporary file beside it, which
// its writer holds by flock(2), is also the lock against a second writer.
import { closeSync, fchmodSync, fchownSync, fstatSync, fsyncSync, openSync, renameSync } from "node:fs";
import { statSync, unlinkSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import { Errno } from "../linux/errno.ts";
import { FlockOperation, flockFd } from "../linux/locks.ts";
import { ConfigError } from "./config/parse.ts";

const LOCK_WAIT_MS = 50;

export interface Replacement {
  readonly file: string;
  /** What the file is, at the beginning of a message. */
  readonly name: string;
  /** The new file's permissions, from those of the old one. */
  readonly mode: (old: number | undefined) => number;
  /** How often another writer's end is waited for, `LOCK_WAIT_MS` each time. */
  readonly waits: number;
}

/**
 * Calls `fill`, which puts the new bytes into the temporary file and may look at it by its path, and then
 * lets it take the file's place, with the owner of the old one. Nobody else can read it before that. Throws
 * ConfigError, and what `fill` throws; the file is then unchanged, unless the error says that it is written.
 */
export function replaceFile<T>(
  { file, name, mode, waits }: Replacement,
  fill: (put: (text: string) => void, temporary: string) => T,
): T {
  const temporary = `${file}.tmp`;
  const descriptor = openTemporary(file, name, temporary, waits);
  let done: { readonly result: T };
  try {
    const result = fill((text) => writeAll(descriptor, Buffer.from(text)), temporary);
    const old = statSync(file, { throwIfNoEntry: false });
    if (old && process.geteuid?.() === 0) fchownSync(descriptor, old.uid, old.gid);
    fchmodSync(descriptor, mode(old === undefined ? undefined : old.mode & 0o777));
    fsyncSync(descriptor);
    renameSync(temporary, file);
    done = { result };
  } catch (error) {
    removeQuietly(temporary);
    const { code, errno } = error as NodeJS.ErrnoException;
    if (errno === undefined) throw error;
    const hint = hintOf(code, "look at its disk");
    throw new ConfigError(file, `${name} cannot be written (${code}), ${hint}`, code);
  } finally {
    closeSync(descriptor);
  }
  syncDirectory(file, name);
  return done.result;
}

/** Keeps other writers of the file away while `work` runs. Throws ConfigError, and what `work` throws. */
export function withFileLocked<T>(
  { file, name, waits }: Pick<Replacement, "file" | "name" | "waits">,
  work: () => T,
): T {
  const temporary = `${file}.tmp`;
  const descriptor = openTemporary(file, name, temporary, waits);
  try {
    return work();
  } finally {
    removeQuietly(temporary);
    closeSync(descriptor);
  }
}

function openTemporary(file: string, name: string, temporary: string, waits: number): number {
  for (let left = waits; ;) {
    try {
      const descriptor = openSync(temporary, "wx", 0o600);
      if (isOurs(descriptor, temporary)) return descriptor;
      closeSync(descriptor);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      const hint = hintOf(code, "correct the directory's owner and mode");
      if (code !== "EEXIST")
        throw new ConfigError(file, `${name} cannot be written (${code}), ${hint}`, code);
      if (removeAbandoned(temporary)) continue;
      if (left-- <= 0)
        throw new ConfigError(temporary, "another change is under way, remove this file if not", "EAGAIN");
      Bun.sleepSync(LOCK_WAIT_MS);
    }
  }
}

const LOCK = FlockOperation.EXCLUSIVE | FlockOperation.NONBLOCK;

/** Locks the new file; false where another writer took it for abandoned before that. */
function isOurs(descriptor: number, temporary: string): boolean {
  return flockFd(descriptor, LOCK) !== -Errno.EAGAIN && isStill(descriptor, temporary);
}

/**
 * Removes the file of a writer that was killed, which nobody has locked. No clock tells it: a board without
 * one is in 1970 at every start.
 */
function removeAbandoned(temporary: string): boolean {
  let descriptor: number;
  try {
    descriptor = openSync(temporary, "r");
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "ENOENT";
  }
  try {
    if (flockFd(descriptor, LOCK) !== 0) return false;
    // A server of an earlier version locks nothing, but writes within milliseconds.
    Bun.sleepSync(LOCK_WAIT_MS);
    if (isStill(descriptor, temporary)) removeQuietly(temporary);
    // A directory stays.
    return !isStill(descriptor, temporary);
  } finally {
    closeSync(descriptor);
  }
}

function isStill(descriptor: number, path: string): boolean {
  const { dev, ino } = fstatSync(descriptor);
  const found = statSync(path, { throwIfNoEntry: false });
  return found?.ino === ino && found.dev === dev;
}

const HINTS: Readonly<Record<string, string>> = {
  ENOENT: "make its directory",
  ENOSPC: "make room on its disk",
  EDQUOT: "make room on its disk",
  EROFS: "its disk is mounted read-only",
};

function hintOf(code: string | undefined, otherwise: string): string {
  return HINTS[code ?? ""] ?? otherwise;
}

function writeAll(descriptor: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length;) at += writeSync(descriptor, bytes, at);
}

/** After the rename: the temporary file's name may be another writer's by now, so it is not removed. */
function syncDirectory(file: string, name: string): void {
  try {
    const descriptor = openSync(dirname(file), "r");
    try {
      fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    const loss = "a power cut may bring the old one back";
    throw new ConfigError(file, `${name} is written, but its directory cannot be synced (${code}): ${loss}`);
  }
}

function removeQuietly(file: string): void {
  try {
    unlinkSync(file);
  } catch {
    // It does not exist.
  }
}
