// A server under test, ours or another: what tests, benchmarks and conformance runs need of it, and how one is started and ended.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { readdirSync, chownSync, chmodSync } from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface User {
  readonly user: string;
  readonly password: string;
}

export interface ShareOptions {
  readonly name: string;
  /** An existing directory; absent: one of the server's own, deleted with it. */
  readonly path?: string;
  /** Lines of the share's section, beside path and `read only = no`. */
  readonly parameters?: Readonly<Record<string, string>>;
}

export interface ServerOptions {
  /** Absent: `TESTER` and `TESTER2`. */
  readonly users?: readonly User[];
  /** Absent: one share, `test`. */
  readonly shares?: readonly ShareOptions[];
  /** Lines of [global]. */
  readonly parameters?: Readonly<Record<string, string>>;
  /** Where the server's own directory is made; absent: the system's temporary one. */
  readonly parent?: string;
  /** Address to listen on; absent: 127.0.0.1. */
  readonly host?: string;
  readonly port?: number;
}

export interface TestServer {
  readonly name: "minismbd" | "smbd";
  readonly host: string;
  readonly port: number;
  /** Configuration, state and log are in here. */
  readonly directory: string;
  readonly users: readonly User[];
  /** Name to directory. */
  readonly shares: ReadonlyMap<string, string>;
  /** The process that was started. */
  readonly pid: number;
  /** What the server said so far. */
  log(): string;
  /** Ends the server and removes its directory. Throws where it did not end as it should. */
  stop(): Promise<void>;
}

export const TESTER: User = { user: "tester", password: "Correct-Horse-9" };
export const TESTER2: User = { user: "tester2", password: "Battery-Staple-7" };

/** The account whose files those of `TESTER` are, on both kinds of server: daemon, which every Linux has. */
export const TESTER_UID = 1;

/** A port of this address that nobody listened on a moment ago. */
export async function findFreePort(host = "127.0.0.1"): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, host, resolve);
  });
  const address = server.address();
  await new Promise<void>((resolve) => server.close(() => resolve()));
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
}

/** True once somebody accepts connections there. */
export function isListening(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    const finish = (answer: boolean): void => {
      socket.destroy();
      resolve(answer);
    };
    socket.once("connect", () => finish(true));
    socket.once("error", () => finish(false));
  });
}

/** A fresh directory below `parent` that every account may pass through. */
export function makeDirectory(prefix: string, parent = tmpdir()): string {
  const directory = mkdtempSync(join(parent, `${prefix}-`));
  chmodSync(directory, 0o755);
  return directory;
}

export function removeDirectory(directory: string): void {
  rmSync(directory, { recursive: true, force: true });
}

/** Makes the directories that the shares lack; the tester's account owns them where we are root. */
export function prepareShares(options: ServerOptions, directory: string): Map<string, string> {
  const shares = new Map<string, string>();
  for (const share of options.shares ?? [{ name: "test" }]) {
    const path = share.path ?? join(directory, "shares", share.name);
    if (share.path === undefined) {
      mkdirSync(path, { recursive: true });
      if (process.getuid?.() === 0) chownSync(path, TESTER_UID, TESTER_UID);
    }
    shares.set(share.name, path);
  }
  return shares;
}

/** A configuration file of [global] and shares, in the form that smb.conf and ksmbd.conf have in common. */
export function formatConfiguration(
  globals: Readonly<Record<string, string>>,
  options: ServerOptions,
  shares: ReadonlyMap<string, string>,
): string {
  const lines = ["[global]"];
  const add = (parameters: Readonly<Record<string, string>>): void => {
    for (const [key, value] of Object.entries(parameters)) lines.push(`\t${key} = ${value}`);
  };
  add({ ...globals, ...options.parameters });
  for (const share of options.shares ?? [{ name: "test" }]) {
    lines.push(`[${share.name}]`);
    add({ path: shares.get(share.name) ?? "", "read only": "no", ...share.parameters });
  }
  return `${lines.join("\n")}\n`;
}

/** Waits until the server accepts. Throws with its log where it ends or stays silent for `timeoutMs`. */
export async function awaitListening(
  process: Bun.Subprocess,
  host: string,
  port: number,
  readLog: () => string,
  timeoutMs = 15_000,
): Promise<void> {
  const end = performance.now() + timeoutMs;
  while (!(await isListening(host, port))) {
    if (process.exitCode !== null) {
      throw new Error(`server ended with status ${process.exitCode}:\n${readLog()}`);
    }
    if (performance.now() > end) throw new Error(`server does not accept connections:\n${readLog()}`);
    await Bun.sleep(20);
  }
}

/** Waits for the end of a process: its exit status, or undefined when it still runs after `timeoutMs`. */
export async function awaitExit(process: Bun.Subprocess, timeoutMs: number): Promise<number | undefined> {
  return Promise.race([process.exited, Bun.sleep(timeoutMs).then(() => undefined)]);
}

/** `pid` and all its descendants. */
export function processTree(pid: number): number[] {
  const children = new Map<number, number[]>();
  for (const entry of readdirSync("/proc")) {
    if (!/^\d+$/.test(entry)) continue;
    const parent = Number(statFields(Number(entry))?.[1] ?? Number.NaN);
    if (Number.isNaN(parent)) continue;
    const list = children.get(parent);
    if (list) list.push(Number(entry));
    else children.set(parent, [Number(entry)]);
  }
  const tree = [pid];
  for (const each of tree) tree.push(...(children.get(each) ?? []));
  return tree;
}

/** Fields of /proc/PID/stat from the state on: index 0 is field 3 of proc(5). Undefined where the process has gone. */
export function statFields(pid: number): string[] | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "latin1");
    return text.slice(text.lastIndexOf(")") + 2).split(" ");
  } catch {
    return undefined;
  }
}

/** Reads a file that may not be there yet. */
export function readIfPresent(path: string): string {
  try {
    return statSync(path).isFile() ? readFileSync(path, "utf8") : "";
  } catch {
    return "";
  }
}
