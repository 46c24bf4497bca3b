// A Debian of another processor, made and run under qemu's user emulation. binfmt_misc belongs to a user namespace here
// (Linux 6.7), so that nothing is registered on this machine; systemd does not run there.
import { readlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { findAptOptions, findSources } from "../fresh/bare-root.ts";

const QEMU = "/usr/bin/qemu-aarch64-static";
const MAGIC =
  String.raw`:arm64:M::\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00` +
  String.raw`:\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff:${QEMU}:PF`;
const REGISTER = `mount -t binfmt_misc none /proc/sys/fs/binfmt_misc && printf %s '${MAGIC}' >/proc/sys/fs/binfmt_misc/register`;
/** An account is made without systemd. */
const PACKAGES = "systemd-standalone-sysusers";

interface NamespaceOptions {
  readonly ownNetwork: boolean;
  /** Programs of the other processor run there. */
  readonly isForeign?: boolean;
  readonly env?: Readonly<Record<string, string>>;
}

/** Runs a shell's script as root of a user namespace with this machine's ids. Returns its exit status. */
async function runInNamespace(body: string, options: NamespaceOptions): Promise<number> {
  const script = options.isForeign === true ? `${REGISTER} && ${body}` : body;
  const inner = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"];
  if (options.ownNetwork) inner.push("--net");
  const words = [...inner, "sh", "-c", '"$SCRIPT_SHELL" -c "$SCRIPT"'];
  const child = Bun.spawn(["unshare", "--user", "sh", "-c", 'read -r _; exec "$@"', "sh", ...words], {
    env: { ...process.env, ...options.env, SCRIPT: script, SCRIPT_SHELL: "/bin/sh" },
    stdin: "pipe",
    stdout: "inherit",
    stderr: "inherit",
  });
  const own = readlinkSync("/proc/self/ns/user");
  while (child.exitCode === null && readlinkSync(`/proc/${child.pid}/ns/user`) === own) await Bun.sleep(20);
  for (const map of ["uid_map", "gid_map"]) writeFileSync(`/proc/${child.pid}/${map}`, "0 0 65536\n");
  child.stdin.write("\n");
  await child.stdin.end();
  return child.exited;
}

/** Makes a Debian for arm64 in `path`, which must not exist. */
export async function makeForeignDebian(path: string, suite: string): Promise<void> {
  const options = findAptOptions().map((line) => `--aptopt=${line}`);
  const words = [
    ...["mmdebstrap", "--mode=root", "--quiet", "--variant=minbase", "--architectures=arm64"],
    // Its namespace cannot mount sysfs, and mmdebstrap does not see binfmt_misc of a namespace.
    ...["--skip=check/qemu", "--skip=chroot/mount/sys", `--include=${PACKAGES}`],
    ...[...options, suite, path, ...findSources(suite)],
  ];
  const quoted = words.map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(" ");
  if ((await runInNamespace(quoted, { ownNetwork: false, isForeign: true })) !== 0)
    throw new Error(`${path}: no Debian for arm64 could be made`);
}

/** Runs a file behind checks.sh in such a namespace, with a network of its own. Returns its exit status. */
export function runChecks(file: string, options: Omit<NamespaceOptions, "ownNetwork">): Promise<number> {
  const script = `. "${join(import.meta.dir, "checks.sh")}" && . "${file}"`;
  return runInNamespace(script, { ...options, ownNetwork: true });
}

/** Tries /var/tmp/first.deb and second.deb of the root; prints one line a check. Returns the exit status. */
export function tryForeign(root: string): Promise<number> {
  const env = { ROOT: root, ARCHITECTURE: "arm64" };
  return runChecks(join(import.meta.dir, "foreign.sh"), { isForeign: true, env });
}
