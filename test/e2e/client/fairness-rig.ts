// Measures how long another client's ECHO waits while requests keep the server busy; the ECHOs are sent by a
// process of their own, so that building and reading large frames here does not delay them.
import { join } from "node:path";
import type { Place } from "./raw-socket.ts";

/** Round trips in milliseconds. */
export interface Waits {
  readonly count: number;
  readonly p50: number;
  readonly p99: number;
  readonly worst: number;
}

export interface Watcher {
  /** Ends the ECHOs and returns their round trips since `watch`. */
  end(): Promise<Waits>;
}

/** Starts to send an ECHO every 2 ms; resolves when the first is answered. */
export async function watch(place: Place): Promise<Watcher> {
  const child = Bun.spawn(
    [process.execPath, join(import.meta.dir, "echo-watcher.ts"), place.host, String(place.port)],
    { stdin: "pipe", stdout: "pipe", stderr: "inherit" },
  );
  const lines = readLines(child.stdout);
  if ((await lines.next()).value !== "ready") throw new Error("the watcher did not start");
  return {
    end: async () => {
      void child.stdin.end();
      const line = (await lines.next()).value;
      await child.exited;
      if (line === undefined) throw new Error("the watcher ended without a result");
      return JSON.parse(line) as Waits;
    },
  };
}

async function* readLines(stream: ReadableStream<Uint8Array>): AsyncGenerator<string, undefined> {
  let rest = "";
  const decoder = new TextDecoder();
  for await (const chunk of stream) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    yield* lines;
  }
  return undefined;
}

/** Runs `work` and returns how long the ECHOs of another client waited meanwhile. */
export async function waitsDuring(place: Place, work: () => Promise<void>): Promise<Waits> {
  const watcher = await watch(place);
  try {
    await work();
  } catch (error) {
    await watcher.end();
    throw error;
  }
  return watcher.end();
}
