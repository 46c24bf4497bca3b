// Other people's clients against this server and Debian's smbd: their own test suites, and programs of ours that use
// their libraries. Usage: npm run clients [-- --only TEXT]. Needs root, and the package registries at the first run.
// Prints a table and every test that fails on this server alone; those not in known.txt make the run fail, as does
// a client that cannot be run.
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { startServer } from "../e2e/client/server.ts";
import { hasSmbd, startSmbd } from "../peer/smbd.ts";
import type { TestServer } from "../peer/test-server.ts";
import { type Client, type Result, type Verdict, WORKSHOP } from "./client.ts";
import { goSmb2 } from "./go-smb2.ts";
import { programs } from "./programs.ts";
import { smbprotocol } from "./smbprotocol.ts";
import { smbprotocolKerberos } from "./smbprotocol-kerberos.ts";

const { values: options } = parseArgs({ options: { only: { type: "string", default: "" } } });

const SHARES = [
  { name: "share" },
  { name: "share2" },
  { name: "share-encrypted", parameters: { "smb encrypt": "required" } },
];

const CLIENTS: readonly Client[] = [smbprotocol, smbprotocolKerberos(SHARES), goSmb2, ...programs];

interface Line {
  readonly client: string;
  readonly isAlone: boolean;
  readonly ours: readonly Result[];
  readonly theirs: readonly Result[];
}

/** Tests that are known to fail on this server alone, with the reason: `client: test: reason`. */
function readKnown(): Map<string, string> {
  const known = new Map<string, string>();
  for (const line of readFileSync(join(import.meta.dir, "known.txt"), "utf8").split("\n")) {
    const found = line.startsWith("#") ? null : /^(\S+) (\S+) (.+)$/.exec(line);
    if (found) known.set(`${found[1]} ${found[2]}`, found[3] ?? "");
  }
  return known;
}

function count(results: readonly Result[], verdict: Verdict): number {
  return results.filter((result) => result.verdict === verdict).length;
}

function printTable(lines: readonly Line[]): void {
  console.log(`\n${"client".padEnd(24)}${"minismbd".padStart(24)}${"smbd".padStart(24)}`);
  const cell = (results: readonly Result[]): string =>
    results.length === 0
      ? "-".padStart(24)
      : `${count(results, "passed")} of ${results.length - count(results, "skipped")}`.padStart(24);
  for (const { client, ours, theirs } of lines) console.log(client.padEnd(24) + cell(ours) + cell(theirs));
}

/** Prints the tests that fail here and pass on smbd; returns how many of them have no known reason. */
function printDifferences(lines: readonly Line[]): number {
  const known = readKnown();
  let unexplained = 0;
  for (const { client, isAlone, ours, theirs } of lines) {
    const passesThere = new Set(theirs.filter(({ verdict }) => verdict === "passed").map(({ test }) => test));
    for (const { test, verdict, detail } of ours) {
      if (verdict !== "failed" || (!isAlone && !passesThere.has(test))) continue;
      const reason = known.get(`${client.split(" ")[0]} ${test}`);
      if (reason === undefined) unexplained++;
      console.log(`${client}: ${test}: ${reason ?? `UNEXPLAINED: ${detail}`}`);
    }
  }
  return unexplained;
}

async function runClient(client: Client, ours: TestServer, theirs: TestServer): Promise<Line> {
  await client.prepare();
  const isAlone = client.isAlone ?? false;
  const results = await client.run(ours);
  return { client: client.name, isAlone, ours: results, theirs: isAlone ? [] : await client.run(theirs) };
}

/** Returns how many tests failed without a known reason, and clients that could not be run. */
async function runClients(): Promise<number> {
  if (!hasSmbd()) throw new Error("needs root, and Debian's packages samba and smbclient");
  mkdirSync(WORKSHOP, { recursive: true });
  const place = { port: 445, shares: SHARES };
  const lines: Line[] = [];
  let notRun = 0;
  const ours = await startServer({ ...place, host: "127.0.0.31" });
  // smbd serves addresses of interfaces only.
  let theirs: TestServer | undefined;
  try {
    theirs = await startSmbd({ ...place, host: "127.0.0.1" });
    for (const client of CLIENTS) {
      if (!options.only.split(",").some((part) => client.name.includes(part))) continue;
      try {
        lines.push(await runClient(client, ours, theirs));
      } catch (error) {
        notRun++;
        console.log(`${client.name}: not run: ${error instanceof Error ? error.message : String(error)}`);
      }
    }
  } finally {
    await theirs?.stop();
    await ours.stop();
  }
  printTable(lines);
  const unexplained = printDifferences(lines);
  if (unexplained > 0) console.log(`${unexplained} tests fail on minismbd alone for no known reason`);
  return unexplained + notRun + (lines.length === 0 ? 1 : 0);
}

try {
  process.exitCode = (await runClients()) > 0 ? 1 : 0;
} catch (error) {
  console.error(`npm run clients: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
}
