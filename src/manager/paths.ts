// Default paths of configuration, password and lock file: those of ksmbd-tools.
import { existsSync, lstatSync, realpathSync } from "node:fs";
import { dirname } from "node:path";

export const CONFIG_FILE = "/etc/ksmbd/ksmbd.conf";
/** The name in older ksmbd-tools. */
const OLD_CONFIG_FILE = "/etc/ksmbd/smb.conf";

export const PASSWORD_FILE = "/etc/ksmbd/ksmbdpwd.db";

/** CONFIG_FILE, or the older name if only that exists. */
export function defaultConfigFile(): string {
  return !existsSync(CONFIG_FILE) && existsSync(OLD_CONFIG_FILE) ? OLD_CONFIG_FILE : CONFIG_FILE;
}

/** What OpenWrt's service writes from UCI, and serves without a file of the administrator's own. */
const UCI_CONFIG_FILE = "/var/etc/ksmbd/smb.conf";

/** What OpenWrt's service is configured by. */
const UCI_FILE = "/etc/config/ksmbd";

/**
 * True for a file that OpenWrt's service writes from UCI, or that would take UCI's place: the default one,
 * which is missing there. ksmbd-tools' service has a link there.
 */
export function isUcisPlace(file: string): boolean {
  if (!existsSync(UCI_FILE)) return false;
  if (lstatSync(file, { throwIfNoEntry: false }) === undefined) return file === CONFIG_FILE;
  try {
    return dirname(realpathSync(file)) === realpathSync(dirname(UCI_CONFIG_FILE));
  } catch {
    // The link's target is in memory, and the service has not written it yet.
    return file === CONFIG_FILE;
  }
}

/** The file that a link leads to, or the path itself where there is nothing. */
export function followLink(file: string): string {
  try {
    return realpathSync(file);
  } catch {
    return file;
  }
}

/** For what reads the configuration and changes nothing in it: also the file that UCI is written to. */
export function servedConfigFile(): string {
  const file = defaultConfigFile();
  return !existsSync(file) && existsSync(UCI_CONFIG_FILE) ? UCI_CONFIG_FILE : file;
}

/** OpenWrt's runtime directory is /tmp. */
export function defaultLockFile(): string {
  return existsSync("/etc/openwrt_release") ? "/tmp/ksmbd.lock" : "/run/ksmbd.lock";
}

/** The control socket beside a lock file: `ksmbd.sock`. */
export function controlFileOf(lockFile: string): string {
  return `${lockFile.replace(/\.lock$/, "")}.sock`;
}
