// Starts Debian's smbd on a configuration file as it stands; what the test needs (port, state) is given by options.
import { spawnSync } from "node:child_process";
import { closeSync, mkdirSync, openSync, readdirSync } from "node:fs";
import { join } from "node:path";
import {
  awaitExit,
  awaitListening,
  findFreePort,
  makeDirectory,
  readIfPresent,
  removeDirectory,
} from "./test-server.ts";
import type { User } from "./test-server.ts";

export interface SmbdOnFile {
  readonly host: string;
  readonly port: number;
  stop(): Promise<void>;
}

/** The users need accounts on the machine. Throws with smbd's log when it does not listen. */
export async function startSmbdOnFile(file: string, users: readonly User[]): Promise<SmbdOnFile> {
  const host = "127.0.0.1";
  const port = await findFreePort(host);
  const directory = makeDirectory("smbd-file");
  const options = optionsFor(directory, host, port).map((option) => `--option=${option}`);
  for (const { user, password } of users) {
    const words = ["-s", file, ...options, "-a", "-t", "-u", user];
    const done = spawnSync("pdbedit", words, { input: `${password}\n${password}\n`, encoding: "utf8" });
    if (done.status !== 0) throw new Error(`pdbedit: ${done.stdout}${done.stderr}`);
  }
  const logFile = join(directory, "log");
  const log = openSync(logFile, "a");
  const child = Bun.spawn(["smbd", "--foreground", "--no-process-group", "-s", file, ...options], {
    stdin: "ignore",
    stdout: log,
    stderr: log,
    detached: true,
  });
  closeSync(log);
  const stop = async (): Promise<void> => {
    child.kill("SIGTERM");
    await awaitExit(child, 5000);
    for (const pid of processesOf(directory)) if (pid !== process.pid) end(pid);
    removeDirectory(directory);
  };
  try {
    await awaitListening(child, host, port, () => readIfPresent(logFile));
  } catch (error) {
    await stop();
    throw error;
  }
  return { host, port, stop };
}

function optionsFor(directory: string, host: string, port: number): string[] {
  const options: string[] = [];
  for (const kind of ["private", "lock", "state", "cache", "pid", "ncalrpc"]) {
    const path = join(directory, kind);
    mkdirSync(path, { mode: 0o755 });
    options.push(`${kind} ${kind === "private" || kind === "ncalrpc" ? "dir" : "directory"}=${path}`);
  }
  return [
    ...options,
    `passdb backend=tdbsam:${join(directory, "private", "passdb.tdb")}`,
    `smb ports=${port}`,
    `interfaces=${host}`,
    "bind interfaces only=yes",
    "disable netbios=yes",
    "disable spoolss=yes",
    "load printers=no",
    "printcap name=/dev/null",
    `log file=${join(directory, "log.smbd")}`,
    "log level=0",
  ];
}

/** smbd's helpers leave its process group; the directory of its options finds them. */
function processesOf(directory: string): number[] {
  return readdirSync("/proc")
    .filter((entry) => /^\d+$/.test(entry))
    .filter((entry) => readIfPresent(`/proc/${entry}/cmdline`).includes(`=${directory}/`))
    .map(Number);
}

function end(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // The process has ended meanwhile.
  }
}
