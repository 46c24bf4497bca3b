// `minismbd serve`: runs the server in the foreground, from a configuration or from options only.
import { statSync } from "node:fs";
import { resolve } from "node:path";
import { startEngine } from "../engine/engine.ts";
import { kernelFault } from "../engine/kernel-needs.ts";
import { dropQuotaOverride } from "../engine/privileges.ts";
import { keepUsedCode } from "../engine/resident-code.ts";
import type { EngineControl } from "../port/control.ts";
import type { Configuration, Override } from "../manager/config/load.ts";
import { ConfigError } from "../manager/config/parse.ts";
import { LogOutput } from "../manager/log/sinks.ts";
import { reportBug } from "../manager/log/log.ts";
import type { ControlHost } from "../manager/control/commands.ts";
import { type ControlSocket, openControl } from "../manager/control/server.ts";
import { FileWatch } from "../manager/file-watch.ts";
import { MountWatch } from "../manager/mount-watch.ts";
import { DiscoverySwitch } from "../manager/discovery-switch.ts";
import { type VolumeSharing, VolumesSwitch } from "../manager/volumes-switch.ts";
import { MetricsSwitch } from "../manager/control/metrics-switch.ts";
import { WebSwitch } from "../manager/web-switch.ts";
import { ReloadQueue } from "../manager/reload-queue.ts";
import { takeLock } from "../manager/lock-file.ts";
import { openOpensFile, opensFileOf } from "../manager/opens-file.ts";
import { ServiceManager, socketKeeper } from "../manager/service-manager.ts";
import { subauthFileOf } from "../manager/users/machine-sid.ts";
import { createManager, type ManagerOptions, type ServerManager } from "../manager/manager.ts";
import {
  CONFIG_FILE,
  controlFileOf,
  defaultConfigFile,
  defaultLockFile,
  PASSWORD_FILE,
} from "../manager/paths.ts";
import { hideArgument } from "../manager/users/hide-secret.ts";
import { ntHash, passwordFault } from "../manager/users/nt-hash.ts";
import { userNameFault } from "../manager/users/user-name.ts";
import { type Arguments, CliError, describeOptions, type Option, parseArguments } from "./arguments.ts";
import { describeAccess } from "./connect-lines.ts";
import { DIALECT_OPTION, readDialect } from "./dialect.ts";
import { promptPassword } from "./prompt.ts";
import { prepareQuickStart, randomPassword } from "./quick-start.ts";
import { StopSignals } from "./stop-signals.ts";
import { takeEnvironmentPassword } from "./user-change.ts";

export const OPTIONS: readonly Option[] = [
  { long: "config", short: "C", value: "CONF", help: `the configuration, by default ${CONFIG_FILE}` },
  { long: "pwddb", short: "P", value: "PWDDB", help: `the users' file, by default ${PASSWORD_FILE}` },
  { long: "port", short: "p", value: "PORT", help: "the TCP port; overrides 'tcp port'" },
  {
    long: "share",
    short: "s",
    value: "NAME=PATH",
    help: "share a directory for reading and writing; may be repeated",
  },
  {
    long: "user",
    short: "u",
    value: "NAME[:PASSWORD]",
    help:
      "a user; a missing password is taken from MINISMBD_PASSWORD, " +
      "or asked for on the terminal, or made and printed; may be repeated. " +
      "Other users can see a password given here in the process list until the server runs",
  },
  {
    long: "option",
    short: "o",
    value: "KEY=VALUE",
    help: "a parameter of [global], overrides the configuration; may be repeated",
  },
  { long: "quick-start", help: "share ./share with a user of its own, without any configuration" },
  { long: "lock", value: "FILE", help: "write the process id there, as ksmbd.mountd does" },
  DIALECT_OPTION,
  {
    long: "control",
    value: "FILE",
    help: "the socket for status and control; by default beside the lock file, and without one there is none",
  },
  {
    long: "nodetach",
    short: "n",
    value: "?WAY",
    help: "accepted and ignored: serve stays in the foreground",
  },
  { long: "syslog", help: "log to syslog, as ksmbd.mountd does in the background" },
  { long: "verbose", short: "v", help: "log level debug" },
  { long: "help", short: "h", help: "print this help" },
];

