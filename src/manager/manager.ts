// The management path (ksmbd.mountd's part): answers the engine's questions from the configuration and the
// users. rpc/ is loaded when the first pipe is opened, kerberos/ with the first ticket.
import type { EngineControl } from "../port/control.ts";
import type {
  Account,
  DebugComponent,
  EngineEvent,
  EngineSettings,
  Identity,
  Manager,
  MaybePromise,
} from "../port/port.ts";
import type { ShareGrant, ShareRules } from "../port/port.ts";
import type { TicketAnswer } from "../port/ticket.ts";
import type { PipeManager, PipeServices } from "../port/pipes.ts";
import { type Timer, timers } from "../loop/timers.ts";
import { type NtStatus, Status } from "../wire/status.ts";
import type { ServerFiles } from "./administration/read-configuration.ts";
import { LiveConfiguration } from "./live-configuration.ts";
import { type ConfigSource, type Configuration, foldShareName, hostRulesOf } from "./config/load.ts";
import { ConfigError } from "./config/parse.ts";
import { ApiTokens } from "./administration/api-tokens.ts";
import { ChangeFeed } from "./change-feed.ts";
import { EventLog } from "./log/event-log.ts";
import { restartNeeded } from "./config/restart.ts";
import { addressesOn, readMachineAddresses } from "./config/settings.ts";
import { InterfaceWatch } from "./interface-watch.ts";
import { LevelOverride } from "./log/levels.ts";
import { createLog, type Log, type LogLevel } from "./log/log.ts";
import { LogOutput } from "./log/sinks.ts";
import type { Pipes } from "./rpc/pipes.ts";
import { HostNames } from "./host-names.ts";
import { mapName } from "./users/name-map.ts";
import { FirstLogon } from "./setup/first-logon.ts";
import { ShareGate } from "./share-gate.ts";
import { OWN_SHORTAGES, ShareDirectories } from "./share-directories.ts";
import { Tickets } from "./tickets.ts";
import { UnreadableFile } from "./users/password-file.ts";
import { SystemAccountFiles } from "./users/system-accounts.ts";
import { UserDirectory } from "./users/user-directory.ts";
import { keptSid, machineSid } from "./users/machine-sid.ts";

/** A configuration that the server could not read for want of descriptors or memory is read again. */
const RETRY_MS = 10_000;

export interface ManagerOptions {
  readonly source: ConfigSource;
  /** ksmbdpwd.db, or null if all users are in the configuration. */
  readonly passwordFile: string | null;
  /** ksmbd.subauth; absent: the machine's SID is not kept. */
  readonly subauthFile?: string | null;
  readonly log?: Log;
  /** Default: by the environment. */
  readonly logOutput?: LogOutput;
  readonly systemAccounts?: SystemAccountFiles;
  /** File access runs with the users' own ids; default: true if the server runs as root. */
  readonly isRoot?: boolean;
}

/** Throws ConfigError if the configuration, the password file or the machine's accounts cannot be used. */
export function createManager(options: ManagerOptions): ServerManager {
  return new ServerManager(options);
}

export class ServerManager implements Manager, PipeManager {
  private readonly options: ManagerOptions;
  readonly logOutput: LogOutput;
  private readonly interfaceWatch = new InterfaceWatch(() => this.reviewAddresses());
  readonly log: Log;
  private readonly levels = new LevelOverride();
  readonly events: EventLog;
  readonly systemAccounts: SystemAccountFiles;
  readonly users: UserDirectory;
  readonly isRoot: boolean;
  private readonly gate: ShareGate;
  readonly hostNames: HostNames;
  readonly live: LiveConfiguration;
  private readonly firstLogon: FirstLogon;
  /** The settings of the start. */
  private readonly started: EngineSettings;
  private pipes: Pipes | undefined;
  private readonly tickets = new Tickets(this);
  private sid: string | undefined;
  private retryTimer: Timer | undefined;
  readonly directories: ShareDirectories;
  readonly changes = new ChangeFeed();
  readonly tokens: ApiTokens;
  /** Reloads what runs by the configuration as well, once it runs. */
  reloadServer: () => Promise<unknown> = () => this.reload();
  /** Undefined until the engine runs. */
  engine: EngineControl | undefined;

