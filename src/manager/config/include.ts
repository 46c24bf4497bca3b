// `include` of smb.conf(5): reads the named file in the place of the line. Its path may hold variables; a
// file that would differ by client cannot be honoured, so it refuses the configuration where one exists.
import { type Stats, readdirSync, readFileSync, statSync } from "node:fs";
import { basename, dirname, isAbsolute, join } from "node:path";
import { ConfigError, type ReadIncluded } from "./parse.ts";
import type { Report } from "./report.ts";
import { VERSION } from "../version.ts";

/**
 * A file may be read several times; without these limits a few files that include each other twice never end.
 */
const MAX_INCLUDED_FILES = 500;
const MAX_INCLUDED_BYTES = 8 * 1024 * 1024;

/** `files` gets the path of each file that is named, whether it exists or not. */
export function includeReader(hostName: string, report: Report, files: string[]): ReadIncluded {
  let bytes = 0;
  let count = 0;
  return (written, position) => {
    const fixed = written.replaceAll("%h", hostName).replaceAll("%v", VERSION);
    const path = isAbsolute(fixed) ? fixed : join(dirname(position), fixed);
    if (/%(?!%)/.test(path)) {
      checkClientFiles(path, written, position);
      report.warn(
        position,
        `'include = ${written}': no such file exists for any client, the line has no effect`,
      );
      return undefined;
    }
    if (!files.includes(path)) files.push(path);
    const found = statIncluded(path, position);
    if (found === undefined) {
      report.warn(position, `'include = ${written}': there is no such file, the line has no effect`);
      return undefined;
    }
    if (!found.isFile()) throw new ConfigError(position, `'${path}' is not a file, correct 'include'`);
    count++;
    bytes += found.size;
    if (count > MAX_INCLUDED_FILES || bytes > MAX_INCLUDED_BYTES)
      throw new ConfigError(
        position,
        `more than ${MAX_INCLUDED_FILES} files or ${MAX_INCLUDED_BYTES >> 20} MiB are included, take some out`,
      );
    return { file: path, text: readConfigText(path, position) };
  };
}

/** Throws ConfigError for a path that cannot be followed, such as symbolic links in a circle. */
function statIncluded(path: string, position: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new ConfigError(position, `'${path}' cannot be reached (${code}), correct 'include'`);
  }
}

/** Throws ConfigError, with `position`, for a file that cannot be read or is not UTF-8. */
export function readConfigText(file: string, position = ""): string {
  const fault = (text: string): ConfigError =>
    position === "" ? new ConfigError(file, text) : new ConfigError(position, `'${file}': ${text}`);
  let bytes: Uint8Array;
  try {
    bytes = readFileSync(file);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    throw fault(
      code === "ENOENT"
        ? "there is no such configuration file, name another with -C"
        : `it cannot be read (${code}), name another with -C`,
    );
  }
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw fault("the configuration is not UTF-8, save it as UTF-8");
  }
}

/** Throws ConfigError where a file matches a path with variables such as `%m`. */
function checkClientFiles(path: string, written: string, position: string): void {
  const directory = dirname(path);
  const pattern = new RegExp(
    `^${basename(path)
      .split(/%\$\([^)]*\)|%./)
      .map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"))
      .join(".+")}$`,
  );
  if (directory.includes("%"))
    throw new ConfigError(
      position,
      `'include = ${written}': a directory that differs by client is not supported`,
    );
  let names: string[];
  try {
    names = readdirSync(directory);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return;
    throw new ConfigError(
      position,
      `'include = ${written}' differs by client, and its directory cannot be read (${code})`,
    );
  }
  const matching = names.filter(
    (name) => pattern.test(name) && !/~$|\.(bak|dpkg-\w+|rpmnew|rpmsave)$/.test(name),
  );
  if (matching.length > 0)
    throw new ConfigError(
      position,
      `'include = ${written}' differs by client (${matching.slice(0, 3).join(", ")}), which is not supported; ` +
        "use 'hosts allow' and 'valid users'",
    );
}
