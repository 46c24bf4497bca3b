// The servers that a benchmark compares: minismbd as its users run it, another build of it or Debian's smbd,
// and the ceiling.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { EXECUTABLE, formatPasswordDatabase } from "../e2e/client/server.ts";
import { startSmbd } from "../peer/smbd.ts";
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
} from "../peer/test-server.ts";
import { type Place, PLACES } from "./folders.ts";

/** Where each place's folder is. */
export type Paths = Readonly<Record<Place, string>>;

export interface Subject {
  readonly name: string;
  readonly host: string;
  readonly port: number;
  readonly pid: number;
  /** Milliseconds from the start of the process to the first connection that it accepted. */
  readonly startMs: number;
  stop(): Promise<void>;
}

/** Starts a server that shares the folder of each place under the place's name. */
export type Starter = () => Promise<Subject>;

/** The name of the C program that is measured beside the servers. */
export const CEILING = "ceiling";
const HOST = "127.0.0.1";
const START_MS = 15_000;
const SLOW_START_MS = 120_000;
const CONNECTIONS = { "max connections": "1000" };

function optionsOf(paths: Paths, parameters: Readonly<Record<string, string>>): ServerOptions {
  const shares = PLACES.map((name) => ({ name, path: paths[name], parameters: CONNECTIONS }));
  return { shares, parameters, users: [TESTER] };
}

export interface OwnSettings {
  readonly name: string;
  readonly executable?: string;
  /** A program and its options that run the executable; it may be slow. */
  readonly wrapper?: readonly string[];
  /** Parameters of [global] in addition to the benchmark's. */
  readonly parameters?: Readonly<Record<string, string>>;
}

/** Starts an executable of minismbd with default settings but for the number of connections. */
export function ownStarter(paths: Paths, settings: OwnSettings): Starter {
  return async () => {
    const port = await findFreePort(HOST);
    const directory = makeDirectory("minismbd");
    const globals = { "bind interfaces only": "yes", interfaces: HOST, "max ip connections": "1000" };
    const options = optionsOf(paths, { ...globals, ...CONNECTIONS, ...settings.parameters });
    const configuration = join(directory, "minismbd.conf");
    const passwords = join(directory, "ksmbdpwd.db");
    writeFileSync(configuration, formatConfiguration({}, options, prepareShares(options, directory)));
    writeFileSync(passwords, formatPasswordDatabase([TESTER]), { mode: 0o600 });
    const words = ["serve", "-C", configuration, "-P", passwords, "-n", "-p", String(port)];
    const log = join(directory, "log");
    const output = { stdin: "ignore", stdout: Bun.file(log), stderr: Bun.file(`${log}.errors`) } as const;
    const began = performance.now();
    const { executable = EXECUTABLE, wrapper = [] } = settings;
    const child = Bun.spawn([...wrapper, executable, ...words], { ...output, cwd: directory });
    const readLog = (): string => readIfPresent(log) + readIfPresent(`${log}.errors`);
    const stop = async (): Promise<void> => {
      child.kill("SIGTERM");
      if ((await awaitExit(child, 10_000)) === undefined) child.kill("SIGKILL");
      removeDirectory(directory);
    };
    try {
      await awaitListening(child, HOST, port, readLog, wrapper.length > 0 ? SLOW_START_MS : START_MS);
    } catch (error) {
      await stop();
      throw error;
    }
    const startMs = performance.now() - began;
    return { name: settings.name, host: HOST, port, pid: child.pid, startMs, stop };
  };
}

/** Starts Debian's smbd, with its default settings. */
export function smbdStarter(paths: Paths): Starter {
  return () => startSmbd(optionsOf(paths, {}));
}

/** Starts the compiled ceiling.c. */
export function ceilingStarter(paths: Paths, program: string): Starter {
  return async () => {
    const words = [program, ...PLACES.map((place) => paths[place])];
    const child = Bun.spawn(words, { stdin: "ignore", stdout: "pipe" });
    const { value } = await child.stdout.getReader().read();
    const port = Number(new TextDecoder().decode(value));
    const stop = async (): Promise<void> => {
      child.kill("SIGKILL");
      await child.exited;
    };
    return { name: CEILING, host: HOST, port, pid: child.pid, startMs: 0, stop };
  };
}