export interface ServerPlan extends ManagerOptions {
  /** Null: no lock file. */
  readonly lockFile: string | null;
  /** Null: no control socket. */
  readonly controlFile: string | null;
  /** Text to print once the port is known. */
  readonly greet?: (port: number) => string;
}

export async function run(words: readonly string[]): Promise<number> {
  dropQuotaOverride();
  const args = parseArguments(words, OPTIONS);
  if (args.has("help")) {
    process.stdout.write(`Usage: minismbd serve [OPTION]...\n\n${describeOptions(OPTIONS)}`);
    return 0;
  }
  if (args.operands.length > 0)
    throw new CliError(`'${args.operands[0]}' is not an option of serve, see serve --help`);
  return serve(await planServer(args));
}

/**
 * Serves until SIGTERM, SIGINT or SIGQUIT; SIGHUP reloads users and configuration. Throws ConfigError,
 * StartError.
 */
export async function serve(plan: ServerPlan): Promise<number> {
  // Without this an EPIPE from a closed log pipe would end the server.
  for (const stream of [process.stdout, process.stderr]) stream.on("error", () => {});
  const fault = kernelFault();
  if (fault !== undefined) throw new CliError(fault);
  const manager = createManager(plan);
  // Whoever finds the process by its lock file may signal it: the default action would end the server.
  process.on("SIGHUP", () => void manager.reloadServer());
  process.on("SIGUSR1", () => logShares(manager));
  process.on("SIGUSR2", () => manager.note("SIGUSR2 is ignored"));
  const signals = new StopSignals();
  const lock = plan.lockFile === null ? undefined : takeLock(plan.lockFile);
  const serviceManager = ServiceManager.find(process.env);
  let control: ControlSocket | undefined;
  try {
    const sockets = socketKeeper(process.env, serviceManager);
    const opens = plan.lockFile === null ? undefined : openOpensFile(opensFileOf(plan.lockFile), manager.log);
    const engine = startEngine(manager, manager.logOutput.write, { sockets, opens });
    manager.engine = engine;
    manager.followInterfaces();
    // The configuration alone decides the modes of new files.
    process.umask(0);
    const { stopped, ...host } = runUntilStopped(manager, engine, plan.passwordFile, serviceManager);
    signals.follow(host.stop);
    if (plan.controlFile !== null) {
      const bug = (error: unknown): void => reportBug(error, manager.logOutput.write);
      control = await openControl(plan.controlFile, { ...host, bug }).catch((error: unknown) => {
        if (!(error instanceof ConfigError)) throw error;
        manager.warn(`${error.message}; the server runs without status and control`);
        return undefined;
      });
    }
    process.stdout.write(`minismbd: ready on port ${engine.port}\n`);
    serviceManager?.ready(describeState(manager, engine));
    keepUsedCode();
    if (plan.greet) process.stdout.write(plan.greet(engine.port));
    await stopped;
  } finally {
    control?.close();
    serviceManager?.close();
    lock?.release();
    await manager.logOutput.flush();
  }
  return 0;
}

