// The server's memory while clients copy large files: it follows the buffer budget, not the load.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { makeDirectory, removeDirectory, type TestServer } from "../../peer/test-server.ts";
import { startServer } from "../client/server.ts";
import { hasSmbclient, runSmbclient } from "../client/smbclient.ts";

const BUDGET_MIB = 16;
/**
 * What the runtime's heap and the workers may take beside the budget: 15 on an idle machine, 21 on one with so much
 * other work that garbage is collected late. Where memory follows the load, it is over 200.
 */
const BESIDE_MIB = 32;
const FILE_BYTES = 60_000_000;
const CLIENTS = 3;
const SAMPLE_MS = 20;

/** MiB of anonymous memory of a process. */
function anonymousMib(pid: number): number {
  const text = readFileSync(`/proc/${pid}/smaps_rollup`, "utf8");
  return Number(/^Anonymous:\s+(\d+)/m.exec(text)?.[1]) / 1024;
}

describe.if(hasSmbclient())(`a budget of ${BUDGET_MIB} MiB, and ${CLIENTS} clients that copy`, () => {
  let server: TestServer;
  let directory: string;

  beforeAll(async () => {
    server = await startServer({
      parameters: { "buffer budget": `${BUDGET_MIB}M`, "smb2 max write": "128K", "smb2 max read": "128K" },
    });
    directory = makeDirectory("minismbd-ceiling");
    writeFileSync(join(directory, "file"), Buffer.alloc(FILE_BYTES, 7));
  });
  afterAll(async () => {
    await server?.stop();
    removeDirectory(directory);
  });

  /** Runs one command per client; returns the growth of the server's memory at its peak, in MiB. */
  async function growthDuring(command: (client: number) => string): Promise<number> {
    const before = anonymousMib(server.pid);
    let peak = before;
    const timer = setInterval(() => (peak = Math.max(peak, anonymousMib(server.pid))), SAMPLE_MS);
    const clients = Array.from({ length: CLIENTS }, (_, i) =>
      runSmbclient(server, [command(i)], { cwd: directory }),
    );
    const results = await Promise.all(clients);
    clearInterval(timer);
    for (const { status, output } of results) expect([status, output]).toEqual([0, output]);
    return peak - before;
  }

  test("take no more than the budget and what the runtime needs beside it", async () => {
    const put = await growthDuring((client) => `put file file${client}`);
    const get = await growthDuring((client) => `get file${client} copy${client}`);
    expect(Math.max(put, get)).toBeLessThan(BUDGET_MIB + BESIDE_MIB);
  }, 120_000);
});
