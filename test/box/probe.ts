// How long small requests of one client wait while others keep the server busy. The client is a process of its own,
// probe-client.ts, so that nothing else here delays it.
import { join } from "node:path";

/** Round trips in milliseconds. */
export interface Waits {
  readonly count: number;
  readonly p50: number;
  readonly p99: number;
  readonly worst: number;
  /** Why the client gave up. */
  readonly failure?: string;
}

export interface Probe {
  /** Ends the requests and returns their round trips. */
  end(): Promise<Waits>;
}

export function startProbe(host: string): Probe {
  const child = Bun.spawn([process.execPath, join(import.meta.dir, "probe-client.ts"), host], {
    stdin: "pipe",
    stdout: "pipe",
    stderr: "inherit",
  });
  const output = new Response(child.stdout).text();
  return {
    async end() {
      void child.stdin.end();
      const text = await output;
      return JSON.parse(text) as Waits;
    },
  };
}
