// ksmbdpwd.db(5): one `user:base64(NT hash)` a line. An invalid line rejects the whole file; of two lines
// with one name the later counts. Names that differ by case only are two users, as for ksmbd.
import { readFileSync } from "node:fs";
import { ConfigError } from "../config/parse.ts";
import { followLink } from "../paths.ts";
import { replaceFile } from "../replace-file.ts";
import { compareUserNames, foldUserName, showName, userNameFault } from "./user-name.ts";

/** User name as written -> NT hash, 16 bytes in hex. */
export type PasswordTable = Map<string, string>;

/** The password file is there, but cannot be read now. */
export class UnreadableFile extends ConfigError {}

const FILE_MODE = 0o640;
/** Three seconds in all. */
const LOCK_WAITS = 60;

/** Throws ConfigError with the line's number, never with the text after its colon. */
export function parsePasswordFile(text: string, file: string): PasswordTable {
  const table: PasswordTable = new Map();
  for (const [index, raw] of text.split("\n").entries()) {
    const line = raw.trim();
    if (line === "") continue;
    const position = `${file}:${index + 1}`;
    const at = line.indexOf(":");
    if (at < 0) throw new ConfigError(position, "not USER:HASH, take the line out or set the password again");
    const name = line.slice(0, at);
    const fault = userNameFault(name);
    if (fault !== undefined) throw new ConfigError(position, `${fault}, take the line out`);
    const hash = decodeHash(line.slice(at + 1));
    if (hash === undefined) {
      const text = `the hash of '${showName(name)}' is not the base64 of 16 bytes`;
      throw new ConfigError(position, `${text}, take the line out and set the password again`);
    }
    table.set(name, hash);
  }
  return table;
}

/** Sorted by name, so that the same users give the same file. */
export function formatPasswordFile(table: PasswordTable): string {
  return [...table.keys()]
    .sort(compareUserNames)
    .map((name) => `${name}:${Buffer.from(table.get(name) ?? "", "hex").toString("base64")}\n`)
    .join("");
}

/** The name as the table spells it: the very name, else the only one that differs from it by case. */
export function findSpelling(table: ReadonlyMap<string, unknown>, name: string): string | undefined {
  if (table.has(name)) return name;
  const folded = foldUserName(name);
  const same = [...table.keys()].filter((spelling) => foldUserName(spelling) === folded);
  return same.length === 1 ? same[0] : undefined;
}

/** Sets a user's hash. An existing spelling that differs only by case stays as it is. */
export function putUser(table: PasswordTable, name: string, hash: string): void {
  table.set(findSpelling(table, name) ?? name, hash);
}

/**
 * A missing file gives an empty table. Throws UnreadableFile, or another ConfigError if it cannot be parsed.
 */
export function readPasswordFile(file: string): PasswordTable {
  let bytes: Uint8Array;
  try {
    bytes = readFileSync(file);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === "ENOENT") return new Map();
    const text = `the password file cannot be read (${code}), correct its owner and mode`;
    throw new UnreadableFile(file, text, code);
  }
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new ConfigError(file, "the password file is not UTF-8, restore it or make it anew");
  }
  return parsePasswordFile(text, file);
}

/**
 * Replaces the file atomically. The new file, which nobody else can read until it has its owner and mode, is
 * also the lock against a second writer. Throws ConfigError, and whatever `change` throws; the file is then
 * unchanged.
 */
export function updatePasswordFile(file: string, change: (table: PasswordTable) => void): void {
  // The file itself may be elsewhere, such as on a disk that keeps what is written to it.
  const target = followLink(file);
  // An administrator may have given it to fewer.
  const mode = (old = FILE_MODE): number => old & FILE_MODE;
  replaceFile({ file: target, name: "the password file", mode, waits: LOCK_WAITS }, (put) => {
    const table = readPasswordFile(file);
    change(table);
    put(formatPasswordFile(table));
  });
}

function decodeHash(text: string): string | undefined {
  if (!/^[A-Za-z0-9+/]{22}==$/.test(text)) return undefined;
  const bytes = Buffer.from(text, "base64");
  return bytes.toString("base64") === text ? bytes.toString("hex") : undefined;
}
