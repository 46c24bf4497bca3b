// Paths of `include` that differ by client, such as smb.conf.%m: what they name for one client, and the files
// on the disk that they may name; smb.conf(5).
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { fillKnown, type VariableValues } from "./variables.ts";

/** What smbd calls every client of SMB2 and later that it does not know better. */
export const ARCHITECTURE = "Vista";

/** The variables that may stand in the path of an `include`, besides those of the server. */
const IN_PATHS = "mMIiUGLNajJ";

const LONGEST_NAME = 64;
/** Of the files that a path may name. */
const MAX_FILES = 100;

/** Who connects. `workstation` and `user` are the client's word, even of a user who proved his password. */
export interface ClientFacts {
  readonly user: string;
  readonly workstation: string;
  readonly remoteAddress: string;
  readonly localAddress: string;
  /** The user's primary group on this machine; undefined: he has no account. */
  readonly group: string | undefined;
}

export function isClientPath(path: string): boolean {
  return /%(?!%)/.test(path);
}

/** The variables of a path that mean nothing in an `include`, as with smbd; `%u` among them. */
export function unusableVariables(path: string): string[] {
  const found = path.match(/%(?:\$\([^)]*\)|.)/g) ?? [];
  return found.filter((variable) => variable !== "%%" && !IN_PATHS.includes(variable.charAt(1)));
}

/**
 * As smbd cleans a name that a client sends: lower case, letters, digits, blanks and `.-_`, the rest becomes
 * `_`. The name never is or contains a directory.
 */
export function cleanName(name: string): string {
  const cleaned = name
    .trim()
    .slice(0, LONGEST_NAME)
    .toLowerCase()
    .replace(/[^a-z0-9. _-]/g, "_");
  return /^\.+$/.test(cleaned) ? "_".repeat(cleaned.length) : cleaned;
}

/** `%m`: what the client calls its machine, else its address. */
export function machineName(workstation: string, remoteAddress: string): string {
  return cleanName(workstation) || remoteAddress;
}

export function clientVariables(facts: ClientFacts, serverName: string): VariableValues {
  const { user, workstation, remoteAddress, localAddress, group } = facts;
  return {
    m: machineName(workstation, remoteAddress),
    M: remoteAddress,
    I: remoteAddress,
    i: localAddress,
    j: remoteAddress.replace(/[.:]/g, "_"),
    J: remoteAddress.replace(/[.:]/g, "-"),
    U: cleanName(user),
    G: group === undefined ? undefined : cleanName(group),
    L: serverName,
    N: serverName,
    a: ARCHITECTURE,
  };
}

/** The path for a client; undefined: one of its variables has no value. */
export function pathFor(path: string, values: VariableValues): string | undefined {
  const filled = fillKnown(path, values);
  return isClientPath(filled) ? undefined : filled.replaceAll("%%", "%");
}

export interface FileOfClients {
  readonly file: string;
  /** The values of the variables for which the path names the file. */
  readonly values: VariableValues;
}

/** The files that exist and that a path with variables may name, editors' and packages' copies left out. */
export function filesOfClients(path: string, serverName: string): FileOfClients[] {
  const fixed: VariableValues = { L: serverName, N: serverName, a: ARCHITECTURE };
  let found: FileOfClients[] = [{ file: "/", values: fixed }];
  for (const part of path.split("/").filter((part) => part !== ""))
    found = found.flatMap(({ file, values }) => step(file, part, values)).slice(0, MAX_FILES);
  return found.filter(({ file }) => !/~$|\.(bak|dpkg-\w+|rpmnew|rpmsave)$/.test(file));
}

function step(directory: string, part: string, values: VariableValues): FileOfClients[] {
  const known = fillKnown(part, values);
  if (!isClientPath(known)) return [{ file: join(directory, known.replaceAll("%%", "%")), values }];
  const letters = [...known.matchAll(/%(.)/g)].map(([, letter = ""]) => letter);
  const pattern = new RegExp(
    `^${known
      .split(/%\$\([^)]*\)|%./)
      .map((text) => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"))
      .join("(.+)")}$`,
  );
  const matches = namesIn(directory).flatMap((name) => {
    const match = pattern.exec(name);
    if (match === null) return [];
    const taken = Object.fromEntries(letters.map((letter, at) => [letter, match[at + 1]]));
    return [{ file: join(directory, name), values: { ...values, ...taken } }];
  });
  return matches;
}

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}
