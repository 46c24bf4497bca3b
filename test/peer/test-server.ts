// Common parts of the servers under test (minismbd, smbd): options, shares, configuration, processes.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { readdirSync, chmodSync, lchownSync } from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface User {
  readonly user: string;
  readonly password: string;
}

export interface ShareOptions {
  readonly name: string;
  /** An existing directory; absent: a new one in the server's directory, removed with it. */
  readonly path?: string;
  /** Parameters of the share, in addition to `path` and `read only = no`. */
  readonly parameters?: Readonly<Record<string, string>>;
}

export interface ServerOptions {
  /** Absent: `TESTER` and `TESTER2`. */
  readonly users?: readonly User[];
  /** Absent: one share, `test`. */
  readonly shares?: readonly ShareOptions[];
  /** Parameters of [global]. */
  readonly parameters?: Readonly<Record<string, string>>;
  /** Parent of the server's directory; absent: the system's temporary directory. */
  readonly parent?: string;
  /** Address to listen on; absent: 127.0.0.1. */
  readonly host?: string;
  readonly port?: number;
  /** RLIMIT_NOFILE of minismbd, soft and hard; absent: as the test has it. */
  readonly openFileLimit?: number;
  /** Variables of minismbd's environment, in addition to the test's. */
  readonly environment?: Readonly<Record<string, string>>;
  /** A program, with arguments, that runs minismbd's command line. */
  readonly runner?: readonly string[];
}

export interface TestServer {
  readonly name: "minismbd" | "smbd";
  readonly host: string;
  readonly port: number;
  /** The directory of configuration, state and log. */
  readonly directory: string;
  readonly users: readonly User[];
  /** Share name to directory. */
  readonly shares: ReadonlyMap<string, string>;
  /** The server's main process. */
  readonly pid: number;
  /** The server's log so far. */
  log(): string;
  /** Stops the server and removes its directory. Throws when the server did not end properly. */
  stop(): Promise<void>;
}

/** Names that no machine has accounts of: such an account's rights on disk would be the user's. */
export const TESTER: User = { user: "minismbd-tester", password: "Correct-Horse-9" };
export const TESTER2: User = { user: "minismbd-tester2", password: "Battery-Staple-7" };

/** The Unix account that `TESTER` maps to on both servers: daemon, which every Linux has. */
export const TESTER_UID = 1;

/** Returns a TCP port of this address on which nobody listens at the moment. */
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

/** Whether a connection to that port is accepted. */
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

/** Makes a new directory below `parent` that every account may traverse. */
export function makeDirectory(prefix: string, parent = tmpdir()): string {
  const directory = mkdtempSync(join(parent, `${prefix}-`));
  chmodSync(directory, 0o755);
  return directory;
}

export function removeDirectory(directory: string): void {
  rmSync(directory, { recursive: true, force: true });
}

/** Gives a file, or a symlink itself, to the tester's account if the tests run as root. */
export function giveToTester(path: string): void {
  if (process.getuid?.() === 0) lchownSync(path, TESTER_UID, TESTER_UID);
}

/** Makes the missing directories of shares; they belong to the tester's account if the tests run as root. */
export function prepareShares(options: ServerOptions, directory: string): Map<string, string> {
  const shares = new Map<string, string>();
  for (const share of options.shares ?? [{ name: "test" }]) {
    const path = share.path ?? join(directory, "shares", share.name);
    if (share.path === undefined) {
      mkdirSync(path, { recursive: true });
      giveToTester(path);
    }
    shares.set(share.name, path);
  }
  return shares;
}

/** A configuration file with [global] and shares, in the syntax that smb.conf and ksmbd.conf share. */
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

/** A server is asked more often in the beginning, so that the time of its start is measured. */
const QUICK_START_MS = 500;

/** Waits until the server accepts connections. Throws with its log when it ends, or after `timeoutMs`. */
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
    await Bun.sleep(performance.now() < end - timeoutMs + QUICK_START_MS ? 2 : 20);
  }
}

/** Waits for a process to end. Returns its exit status, or undefined if it still runs after `timeoutMs`. */
export async function awaitExit(process: Bun.Subprocess, timeoutMs: number): Promise<number | undefined> {
  return Promise.race([process.exited, Bun.sleep(timeoutMs).then(() => undefined)]);
}

/** The process IDs of `pid` and all its descendants. */
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

/**
 * Fields of /proc/PID/stat from the state on: index 0 is field 3 of proc(5). Undefined without the process.
 */
export function statFields(pid: number): string[] | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "latin1");
    return text.slice(text.lastIndexOf(")") + 2).split(" ");
  } catch {
    return undefined;
  }
}

/** Returns a file's text, or "" if there is no such regular file. */
export function readIfPresent(path: string): string {
  try {
    return statSync(path).isFile() ? readFileSync(path, "utf8") : "";
  } catch {
    return "";
  }
}
