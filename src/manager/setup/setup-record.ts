// ksmbd.setup: what `minismbd setup` has chosen for this machine, and how far it got. Its appearance is the
// one commit point of the set-up: before, there is nothing; from then on every run comes to the same
// account.
import { existsSync, readFileSync, renameSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { ConfigError } from "../config/parse.ts";
import { replaceFile } from "../replace-file.ts";
import { parseNumbers } from "../users/machine-sid.ts";
import { passwordFault } from "../users/nt-hash.ts";
import { userNameFault } from "../users/user-name.ts";

const FILE = "ksmbd.setup";
/** The record's name when nothing is left to do; systemd's unit looks whether it exists. */
const DONE_FILE = "ksmbd.setup-done";
const MAX_BYTES = 16_384;
/** Three seconds in all. */
const LOCK_WAITS = 60;

export interface SetupRecord {
  readonly user: string;
  /** Until somebody has logged on with it; then empty. */
  readonly password: string;
  /** The sub-authorities of the machine's SID, as in ksmbd.subauth. */
  readonly subauth: string;
  /** Files that show the password, which are removed after the first log-on. */
  readonly notices: readonly string[];
  /** Account, SID, configuration and notices are on disk. */
  readonly isComplete: boolean;
}

/** Beside the password file. */
export function setupFileOf(passwordFile: string): string {
  return join(dirname(passwordFile), FILE);
}

export function isSetUp(recordFile: string): boolean {
  return existsSync(doneFileOf(recordFile));
}

/** Undefined where there is none. Throws ConfigError for a file that no version has written. */
export function readSetupRecord(recordFile: string): SetupRecord | undefined {
  let text: string;
  try {
    if (statSync(recordFile).size > MAX_BYTES) throw damaged(recordFile);
    text = readFileSync(recordFile, "utf8");
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT") return undefined;
    throw new ConfigError(recordFile, `it cannot be read (${code}), correct its owner and mode`);
  }
  const record = parseRecord(text);
  if (record === undefined) throw damaged(recordFile);
  return record;
}

/** Throws ConfigError; the file is then as it was, unless the message says that it is written. */
export function writeSetupRecord(recordFile: string, record: SetupRecord): void {
  const how = { file: recordFile, name: "the set-up", mode: () => 0o600, waits: LOCK_WAITS };
  replaceFile(how, (put) => put(`${JSON.stringify(record)}\n`));
}

/** Nothing is left to do. Throws an errno. */
export function closeSetupRecord(recordFile: string): void {
  renameSync(recordFile, doneFileOf(recordFile));
}

function doneFileOf(recordFile: string): string {
  return join(dirname(recordFile), DONE_FILE);
}

function damaged(recordFile: string): ConfigError {
  return new ConfigError(recordFile, "it is damaged, remove it and run 'minismbd setup' again");
}

function parseRecord(text: string): SetupRecord | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== "object" || value === null) return undefined;
  const { user, password, subauth, notices, isComplete } = value as Record<string, unknown>;
  const isText = (part: unknown): part is string => typeof part === "string";
  if (!isText(user) || userNameFault(user) !== undefined) return undefined;
  if (!isText(password) || passwordFault(password) !== undefined) return undefined;
  if (!isText(subauth) || parseNumbers(subauth) === undefined) return undefined;
  if (!Array.isArray(notices) || !notices.every(isText)) return undefined;
  return { user, password, subauth, notices, isComplete: isComplete === true };
}
