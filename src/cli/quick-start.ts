// Folder and user for `serve --quick-start`; the password stays the same across restarts.
import { randomInt } from "node:crypto";
import { chownSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ownIds } from "../manager/credentials.ts";
import { SystemAccountFiles } from "../manager/users/system-accounts.ts";
import { CliError } from "./arguments.ts";

export interface QuickStart {
  readonly directory: string;
  readonly user: string;
  readonly password: string;
  /** The file that stores user and password. */
  readonly passwordFile: string;
}

const USER = "smb";
const LETTERS = "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789";
const PASSWORD_LENGTH = 16;

/**
 * Creates `share` and `.minismbd-user` in the directory if they are missing. Throws CliError or ConfigError.
 */
export function prepareQuickStart(base: string): QuickStart {
  const directory = join(base, "share");
  const passwordFile = join(base, ".minismbd-user");
  // Root's server serves those without an account on the machine with ids of its own.
  const { uid, gid } = ownIds(new SystemAccountFiles().read());
  try {
    const made = mkdirSync(directory, { recursive: true });
    if (made !== undefined && process.geteuid?.() === 0) chownSync(directory, uid, gid);
  } catch (error) {
    throw new CliError(
      `${directory} cannot be made (${(error as NodeJS.ErrnoException).code}), go to another folder`,
    );
  }
  return { directory, user: USER, password: readOrMake(passwordFile), passwordFile };
}

/** 93 random bits, in characters that are easy to tell apart. */
export function randomPassword(): string {
  return Array.from({ length: PASSWORD_LENGTH }, () => LETTERS[randomInt(LETTERS.length)] ?? "").join("");
}

function readOrMake(file: string): string {
  try {
    const stored = /^smb:(\S+)\n?$/.exec(readFileSync(file, "utf8"))?.[1];
    if (stored !== undefined) return stored;
    throw new CliError(`${file} is not 'smb:PASSWORD', remove it and a new one is made`);
  } catch (error) {
    if (error instanceof CliError) throw error;
    const code = (error as NodeJS.ErrnoException).code;
    if (code !== "ENOENT")
      throw new CliError(`${file} cannot be read (${code}), correct its owner or remove it`);
  }
  const password = randomPassword();
  try {
    writeFileSync(file, `${USER}:${password}\n`, { mode: 0o600, flag: "wx" });
  } catch (error) {
    throw new CliError(
      `${file} cannot be written (${(error as NodeJS.ErrnoException).code}), go to another folder`,
    );
  }
  return password;
}
