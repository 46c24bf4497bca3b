// Starts the compiled executable as the server under test, on a free port with its own configuration,
// accounts and folders.
import { closeSync, existsSync, openSync, statSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import {
  awaitExit,
  awaitListening,
  findFreePort,
  formatConfiguration,
  isListening,
  makeDirectory,
  prepareShares,
  readIfPresent,
  removeDirectory,
  type ServerOptions,
  TESTER,
  TESTER2,
  type TestServer,
  type User,
} from "../../peer/test-server.ts";
import { closeSocketsTo, type Place } from "./raw-socket.ts";

const ROOT = resolve(import.meta.dir, "../../..");

/** The executable under test: the environment variable MINISMBD, otherwise the result of `npm run build`. */
export const EXECUTABLE = process.env["MINISMBD"] ?? join(ROOT, "dist", "minismbd");

/** Matches a server fault in the log, whatever status the client received. */
const FAULT =
  /unhandled|uncaught|internal error|panic|assertion failed|(?:Type|Range|Reference|Syntax)Error|^\s+at .+[:(].+:\d+/im;

/**
 * The server logs what keeps its event loop for longer, in milliseconds of processor time; see
 * src/engine/loop-guard.ts. The aim is 10; on a busy machine collections of garbage alone have taken 136.
 */
const LOOP_LIMIT = { MINISMBD_LOOP_LIMIT_MS: "300" };
const KEPT = /the event loop was kept .*/g;

const STOP_TIMEOUT_MS = 10_000;

/** Returns a ksmbdpwd.db(5): one line `user:base64(NT hash)` for each user. */
export function formatPasswordDatabase(users: readonly User[]): string {
  return users
    .map(({ user, password }) => {
      const hash = new Bun.CryptoHasher("md4").update(Buffer.from(password, "utf16le")).digest("base64");
      return `${user}:${hash}\n`;
    })
    .join("");
}

/** Returns the part of the log around the first server fault, or undefined. */
export function findFault(log: string): string | undefined {
  const at = log.search(FAULT);
  return at < 0 ? undefined : log.slice(Math.max(0, at - 200), at + 1500);
}

const TABLES = /tables: (opens=.*)/g;
const TABLES_TIMEOUT_MS = 2000;
/** How long to wait for one line with the counts; a busy machine may be slow. */
const TABLES_WAIT_MS = 600;

/**
 * Returns the server's line of counts when it still holds objects with no client connected; undefined when it
 * holds nothing, or only what durable handles explain.
 */
async function findLeft(place: Place, readLog: () => string): Promise<string | undefined> {
  const end = performance.now() + TABLES_TIMEOUT_MS;
  let left: string | undefined;
  do {
    const line = (await readTables(place, readLog)) ?? "a connection";
    left = isExplained(line) ? undefined : line;
  } while (left !== undefined && performance.now() < end);
  return left;
}

/** Returns the counts `opens=N …` that the server logs with no client connected; undefined while one is. */
export async function readTables(place: Place, readLog: () => string): Promise<string | undefined> {
  const count = (): number => [...readLog().matchAll(TABLES)].length;
  const before = count();
  const end = performance.now() + TABLES_WAIT_MS;
  // The server logs the counts again when the last connection closes: isListening opens and closes one.
  await isListening(place.host, place.port);
  do await Bun.sleep(20);
  while (count() === before && performance.now() < end);
  return count() > before ? [...readLog().matchAll(TABLES)].at(-1)?.[1] : undefined;
}

/** True when all counts are 0 but those of durable handles and of the files, leases and locks they hold. */
export function isExplained(line: string): boolean {
  const counts = new Map(
    [...line.matchAll(/(\w+)=(\d+)/g)].map(([, name = "", count]) => [name, Number(count)]),
  );
  const at = (name: string): number => counts.get(name) ?? Number.NaN;
  const isEmpty = ["sessions", "watches", "waiting", "buffers"].every((name) => at(name) === 0);
  const detached = at("detached");
  // An open of a stream holds the stream and its file.
  const isHeld = at("opens") === detached && at("files") <= 2 * detached && at("leases") <= detached;
  return isEmpty && isHeld && (detached > 0 || at("locks") === 0);
}

/**
 * Starts the executable with parameters of ksmbd.conf(5). Throws with the log when the server does not start
 * to listen; `stop` throws when the log shows a fault, the exit status is not 0, or the server still holds
 * objects.
 */
export async function startServer(options: ServerOptions = {}): Promise<TestServer> {
  if (!existsSync(EXECUTABLE)) throw new Error(`${EXECUTABLE} is missing: run "npm run build"`);
  const host = options.host ?? "127.0.0.1";
  const port = options.port ?? (await findFreePort(host));
  const directory = makeDirectory("minismbd", options.parent);
  const users = options.users ?? [TESTER, TESTER2];
  const shares = prepareShares(options, directory);
  const configuration = join(directory, "minismbd.conf");
  const passwords = join(directory, "ksmbdpwd.db");
  const globals = {
    "netbios name": "MINISMBD",
    workgroup: "WORKGROUP",
    "bind interfaces only": "yes",
    interfaces: host,
    // The server logs its counts at this level.
    "log level": "debug",
    // All clients of a test connect from one address.
    "max ip connections": "65536",
  };
  writeFileSync(configuration, formatConfiguration(globals, options, shares));
  writeFileSync(passwords, formatPasswordDatabase(users), { mode: 0o600 });
  const logFile = join(directory, "log");
  const log = openSync(logFile, "a");
  const runner = options.runner ?? [];
  const words = [
    ...runner,
    EXECUTABLE,
    "serve",
    "-C",
    configuration,
    "-P",
    passwords,
    "-n",
    "-p",
    String(port),
  ];
  const limit = options.openFileLimit;
  const command = limit === undefined ? words : ["sh", "-c", `ulimit -n ${limit}; exec "$@"`, "sh", ...words];
  const env = { ...LOOP_LIMIT, ...process.env, ...options.environment };
  const child = Bun.spawn(command, { stdin: "ignore", stdout: log, stderr: log, cwd: directory, env });
  closeSync(log);
  const readLog = (): string => readIfPresent(logFile);
  try {
    await awaitListening(child, host, port, readLog);
  } catch (error) {
    child.kill("SIGKILL");
    removeDirectory(directory);
    throw error;
  }
  const saysTables = options.parameters?.["log level"] === undefined;
  const stop = async (): Promise<void> => {
    closeSocketsTo(port);
    const left = saysTables && child.exitCode === null ? await findLeft({ host, port }, readLog) : undefined;
    const early = child.exitCode ?? child.signalCode;
    child.kill("SIGTERM");
    const status = await awaitExit(child, STOP_TIMEOUT_MS);
    if (status === undefined) child.kill("SIGKILL");
    const text = readLog();
    removeDirectory(directory);
    if (early !== null) throw new Error(`the server had ended by itself (${early}):\n${text}`);
    const fault = findFault(text);
    if (fault !== undefined) throw new Error(`the server's log shows a fault:\n${fault}`);
    const kept = [...text.matchAll(KEPT)];
    if (kept.length > 0) throw new Error(kept.join("\n"));
    if (status === undefined) throw new Error(`the server did not exit within 10 s of SIGTERM:\n${text}`);
    if (status !== 0) throw new Error(`the server exited with status ${status}:\n${text}`);
    if (left !== undefined) throw new Error(`with no client connected the server still holds: ${left}`);
  };
  return { name: "minismbd", host, port, directory, users, shares, pid: child.pid, log: readLog, stop };
}

/** Modification time of the executable in ms, 0 if missing; for programs that must not test a stale one. */
export function executableTime(): number {
  return existsSync(EXECUTABLE) ? statSync(EXECUTABLE).mtimeMs : 0;
}
