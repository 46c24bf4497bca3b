// The root directory of the guest: busybox, the server with its libraries, and its configuration.
import { spawnSync } from "node:child_process";
import { chmodSync, copyFileSync, cpSync, existsSync, mkdirSync, realpathSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { formatPasswordDatabase } from "../e2e/client/server.ts";
import { TESTER } from "../peer/test-server.ts";

export type ServerName = "minismbd" | "smbd";

export const SHARE = "share";

const ACCOUNTS = ["root:x:0:0::/:/bin/sh", "daemon:x:1:1::/:/bin/sh", "nobody:x:65534:65534::/:/bin/sh"];
const GROUPS = ["root:x:0:", "daemon:x:1:", "nogroup:x:65534:"];
const SAMBA_MODULES = "/usr/lib/x86_64-linux-gnu/samba";

/** Copies a file to the same path below `root`, symlinks resolved, with the libraries that it is linked to. */
function copyProgram(root: string, path: string, target = path): void {
  copyFile(root, path, target);
  const { stdout } = spawnSync("ldd", [path], { encoding: "utf8" });
  for (const [, library = ""] of stdout.matchAll(/(?:=> |^\s)(\/\S+) \(/gm)) copyFile(root, library);
}

function copyFile(root: string, path: string, target = path): void {
  const copy = join(root, target);
  if (existsSync(copy)) return;
  mkdirSync(dirname(copy), { recursive: true });
  copyFileSync(realpathSync(path), copy);
}

/** Makes the root of a guest that runs `executable`, or smbd where it is undefined. */
export function makeRoot(root: string, executable: string | undefined): void {
  for (const name of ["bin", "dev", "proc", "sys", "tmp", "run", "srv", "host", "etc", "var/log"])
    mkdirSync(join(root, name), { recursive: true });
  copyProgram(root, "/bin/busybox");
  copyFileSync(join(import.meta.dir, "guest-init.sh"), join(root, "init"));
  chmodSync(join(root, "init"), 0o755);
  writeFileSync(join(root, "etc/passwd"), `${ACCOUNTS.join("\n")}\n`);
  writeFileSync(join(root, "etc/group"), `${GROUPS.join("\n")}\n`);
  writeFileSync(join(root, "etc/nsswitch.conf"), "passwd: files\ngroup: files\nhosts: files\n");
  if (executable === undefined) addSmbd(root);
  else addMinismbd(root, executable);
}

function addMinismbd(root: string, executable: string): void {
  copyProgram(root, executable, "/bin/minismbd");
  const lines = ["[global]", "max ip connections = 200", `[${SHARE}]`, "path = /srv/share", "read only = no"];
  writeFileSync(join(root, "etc/minismbd.conf"), `${lines.join("\n")}\n`);
  writeFileSync(join(root, "etc/ksmbdpwd.db"), formatPasswordDatabase([TESTER]), { mode: 0o600 });
}

function addSmbd(root: string): void {
  copyProgram(root, "/usr/sbin/smbd");
  cpSync(SAMBA_MODULES, join(root, SAMBA_MODULES), { recursive: true });
  for (const name of new Bun.Glob("**/*.so*").scanSync(SAMBA_MODULES))
    copyProgram(root, join(SAMBA_MODULES, name));
}

/** The command line that runs the server in the foreground in the guest. */
export function serverCommand(name: ServerName): string {
  return name === "minismbd"
    ? "/bin/minismbd serve -n -C /etc/minismbd.conf -P /etc/ksmbdpwd.db"
    : "/usr/sbin/smbd --foreground --no-process-group -s /etc/smb.conf";
}
