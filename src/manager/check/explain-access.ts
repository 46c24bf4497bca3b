// What a user gets in a share, and the line of the configuration that decides it, by the rules of
// TREE_CONNECT.
import type { Identity } from "../../port/port.ts";
import { interfaceTowards } from "../arrival.ts";
import { interfacesOf, isHostAllowed, type NameTable } from "../config/hosts.ts";
import { type ClientConfigurations, clientFacts } from "../client-configurations.ts";
import { type Configuration, foldShareName } from "../config/load.ts";
import { shareValues } from "../config/effective.ts";
import { ConfigError, type Sections } from "../config/parse.ts";
import type { SectionValues } from "../config/section-values.ts";
import type { Share } from "../config/share.ts";
import { isOfDomain } from "../config/user-list.ts";
import { credentialsFor } from "../credentials.ts";
import { describeFault, walkDirectory } from "../directory-walk.ts";
import { type Admission, admit, refusedBy } from "../share-access.ts";
import { ShareFinder } from "../share-finder.ts";
import type { SystemAccounts } from "../users/system-accounts.ts";
import type { UserDirectory } from "../users/user-directory.ts";

export interface CheckedServer {
  readonly configuration: Configuration;
  readonly clients: ClientConfigurations;
  readonly sections: Sections;
  readonly users: UserDirectory;
  readonly accounts: SystemAccounts;
  readonly hostNames: NameTable;
}

export interface AccessQuestion {
  readonly user: string;
  readonly share: string;
  /** The client's address; undefined: one that every list of hosts allows. */
  readonly host?: string | undefined;
}

export interface Reason {
  /** `FILE:LINE`; empty: no line decides. */
  readonly position: string;
  readonly text: string;
}

export interface AccessAnswer {
  readonly connects: boolean;
  readonly reads: boolean;
  readonly writes: boolean;
  /** Undefined: nobody connects. */
  readonly uid?: number;
  readonly gid?: number;
  readonly groups?: readonly number[];
  readonly path?: string;
  /** In the order of the decision; the last one of a refusal decided it. */
  readonly reasons: readonly Reason[];
}

export function explainAccess(server: CheckedServer, question: AccessQuestion): AccessAnswer {
  return new Explanation(server, question).answer();
}

class Explanation {
  private server: CheckedServer;
  private readonly question: AccessQuestion;
  private readonly reasons: Reason[] = [];
  private values: SectionValues | undefined;

  constructor(server: CheckedServer, question: AccessQuestion) {
    this.server = server;
    this.question = question;
  }

  answer(): AccessAnswer {
    const identity = this.logOn();
    if (!identity || !this.readFilesOf(identity)) return this.refused();
    const share = this.findShare(identity);
    if (!share || !this.admitsHost(share)) return this.refused();
    const { configuration, accounts, users } = this.server;
    const guest = share.guestAccount || configuration.guestAccount;
    const isNamed = !identity.isGuest && !identity.isAnonymous;
    const hasNamesake = isNamed && users.hasNamesake(identity.user);
    const admission = admit(share, identity, guest, accounts, hasNamesake);
    const user = !isNamed || admission?.asGuest ? guest : identity.user;
    const isExact = hasNamesake && !admission?.asGuest;
    if (!admission) return this.refuse(refusedBy(share, identity, guest, accounts, hasNamesake), user);
    this.explainAdmission(share, user);
    return this.onDisk(share, user, admission, isExact);
  }

  private say(position: string, text: string): void {
    this.reasons.push({ position, text });
  }

  private refused(): AccessAnswer {
    return { connects: false, reads: false, writes: false, reasons: this.reasons };
  }

  /** The log-on: a known user, or the guest; undefined: refused. */
  private logOn(): Identity | undefined {
    const { user, host = "127.0.0.1" } = this.question;
    const claimed = { user, workstation: "" };
    const identity = {
      domain: "",
      accountVersion: 0,
      remoteAddress: host,
      localAddress: "127.0.0.1",
      claimed,
    };
    if (user === "") return { ...identity, user, isGuest: false, isAnonymous: true };
    const account = this.server.users.find(user);
    if (account) return { ...identity, user: account.name, isGuest: false, isAnonymous: false };
    const isMapped = this.server.configuration.settings.mapToGuest === "bad-user";
    const position = shareValues(this.server.sections, "global")?.position("map to guest") ?? "";
    this.say(
      position,
      isMapped
        ? `'${user}' is no user of this server, and 'map to guest' makes every unknown name the guest`
        : `'${user}' is no user of this server, add one with 'minismbd adduser ${user}'`,
    );
    return isMapped ? { ...identity, user: "", isGuest: true, isAnonymous: false } : undefined;
  }

  /** Goes on with the configuration of this client. False where a file of his cannot be used. */
  private readFilesOf(identity: Identity): boolean {
    try {
      const own = this.server.clients.forClient(() => clientFacts(identity, this.server.accounts));
      if (own === undefined) return true;
      const { configuration, sections, clientFiles } = own;
      this.server = { ...this.server, configuration, sections };
      this.say("", `for this client the server also reads ${clientFiles.join(", ")}`);
      return true;
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      this.say(error.position, error.text);
      return false;
    }
  }

