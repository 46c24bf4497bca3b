// What the long fuzzer sees from outside: an ordinary client's waiting time and data, and what the server still holds.
import { deepStrictEqual } from "node:assert";
import { Command } from "../../src/wire/header.ts";
import { isExplained, readTables } from "../e2e/client/server.ts";
import { callOn, createFile, mountShare, readFile, writeFile } from "../e2e/client/raw-files.ts";
import type { Place } from "../e2e/client/raw-socket.ts";
import { TESTER, type TestServer } from "../peer/test-server.ts";

const PAUSE_MS = 20;
const TABLES_TIMEOUT_MS = 10_000;

export interface Latency {
  readonly p99Ms: number;
  readonly worstMs: number;
}

/** A client in a process of its own, which therefore does not wait for the fuzzer's work. */
export class Witness {
  private readonly child: Bun.Subprocess<"pipe", "pipe", "inherit">;

  constructor(server: TestServer) {
    this.child = Bun.spawn([process.execPath, import.meta.path, server.host, String(server.port)], {
      stdin: "pipe",
      stdout: "pipe",
      stderr: "inherit",
    });
  }

  /** Throws when the client was not served, or read other bytes than it had written. */
  async end(): Promise<Latency> {
    await this.child.stdin.end();
    const output = await new Response(this.child.stdout).text();
    if ((await this.child.exited) !== 0) throw new Error(`an ordinary client was not served: ${output}`);
    return JSON.parse(output) as Latency;
  }
}

/** Sends ECHOs and checks a file on a share of its own until `hasEnded`; returns the waiting times in ms. */
async function watch(place: Place, hasEnded: () => boolean): Promise<number[]> {
  const waitsMs: number[] = [];
  const mount = await mountShare(place, TESTER, "quiet");
  const file = await createFile(mount, "witness");
  for (let count = 0; !hasEnded(); count++) {
    const startMs = performance.now();
    await mount.client.demand(
      "ECHO",
      callOn(mount, Command.ECHO, (writer) => writer.u32(4)),
    );
    waitsMs.push(performance.now() - startMs);
    if (count % 10 === 0) {
      const data = new TextEncoder().encode(`written ${count}`);
      await writeFile(mount, file, 0, data);
      deepStrictEqual(await readFile(mount, file, 0, data.length), data);
    }
    await Bun.sleep(PAUSE_MS);
  }
  mount.client.close();
  return waitsMs;
}

if (import.meta.main) {
  const [host = "", port] = process.argv.slice(2);
  let hasEnded = false;
  void Bun.stdin.text().then(() => {
    hasEnded = true;
  });
  const waitsMs = await watch({ host, port: Number(port) }, () => hasEnded);
  const sorted = waitsMs.sort((a, b) => a - b);
  const latency: Latency = {
    p99Ms: sorted[Math.floor(sorted.length * 0.99)] ?? 0,
    worstMs: sorted.at(-1) ?? 0,
  };
  console.log(JSON.stringify(latency));
  process.exit(0);
}

/** Waits until the server holds nothing but what durable opens explain; returns what it still holds otherwise. */
export async function awaitEmptyTables(server: TestServer): Promise<string | undefined> {
  const end = performance.now() + TABLES_TIMEOUT_MS;
  let left: string | undefined = "a connection";
  while (left !== undefined && performance.now() < end) {
    const line = (await readTables(server, () => server.log())) ?? "a connection";
    left = isExplained(line) ? undefined : line;
  }
  return left;
}
