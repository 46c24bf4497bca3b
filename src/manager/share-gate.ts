// Tree connects: which share a client means, whether and as whom he may connect, and what it grants him.
import type { Identity, Manager, MaybePromise, ShareGrant, ShareRules } from "../port/port.ts";
import { type NtStatus, Status } from "../wire/status.ts";
import { peerOf } from "./arrival.ts";
import { clientFacts } from "./client-configurations.ts";
import { type HostRule, interfacesOf, isHostAllowed } from "./config/hosts.ts";
import { type Configuration, foldShareName } from "./config/load.ts";
import { ConfigError } from "./config/parse.ts";
import type { Share } from "./config/share.ts";
import { credentialsFor, describeOwnIds, namedUsersFor } from "./credentials.ts";
import { grantOf, IPC, PIPE_GRANT, rulesOf } from "./grants.ts";
import type { HostNames } from "./host-names.ts";
import type { LiveConfiguration } from "./live-configuration.ts";
import type { EventLog } from "./log/event-log.ts";
import { type Admission, admit, whyRefused } from "./share-access.ts";
import type { ShareDirectories } from "./share-directories.ts";
import { isNamed, ShareFinder } from "./share-finder.ts";
import type { SystemAccountFiles } from "./users/system-accounts.ts";
import type { UserDirectory } from "./users/user-directory.ts";

type Query = Parameters<Manager["connectShare"]>[0];
type Refusal = { readonly status: NtStatus };

export interface ShareGateHost {
  readonly live: LiveConfiguration;
  readonly events: EventLog;
  readonly users: UserDirectory;
  readonly systemAccounts: SystemAccountFiles;
  readonly hostNames: HostNames;
  readonly directories: ShareDirectories;
  /** File access runs with the users' own ids. */
  readonly isRoot: boolean;
  machineSid(): string;
}

export class ShareGate {
  private readonly host: ShareGateHost;

  constructor(host: ShareGateHost) {
    this.host = host;
  }

  connect(query: Query): MaybePromise<ShareGrant | Refusal> {
    const found = this.find(query);
    if (found === undefined) return { status: Status.ACCESS_DENIED };
    const { config, share } = found;
    const waiting = this.host.hostNames.prepare(config.hosts, share ? share.hosts : config.pipeHosts);
    if (!waiting) return this.connectNow(query, config, share);
    return waiting.then(() => {
      // A reload may have changed the share meanwhile.
      const again = this.find(query);
      return again ? this.connectNow(query, again.config, again.share) : { status: Status.ACCESS_DENIED };
    });
  }

  /** What the share grants now to a client who is connected. */
  review(query: Query): ShareRules | Refusal {
    const { share: name, identity } = query;
    const found = this.find(query);
    if (found === undefined) return { status: Status.ACCESS_DENIED };
    const { config, share } = found;
    if (!this.admitsHost(config.hosts, identity)) return { status: Status.ACCESS_DENIED };
    if (foldShareName(name) === foldShareName(IPC)) return this.connectPipes(config, identity);
    if (!share) return { status: Status.BAD_NETWORK_NAME };
    const admission = this.admissionOf(config, share, identity);
    if (!admission || !this.admitsHost(share.hosts, identity)) return { status: Status.ACCESS_DENIED };
    return rulesOf(share, admission);
  }

  /** The shares that a list may show the user. */
  list(identity: Identity): Share[] {
    const config = this.configurationFor(identity);
    return config === undefined ? [] : this.finder(config).list(identity);
  }

  mayConnect(share: Share, identity: Identity): boolean {
    const config = this.configurationFor(identity);
    if (config === undefined || !this.admitsHost(share.hosts, identity)) return false;
    return this.admissionOf(config, share, identity) !== undefined;
  }

  /** Undefined, with a log line: the client's own files cannot be used, so he may not connect to anything. */
  private configurationFor(identity: Identity, share = IPC): Configuration | undefined {
    try {
      return this.host.live.forClient(() => clientFacts(identity, this.host.systemAccounts.read()));
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      this.host.events.refuse(share, identity, error.message);
      return undefined;
    }
  }

  private find({ share, identity }: Query): { config: Configuration; share: Share | undefined } | undefined {
    const config = this.configurationFor(identity, share);
    return config && { config, share: this.finder(config).find(share, identity) };
  }

