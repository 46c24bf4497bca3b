// The root directory of the guest: busybox, the server with its libraries, and its configuration.
import { spawnSync } from "node:child_process";
import {
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  realpathSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { formatPasswordDatabase } from "../e2e/client/server.ts";
import { smbdGlobals, writeSmbdState } from "../peer/smbd.ts";
import { TESTER } from "../peer/test-server.ts";

export type ServerName = "minismbd" | "smbd";

export const SHARE = "share";
/** The same folder as a target of Time Machine. */
export const BACKUPS = "backups";

/** The guest's address; the clients' end of the cable is 10.77.0.1. */
export const GUEST_ADDRESS = "10.77.0.2";

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
  const folder = ["path = /srv/share", "read only = no"];
  const backups = [`[${BACKUPS}]`, ...folder, "time machine = yes"];
  const lines = ["[global]", "max ip connections = 200", `[${SHARE}]`, ...folder, ...backups];
  writeFileSync(join(root, "etc/minismbd.conf"), `${lines.join("\n")}\n`);
  writeFileSync(join(root, "etc/ksmbdpwd.db"), formatPasswordDatabase([TESTER]), { mode: 0o600 });
}

/** Where smbd has its state in the guest: on the disk, not in memory. */
const SMBD_STATE = "/srv/smbd";

function addSmbd(root: string): void {
  copyProgram(root, "/usr/sbin/smbd");
  for (const name of new Bun.Glob("**/*.so*").scanSync(SAMBA_MODULES))
    copyProgram(root, join(SAMBA_MODULES, name));
  for (const directory of ["/usr/share/samba", "/usr/lib/x86_64-linux-gnu/gconv"])
    if (existsSync(directory)) cpSync(directory, join(root, directory), { recursive: true });
  const state = join(root, "etc/smbd");
  mkdirSync(state);
  // Large streams do not fit into ext4's extended attributes.
  const parameters = { "vfs objects": "streams_depot" };
  const path = "/srv/share";
  const backups = { "vfs objects": "catia fruit streams_xattr", "fruit:time machine": "yes" };
  const options = {
    users: [TESTER],
    shares: [
      { name: SHARE, path, parameters },
      { name: BACKUPS, path, parameters: backups },
    ],
  };
  const shares = new Map([SHARE, BACKUPS].map((name) => [name, path] as const));
  // The accounts are made here, in a configuration that says where they are here.
  const made = writeSmbdState(state, smbdGlobals(state, GUEST_ADDRESS, 445), options, shares);
  const text = readFileSync(made, "utf8").replaceAll(state, SMBD_STATE);
  writeFileSync(made, text);
}

/** The line of shell that starts the server in the guest and leaves its process in `$server`. */
export function startCommand(name: ServerName): string {
  return name === "minismbd"
    ? "/bin/minismbd serve -n -C /etc/minismbd.conf -P /etc/ksmbdpwd.db >/host/log 2>&1 & server=$!"
    : `cp -a /etc/smbd /srv; smbd --foreground --no-process-group -s ${SMBD_STATE}/smb.conf >/host/log 2>&1 & server=$!`;
}
