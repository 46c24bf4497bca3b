// The compiled executable as a server under test: started on a free port with configuration, accounts and folders of its own.
import { closeSync, existsSync, openSync, statSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
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

/** The executable under test: MINISMBD in the environment, else what `npm run build` made. */
export const EXECUTABLE = process.env["MINISMBD"] ?? join(ROOT, "dist", "minismbd");

/** How a fault of ours shows in the log, whatever it was answered with. */
const FAULT =
  /unhandled|uncaught|internal error|panic|assertion failed|(?:Type|Range|Reference|Syntax)Error|^\s+at .+[:(].+:\d+/im;

const STOP_TIMEOUT_MS = 10_000;

/** The form of ksmbdpwd.db(5): `user:base64(NT hash)` a line. */
export function formatPasswordDatabase(users: readonly User[]): string {
  return users
    .map(({ user, password }) => {
      const hash = new Bun.CryptoHasher("md4").update(Buffer.from(password, "utf16le")).digest("base64");
      return `${user}:${hash}\n`;
    })
    .join("");
}

/** What the log has of a fault of ours, or undefined. */
export function findFault(log: string): string | undefined {
  const at = log.search(FAULT);
  return at < 0 ? undefined : log.slice(Math.max(0, at - 200), at + 1500);
}

const TABLES = /tables: (opens=.*)/g;
const TABLES_TIMEOUT_MS = 2000;
/** How long one count is waited for; a busy machine is not always quick. */
const TABLES_WAIT_MS = 600;

/**
 * What the server still holds although nobody is connected, in its own words; undefined where it is nothing, or only
 * what a durable handle explains.
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

/** What the server holds, as it counts it with nobody connected: `opens=N …`; undefined while somebody is. */
export async function readTables(place: Place, readLog: () => string): Promise<string | undefined> {
  const count = (): number => [...readLog().matchAll(TABLES)].length;
  const before = count();
  const end = performance.now() + TABLES_WAIT_MS;
  // A connection that comes and goes makes the server count anew.
  await isListening(place.host, place.port);
  do await Bun.sleep(20);
  while (count() === before && performance.now() < end);
  return count() > before ? [...readLog().matchAll(TABLES)].at(-1)?.[1] : undefined;
}

/** Zeros throughout, but for durable handles and what belongs to them. */
function isExplained(line: string): boolean {
  const counts = new Map(
    [...line.matchAll(/(\w+)=(\d+)/g)].map(([, name = "", count]) => [name, Number(count)]),
  );
  const at = (name: string): number => counts.get(name) ?? Number.NaN;
  const isEmpty = ["sessions", "watches", "waiting", "buffers"].every((name) => at(name) === 0);
  const detached = at("detached");
  const isHeld = at("opens") === detached && at("files") <= detached && at("leases") <= detached;
  return isEmpty && isHeld && (detached > 0 || at("locks") === 0);
}

/**
 * Starts dist/minismbd. Parameters are those of ksmbd.conf(5). Throws with the log where it does not come up;
 * `stop` throws where the log shows a fault or the exit status is not 0.
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
    // The count of what is left is written at this level.
    "log level": "debug",
    // Every client of a test comes from one address.
    "max ip connections": "65536",
  };
  writeFileSync(configuration, formatConfiguration(globals, options, shares));
  writeFileSync(passwords, formatPasswordDatabase(users), { mode: 0o600 });
  const logFile = join(directory, "log");
  const log = openSync(logFile, "a");
  const child = Bun.spawn(
    [EXECUTABLE, "serve", "-C", configuration, "-P", passwords, "-n", "-p", String(port)],
    { stdin: "ignore", stdout: log, stderr: log, cwd: directory },
  );
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
    if (status === undefined) throw new Error(`the server did not end when told to:\n${text}`);
    if (status !== 0) throw new Error(`the server ended with status ${status}:\n${text}`);
    if (left !== undefined) throw new Error(`after the last connection the server still has: ${left}`);
  };
  return { name: "minismbd", host, port, directory, users, shares, pid: child.pid, log: readLog, stop };
}

/** The server's executable is there and no older than a given time; for programs that must not test a stale one. */
export function executableTime(): number {
  return existsSync(EXECUTABLE) ? statSync(EXECUTABLE).mtimeMs : 0;
}
