// Starts Debian's smbd as a peer, on a free port, with configuration, accounts and state in a temporary
// directory. smb.conf(5); accounts are created with pdbedit(8).
import { spawnSync } from "node:child_process";
import { openSync, writeFileSync, mkdirSync, closeSync, readdirSync } from "node:fs";
import { join } from "node:path";
import {
  awaitExit,
  awaitListening,
  findFreePort,
  formatConfiguration,
  makeDirectory,
  prepareShares,
  readIfPresent,
  removeDirectory,
  type ServerOptions,
  TESTER,
  TESTER2,
  type TestServer,
  type User,
} from "./test-server.ts";

/** Unix accounts for smbd's users, of which each needs one: present on every Debian and otherwise unused. */
const UNIX_ACCOUNTS = ["daemon", "games", "news", "irc"] as const;

/** Whether smbd can be started: it is installed, and the tests run as root. */
export function hasSmbd(): boolean {
  return process.getuid?.() === 0 && Bun.which("smbd") !== null && Bun.which("pdbedit") !== null;
}

export interface SmbdServer extends TestServer {
  /** Milliseconds from the start of the process to the first connection that it accepted. */
  readonly startMs: number;
}

/** Starts smbd with parameters of smb.conf(5). Throws with its log when it does not accept connections. */
export async function startSmbd(options: ServerOptions = {}): Promise<SmbdServer> {
  const host = options.host ?? "127.0.0.1";
  const port = options.port ?? (await findFreePort(host));
  const directory = makeDirectory("smbd", options.parent);
  const users = options.users ?? [TESTER, TESTER2];
  const shares = prepareShares(options, directory);
  const configuration = writeSmbdState(directory, smbdGlobals(directory, host, port), options, shares);
  const logFile = join(directory, "log");
  const log = openSync(logFile, "a");
  const began = performance.now();
  const child = Bun.spawn(["smbd", "--foreground", "--no-process-group", "-s", configuration], {
    stdin: "ignore",
    stdout: log,
    stderr: log,
    detached: true,
  });
  closeSync(log);
  const readLog = (): string => readIfPresent(logFile) + readIfPresent(join(directory, "log.smbd"));
  const stop = async (): Promise<void> => {
    child.kill("SIGTERM");
    await awaitExit(child, 5000);
    // smbd's RPC helpers leave its process tree and group; they are found by the configuration's path.
    for (const pid of smbdProcesses(configuration)) kill(pid);
    removeDirectory(directory);
  };
  try {
    await awaitListening(child, host, port, readLog);
  } catch (error) {
    await stop();
    throw error;
  }
  const startMs = performance.now() - began;
  return { name: "smbd", host, port, directory, users, shares, pid: child.pid, startMs, log: readLog, stop };
}

const STATE_DIRECTORIES = ["private", "lock", "state", "cache", "pid", "ncalrpc"] as const;

/** Makes smbd's directories, accounts and configuration below `directory`; returns the configuration's path. */
export function writeSmbdState(
  directory: string,
  globals: Readonly<Record<string, string>>,
  options: ServerOptions,
  shares: ReadonlyMap<string, string>,
): string {
  const configuration = join(directory, "smb.conf");
  const users = options.users ?? [TESTER, TESTER2];
  for (const kind of STATE_DIRECTORIES) mkdirSync(join(directory, kind), { mode: 0o755 });
  writeFileSync(configuration, formatConfiguration(globals, withoutGuessing(options), shares));
  writeFileSync(join(directory, "users.map"), formatUserMap(users));
  for (const user of users.entries()) addUser(configuration, ...user);
  return configuration;
}

/** Parameters of [global] with all of smbd's state below `directory`. */
export function smbdGlobals(directory: string, host: string, port: number): Record<string, string> {
  const state: Record<string, string> = {};
  for (const kind of STATE_DIRECTORIES)
    state[`${kind} ${kind === "private" || kind === "ncalrpc" ? "dir" : "directory"}`] = join(
      directory,
      kind,
    );
  return {
    "server role": "standalone server",
    "netbios name": "PEER",
    workgroup: "WORKGROUP",
    ...state,
    "passdb backend": `tdbsam:${join(directory, "private", "passdb.tdb")}`,
    "username map": join(directory, "users.map"),
    "smb ports": String(port),
    interfaces: host,
    "bind interfaces only": "yes",
    "disable netbios": "yes",
    "disable spoolss": "yes",
    "load printers": "no",
    "printcap name": "/dev/null",
    "log file": join(directory, "log.smbd"),
    "log level": "0",
    "server min protocol": "SMB2_02",
    "map to guest": "never",
    "restrict anonymous": "0",
  };
}

/** Removes parameters that only minismbd has. */
function withoutGuessing(options: ServerOptions): ServerOptions {
  const { "crypto provider": _provider, ...parameters } = options.parameters ?? {};
  return { ...options, parameters };
}

function formatUserMap(users: readonly User[]): string {
  return users.map((user, index) => `${UNIX_ACCOUNTS[index] ?? ""} = ${user.user}\n`).join("");
}

function addUser(configuration: string, index: number, user: User): void {
  const account = UNIX_ACCOUNTS[index];
  if (account === undefined) throw new Error("smbd as a peer takes four users at most");
  const done = spawnSync("pdbedit", ["-s", configuration, "-a", "-t", "-u", account], {
    input: `${user.password}\n${user.password}\n`,
    encoding: "utf8",
  });
  if (done.status !== 0) throw new Error(`pdbedit: ${done.stdout}${done.stderr}`);
}

function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // The process has ended meanwhile.
  }
}

/** The processes that were started with this configuration file. */
function smbdProcesses(configuration: string): number[] {
  const pids: number[] = [];
  for (const entry of readdirSync("/proc")) {
    if (!/^\d+$/.test(entry)) continue;
    const words = readIfPresent(`/proc/${entry}/cmdline`).split("\0");
    if (words.includes(configuration) || words.includes(`--configfile=${configuration}`))
      pids.push(Number(entry));
  }
  return pids;
}
