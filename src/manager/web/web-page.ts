// The web page as the server sees it: where it listens, its certificate, who may use it, and the process that
// serves it. Loaded when `web port` is first set.
import { hostname } from "node:os";
import { eventLoop } from "../../loop/event-loop.ts";
import { whyFixed } from "../administration/read-configuration.ts";
import { interfaceWith } from "../arrival.ts";
import { isHostAllowed } from "../config/hosts.ts";
import { type Outcome, Refusal, valueOf } from "../refusal.ts";
import { addressesOn, readMachineAddresses } from "../config/settings.ts";
import { carryOut, type ControlHost } from "../control/commands.ts";
import { findOperation } from "../control/operations.ts";
import { showName } from "../users/user-name.ts";
import { PROTOCOL_VERSION } from "../control/protocol.ts";
import { reportBug } from "../log/log.ts";
import type { ServerManager } from "../manager.ts";
import { VERSION } from "../version.ts";
import { WorkerQueue } from "../worker-queue.ts";
import { WebAccounts } from "./accounts.ts";
import type { CertificateQuestion } from "./certificate-source.ts";
import type { WebChild } from "./child.ts";
import { Desk } from "./desk.ts";
import { WebFront } from "./front.ts";
import { ownNames } from "./host-names.ts";
import { isLocalAddress } from "./local-network.ts";
import type { WebPlan } from "./link-messages.ts";
import type { CertificateSubject, WebCertificate } from "./own-certificate.ts";

/** Linux's overflow id, which owns nothing. */
const NOBODY = { uid: 65_534, gid: 65_534 } as const;
/** The system user of the page's process, where packages have made it. */
const OWN_ACCOUNT = "minismbd-web";

/** Fields of the server's status. */
export interface WebStatus {
  readonly webPort: number;
  readonly webFingerprint: string;
}

type Plan = Omit<WebPlan, "listeners">;

export class WebPage {
  private readonly manager: ServerManager;
  private readonly host: ControlHost;
  private readonly accounts: WebAccounts;
  private readonly desks = new Map<WebChild, Desk>();
  private front: WebFront | undefined;
  /** Where it listens, and the plan of its process; as text, to see a change. */
  private place = "";
  private planned = "";
  private certificate: WebCertificate | undefined;
  /** In the log, for people to compare. */
  private toldFingerprint = "";
  private following: Promise<void> = Promise.resolve();
  private readonly certificates = new WorkerQueue<CertificateQuestion, Outcome<WebCertificate>>(
    "manager/web/certificate-worker.ts",
  );

  constructor(manager: ServerManager, host: ControlHost) {
    this.manager = manager;
    this.host = host;
    this.accounts = new WebAccounts({
      findAccount: (user) => (user === "" ? null : manager.findAccount({ user, domain: "" })),
      isAdministrator: (user) => manager.isAdministrator(user),
      beginProof: (address, user) => host.engine.beginProof(address, user),
      // The runtime has the page's sockets and does not say over which interface a connection came.
      isAddressAllowed: (address, local) =>
        isHostAllowed(
          this.configuration.hosts,
          { address, arrival: interfaceWith(local) },
          manager.hostNames,
        ),
      isLocalAddress: (address) => isLocalAddress(address, machineAddresses()),
      notify: (event) => manager.notify(event),
      note: (text) => manager.log.info(text),
      introduction: () => ({
        serverName: this.configuration.settings.serverName,
        firstRun: manager.isFirstRun() && whyFixed(manager.files) === undefined,
      }),
      findToken(text) {
        const found = manager.tokens.find(text);
        return found && { name: found.name, mayChange: !found.isReadOnly, owner: found.owner };
      },
      version: VERSION,
      nowMs: () => performance.now(),
    });
  }

  /** Does what the configuration says now. */
  follow(): Promise<void> {
    const turn = (): Promise<void> => this.turn();
    this.following = this.following.then(turn, turn);
    return this.following;
  }

  /** While it is open: its port, and the fingerprint of its certificate. */
  status(): WebStatus | undefined {
    if (this.front?.isOpen !== true || this.certificate === undefined) return undefined;
    return { webPort: this.configuration.web.port, webFingerprint: this.certificate.fingerprint };
  }

  close(): Promise<void> {
    const { front } = this;
    this.front = undefined;
    this.place = "";
    return front?.close() ?? Promise.resolve();
  }

  private get configuration() {
    return this.manager.configuration();
  }