  constructor(options: ManagerOptions) {
    this.options = options;
    this.live = new LiveConfiguration(options.source);
    this.started = this.config.settings;
    this.logOutput = options.logOutput ?? new LogOutput(false);
    this.logOutput.place(this.config.logPlace);
    this.log = options.log ?? createLog(() => this.settings().logLevel, this.logOutput.write);
    this.events = new EventLog(this.log, () => performance.now());
    this.directories = new ShareDirectories(this.log, this.events);
    this.firstLogon = new FirstLogon(options.passwordFile, this.log);
    this.systemAccounts = options.systemAccounts ?? new SystemAccountFiles();
    this.systemAccounts.onFault = (text) => this.events.warn("accounts", () => text);
    this.systemAccounts.read();
    this.users = new UserDirectory(options.passwordFile, this.config.users);
    this.isRoot = options.isRoot ?? process.geteuid?.() === 0;
    this.hostNames = new HostNames({ warn: (text) => this.log.warn(text) });
    this.gate = new ShareGate(this);
    this.tokens = new ApiTokens(options.passwordFile);
    // Later there may be no descriptor for it, and descriptors on disk would get another SID.
    this.sid = keptSid(options.subauthFile ?? null);
    for (const warning of this.config.warnings) this.log.warn(warning);
    this.hostNames.follow(hostRulesOf(this.config));
  }

  get passwordFile(): string | null {
    return this.options.passwordFile;
  }

  private get config(): Configuration {
    return this.live.current;
  }

  settings(): EngineSettings {
    return this.levels.over(this.config.settings);
  }

  /** Has the engine follow the addresses of the interfaces that the configuration names, if it names any. */
  followInterfaces(): void {
    if (this.config.interfaces === null) this.interfaceWatch.stop();
    else this.interfaceWatch.start();
  }

  private reviewAddresses(): boolean {
    const { interfaces, settings } = this.config;
    const found = this.options.source.machine?.interfaces ?? readMachineAddresses();
    if (found === undefined) return false;
    const addresses = addressesOn(interfaces, found);
    if (addresses?.join() !== settings.addresses?.join()) this.live.setAddresses(addresses);
    return this.engine?.reviewAddresses() ?? true;
  }

  /** Until the next reload. */
  setLogLevel(level: LogLevel): void {
    this.levels.set(level);
    this.engine?.reviewLog();
    this.note(`log level ${level}`);
  }

  /** Switches the debug lines of a component, or of all; returns those that are on then. */
  toggleDebug(name: string): readonly DebugComponent[] {
    const isChange = this.levels.toggle(this.config.settings, name);
    this.engine?.reviewLog();
    const { debugComponents } = this.settings();
    if (isChange) this.note(`debug lines of ${debugComponents.join(", ") || "no component"}`);
    return debugComponents;
  }

  configuration(): Configuration {
    return this.config;
  }

  /** Where configuration and users are, for those who change them. */
  get files(): ServerFiles {
    const { passwordFile, source } = this.options;
    const { dialect, file, overrides = [] } = source;
    return { file, dialect, overrides, passwordFile };
  }

  /** A share of the configuration has the name, or the home of a user. */
  isShareName(folded: string): boolean {
    const { diskShares, homes, shares } = this.live.loaded;
    if (diskShares.some(({ name }) => foldShareName(name) === folded)) return true;
    return shares.has(folded) || (homes !== null && this.users.find(folded) !== null);
  }

  *userNames(): Iterable<string> {
    for (const { name } of this.users.all()) yield name;
  }

  /** The machine shows its first password, by which somebody may become its administrator. */
  isFirstRun(): boolean {
    return this.firstLogon.isAwaited;
  }

  /** The user may administrate the server by the web page. */
  isAdministrator(user: string): boolean {
    return this.config.webAdministrators.has(user, this.systemAccounts.read(), this.users.hasNamesake(user));
  }

  warn(text: string): void {
    this.log.warn(text);
  }

  /** Logs what an administrator did. */
  note(text: string): void {
    this.log.info(`by the administrator: ${text}`);
  }

