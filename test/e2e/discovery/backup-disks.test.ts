// The shares that Macs may back up to, as a neighbour sees them by multicast DNS (_adisk._tcp): those whose disks
// are there.
import { expect, test } from "bun:test";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { EXECUTABLE } from "../client/server.ts";
import { canPlugDisks, run } from "../client/volumes-rig.ts";
import { canMakeNetworks, useNetworks } from "./networks.ts";

const PYTHON = "/usr/bin/python3";
const NEIGHBOUR = join(import.meta.dir, "neighbour.py");
const canRun = canMakeNetworks && canPlugDisks && existsSync("/usr/lib/python3/dist-packages/zeroconf");
const made = useNetworks(canRun);

const UUID = "[0-9A-F]{8}-[0-9A-F]{4}-5[0-9A-F]{3}-[89AB][0-9A-F]{3}-[0-9A-F]{12}";

/** The line of the neighbour that names these shares and no others. */
function lineOf(...shares: string[]): RegExp {
  const disks = shares.map((share, i) => ` \\| dk${i}=adVN=${share},adVF=0x82,adVU=${UUID}`);
  return new RegExp(`^disks \\| BOX \\| 9 \\| sys=waMa=0,adVF=0x100${disks.join("")}$`, "m");
}

function configure(base: string, macs: "yes" | "no"): string {
  const file = join(base, "minismbd.conf");
  writeFileSync(
    file,
    `[global]
netbios name = BOX
volume directories = ${base}/media
[volumes]
time machine = ${macs}
[Macs]
path = ${base}/docs
time machine = ${macs}
[docs]
path = ${base}/docs
[lost]
path = ${base}/nowhere
time machine = ${macs}
`,
  );
  return file;
}

test.skipIf(!canRun)(
  "a neighbour sees the shares for backups whose disks are there, and follows disks and reloads",
  async () => {
    const base = made().directory;
    const disk = join(base, "media/Vault");
    mkdirSync(disk, { recursive: true });
    run(["truncate", "-s", "8M", `${base}/vault.img`]);
    run(["mkfs.ext4", "-q", "-F", "-L", "Vault", `${base}/vault.img`]);
    const { lines } = made().startThere(PYTHON, NEIGHBOUR, "disks", "10.88.0.2", "80");
    await lines.see("browsing");
    const serve = ["serve", "-C", configure(base, "yes"), "-P", `${base}/users`];
    writeFileSync(`${base}/users`, "", { mode: 0o600 });
    const server = made().startHere("unshare", "--mount", EXECUTABLE, ...serve);
    const inside = (...words: string[]): string =>
      run(["nsenter", "--mount", "-t", String(server.child.pid), ...words]);
    await lines.see(lineOf("Macs"));
    inside("mount", "-o", "loop", `${base}/vault.img`, disk);
    await lines.see(lineOf("Macs", "Vault"));
    inside("umount", "-l", disk);
    // The first neighbour does not say again what it has in its cache.
    const next = made().startThere(PYTHON, NEIGHBOUR, "disks", "10.88.0.2", "80");
    await next.lines.see(lineOf("Macs"));
    configure(base, "no");
    server.child.kill("SIGHUP");
    await next.lines.see("gone BOX");
    expect(lines.text + next.lines.text).not.toMatch(/docs|lost/);
    server.child.kill("SIGTERM");
    await server.child.exited;
  },
);