function runUntilStopped(
  manager: ServerManager,
  engine: EngineControl,
  passwordFile: string | null,
  serviceManager: ServiceManager | undefined,
): ControlHost & { readonly stopped: Promise<void> } {
  const reloads = new ReloadQueue(async () => {
    serviceManager?.reloading();
    const fault = await manager.reload();
    // Disks get their names before the engine looks for the shares of its clients.
    volumes.follow();
    engine.reload();
    serviceManager?.ready(fault ?? describeState(manager, engine));
    followConfiguration();
    return fault;
  });
  const reload = (): Promise<string | undefined> => reloads.ask();
  const watch = new FileWatch(() => void reload(), manager);
  const host = hostOf(manager, engine);
  const metrics = new MetricsSwitch(host, manager);
  const discovery = new DiscoverySwitch(host, manager);
  const web = new WebSwitch(manager, () => control);
  // First the shares, so that a client whose disk is gone does not connect to its mount point.
  const disksChanged = (): void => {
    volumes.look();
    engine.mountsChanged();
    discovery.followDisks();
    manager.changes.report("disks");
  };
  const sharing = volumeSharing(manager, passwordFile, () => discovery.followDisks());
  const volumes = new VolumesSwitch(sharing, manager.log, disksChanged);
  const mounts = new MountWatch(disksChanged);
  mounts.start();
  const followConfiguration = (): void => {
    const configuration = manager.configuration();
    watch.follow(filesToWatch(configuration, passwordFile));
    metrics.follow(configuration.metricsPort);
    discovery.follow();
    web.follow();
  };
  followConfiguration();
  volumes.follow();
  manager.reloadServer = reload;
  const { promise: stopped, resolve, reject } = Promise.withResolvers<void>();
  let isStopping = false;
  const stop = (): void => {
    // The second time an administrator does not want to wait.
    if (isStopping) process.exit(1);
    isStopping = true;
    serviceManager?.stopping();
    discovery.end();
    web.end();
    mounts.stop();
    volumes.end();
    engine.stop().then(resolve, reject);
  };
  logBugs(manager);
  const control: ControlHost = {
    ...host,
    reload,
    stop,
    webStatus: () => web.status(),
    holdBack: (mount) => {
      manager.directories.ejected.add(mount);
      discovery.followDisks();
    },
  };
  return { ...control, stopped };
}

/** A bug in the handling of one request must not end the server for all clients. */
function logBugs(manager: ServerManager): void {
  const report = (error: unknown): void => reportBug(error, manager.logOutput.write);
  process.on("uncaughtException", report);
  process.on("unhandledRejection", report);
}

/** What the control socket and other parts ask, besides what runs and stops the server. */
function hostOf(
  manager: ServerManager,
  engine: EngineControl,
): Omit<ControlHost, "holdBack" | "reload" | "stop"> {
  return {
    engine,
    files: manager.files,
    configuration: () => manager.configuration(),
    userNames: () => manager.userNames(),
    isAdministrator: (user) => manager.isAdministrator(user),
    setLogLevel: (level) => manager.setLogLevel(level),
    toggleDebug: (component) => manager.toggleDebug(component),
    isHeldBack: (path) => manager.directories.ejected.has(path),
    note: (text) => manager.note(text),
    changes: manager.changes,
    tokens: manager.tokens,
    followLog: manager.logOutput.follow,
  };
}

function volumeSharing(
  manager: ServerManager,
  passwordFile: string | null,
  changed: () => void,
): VolumeSharing {
  return {
    passwordFile,
    loadedConfiguration: () => manager.live.loaded,
    isShareName: (folded) => manager.isShareName(folded),
    setVolumes: (found) => {
      manager.live.setVolumes(found);
      changed();
    },
  };
}

function logShares(manager: ServerManager): void {
  const { shares } = manager.configuration();
  manager.log.info(`shares: ${[...shares.values()].map(({ name, path }) => `[${name}] ${path}`).join(", ")}`);
}

/** For `systemctl status`. */
function describeState(manager: ServerManager, engine: EngineControl): string {
  const { size } = manager.configuration().shares;
  return `serving ${size} share${size === 1 ? "" : "s"} on port ${engine.port}`;
}

/** The files whose changes are to be followed by a reload. */
function filesToWatch(
  { files, reloadsOnChange }: Configuration,
  passwordFile: string | null,
): readonly string[] {
  return reloadsOnChange ? [...files, ...(passwordFile === null ? [] : [passwordFile])] : [];
}

async function planServer(args: Arguments): Promise<ServerPlan> {
  const overrides: Override[] = portOverrides(args);
  for (const word of args.values("option")) overrides.push(parseOption(word));
  if (args.has("verbose")) overrides.unshift(globalOverride("log level", "debug", "--verbose"));
  if (args.has("quick-start")) return planQuickStart(args, overrides);
  const shares = args.values("share").map(parseShare);
  for (const { name, path } of shares) {
    overrides.push({ section: name, key: "path", value: path, position: "--share" });
    overrides.push({ section: name, key: "read only", value: "no", position: "--share" });
  }
  for (const word of args.values("user")) overrides.push(await parseUser(word));
  const usesNoFile = shares.length > 0 && !args.has("config");
  const file = usesNoFile ? null : (args.value("config") ?? defaultConfigFile());
  const dialect = readDialect(args);
  const usesDefaults = file !== null && !args.has("config");
  const hasOwnUsers = usesNoFile && args.values("user").length > 0;
  const passwordFile = args.value("pwddb") ?? (hasOwnUsers ? null : PASSWORD_FILE);
  const lockFile = args.value("lock") ?? (usesDefaults ? defaultLockFile() : null);
  return {
    source: { file, overrides, ...(dialect !== undefined && { dialect }) },
    passwordFile,
    subauthFile: passwordFile === null ? null : subauthFileOf(passwordFile),
    ...runFiles(args, lockFile),
    logOutput: new LogOutput(args.has("syslog")),
  };
}

