// Announces the server in the network; loaded when that is on. Started anew when names, port or addresses
// change.
import type { BackupDisk } from "./backup-disks.ts";
import { findLinks, type Link } from "./links.ts";
import { startLlmnr } from "./llmnr.ts";
import { LLMNR_PORT } from "./llmnr-responder.ts";
import { Mdns } from "./mdns.ts";
import { MDNS_PORT } from "./mdns-responder.ts";
import { startNetbios } from "./netbios.ts";
import { NETBIOS_PORT } from "./netbios-responder.ts";
import { isPortServed } from "./other-responder.ts";
import { asLabel, type ServerIdentity } from "./service-records.ts";
import { Wsd, WSD_PORT } from "./wsd.ts";

export type Protocol = "multicast DNS" | "WS-Discovery" | "LLMNR" | "the NetBIOS name service";

export interface DiscoveryPlan {
  readonly isOn: Readonly<Record<Protocol, boolean>>;
  /** The server's GUID as text: the machine's own, which stays the same. */
  readonly id: string;
  /** The host's name, without a domain. */
  readonly hostName: string;
  /** `netbios name`. */
  readonly serverName: string;
  readonly workgroup: string;
  /** Of Apple's models; chooses the icon in Finder. */
  readonly model: string;
  readonly port: number;
  /** The addresses that the server listens on; null: all. */
  readonly addresses: readonly string[] | null;
  /** The shares that Macs may back up to and that are there. */
  readonly backupDisks: readonly BackupDisk[];
}

interface Announcement {
  stop(): void;
  /** Takes what may change without a new start. */
  follow?(plan: Pick<DiscoveryPlan, "backupDisks">): void;
}

const PORTS: Readonly<Record<Protocol, number>> = {
  "multicast DNS": MDNS_PORT,
  "WS-Discovery": WSD_PORT,
  LLMNR: LLMNR_PORT,
  "the NetBIOS name service": NETBIOS_PORT,
};

export class Discovery {
  private readonly report: (text: string) => void;
  private readonly announcements = new Map<Protocol, Announcement>();
  /** What is announced now. */
  private state = "";
  /** Protocols that another program answers, which the log has. */
  private readonly elsewhere = new Set<string>();

  /** `report` gets lines for the log. */
  constructor(report: (text: string) => void) {
    this.report = report;
  }

  /**
   * Called again when something may have changed: only what did is announced anew. Returns false where the
   * links cannot be told now.
   */
  announce(plan: DiscoveryPlan): boolean {
    const { backupDisks, ...lasting } = plan;
    const { addresses, isOn } = lasting;
    const links = findLinks((address) => addresses === null || addresses.includes(address));
    if (links === undefined) return false;
    const state = JSON.stringify([lasting, links]);
    if (state === this.state) {
      for (const announcement of this.announcements.values()) announcement.follow?.({ backupDisks });
      return true;
    }
    // Their sockets may stay open for a moment, with what says that the server goes.
    const ours = new Set(this.announcements.keys());
    this.stop();
    this.state = state;
    if (links.length === 0) return true;
    for (const protocol of PROTOCOLS)
      if (isOn[protocol] && (ours.has(protocol) || this.isFree(protocol)))
        this.announcements.set(protocol, START[protocol](plan, links, this.report));
    return true;
  }

  stop(): void {
    for (const announcement of this.announcements.values()) announcement.stop();
    this.announcements.clear();
    this.state = "";
  }

  private isFree(protocol: Protocol): boolean {
    if (!isPortServed(PORTS[protocol])) {
      this.elsewhere.delete(protocol);
      return true;
    }
    if (!this.elsewhere.has(protocol))
      this.report(`another program answers ${protocol} here, so the server does not`);
    this.elsewhere.add(protocol);
    return false;
  }
}

type Start = (plan: DiscoveryPlan, links: readonly Link[], report: (text: string) => void) => Announcement;

const START: Readonly<Record<Protocol, Start>> = {
  "multicast DNS": (plan, links, report) => new Mdns(identityOf(plan), links, report),
  "WS-Discovery": startWsd,
  LLMNR: ({ hostName, serverName }, links, report) =>
    startLlmnr(
      [...new Set([serverName, hostName].map((name) => asLabel(name).toUpperCase()))],
      links,
      report,
    ),
  "the NetBIOS name service": ({ serverName, workgroup }, links, report) =>
    startNetbios(serverName, workgroup, links, report),
};
const PROTOCOLS = Object.keys(START) as Protocol[];

function identityOf({ hostName, serverName, port, model, backupDisks }: DiscoveryPlan): ServerIdentity {
  return { host: asLabel(hostName), instance: asLabel(serverName), port, model, backupDisks };
}

function startWsd(
  { id, serverName, workgroup }: DiscoveryPlan,
  links: readonly Link[],
  report: (text: string) => void,
): Wsd {
  return new Wsd({ id, computer: serverName, workgroup }, links, report);
}
