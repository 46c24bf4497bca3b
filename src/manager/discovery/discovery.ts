// Announces the server in the network; loaded when that is on. Started anew when names, port or addresses change.
import { findLinks } from "./links.ts";
import { Mdns } from "./mdns.ts";
import { MDNS_PORT } from "./mdns-responder.ts";
import { isPortServed } from "./other-responder.ts";
import { asLabel, type ServerIdentity } from "./service-records.ts";

export interface DiscoveryPlan {
  /** The host's name, without a domain. */
  readonly hostName: string;
  /** `netbios name`. */
  readonly serverName: string;
  readonly port: number;
  /** The addresses that the server listens on; null: all. */
  readonly addresses: readonly string[] | null;
}

const MODEL = "MacSamba";

export class Discovery {
  private readonly report: (text: string) => void;
  private mdns: Mdns | undefined;
  /** What is announced now. */
  private state = "";
  private isElsewhere = false;

  constructor(report: (text: string) => void) {
    this.report = report;
  }

  /** Called again when something may have changed: only what did is announced anew. */
  announce(plan: DiscoveryPlan): void {
    const { addresses } = plan;
    const links = findLinks((address) => addresses === null || addresses.includes(address));
    const state = JSON.stringify([plan, links]);
    if (state === this.state) return;
    this.stop();
    this.state = state;
    if (links.length === 0) return;
    if (isPortServed(MDNS_PORT)) {
      if (!this.isElsewhere)
        this.report("another program answers multicast DNS here, so the server does not");
      this.isElsewhere = true;
      return;
    }
    this.isElsewhere = false;
    const identity: ServerIdentity = {
      host: asLabel(plan.hostName),
      instance: asLabel(plan.serverName),
      port: plan.port,
      model: MODEL,
    };
    this.mdns = new Mdns(identity, links, this.report);
  }

  stop(): void {
    this.mdns?.stop();
    this.mdns = undefined;
    this.state = "";
  }
}
