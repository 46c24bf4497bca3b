// Replaces a configuration file atomically, after the new text was read as the server will read it.
import { closeSync, fchmodSync, fchownSync, fsyncSync, openSync, readFileSync, realpathSync } from "node:fs";
import { renameSync, statSync, unlinkSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import { dialectOf, type Dialect } from "./lines.ts";
import { type Configuration, loadConfiguration } from "./load.ts";
import { ConfigError } from "./parse.ts";

/** As ksmbd-tools writes it. */
const FILE_MODE = 0o640;

/** The text; undefined for a missing file. Throws ConfigError. */
export function readConfigFile(file: string): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(readFileSync(file));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT") return undefined;
    if (error instanceof TypeError)
      throw new ConfigError(file, "the configuration is not UTF-8, save it as UTF-8");
    throw new ConfigError(file, `the configuration cannot be read (${code})`);
  }
}

/**
 * Writes `change(text)` in the place of the text and returns the configuration that it makes. Throws ConfigError where
 * the server would refuse that, or it cannot be written, and what `change` throws; the file is then unchanged.
 * Two changes at once: the second one fails.
 */
export function updateConfigFile(
  file: string,
  change: (text: string, dialect: Dialect) => string,
): Configuration {
  const target = resolveLink(file);
  const temporary = `${target}.tmp`;
  const descriptor = openTemporary(target, temporary);
  try {
    const dialect = dialectOf(file);
    const bytes = Buffer.from(change(readConfigFile(target) ?? "", dialect));
    for (let at = 0; at < bytes.length;) at += writeSync(descriptor, bytes, at);
    const configuration = check(temporary, target, dialect);
    const old = statSync(target, { throwIfNoEntry: false });
    if (old && process.geteuid?.() === 0) fchownSync(descriptor, old.uid, old.gid);
    fchmodSync(descriptor, old === undefined ? FILE_MODE : old.mode & 0o777);
    fsyncSync(descriptor);
    renameSync(temporary, target);
    syncDirectory(dirname(target));
    return configuration;
  } catch (error) {
    removeQuietly(temporary);
    if (error instanceof ConfigError || (error as NodeJS.ErrnoException).code === undefined) throw error;
    const { code } = error as NodeJS.ErrnoException;
    throw new ConfigError(file, `it cannot be written (${code}), look at its owner and the free space`);
  } finally {
    closeSync(descriptor);
  }
}

function check(temporary: string, target: string, dialect: Dialect): Configuration {
  try {
    return loadConfiguration({ file: temporary, dialect });
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    throw new ConfigError(error.position.replace(temporary, target), `${error.text}; nothing was changed`);
  }
}

/** OpenWrt's /etc/ksmbd/ksmbd.conf is a link. */
function resolveLink(file: string): string {
  try {
    return realpathSync(file);
  } catch {
    return file;
  }
}

function openTemporary(target: string, temporary: string): number {
  try {
    return openSync(temporary, "wx", 0o600);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "EEXIST")
      throw new ConfigError(temporary, "another change is under way, remove this file if not");
    const hint = code === "ENOENT" ? "make its directory" : "correct the directory's owner and mode";
    throw new ConfigError(target, `it cannot be written (${code}), ${hint}`);
  }
}

function syncDirectory(directory: string): void {
  const descriptor = openSync(directory, "r");
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

function removeQuietly(file: string): void {
  try {
    unlinkSync(file);
  } catch {
    // It does not exist.
  }
}
