// What `npm run clients` runs: test suites of other people's clients, and programs of ours that use their libraries.
import { mkdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestServer } from "../peer/test-server.ts";

export type Verdict = "passed" | "failed" | "skipped";

export interface Result {
  readonly test: string;
  readonly verdict: Verdict;
  /** One line; "" where there is nothing to say. */
  readonly detail: string;
}

export interface Client {
  readonly name: string;
  /** It starts servers of its own and is not run against smbd: each test that fails counts. */
  readonly isAlone?: boolean;
  /** Fetches and builds the client; throws where it cannot be had on this machine. */
  prepare(): Promise<void>;
  /** The server listens on port 445 of its address: not every client takes another port. */
  run(server: TestServer): Promise<readonly Result[]>;
}

/** Files fetched and built stay here from run to run. */
export const WORKSHOP: string = join(tmpdir(), "minismbd-clients");

/** An empty directory of that name in the workshop. */
export function emptyDirectory(name: string): string {
  const directory = join(WORKSHOP, name);
  rmSync(directory, { recursive: true, force: true });
  mkdirSync(directory, { recursive: true });
  return directory;
}

export interface Ran {
  readonly output: string;
  readonly status: number;
}

/** Runs a program to its end, at most `timeoutMs`; `output` is what it wrote to both outputs. */
export async function run(
  words: readonly string[],
  options: { cwd?: string; env?: Record<string, string>; timeoutMs?: number } = {},
): Promise<Ran> {
  const child = Bun.spawn([...words], {
    cwd: options.cwd ?? WORKSHOP,
    env: { ...process.env, ...options.env },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
    timeout: options.timeoutMs ?? 600_000,
    killSignal: "SIGKILL",
  });
  const [out, error] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  return { output: out + error, status: child.exitCode ?? -1 };
}

/** As `run`; throws with the end of the output when the program fails. */
export async function demand(
  words: readonly string[],
  options: Parameters<typeof run>[1] = {},
): Promise<string> {
  const { output, status } = await run(words, options);
  if (status !== 0) throw new Error(`${words.join(" ")}: status ${status}: ${output.trim().slice(-500)}`);
  return output;
}
