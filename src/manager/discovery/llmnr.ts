// Link-Local Multicast Name Resolution on all links: one responder a link.
import { timers } from "../../loop/timers.ts";
import { type GroupPlan, LinkSockets, type LinkUser, type Peer } from "./link-sockets.ts";
import type { Link } from "./links.ts";
import { LLMNR_PORT, LlmnrResponder } from "./llmnr-responder.ts";

/** RFC 4795 sections 2 and 2.5. */
const GROUP: GroupPlan = {
  protocol: "LLMNR",
  port: LLMNR_PORT,
  groups: { 4: "224.0.0.252", 6: "ff02::1:3" },
  ttl: 255,
};

/** Answers for `names` on `links` until `stop`. */
export class Llmnr implements LinkUser {
  private readonly names: readonly string[];
  private readonly links: readonly Link[];
  /** Gets lines for the log. */
  readonly report: (text: string) => void;
  private readonly sockets: LinkSockets;
  private readonly responders = new Map<Link, LlmnrResponder>();
  /** What the log has: the conflicts of both families of an interface are one. */
  private readonly reported = new Set<string>();

  constructor(names: readonly string[], links: readonly Link[], report: (text: string) => void) {
    this.names = names;
    this.links = links;
    this.report = report;
    this.sockets = new LinkSockets(GROUP, links, this);
  }

  stop(): void {
    for (const responder of this.responders.values()) responder.stop();
    this.sockets.close();
  }

  joined(link: Link): void {
    const others = this.links.filter((one) => one.name === link.name && one !== link);
    const addresses = [link, ...others].flatMap((one) => one.addresses);
    const responder = new LlmnrResponder(this.names, addresses, {
      timers,
      now: () => performance.now(),
      random: Math.random,
      send: (bytes, to) => this.sockets.send(link, bytes, to),
      conflict: (name) => this.reportConflict(link, name),
    });
    this.responders.set(link, responder);
    responder.start();
  }

  /**
   * Over IPv6 the addresses of askers are link-local; a datagram from another may have come through a router.
   */
  receive(link: Link, bytes: Uint8Array, from: Peer): void {
    if (link.family === 4 || from.address.includes("%")) this.responders.get(link)?.receive(bytes, from);
  }

  private reportConflict({ name: device }: Link, name: string): void {
    const text = `another machine on ${device} has the name '${name}', so LLMNR does not answer for it there`;
    if (!this.reported.has(text)) this.report(text);
    this.reported.add(text);
  }
}
