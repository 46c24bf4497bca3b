// Default paths of configuration, password and lock file: those of ksmbd-tools.
import { existsSync } from "node:fs";

export const CONFIG_FILE = "/etc/ksmbd/ksmbd.conf";
/** The name in older ksmbd-tools. */
const OLD_CONFIG_FILE = "/etc/ksmbd/smb.conf";

export const PASSWORD_FILE = "/etc/ksmbd/ksmbdpwd.db";

/** CONFIG_FILE, or the older name if only that exists. */
export function defaultConfigFile(): string {
  return !existsSync(CONFIG_FILE) && existsSync(OLD_CONFIG_FILE) ? OLD_CONFIG_FILE : CONFIG_FILE;
}

/** OpenWrt's runtime directory is /tmp. */
export function defaultLockFile(): string {
  return existsSync("/etc/openwrt_release") ? "/tmp/ksmbd.lock" : "/run/ksmbd.lock";
}

/** The control socket beside a lock file: `ksmbd.sock`. */
export function controlFileOf(lockFile: string): string {
  return `${lockFile.replace(/\.lock$/, "")}.sock`;
}
