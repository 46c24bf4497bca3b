// `include` of smb.conf(5): reads the named file in the place of the line. A path with variables of clients
// names a file for each of them, which is read when one connects.
import { type Stats, readFileSync, statSync } from "node:fs";
import { dirname, isAbsolute, join } from "node:path";
import { filesOfClients, isClientPath, pathFor, unusableVariables } from "./client-paths.ts";
import { ConfigError, type ReadIncluded } from "./parse.ts";
import type { Report } from "./report.ts";
import type { VariableValues } from "./variables.ts";
import { VERSION } from "../version.ts";

/**
 * A file may be read several times; without these limits a few files that include each other twice never end.
 */
const MAX_INCLUDED_FILES = 500;
const MAX_INCLUDED_BYTES = 8 * 1024 * 1024;

/** What a configuration was read from. */
export class ConfigFiles {
  /** The path of each file that is named, whether it exists or not; without those of clients. */
  readonly paths: string[] = [];
  /** Paths with variables of clients, with the first line that names them. */
  readonly clientPaths = new Map<string, string>();
  /** The files that were read for the client. */
  readonly clientFiles: string[] = [];
}

export interface IncludeOptions {
  readonly hostName: string;
  readonly report: Report;
  readonly files: ConfigFiles;
  /** The values of a client's variables; undefined: the configuration is read for nobody in particular. */
  readonly client?: VariableValues | undefined;
  readonly readShared: ReadShared;
}

/** Reads a file that is the same for all clients; undefined: there is none. Throws ConfigError. */
export type ReadShared = (path: string, position: string) => string | undefined;

export function includeReader(options: IncludeOptions): ReadIncluded {
  const { hostName, report, files, client, readShared } = options;
  let size = 0;
  let count = 0;
  return (written, position) => {
    const fixed = written.replaceAll("%h", hostName).replaceAll("%v", VERSION);
    const named = isAbsolute(fixed) ? fixed : join(dirname(position), fixed);
    const isOfClients = isClientPath(named);
    if (isOfClients) noteClientPath(named, written, position, files, report);
    const path = isOfClients ? client && pathFor(named, client) : named;
    if (path === undefined) return undefined;
    if (!isOfClients && !files.paths.includes(path)) files.paths.push(path);
    const text = isOfClients ? readIncluded(path, position) : readShared(path, position);
    if (text === undefined) {
      if (!isOfClients)
        report.warn(position, `'include = ${written}': there is no such file, the line has no effect`);
      return undefined;
    }
    if (isOfClients) files.clientFiles.push(path);
    count++;
    size += text.length;
    if (count > MAX_INCLUDED_FILES || size > MAX_INCLUDED_BYTES)
      throw new ConfigError(
        position,
        `more than ${MAX_INCLUDED_FILES} files or ${MAX_INCLUDED_BYTES >> 20} MiB are included, take some out`,
      );
    return { file: path, text };
  };
}

/** The text of a file; undefined: there is none. Throws ConfigError, with `position` where it is included. */
export function readIncluded(path: string, position: string): string | undefined {
  const found = statIncluded(path, position);
  if (found === undefined) return undefined;
  if (!found.isFile()) throw new ConfigError(position, `'${path}' is not a file, correct 'include'`);
  if (found.size > MAX_INCLUDED_BYTES)
    throw new ConfigError(position, `'${path}' has more than ${MAX_INCLUDED_BYTES >> 20} MiB, take some out`);
  return readConfigText(path, position);
}

/** Throws ConfigError where a file may be meant for a client and no client can be told by the path. */
function noteClientPath(
  path: string,
  written: string,
  position: string,
  files: ConfigFiles,
  report: Report,
): void {
  const [unusable] = unusableVariables(path);
  if (unusable === undefined) {
    if (!files.clientPaths.has(path)) files.clientPaths.set(path, position);
    return;
  }
  const [found] = filesOfClients(path, "");
  const hint = unusable === "%u" || unusable === "%S" ? "write %U for the user" : "take it out";
  if (found !== undefined)
    throw new ConfigError(
      position,
      `'include = ${written}': ${unusable} has no value here and ${found.file} is there, ${hint}`,
    );
  report.warn(position, `'include = ${written}': ${unusable} has no value here, the line has no effect`);
}

/** Throws ConfigError for a path that cannot be followed, such as symbolic links in a circle. */
function statIncluded(path: string, position: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new ConfigError(position, `'${path}' cannot be reached (${code}), correct 'include'`, code);
  }
}

/** As `readConfigText`; undefined: there is no such file. */
export function readIfThere(file: string, position = ""): string | undefined {
  try {
    return readConfigText(file, position);
  } catch (error) {
    const isMissing = error instanceof ConfigError && (error.code === "ENOENT" || error.code === "ENOTDIR");
    if (isMissing) return undefined;
    throw error;
  }
}

/** Throws ConfigError, with `position`, for a file that cannot be read or is not UTF-8. */
export function readConfigText(file: string, position = ""): string {
  const fault = (text: string, code?: string): ConfigError =>
    position === ""
      ? new ConfigError(file, text, code)
      : new ConfigError(position, `'${file}': ${text}`, code);
  let bytes: Uint8Array;
  try {
    bytes = readFileSync(file);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    throw fault(
      code === "ENOENT"
        ? "there is no such configuration file, name another with -C"
        : `it cannot be read (${code}), name another with -C`,
      code,
    );
  }
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw fault("the configuration is not UTF-8, save it as UTF-8");
  }
}