  /**
   * Reads configuration and users again, in turns of the event loop. A configuration or a user file that
   * cannot be used is logged and stays as it was; the users are then read even so. Returns why the
   * configuration is the old one, undefined where it is new.
   */
  async reload(): Promise<string | undefined> {
    timers.clear(this.retryTimer);
    let users = this.config.users;
    try {
      const next = await this.live.read();
      ({ users } = next.loaded);
      this.users.reload(users);
      for (const warning of next.loaded.warnings) this.log.warn(warning);
      const restart = restartNeeded(this.started, next.loaded.settings);
      if (restart !== undefined) this.log.warn(restart);
      this.live.use(next);
      this.levels.reset();
      this.logOutput.place(next.loaded.logPlace);
      if (this.engine !== undefined) this.followInterfaces();
      this.directories.reportAnew();
      this.firstLogon.follow();
      this.hostNames.follow(hostRulesOf(this.config));
      for (const kind of ["configuration", "users"] as const) this.changes.report(kind);
      return undefined;
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      if (users === this.config.users) this.reloadUsers();
      this.log.error(`${error.message}; the configuration stays as it was`);
      // Otherwise a share that became read-only would not be so until somebody changes a file again.
      if (OWN_SHORTAGES.has(error.code ?? ""))
        this.retryTimer = timers.set(RETRY_MS, () => void this.reloadServer());
      return error.message;
    }
  }

  findAccount({ user }: { user: string; domain: string }): Account | null {
    if (user === "") return { name: this.config.guestAccount, ntHash: "", isGuest: true, version: 0 };
    if (this.users.hasChanged()) this.reloadUsers();
    const { nameMap } = this.config;
    const name = nameMap.length === 0 ? user : mapName(nameMap, user, this.systemAccounts.read());
    return this.users.find(name);
  }

  acceptTicket(query: { token: Uint8Array; forRpc: boolean }): MaybePromise<TicketAnswer> {
    return this.tickets.accept(query);
  }

  connectShare(query: {
    share: string;
    identity: Identity;
  }): MaybePromise<ShareGrant | { status: NtStatus }> {
    return this.gate.connect(query);
  }

  reviewShare(query: { share: string; identity: Identity }): ShareRules | { status: NtStatus } {
    return this.gate.review(query);
  }

  isCurrent({ identity }: { identity: Identity }): boolean {
    if (identity.isAnonymous) return true;
    if (identity.isGuest) return this.config.settings.mapToGuest === "bad-user";
    return this.users.find(identity.user)?.version === identity.accountVersion;
  }

  openPipe(query: {
    name: string;
    identity: Identity;
    services: PipeServices;
  }): MaybePromise<{ pipe: number } | { status: NtStatus }> {
    const { name, identity, services } = query;
    if (this.pipes) return this.pipes.open(name, identity, services);
    return import("./rpc/server.ts").then(({ openServerPipes }) => {
      this.pipes ??= openServerPipes({
        configuration: () => this.config,
        machineSid: () => this.machineSid(),
        systemAccounts: () => this.systemAccounts.read(),
        users: () => this.users.table,
        hasNamesake: (user) => this.users.hasNamesake(user),
        isCurrent: (identity) => this.isCurrent({ identity }),
        listedShares: (identity) => this.gate.list(identity),
        mayConnect: (share, identity) => this.gate.mayConnect(share, identity),
        passwordFile: this.options.passwordFile,
        findAccount: (user) => (user === "" ? null : this.findAccount({ user, domain: "" })),
        reloadUsers: () => this.reloadUsers(),
        configSource: this.options.source,
        reload: () => this.reloadServer(),
        log: this.log,
        engine: () => this.engine,
      });
      return this.pipes.open(name, identity, services);
    });
  }

  writePipe(query: { pipe: number; data: Uint8Array }): MaybePromise<{ status: NtStatus }> {
    return this.pipes ? this.pipes.write(query.pipe, query.data) : { status: Status.INVALID_HANDLE };
  }

  readPipe(query: {
    pipe: number;
    length: number;
  }): MaybePromise<{ status: NtStatus; data: Uint8Array; more: boolean }> {
    if (this.pipes) return this.pipes.read(query.pipe, query.length);
    return { status: Status.INVALID_HANDLE, data: new Uint8Array(0), more: false };
  }

  closePipe(query: { pipe: number }): void {
    this.pipes?.close(query.pipe);
  }

  notify(event: EngineEvent): void {
    this.events.write(event);
    this.firstLogon.see(event);
  }

  private reloadUsers(): void {
    try {
      this.users.reload(this.config.users);
      this.log.info(`users read again, ${this.users.size} in all`);
      this.changes.report("users");
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      const text = `${error.message}; the users stay as they were`;
      if (error instanceof UnreadableFile) this.events.warn("users", () => text);
      else this.log.error(text);
    }
  }

  /** The SID of the domain of this server's users; made when it is first needed. */
  machineSid(): string {
    const { subauthFile = null } = this.options;
    this.sid ??= machineSid(subauthFile, this.config.settings.serverGuid, (text) => this.log.warn(text));
    return this.sid;
  }
}
