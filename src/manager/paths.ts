// Where the files are when nobody says otherwise: ksmbd-tools' places. users.md, 2.2.
import { existsSync } from "node:fs";

export const CONFIG_FILE = "/etc/ksmbd/ksmbd.conf";
/** ksmbd-tools' older name. */
const OLD_CONFIG_FILE = "/etc/ksmbd/smb.conf";

export const PASSWORD_FILE = "/etc/ksmbd/ksmbdpwd.db";

/** The usual one; the older name where that alone is there. */
export function defaultConfigFile(): string {
  return !existsSync(CONFIG_FILE) && existsSync(OLD_CONFIG_FILE) ? OLD_CONFIG_FILE : CONFIG_FILE;
}

/** OpenWrt has its runtime directory in /tmp. */
export function defaultLockFile(): string {
  return existsSync("/etc/openwrt_release") ? "/tmp/ksmbd.lock" : "/run/ksmbd.lock";
}
