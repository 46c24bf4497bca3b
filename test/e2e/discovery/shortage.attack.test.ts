// A server without free descriptors, as a client may leave it, learns later which interfaces have changed meanwhile,
// and is announced later.
import { expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { Scratch, sys } from "../../../src/linux/libc.ts";
import { RLIMIT_SIZE } from "../../../src/linux/limits.ts";
import { Syscall } from "../../../src/linux/syscall-numbers.ts";
import { SEARCH_PATH } from "../../tools.ts";
import { canMakeNetworks, useNetworks } from "./networks.ts";

const RLIMIT_NOFILE = 7;
const LIMIT = 1024;
const made = useNetworks(canMakeNetworks);

function limitDescriptors(pid: number, soft: number): void {
  const room = new Scratch(RLIMIT_SIZE);
  room.view.setBigUint64(0, BigInt(soft), true);
  room.view.setBigUint64(8, BigInt(LIMIT), true);
  expect(sys(Syscall.prlimit64, pid, RLIMIT_NOFILE, room.address, 0)).toBe(0);
}

test.skipIf(!canMakeNetworks)(
  "an address that comes while no descriptors are left is served when there are some again",
  async () => {
    const networks = made();
    const named = ["-o", "interfaces = eth0", "-o", "bind interfaces only = yes"];
    const server = networks.startServer(...named, "-o", "multicast dns register = yes");
    await server.lines.see("ready on port 445");
    limitDescriptors(server.child.pid, 3);
    await networks.startHere("ip", "addr", "add", "10.88.0.3/24", "dev", "eth0").child.exited;
    // The kernel's event waits 200 ms for others.
    await Bun.sleep(1500);
    limitDescriptors(server.child.pid, LIMIT);
    const from = "import socket; print('connected', socket.create_connection(('10.88.0.3', 445), 1))";
    const again = `until python3 -c "${from}"; do sleep 0.2; done`;
    await networks.startThere("sh", "-c", again).lines.see("connected");
    expect(server.lines.text).not.toContain("internal error");
  },
);

/** The soft limit that leaves the process one free descriptor. */
function limitWithOneFree(pid: number): number {
  const used = new Set(readdirSync(`/proc/${pid}/fd`).map(Number));
  let limit = 0;
  for (let free = 0; free < 2; limit++) if (!used.has(limit)) free++;
  return limit - 1;
}

const WSDD = Bun.which("wsdd", { PATH: SEARCH_PATH });

test.skipIf(!canMakeNetworks || WSDD === null)(
  "a server that had no descriptors for its sockets is announced when there are some again",
  async () => {
    const networks = made();
    const server = networks.startServer("-o", "workgroup = HOME");
    await server.lines.see("ready on port 445");
    await Bun.sleep(1500);
    const { pid } = server.child;
    limitDescriptors(pid, limitWithOneFree(pid));
    // The sockets are opened anew: one gets the last descriptor.
    await networks.startHere("ip", "addr", "add", "10.88.0.3/24", "dev", "eth0").child.exited;
    await Bun.sleep(2000);
    limitDescriptors(pid, LIMIT);
    const { lines } = networks.startThere(WSDD ?? "", "--discovery", "--no-host", "-v", "-i", "eth0");
    await lines.see(/discovered BOX in Workgroup:HOME on 10\.88\.0\.1/, 30_000);
    await lines.see(/discovered BOX in Workgroup:HOME on \[?fe80/, 30_000);
    expect(server.lines.text).not.toContain("is not announced there");
  },
  60_000,
);
