// `npm run box`: the compiled executable in a kernel with the memory of a small box, under load from outside.
// Usage: npm run box -- --memory 64M|128M|256M [--only TEXT] [--server smbd|both] [--quick] [--json FILE]
// Needs root, x86-64 and Debian's user-mode-linux; MINISMBD names another executable. Everything runs in a network and
// process namespace of its own, whose end ends all of it.
import { existsSync } from "node:fs";
import { constants } from "node:os";
import { join } from "node:path";
import { makeDirectory, removeDirectory } from "../peer/test-server.ts";
import { findProgram } from "../tools.ts";

const PROGRAMS: Readonly<Record<string, string>> = {
  "linux.uml": "user-mode-linux",
  busybox: "busybox-static",
  smbclient: "smbclient",
  smbd: "samba",
  "mkfs.ext4": "e2fsprogs",
  ip: "iproute2",
  cmp: "diffutils",
};

/** The cable: one end in the namespace, the other the guest's vec0. */
const NETWORK = [
  "ip link set lo up",
  "ip tuntap add tap0 mode tap",
  "ip addr add 10.77.0.1/24 dev tap0",
  "ip addr add 10.77.0.3/24 dev tap0",
  "ip link set tap0 up",
].join(" && ");

function provide(): void {
  const missing = Object.entries(PROGRAMS).filter(([name]) => findProgram(name) === null);
  if (missing.length === 0) return;
  const packages = missing.map(([, name]) => name);
  console.log(`installing ${packages.join(" ")}`);
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  for (const words of [
    ["update", "-qq"],
    ["install", "-y", "-qq", "--no-install-recommends", ...packages],
  ])
    Bun.spawnSync(["apt-get", ...words], { env, stdin: "ignore", stdout: "ignore", stderr: "inherit" });
}

async function main(): Promise<number> {
  if (process.geteuid?.() !== 0 || process.arch !== "x64" || !existsSync("/etc/debian_version")) {
    console.error("npm run box needs root, x86-64 and Debian");
    return 1;
  }
  provide();
  // The guest's memory is a file: it belongs in memory.
  const directory = makeDirectory("minismbd-box", existsSync("/dev/shm") ? "/dev/shm" : undefined);
  const namespace = ["unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"];
  const inside = [process.execPath, join(import.meta.dir, "inside.ts"), directory, ...process.argv.slice(2)];
  const words = [...namespace, "sh", "-c", `${NETWORK} && exec "$@"`, "sh", ...inside];
  const child = Bun.spawn(words, { stdin: "ignore", stdout: "inherit", stderr: "inherit" });
  // The end of unshare ends the namespace's first process, and that one's end all others.
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const)
    process.on(signal, () => child.kill("SIGKILL"));
  await child.exited;
  removeDirectory(directory);
  return child.exitCode ?? 128 + constants.signals.SIGINT;
}

process.exit(await main());
