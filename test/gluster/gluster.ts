// `npm run gluster`: two servers on one GlusterFS volume of two bricks, and what of SMB holds between their clients.
// Usage: npm run gluster
// Needs root, FUSE and Debian's glusterfs-server; MINISMBD names another executable. Everything runs in namespaces of
// its own, whose end ends all of it.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { makeDirectory, removeDirectory } from "../peer/test-server.ts";
import { findProgram } from "../tools.ts";

/** GlusterFS refuses loopback addresses. */
const HOST = "10.77.0.1";

async function main(): Promise<number> {
  if (process.geteuid?.() !== 0 || !existsSync("/dev/fuse")) {
    console.error("npm run gluster needs root and /dev/fuse");
    return 1;
  }
  if (findProgram("glusterd") === null) {
    console.error("npm run gluster needs GlusterFS: apt-get install glusterfs-server");
    return 1;
  }
  const directory = makeDirectory("minismbd-gluster");
  const namespace = ["unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"];
  // The shell stays: as the first process of the namespace it reaps the daemons that GlusterFS leaves to it.
  const network = `ip link set lo up && ip addr add ${HOST}/32 dev lo && "$@"; exit $?`;
  const inside = [process.execPath, join(import.meta.dir, "inside.ts"), directory, HOST];
  const child = Bun.spawn([...namespace, "sh", "-c", network, "sh", ...inside], {
    stdin: "ignore",
    stdout: "inherit",
    stderr: "inherit",
  });
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const)
    process.on(signal, () => child.kill("SIGKILL"));
  await child.exited;
  removeDirectory(directory);
  return child.exitCode ?? 1;
}

process.exit(await main());
