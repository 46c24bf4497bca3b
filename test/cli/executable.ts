// Test rig: runs commands and servers of the built executable.
import { existsSync, symlinkSync } from "node:fs";
import { join } from "node:path";

export const ROOT = join(import.meta.dir, "../..");
/** MINISMBD names another executable, such as one of another target. */
export const EXECUTABLE = process.env.MINISMBD ?? join(ROOT, "dist/minismbd");

if (!existsSync(EXECUTABLE)) throw new Error(`${EXECUTABLE} is missing, run npm run build`);

export interface Outcome {
  readonly status: number;
  readonly out: string;
  readonly err: string;
}

export interface RunOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly input?: string;
  readonly cwd?: string;
  /** Name in argv[0]: ksmbd.mountd and so on. */
  readonly as?: string;
}

/** Runs a command and waits for its end. */
export function run(words: readonly string[], options: RunOptions = {}): Outcome {
  const command = options.as === undefined ? EXECUTABLE : linkAs(options.as);
  const result = Bun.spawnSync([command, ...words], {
    env: { PATH: process.env.PATH ?? "", ...options.env },
    stdin: options.input === undefined ? "ignore" : Buffer.from(options.input),
    stdout: "pipe",
    stderr: "pipe",
    timeout: 60_000,
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
  });
  return { status: result.exitCode, out: result.stdout.toString(), err: result.stderr.toString() };
}

export interface Server {
  readonly port: number;
  readonly pid: number;
  /** All output so far. */
  output(): string;
  signal(name: "SIGHUP" | "SIGTERM" | "SIGINT"): void;
  /** Resolves once the output contains the text; rejects after ten seconds, or if the server ends first. */
  waitFor(text: string): Promise<void>;
  /** Stops the server and returns its exit status. */
  stop(): Promise<number>;
}

/** Starts a server and waits until it listens; otherwise rejects with its output. */
export async function startServer(words: readonly string[], options: RunOptions = {}): Promise<Server> {
  const command = options.as === undefined ? EXECUTABLE : linkAs(options.as);
  const child = Bun.spawn([command, ...words], {
    env: { PATH: process.env.PATH ?? "", ...options.env },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
  });
  let output = "";
  let ended = false;
  const waiters = new Set<() => void>();
  const wake = () => {
    for (const waiter of [...waiters]) waiter();
  };
  const collect = async (stream: ReadableStream<Uint8Array>) => {
    const decoder = new TextDecoder();
    for await (const chunk of stream) {
      output += decoder.decode(chunk, { stream: true });
      wake();
    }
  };
  void Promise.all([collect(child.stdout), collect(child.stderr), child.exited]).then(() => {
    ended = true;
    wake();
  });
  const waitFor = (text: string): Promise<void> =>
    new Promise((resolve, reject) => {
      const timer = setTimeout(
        () => finish(new Error(`no '${text}' within ten seconds:\n${output}`)),
        10_000,
      );
      const finish = (error?: Error) => {
        clearTimeout(timer);
        waiters.delete(look);
        if (error) reject(error);
        else resolve();
      };
      const look = () => {
        if (output.includes(text)) finish();
        else if (ended) finish(new Error(`the server ended:\n${output}`));
      };
      waiters.add(look);
      look();
    });
  await waitFor("ready on port ");
  return {
    port: Number(/ready on port (\d+)/.exec(output)?.[1]),
    pid: child.pid,
    output: () => output,
    signal: (name) => child.kill(name),
    waitFor,
    async stop() {
      child.kill("SIGTERM");
      return child.exited;
    },
  };
}

/** Creates a link of that name to the executable in dist. */
function linkAs(name: string): string {
  const link = join(ROOT, "dist", name);
  if (!existsSync(link)) symlinkSync(EXECUTABLE, link);
  return link;
}
