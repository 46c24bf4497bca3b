// What an idle server has not loaded: RPC, Kerberos, the commands of the control socket, the metrics and discovery are
// parts of the executable that are read when first used. Names of their functions are in the memory of the process
// from then on, and not before.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { closeSync, openSync, readFileSync, readSync } from "node:fs";
import { canMakeNetworks, Networks } from "../discovery/networks.ts";
import { type ControlledServer, request, startControlled } from "../client/control-rig.ts";
import { type Kdc, runIn, SERVICE_HOST, startKdc } from "../client/kdc.ts";
import { reload } from "../client/reload-rig.ts";
import { runSmbclient } from "../client/smbclient.ts";
import { findFreePort, TESTER } from "../../peer/test-server.ts";
import { hasRpcclient, runRpcclient } from "../rpc/rpc-clients.ts";

/** Names that stand in one part of the executable each. */
const PARTS = {
  engine: "SpnegoAcceptor",
  pipes: "RPC reply too large",
  srvsvc: "enumerateShares",
  samr: "changePassword3",
  lsarpc: "enumeratePrivileges",
  tickets: "KerberosProtection",
  ciphers: "aes256-cts-hmac-sha1-96",
  keytab: "decodeKeytab",
  commands: "findRows",
  metrics: "escapeLabel",
  discovery: "MdnsResponder",
} as const;
type Part = keyof typeof PARTS;

/** Names are in Latin-1. Only memory that the process has written is read. */
function loadedParts(pid: number): Part[] {
  const parts = Object.entries(PARTS) as [Part, string][];
  const found = new Set<Part>();
  const memory = openSync(`/proc/${pid}/mem`, "r");
  for (const [from, bytes] of writtenRanges(pid)) {
    const buffer = Buffer.alloc(bytes);
    let length = 0;
    try {
      length = readSync(memory, buffer, 0, bytes, from);
    } catch {
      continue;
    }
    for (const [part, text] of parts)
      if (buffer.subarray(0, length).includes(text, 0, "latin1")) found.add(part);
  }
  closeSync(memory);
  return parts.map(([part]) => part).filter((part) => found.has(part));
}

/** Address and length of the runs of resident pages in anonymous memory; proc_pid_pagemap(5). */
function writtenRanges(pid: number): [number, number][] {
  const ranges: [number, number][] = [];
  const pagemap = openSync(`/proc/${pid}/pagemap`, "r");
  const blocks = readFileSync(`/proc/${pid}/smaps`, "utf8").split(/^(?=[\da-f]+-[\da-f]+ )/m);
  for (const block of blocks) {
    const head = /^([\da-f]+)-([\da-f]+) rw\S+ \S+ \S+ 0\s/.exec(block);
    const anonymousKib = Number(/^Anonymous:\s+(\d+)/m.exec(block)?.[1] ?? 0);
    if (head === null || anonymousKib === 0) continue;
    const first = Number.parseInt(head[1] ?? "", 16) / 4096;
    const end = Number.parseInt(head[2] ?? "", 16) / 4096;
    ranges.push(...runsOf(pagemap, first, end));
  }
  closeSync(pagemap);
  return ranges;
}

const PAGES_AT_ONCE = 65_536;

function runsOf(pagemap: number, first: number, end: number): [number, number][] {
  const runs: [number, number][] = [];
  const entries = Buffer.alloc(PAGES_AT_ONCE * 8);
  for (let at = first; at < end; at += PAGES_AT_ONCE) {
    const count = readSync(pagemap, entries, 0, Math.min(PAGES_AT_ONCE, end - at) * 8, at * 8) / 8;
    for (let i = 0; i < count; i++) {
      // Bit 63: present.
      if ((entries[i * 8 + 7] ?? 0) < 0x80) continue;
      const last = runs.at(-1);
      if (last && last[0] + last[1] === (at + i) * 4096) last[1] += 4096;
      else runs.push([(at + i) * 4096, 4096]);
    }
  }
  return runs;
}

let kdc: Kdc;
let server: ControlledServer;
beforeAll(async () => {
  kdc = await startKdc();
  await kdc.addPrincipal(TESTER.user, "ticket");
  for (const service of ["cifs", "host"]) await kdc.addPrincipal(`${service}/${SERVICE_HOST}`);
  const keytab = await kdc.exportKeys("keytab", [`cifs/${SERVICE_HOST}`]);
  await kdc.logOn("tester", TESTER.user, "ticket");
  server = await startControlled({
    parameters: { "kerberos support": "yes", "kerberos keytab file": keytab },
  });
});
afterAll(async () => {
  await server?.stop();
  await kdc?.stop();
});

const isRoot = process.getuid?.() === 0;

/** Asks until the port is open: a reload does not wait for it. */
async function readMetrics(port: number): Promise<string> {
  const end = performance.now() + 10_000;
  for (;;) {
    const answer = await fetch(`http://127.0.0.1:${port}/metrics`).catch(() => undefined);
    if (answer !== undefined) return answer.text();
    if (performance.now() > end) throw new Error("the metrics port does not open");
    await Bun.sleep(20);
  }
}

test.skipIf(!isRoot || !hasRpcclient)(
  "an idle server has loaded neither RPC, Kerberos, commands nor metrics, and each of them when it is first used",
  async () => {
    expect((await runSmbclient(server, ["ls"])).status).toBe(0);
    expect(loadedParts(server.pid)).toEqual(["engine"]);
    await runRpcclient(server, "netshareenum 1");
    expect(loadedParts(server.pid)).toEqual(["engine", "pipes", "srvsvc"]);
    await runRpcclient(server, "enumdomusers");
    const { output } = await runIn(kdc.environment("tester"), [
      ...["smbclient", "--configfile=/dev/null", `//${SERVICE_HOST}/test`, "--ip-address=127.0.0.1"],
      ...[`--port=${server.port}`, "--use-kerberos=required", "--no-pass", "-c", "ls"],
    ]);
    expect(output).toContain("blocks available");
    const used: Part[] = ["engine", "pipes", "srvsvc", "samr", "tickets", "ciphers", "keytab"];
    expect(loadedParts(server.pid)).toEqual(used);
    expect((await request(server.socket, { command: "sessions" })).end).toBe("ok");
    expect(loadedParts(server.pid)).toEqual([...used, "commands"]);
    const port = await findFreePort();
    await reload(server, { globals: { "metrics port": String(port) }, shares: { test: {} } });
    expect(await readMetrics(port)).toContain("minismbd_");
    expect(loadedParts(server.pid)).toEqual([...used, "commands", "metrics"]);
  },
  60_000,
);

test.skipIf(!isRoot || !canMakeNetworks)(
  "a server on port 445 has loaded discovery, and not where both of its protocols are off",
  async () => {
    const networks = await new Networks().wired();
    try {
      const off = ["-o", "multicast dns register = no", "-o", "ws discovery = no", "-o", "llmnr = no"];
      const silent = networks.startServer(...off);
      await silent.lines.see("ready on port");
      // What was to be loaded would be there by then.
      await Bun.sleep(500);
      expect(loadedParts(silent.child.pid)).toEqual(["engine"]);
      silent.child.kill("SIGTERM");
      await silent.child.exited;
      const announced = networks.startServer();
      await announced.lines.see("ready on port");
      const end = performance.now() + 10_000;
      while (loadedParts(announced.child.pid).length < 2 && performance.now() < end) await Bun.sleep(100);
      expect(loadedParts(announced.child.pid)).toEqual(["engine", "discovery"]);
    } finally {
      await networks.stop();
    }
  },
  60_000,
);
