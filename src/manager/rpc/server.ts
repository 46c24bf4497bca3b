// The pipes of this server, over the manager's configuration, users and the machine's accounts.
import type { Account, Identity } from "../../port/port.ts";
import type { ConfigSource, Configuration } from "../config/load.ts";
import type { ShareChange, ShareChangeFault } from "../config/share-change.ts";
import type { Share } from "../config/share.ts";
import type { Log } from "../log/log.ts";
import type { SystemAccounts } from "../users/system-accounts.ts";
import { foldUserName, showName } from "../users/user-name.ts";
import { AccountSnapshot } from "./account-snapshot.ts";
import {
  isProven,
  type RpcAccounts,
  type RpcContext,
  type RpcEngine,
  type RpcPasswords,
  type RpcShare,
} from "./interface.ts";
import { openPipes, type Pipes } from "./pipes.ts";

/** What the manager knows; asked again for every call. */
export interface PipeSource {
  configuration(): Configuration;
  machineSid(): string;
  systemAccounts(): SystemAccounts;
  /** The users that can log on, by folded name; another map after a change. */
  users(): ReadonlyMap<string, readonly Account[]>;
  /** Only the case of the name tells the user from another one. */
  hasNamesake(user: string): boolean;
  isCurrent(identity: Identity): boolean;
  listedShares(identity: Identity): readonly Share[];
  mayConnect(share: Share, identity: Identity): boolean;
  /** Null: all users are in the configuration. */
  readonly passwordFile: string | null;
  findAccount(user: string): Account | null;
  /** Reads the users again after a change of the file. */
  reloadUsers(): void;
  readonly configSource: ConfigSource;
  /** Reads the configuration and the users again, as SIGHUP does. */
  reload(): Promise<unknown>;
  readonly log: Log;
  engine(): RpcEngine | undefined;
}

const IPC = "IPC$";
const DONE = { add: "added", set: "changed", delete: "deleted" } as const;

export function openServerPipes(source: PipeSource): Pipes {
  return openPipes(new ServerContext(source));
}

class ServerContext implements RpcContext {
  private readonly source: PipeSource;
  readonly passwords: RpcPasswords;
  private snapshot: AccountSnapshot | undefined;

  constructor(source: PipeSource) {
    this.source = source;
    this.passwords = new ServerPasswords(source);
  }

  get accounts(): RpcAccounts {
    const { source } = this;
    const sources = {
      configuration: source.configuration(),
      machineSid: source.machineSid(),
      system: source.systemAccounts(),
      users: source.users(),
    };
    if (!this.snapshot?.isOf(sources)) this.snapshot = new AccountSnapshot(sources);
    return this.snapshot;
  }

  get serverName(): string {
    return this.source.configuration().settings.serverName;
  }
  get serverComment(): string {
    return this.source.configuration().serverString;
  }
  get workgroup(): string {
    return this.source.configuration().settings.domain;
  }

  isAdministrator(user: string): boolean {
    const { source } = this;
    const { administrators } = source.configuration();
    return administrators.has(user, source.systemAccounts(), source.hasNamesake(user));
  }

  get engine(): RpcEngine | undefined {
    return this.source.engine();
  }

  get mayChangeShares(): boolean {
    const { configSource, configuration } = this.source;
    return configSource.file !== null && configuration().clientShareDirectories.length > 0;
  }

  async changeShare(change: ShareChange, by: Identity): Promise<ShareChangeFault | undefined> {
    const { configSource, configuration, log, reload } = this.source;
    const { file, dialect } = configSource;
    if (file === null) return "elsewhere";
    const { changeShareInFile } = await import("../config/share-change.ts");
    const { fault, reason } = await changeShareInFile({
      file,
      dialect,
      directories: configuration().clientShareDirectories,
      change,
    });
    const what = `share [${showName(change.name)}]`;
    const who = `'${showName(by.user)}' from ${by.remoteAddress}`;
    if (fault === undefined) {
      log.info(`${what} was ${DONE[change.kind]} by ${who}, in ${file}`);
      await reload();
    } else log.warn(`${what} was not ${DONE[change.kind]} as ${who} asked: ${reason}`);
    return fault;
  }

  isCurrent(identity: Identity): boolean {
    return this.source.isCurrent(identity);
  }

  /** Guests and anonymous sessions see only shares with `guest ok`. */
  shares(identity: Identity): RpcShare[] {
    const listed: RpcShare[] = [];
    for (const share of this.source.listedShares(identity)) {
      const { name, comment, path, browseable, guestOk, listedToPermitted, dfs } = share;
      const isListed = listedToPermitted
        ? this.source.mayConnect(share, identity)
        : guestOk || isProven(identity);
      if (isListed) listed.push({ name, type: "disk", comment, browseable, path, isDfsRoot: dfs.isRoot });
    }
    const ipc = { name: IPC, type: "pipe", comment: "IPC share", browseable: true } as const;
    listed.push({ ...ipc, path: "", isDfsRoot: false });
    return listed;
  }

  now(): ReturnType<RpcContext["now"]> {
    return {
      wallTimeMs: Date.now(),
      minutesWest: new Date().getTimezoneOffset(),
      uptimeMs: process.uptime() * 1000,
    };
  }
}

class ServerPasswords implements RpcPasswords {
  private readonly source: PipeSource;

  constructor(source: PipeSource) {
    this.source = source;
  }

  get isAllowed(): boolean {
    return this.source.configuration().mayChangePasswords;
  }

  hashOf(user: string): Uint8Array | undefined {
    const { source } = this;
    const account = source.findAccount(user);
    const isInline = [...source.configuration().users.keys()].some(
      (name) => account !== null && foldUserName(name) === foldUserName(account.name),
    );
    if (account === null || account.isGuest || isInline || source.passwordFile === null) return undefined;
    return Uint8Array.fromHex(account.ntHash);
  }

  async change(
    user: string,
    oldHash: Uint8Array,
    newHash: Uint8Array,
    remoteAddress: string,
  ): Promise<boolean> {
    const { passwordFile, log, findAccount, reloadUsers } = this.source;
    const name = findAccount(user)?.name;
    if (passwordFile === null || name === undefined) return false;
    const { changePasswordFile } = await import("../users/password-change.ts");
    const change = { kind: "replace", oldHash: oldHash.toHex(), newHash: newHash.toHex() } as const;
    const fault = await changePasswordFile({ ...change, file: passwordFile, user: name }).then(
      () => undefined,
      (error: Error) => error.message,
    );
    const who = `the password of '${showName(name)}'`;
    if (fault === undefined) log.info(`${who} was changed by the user, from ${remoteAddress}`);
    else log.error(`${who} was not changed as its user asked, from ${remoteAddress}: ${fault}`);
    if (fault === undefined) reloadUsers();
    return fault === undefined;
  }
}