  private findShare(identity: Identity): Share | undefined {
    const { configuration, accounts, users, sections } = this.server;
    const finder = new ShareFinder({
      configuration: () => configuration,
      accounts: () => accounts,
      userOf: (name) => users.find(name)?.name,
      hasNamesake: (name) => users.hasNamesake(name),
    });
    const { share: name } = this.question;
    const share = finder.find(name, identity);
    const isOwn = configuration.shares.has(foldShareName(name));
    this.values = shareValues(sections, isOwn ? name : "homes");
    if (share) return share;
    if (isOwn)
      this.say(this.values?.position("path") ?? "", `a variable of [${name}] has no value for this user`);
    else if (sections.has(foldShareName(name))) this.say("", `share [${name}] is left out, see above`);
    else this.say("", `there is no share [${name}]`);
    return undefined;
  }

  private admitsHost(share: Share): boolean {
    const { host } = this.question;
    if (host === undefined) return true;
    const peer = { address: host, arrival: interfaceTowards(host) };
    const globals = shareValues(this.server.sections, "global");
    for (const [rule, values] of [
      [this.server.configuration.hosts, globals],
      [share.hosts, this.values],
    ] as const)
      if (!isHostAllowed(rule, peer, this.server.hostNames)) {
        const name = values?.entry("hosts allow") ? "hosts allow" : "hosts deny";
        const byInterface = rule !== null && interfacesOf(rule).length > 0;
        const over = byInterface
          ? `, which is ${peer.arrival ? `on ${peer.arrival}` : "on no interface"}`
          : "";
        this.say(values?.position(name) ?? "", `'${name}' keeps the address ${host} out${over}`);
        return false;
      }
    return true;
  }

  private refuse(parameter: ReturnType<typeof refusedBy>, user: string): AccessAnswer {
    const texts = {
      "guest ok": "guests may not connect, 'guest ok' is not set",
      "invalid users": `'invalid users' names '${user}'`,
      "valid users": `'valid users' does not name '${user}'`,
    };
    if (parameter === "valid users") this.explainTickets();
    this.say(this.values?.position(parameter) ?? "", texts[parameter]);
    return this.refused();
  }

  /** The groups of a domain are known at a log-on by ticket alone. */
  private explainTickets(): void {
    const words = this.values?.list("valid users").filter(isOfDomain) ?? [];
    if (words.length > 0 && this.server.configuration.kerberos.usesPacGroups)
      this.say("", `a Kerberos ticket may still let the user in, as one of ${words.join(", ")}`);
  }

  private explainAdmission(share: Share, user: string): void {
    if (share.validUsers)
      this.say(this.values?.position("valid users") ?? "", `'valid users' names '${user}'`);
    else this.say("", "there is no 'valid users', so every user may connect");
  }

  private onDisk(share: Share, user: string, admission: Admission, isExact: boolean): AccessAnswer {
    const { proxied } = share.dfs;
    if (proxied !== "") {
      this.say(this.values?.position("msdfs proxy") ?? "", `clients are led to ${proxied}`);
      return this.refused();
    }
    const found = walkDirectory(share.path);
    const position = this.values?.position("path") ?? "";
    if ("code" in found || describeFault(found) !== undefined) {
      this.say(position, `${share.path} ${describeFault(found)}`);
      return this.refused();
    }
    const ids = credentialsFor(share, user, admission, found, this.server.accounts, isExact);
    if ("fault" in ids) {
      this.say(this.values?.position(ids.parameter) ?? "", ids.fault);
      return this.refused();
    }
    const rights = rightsOf(found, ids);
    const reads = (rights & 5) === 5;
    const shown = `${share.path} (owner ${found.uid}, group ${found.gid}, mode ${found.mode.toString(8)})`;
    if (!reads) this.say(position, `uid ${ids.uid} may not read ${shown}`);
    const writes = this.explainWriting(share, user, admission, isExact) && (rights & 2) !== 0;
    if (!admission.readOnly && (rights & 2) === 0)
      this.say(position, `uid ${ids.uid} may not write ${shown}`);
    return { connects: true, reads, writes, ...ids, path: share.path, reasons: this.reasons };
  }

  private explainWriting(
    share: Share,
    user: string,
    { readOnly, isAdmin }: Admission,
    isExact: boolean,
  ): boolean {
    const { accounts } = this.server;
    const at = (name: "read list" | "write list" | "read only" | "admin users") =>
      this.values?.position(name) ?? "";
    if (isAdmin) this.say(at("admin users"), `'admin users' names '${user}', who acts as root`);
    if (share.readList.has(user, accounts, isExact)) this.say(at("read list"), `'read list' names '${user}'`);
    else if (share.writeList.has(user, accounts, isExact))
      this.say(at("write list"), `'write list' names '${user}'`);
    else if (at("read only") === "") this.say("", "shares are read-only by default, write 'read only = no'");
    else this.say(at("read only"), readOnly ? "the share is read-only" : "the share may be written");
    return !readOnly;
  }
}

/** rwx bits of a user on a directory, by its mode alone; path_resolution(7). */
function rightsOf(
  { mode, uid, gid }: { readonly mode: number; readonly uid: number; readonly gid: number },
  ids: { readonly uid: number; readonly gid: number; readonly groups: readonly number[] },
): number {
  if (ids.uid === 0) return 7;
  if (ids.uid === uid) return (mode >> 6) & 7;
  return ids.gid === gid || ids.groups.includes(gid) ? (mode >> 3) & 7 : mode & 7;
}
