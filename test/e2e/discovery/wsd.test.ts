// WS-Discovery between two networks of the test's own: the neighbour is wsdd, which looks for computers as Windows does.
import { expect, test } from "bun:test";
import { SEARCH_PATH } from "../../tools.ts";
import { canMakeNetworks, useNetworks } from "./networks.ts";

const WSDD = Bun.which("wsdd", { PATH: SEARCH_PATH }) ?? "wsdd";
const canRun = canMakeNetworks && Bun.which("wsdd", { PATH: SEARCH_PATH }) !== null;
const made = useNetworks(canRun);

const startServer = (...options: string[]) => made().startServer("-o", "workgroup = HOME", ...options);
const startWsdd = () => made().startThere(WSDD, "--discovery", "--no-host", "-v", "-i", "eth0");
const FOUND = /discovered BOX in Workgroup:HOME on 10\.88\.0\.1/;

test.skipIf(!canRun)(
  "a neighbour hears the server come, reads its name and workgroup, and hears it go",
  async () => {
    const { lines } = startWsdd();
    await lines.see("scheduling Probe");
    const server = startServer();
    await lines.see(FOUND);
    server.child.kill("SIGTERM");
    await lines.see(/10\.88\.0\.1\S* .*"Bye /);
  },
);

test.skipIf(!canRun)(
  "a neighbour that looks for computers finds a server that was there before",
  async () => {
    await startServer().lines.see("ready on port 445");
    await Bun.sleep(1500);
    await startWsdd().lines.see(FOUND);
  },
);

test.skipIf(!canRun)(
  "a server whose addresses change is announced on, and does not take itself for another program",
  async () => {
    const server = startServer("-o", "interfaces = eth0", "-o", "bind interfaces only = yes");
    await server.lines.see("ready on port 445");
    // The link-local address comes a little after the start.
    await server.lines.see("listening on fe80::");
    await made().startHere("ip", "addr", "add", "10.88.0.3/24", "dev", "eth0").child.exited;
    await server.lines.see("listening on 10.88.0.3");
    await Bun.sleep(1000);
    await startWsdd().lines.see(FOUND);
    expect(server.lines.text).not.toContain("another program answers");
  },
);

test.skipIf(!canRun)(
  "with the parameter off, on another port, or beside another responder nothing is announced",
  async () => {
    const { lines } = startWsdd();
    await lines.see("scheduling Probe");
    await startServer("-o", "ws discovery = no").lines.see("ready on port 445");
    await startServer("-p", "4450").lines.see("ready on port 4450");
    await made().startHere(WSDD, "-v", "-i", "eth0").lines.see("joined multicast group");
    const beside = startServer("-p", "4451", "-o", "ws discovery = yes");
    await beside.lines.see("another program answers WS-Discovery here, so the server does not");
    await Bun.sleep(2000);
    expect(lines.text).not.toContain("discovered BOX");
  },
);

test.skipIf(!canMakeNetworks || Bun.which("nmap") === null)(
  "nmap's broadcast-wsdd-discover finds the server's description",
  async () => {
    await made().startServer("-o", "workgroup = HOME").lines.see("ready on port 445");
    await Bun.sleep(1500);
    const { lines } = made().startThere("nmap", "-e", "eth0", "--script", "broadcast-wsdd-discover");
    await lines.see(/Address: http:\/\/10\.88\.0\.1:5357\/[\da-f-]{36}\s+\|_?\s+Type: Device pub:Computer/);
  },
);