function planQuickStart(args: Arguments, overrides: Override[]): ServerPlan {
  const quick = prepareQuickStart(process.cwd());
  const port = process.geteuid?.() === 0 ? 445 : 4450;
  const own = [
    globalOverride("tcp port", String(port), "--quick-start"),
    { section: "share", key: "path", value: quick.directory, position: "--quick-start" },
    { section: "share", key: "read only", value: "no", position: "--quick-start" },
    { section: `user:${quick.user}`, key: "password", value: quick.password, position: "--quick-start" },
  ];
  return {
    source: { file: args.value("config") ?? null, overrides: [...overrides, ...own] },
    passwordFile: args.value("pwddb") ?? null,
    ...runFiles(args, args.value("lock") ?? null),
    greet: (actual) => describeAccess({ share: "share", port: actual, ...quick }),
  };
}

function runFiles(args: Arguments, lockFile: string | null): Pick<ServerPlan, "lockFile" | "controlFile"> {
  const beside = lockFile === null ? null : controlFileOf(lockFile);
  return { lockFile, controlFile: args.value("control") ?? beside };
}

/** The override for `-p`. Throws CliError for an invalid port. */
export function portOverrides(args: Arguments): Override[] {
  const port = args.value("port");
  if (port === undefined) return [];
  if (!/^\d{1,5}$/.test(port) || Number(port) > 65_535)
    throw new CliError(`'${port}' is not a port, write 1 to 65535`);
  return [globalOverride("tcp port", port, "--port")];
}

function globalOverride(key: string, value: string, position: string): Override {
  return { section: "global", key, value, position };
}

function parseOption(word: string): Override {
  const at = word.indexOf("=");
  if (at < 1) throw new CliError(`--option '${word}' is not 'KEY = VALUE'`);
  return globalOverride(word.slice(0, at), word.slice(at + 1).trim(), "--option");
}

function parseShare(word: string): { name: string; path: string } {
  const at = word.indexOf("=");
  if (at < 1) throw new CliError(`--share '${word}' is not NAME=PATH`);
  const path = resolve(word.slice(at + 1));
  const found = statSync(path, { throwIfNoEntry: false });
  if (!found) throw new CliError(`--share: there is no folder ${path}, make it or name another`);
  if (!found.isDirectory()) throw new CliError(`--share: ${path} is not a folder, name one`);
  return { name: word.slice(0, at).trim(), path };
}

async function parseUser(word: string): Promise<Override> {
  const at = word.indexOf(":");
  const name = at < 0 ? word : word.slice(0, at);
  if (at >= 0 && !hideArgument(word.slice(at + 1)))
    throw new CliError("--user: the password would stay in the process list, pass it in MINISMBD_PASSWORD");
  const fault = userNameFault(name);
  if (fault !== undefined) throw new CliError(`--user: ${fault}`);
  const password = at < 0 ? await findPassword(name) : word.slice(at + 1);
  const wrong = passwordFault(password);
  if (wrong !== undefined) throw new CliError(`--user: ${wrong}`);
  return { section: `user:${name}`, key: "nt hash", value: ntHash(password), position: "--user" };
}

async function findPassword(name: string): Promise<string> {
  const given = takeEnvironmentPassword();
  if (given !== undefined) return given;
  if (process.stdin.isTTY) {
    const typed = await promptPassword(`Password for ${name} (empty: a random one): `);
    if (typed !== "") return typed;
  }
  const made = randomPassword();
  process.stdout.write(`minismbd: the password of ${name} is ${made}\n`);
  return made;
}
