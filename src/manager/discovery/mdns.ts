// Multicast DNS on all links: one responder a link, and other names after a conflict.
import { type Timer, timers } from "../../loop/timers.ts";
import { type GroupPlan, LinkSockets, type LinkUser, type Peer } from "./link-sockets.ts";
import type { Link } from "./links.ts";
import { MDNS_PORT, type MdnsHost, MdnsResponder } from "./mdns-responder.ts";
import { type LinkRecords, recordsOf, renamed, type ServerIdentity } from "./service-records.ts";

/** RFC 6762 sections 3 and 11. */
const GROUP: GroupPlan = {
  protocol: "multicast DNS",
  port: MDNS_PORT,
  groups: { 4: "224.0.0.251", 6: "ff02::fb" },
  ttl: 255,
};
/** Conflicts come from each link and both families; the new names are probed once they have settled. */
const RENAME_MS = 1000;

/** Announces `identity` on `links` until `stop`. */
export class Mdns implements LinkUser {
  private identity: ServerIdentity;
  private readonly links: readonly Link[];
  /** Gets lines for the log. */
  readonly report: (text: string) => void;
  private readonly sockets: LinkSockets;
  private readonly responders = new Map<Link, MdnsResponder>();
  private attempts = 0;
  private renaming: Timer | undefined;

  constructor(identity: ServerIdentity, links: readonly Link[], report: (text: string) => void) {
    this.identity = identity;
    this.links = links;
    this.report = report;
    this.sockets = new LinkSockets(GROUP, links, this);
  }

  stop(): void {
    timers.clear(this.renaming);
    for (const responder of this.responders.values()) responder.stop();
    this.sockets.close();
  }

  /** Takes the shares that Macs may back up to; what else is announced stays in the caches of the link. */
  follow({ backupDisks }: Pick<ServerIdentity, "backupDisks">): void {
    if (Bun.deepEquals(backupDisks, this.identity.backupDisks)) return;
    this.identity = { ...this.identity, backupDisks };
    for (const [link, responder] of [...this.responders]) {
      responder.stop(this.recordsOn(link));
      this.joined(link);
    }
  }

  joined(link: Link): void {
    const host: MdnsHost = {
      timers,
      now: () => performance.now(),
      random: Math.random,
      send: (bytes, to) => this.sockets.send(link, bytes, to),
      conflict: () => this.rename(),
    };
    const responder = new MdnsResponder(this.recordsOn(link), host);
    this.responders.set(link, responder);
    responder.start();
  }

  receive(link: Link, bytes: Uint8Array, from: Peer): void {
    this.responders.get(link)?.receive(bytes, from);
  }

  private recordsOn(link: Link): LinkRecords {
    return recordsOf(renamed(this.identity, this.attempts), this.addressesOn(link.name));
  }

  /** A client that asks by one family wants the addresses of both. */
  private addressesOn(name: string): string[] {
    return this.links.filter((link) => link.name === name).flatMap(({ addresses }) => addresses);
  }

  private rename(): void {
    if (this.renaming !== undefined) return;
    this.attempts++;
    const { instance } = renamed(this.identity, this.attempts);
    this.report(`another machine has the server's name in the network, so it is announced as '${instance}'`);
    const links = [...this.responders.keys()];
    for (const responder of this.responders.values()) responder.stop();
    this.responders.clear();
    this.renaming = timers.set(RENAME_MS, () => {
      this.renaming = undefined;
      for (const link of links) this.joined(link);
    });
  }
}
