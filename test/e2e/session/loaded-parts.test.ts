// What an idle server has not loaded: RPC, Kerberos and the commands of the control socket are parts of the executable that
// are read when first used. The names of their functions are then in the memory of the process, and not before.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { closeSync, openSync, readFileSync, readSync } from "node:fs";
import { type Kdc, runIn, SERVICE_HOST, startKdc } from "../client/kdc.ts";
import { startServer } from "../client/server.ts";
import { runSmbclient } from "../client/smbclient.ts";
import { TESTER, type TestServer } from "../../peer/test-server.ts";
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
let server: TestServer;
beforeAll(async () => {
  kdc = await startKdc();
  await kdc.addPrincipal(TESTER.user, "ticket");
  for (const service of ["cifs", "host"]) await kdc.addPrincipal(`${service}/${SERVICE_HOST}`);
  const keytab = await kdc.exportKeys("keytab", [`cifs/${SERVICE_HOST}`]);
  await kdc.logOn("tester", TESTER.user, "ticket");
  server = await startServer({ parameters: { "kerberos support": "yes", "kerberos keytab file": keytab } });
});
afterAll(async () => {
  await server?.stop();
  await kdc?.stop();
});

test.skipIf(process.getuid?.() !== 0 || !hasRpcclient)(
  "an idle server has loaded neither RPC nor Kerberos, and each of them when it is first used",
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
    const withKerberos = ["engine", "pipes", "srvsvc", "samr", "tickets", "ciphers", "keytab"];
    expect(loadedParts(server.pid)).toEqual(withKerberos as Part[]);
  },
  60_000,
);