  private finder(config: Configuration): ShareFinder {
    const { systemAccounts, users } = this.host;
    return new ShareFinder({
      configuration: () => config,
      accounts: () => systemAccounts.read(),
      userOf: (name) => users.find(name)?.name,
      hasNamesake: (name) => users.hasNamesake(name),
    });
  }

  private connectNow(
    { share: name, identity }: Query,
    config: Configuration,
    share: Share | undefined,
  ): MaybePromise<ShareGrant | Refusal> {
    if (!this.admitsHost(config.hosts, identity)) return this.refuseHost(name, identity, config.hosts);
    if (foldShareName(name) === foldShareName(IPC)) return this.connectPipes(config, identity);
    if (!share) {
      this.host.events.refuse(name, identity, whyAbsent(config, name));
      return { status: Status.BAD_NETWORK_NAME };
    }
    if (!this.admitsHost(share.hosts, identity)) return this.refuseHost(share.name, identity, share.hosts);
    return this.connectDisk(config, share, identity);
  }

  private connectPipes(config: Configuration, identity: Identity): ShareGrant | Refusal {
    const isUnnamed = identity.isGuest || identity.isAnonymous;
    if (isUnnamed && config.settings.restrictAnonymous > 0) {
      this.host.events.refuse(IPC, identity, "'restrict anonymous' is set");
      return { status: Status.ACCESS_DENIED };
    }
    const { pipeHosts } = config;
    return this.admitsHost(pipeHosts, identity) ? PIPE_GRANT : this.refuseHost(IPC, identity, pipeHosts);
  }

  private async connectDisk(
    config: Configuration,
    share: Share,
    identity: Identity,
  ): Promise<ShareGrant | Refusal> {
    const { events, isRoot } = this.host;
    const accounts = this.host.systemAccounts.read();
    const guest = guestOf(config, share);
    const admission = this.admissionOf(config, share, identity);
    if (!admission) {
      const isExact = this.hasNamesake(identity);
      events.refuse(share.name, identity, whyRefused(share, identity, guest, accounts, isExact));
      return { status: Status.ACCESS_DENIED };
    }
    const owner = await this.host.directories.find(share, config.settings.volumeTimeoutMs);
    if (typeof owner === "number") return { status: owner };
    const user = admission.asGuest ? guest : identity.user;
    const isExact = !admission.asGuest && this.hasNamesake(identity);
    const credentials = isRoot ? credentialsFor(share, user, admission, owner, accounts, isExact) : null;
    if (credentials && "fault" in credentials) {
      events.refuse(share.name, identity, credentials.fault);
      return { status: Status.ACCESS_DENIED };
    }
    const hint = credentials && !admission.readOnly && describeOwnIds(share, user, owner, accounts, isExact);
    if (hint) events.warn("own ids", () => hint, share.name);
    // Stored descriptors alone name users without an account on the machine.
    const isNaming = isRoot && share.forceUser === "" && share.security.acl === "nt";
    const named = isNaming
      ? namedUsersFor(share, user, admission, owner, accounts, isExact, this.host.machineSid())
      : null;
    return grantOf(share, admission, credentials, identity, named, owner.identity);
  }

  private admissionOf(config: Configuration, share: Share, identity: Identity): Admission | undefined {
    const accounts = this.host.systemAccounts.read();
    return admit(share, identity, guestOf(config, share), accounts, this.hasNamesake(identity));
  }

  private hasNamesake(identity: Identity): boolean {
    return isNamed(identity) && this.host.users.hasNamesake(identity.user);
  }

  private refuseHost(share: string, identity: Identity, rule: HostRule | null): Refusal {
    const byInterface = rule !== null && interfacesOf(rule).length > 0;
    const over = byInterface ? `, over ${peerOf(identity).arrival || "an unknown interface"}` : "";
    this.host.events.refuse(share, identity, `'hosts allow' and 'hosts deny' leave the address out${over}`);
    return { status: Status.ACCESS_DENIED };
  }

  private admitsHost(rule: HostRule | null, identity: Identity): boolean {
    return rule === null || isHostAllowed(rule, peerOf(identity), this.host.hostNames);
  }
}

function guestOf(config: Configuration, share: Share): string {
  return share.guestAccount === "" ? config.guestAccount : share.guestAccount;
}

function whyAbsent({ diskShares }: Configuration, name: string): string {
  const folded = foldShareName(name);
  const own = diskShares.find((share) => foldShareName(share.name) === folded);
  return own === undefined ? "there is no such share" : `its disk (${own.disk}) is not mounted`;
}
