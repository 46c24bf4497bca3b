// ksmbd.subauth: `a:b:c`, three decimal 32-bit numbers, the sub-authorities of the SID that this machine's
// users belong to: S-1-5-21-a-b-c ([MS-DTYP] 2.4.2.4). It stays the same for as long as the file does.
import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { ConfigError } from "../config/parse.ts";
import { replaceFile } from "../replace-file.ts";

const FILE = "ksmbd.subauth";
const FILE_MODE = 0o644;

/** Beside the password file, as ksmbd's. */
export function subauthFileOf(passwordFile: string): string {
  return join(dirname(passwordFile), FILE);
}

/**
 * The machine's SID, `S-1-5-21-…`, from the file. A missing file is made, with the numbers that servers
 * without the file used: a hash of `serverGuid` (16 bytes in hex). Descriptors stored by those keep their
 * meaning. Null: no file. `warn` gets what is wrong with the file; the hash is then used, and the file is
 * left as it is.
 */
export function machineSid(file: string | null, serverGuid: string, warn: (text: string) => void): string {
  const derived = deriveNumbers(serverGuid);
  if (file === null) return formatDomain(derived);
  const stored = readNumbers(file, warn);
  if (stored === undefined) return formatDomain(derived);
  if (stored !== "missing") return formatDomain(stored);
  try {
    return formatDomain(makeSubauthFile(file, derived) ?? derived);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    warn(`${error.message}; it is not kept`);
    return formatDomain(derived);
  }
}

/** The SID that the file has; undefined: none that can be used. */
export function keptSid(file: string | null): string | undefined {
  const stored = file === null ? undefined : readNumbers(file, () => undefined);
  return stored === undefined || stored === "missing" ? undefined : formatDomain(stored);
}

export type Numbers = readonly [number, number, number];

function readNumbers(file: string, warn: (text: string) => void): Numbers | "missing" | undefined {
  let text: string;
  try {
    text = readFileSync(file, "latin1");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT") return "missing";
    warn(`${file} cannot be read (${code}), correct its owner and mode`);
    return undefined;
  }
  const numbers = parseNumbers(text);
  if (numbers === undefined)
    warn(`${file} is not A:B:C with three numbers below 4294967296, restore it or remove it`);
  return numbers;
}

/** Undefined for any other text. */
export function parseNumbers(text: string): Numbers | undefined {
  const match = /^\s*(\d{1,10}):(\d{1,10}):(\d{1,10})\s*$/.exec(text);
  if (!match) return undefined;
  const numbers = [Number(match[1]), Number(match[2]), Number(match[3])] as const;
  return numbers.every((number) => number < 2 ** 32) ? numbers : undefined;
}

/**
 * Makes the file whole or not at all. Returns the numbers in it, which may be those of another process that
 * was quicker; undefined if they cannot be read. Throws ConfigError.
 */
export function makeSubauthFile(file: string, numbers: Numbers, waits = 0): Numbers | undefined {
  let isThere = false;
  const how = { file, name: "the machine's SID", mode: () => FILE_MODE, waits };
  try {
    replaceFile(how, (put) => {
      isThere = existsSync(file);
      if (isThere) throw new ConfigError(file, "it exists");
      put(`${numbers.join(":")}\n`);
    });
  } catch (error) {
    if (!isThere) throw error;
    return parseNumbers(readFileSync(file, "latin1"));
  }
  return numbers;
}

function deriveNumbers(serverGuid: string): Numbers {
  const digest = createHash("sha256").update(`minismbd domain ${serverGuid}`).digest();
  return [digest.readUInt32LE(0), digest.readUInt32LE(4), digest.readUInt32LE(8)];
}

function formatDomain(numbers: Numbers): string {
  return `S-1-5-21-${numbers.join("-")}`;
}