  private async turn(): Promise<void> {
    const { interfaces, settings, web } = this.configuration;
    const machine = interfaces === null ? undefined : readMachineAddresses();
    const addresses = machine === undefined ? settings.addresses : addressesOn(interfaces, machine);
    const certificate = web.port === 0 ? undefined : await this.findCertificate();
    const place = certificate === undefined ? "" : JSON.stringify([web.port, addresses]);
    if (place !== this.place) await this.close();
    if (certificate === undefined) return;
    const planned = JSON.stringify(this.planWith(certificate));
    if (planned !== this.planned) this.front?.renew();
    this.planned = planned;
    this.place = place;
    if (this.front === undefined) {
      this.front = this.open(addresses, web.port);
      this.tellCertificate(certificate, this.front.isOpen);
    } else this.tellCertificate(certificate, this.toldFingerprint !== certificate.fingerprint);
  }

  private tellCertificate({ fault, fingerprint }: WebCertificate, isNews: boolean): void {
    if (!isNews) return;
    this.toldFingerprint = fingerprint;
    const { settings, web } = this.configuration;
    const { log } = this.manager;
    if (fault !== undefined) log.warn(`${fault}; until the server stops the page has another one`);
    log.info(
      `the web page is at https://${settings.serverName.toLowerCase()}.local:${web.port}/, ` +
        `its certificate's SHA-256 fingerprint is ${fingerprint}`,
    );
  }

  private open(addresses: readonly string[] | null, port: number): WebFront {
    const { log } = this.manager;
    const front = new WebFront({
      plan: () => this.plan(),
      take: (child, message) => this.deskOf(child).take(message),
      ended: (child) => {
        this.desks.get(child)?.close();
        this.desks.delete(child);
      },
      review: () => void this.follow(),
      warn: (text) => log.warn(text),
    });
    for (const fault of front.open(addresses, port)) log.warn(`'web port': ${fault}`);
    if (this.configuration.webAdministrators.written.length === 0)
      log.warn("'web port': nobody can log on to the web page, name users in 'web admin users'");
    return front;
  }

  /** For a process that starts now: a certificate that ends soon is made anew. */
  private async plan(): Promise<Plan | undefined> {
    const certificate = await this.findCertificate();
    if (certificate === undefined) return undefined;
    const plan = this.planWith(certificate);
    this.planned = JSON.stringify(plan);
    return plan;
  }

  private planWith({ certificate, key }: WebCertificate): Plan {
    const { isRoot, systemAccounts } = this.manager;
    const { uid, gid } = systemAccounts.read().users.get(OWN_ACCOUNT) ?? NOBODY;
    const names = ownNames(this.configuration.settings, hostname());
    return { certificate, key, names, identity: isRoot ? { uid, gid } : null };
  }

  /** Undefined, with a line in the log, where there is none that can be used: the page then stays closed. */
  private async findCertificate(): Promise<WebCertificate | undefined> {
    if (!eventLoop.open()) {
      this.manager.log.error("'web port': the web page needs /proc, it is not served");
      return undefined;
    }
    const { passwordFile } = this.manager;
    const question = { rules: this.configuration.web, passwordFile, subject: this.subject() };
    try {
      const passing = this.certificate?.isPassing === true ? this.certificate : undefined;
      const answer = await this.certificates.ask({ ...question, passing, nowMs: Date.now() });
      // The worker could not run, which says nothing of the certificate.
      if (typeof answer === "string" && this.certificate !== undefined) return this.certificate;
      this.certificate = valueOf(answer);
      return this.certificate;
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      this.manager.log.error(`${error.message}; the web page is closed`);
      this.certificate = undefined;
      return undefined;
    }
  }

  private subject(): CertificateSubject {
    const names = ownNames(this.configuration.settings, hostname());
    const addresses = machineAddresses().filter((address) => !address.includes("%"));
    return { names, addresses: [...new Set(addresses)] };
  }

  private deskOf(child: WebChild): Desk {
    const known = this.desks.get(child);
    if (known !== undefined) return known;
    const { log } = this.manager;
    const desk = new Desk(
      {
        accounts: this.accounts,
        nowMs: () => performance.now(),
        carryOut: (operation, args, caller) => {
          if (caller !== undefined && findOperation(operation)?.changes === true)
            log.info(`web page: ${operation} by '${showName(caller.name)}' from ${caller.address}`);
          const host = { ...this.host, administrator: caller?.administrator };
          return carryOut(host, { ...args, version: PROTOCOL_VERSION, command: operation });
        },
      },
      child,
      {
        ready: ({ isFiltered }) => {
          if (!isFiltered)
            log.warn(
              "the kernel filters no system calls (seccomp), the web page's process is confined by its user alone",
            );
        },
        say: (text) => this.manager.events.warn("web", () => `web page: ${text}`),
        bug: (error) => reportBug(error, this.manager.logOutput.write),
        misbehaved: (how) => {
          log.error(`the web page's process was ended, it sent ${how}`);
          child.kill();
        },
      },
    );
    this.desks.set(child, desk);
    return desk;
  }
}

function machineAddresses(): readonly string[] {
  return (readMachineAddresses() ?? []).map(({ address }) => address);
}
