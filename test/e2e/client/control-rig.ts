// Rig of the tests of the control socket: a server that has one, and a client that speaks lines of JSON.
import { mkdtempSync, rmSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ServerOptions, TestServer } from "../../peer/test-server.ts";
import { EXECUTABLE, startServer } from "./server.ts";

/** The server listens for clients before it has its control socket. */
const START_TIMEOUT_MS = 10_000;

export interface ControlledServer extends TestServer {
  readonly socket: string;
}

export async function startControlled(options: ServerOptions = {}): Promise<ControlledServer> {
  const directory = mkdtempSync(join(tmpdir(), "minismbd-control-"));
  const socket = join(directory, "ksmbd.sock");
  const runner = ["sh", "-c", 'exec "$@" --control "$0"', socket, ...(options.runner ?? [])];
  const remove = (): void => rmSync(directory, { recursive: true, force: true });
  const server = await startServer({ ...options, runner }).catch((error: unknown) => {
    remove();
    throw error;
  });
  const end = performance.now() + START_TIMEOUT_MS;
  while (!server.log().includes("ready on port") && performance.now() < end) await Bun.sleep(10);
  const stop = async (): Promise<void> => {
    try {
      await server.stop();
    } finally {
      remove();
    }
  };
  return { ...server, socket, stop };
}

export interface Answer {
  readonly items: readonly Record<string, unknown>[];
  readonly end: string;
  readonly message?: string;
}

/** Sends one request and collects the answer. */
export async function request(path: string, fields: Record<string, unknown>): Promise<Answer> {
  const lines = await exchange(path, `${JSON.stringify({ version: 1, ...fields })}\n`);
  const last = lines.pop() as { end: string; message?: string };
  return { items: lines.map(({ item }) => item as Record<string, unknown>), ...last };
}

/** Sends bytes and reads lines up to the one that ends the answer, or to the end of the connection. */
export async function exchange(path: string, bytes: string): Promise<Record<string, unknown>[]> {
  const socket = await connectTo(path);
  const found: Record<string, unknown>[] = [];
  let text = "";
  socket.write(bytes);
  try {
    for await (const chunk of socket.setEncoding("utf8")) {
      const lines = (text + (chunk as string)).split("\n");
      text = lines.pop() ?? "";
      for (const line of lines) found.push(JSON.parse(line) as Record<string, unknown>);
      if (found.at(-1)?.["end"] !== undefined) break;
    }
  } catch {
    // A reset ends the answer, too.
  }
  socket.destroy();
  return found;
}

export function connectTo(path: string): Promise<Socket> {
  const socket = connect(path);
  return new Promise((resolve, reject) => {
    socket.once("error", reject);
    socket.once("connect", () => resolve(socket.off("error", reject)));
  });
}

/** Runs a command of the executable and returns its output. */
export function minismbd(...words: readonly string[]): { status: number; out: string; err: string } {
  const child = Bun.spawnSync([EXECUTABLE, ...words], { stdout: "pipe", stderr: "pipe", timeout: 30_000 });
  return { status: child.exitCode, out: child.stdout.toString(), err: child.stderr.toString() };
}
