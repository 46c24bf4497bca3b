// Where the files are when nobody says otherwise: ksmbd-tools' places. users.md, 2.2.
import { existsSync } from "node:fs";

const CONFIG_FILES = ["/etc/ksmbd/ksmbd.conf", "/etc/ksmbd/smb.conf"] as const;

export const PASSWORD_FILE = "/etc/ksmbd/ksmbdpwd.db";

/** The second name is ksmbd-tools' older one. */
export function defaultConfigFile(): string {
  return CONFIG_FILES.find((file) => existsSync(file)) ?? CONFIG_FILES[0];
}

/** OpenWrt has its runtime directory in /tmp. */
export function defaultLockFile(): string {
  return existsSync("/etc/openwrt_release") ? "/tmp/ksmbd.lock" : "/run/ksmbd.lock";
}
