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

/** Starts the client; resolves when it is logged on, or has failed to. */
export async function startProbe(host: string): Promise<Probe> {
  const child = Bun.spawn([process.execPath, join(import.meta.dir, "probe-client.ts"), host], {
    stdin: "pipe",
    stdout: "pipe",
    stderr: "inherit",
  });
  const decoder = new TextDecoder();
  const reader = child.stdout.getReader();
  let text = decoder.decode((await reader.read()).value);
  return {
    async end() {
      void child.stdin.end();
      for (let part = await reader.read(); !part.done; part = await reader.read())
        text += decoder.decode(part.value);
      return JSON.parse(text.slice(text.indexOf("{"))) as Waits;
    },
  };
}
