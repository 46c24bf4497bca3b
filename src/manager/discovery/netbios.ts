// The NetBIOS name service on all IPv4 links: one responder a link.
import { timers } from "../../loop/timers.ts";
import { type GroupPlan, LinkSockets, type LinkUser, type Peer } from "./link-sockets.ts";
import type { Link } from "./links.ts";
import { NETBIOS_PORT, NetbiosResponder } from "./netbios-responder.ts";

const PLAN: GroupPlan = {
  protocol: "the NetBIOS name service",
  port: NETBIOS_PORT,
  groups: "broadcast",
  ttl: 1,
};
/** Printable ASCII: the code page of other characters is each machine's own. */
const NAME = /^[!-~](?:[ -~]{0,13}[!-~])?$/;

/** Answers for the server and its workgroup on `links` until `stop`. */
export class Netbios implements LinkUser {
  private readonly server: string;
  private readonly workgroup: string;
  /** Gets lines for the log. */
  readonly report: (text: string) => void;
  private readonly sockets: LinkSockets;
  private readonly responders = new Map<Link, NetbiosResponder>();
  /** What the log has: a machine has several names with the same text. */
  private readonly reported = new Set<string>();

  constructor(server: string, workgroup: string, links: readonly Link[], report: (text: string) => void) {
    this.server = server;
    this.workgroup = workgroup;
    this.report = report;
    const isUsable = [server, workgroup].every((name) => NAME.test(name));
    if (!isUsable)
      report(`'${server}' in '${workgroup}' are no names for NetBIOS: 1 to 15 characters of ASCII`);
    this.sockets = new LinkSockets(PLAN, isUsable ? links : [], this);
  }

  stop(): void {
    for (const responder of this.responders.values()) responder.stop();
    this.sockets.close();
  }

  joined(link: Link): void {
    const responder = new NetbiosResponder(this.server, this.workgroup, link.addresses, {
      timers,
      now: () => performance.now(),
      random: Math.random,
      send: (bytes, to) => this.sockets.send(link, bytes, to),
      conflict: (name) => this.reportConflict(link, name),
    });
    this.responders.set(link, responder);
    responder.start();
  }

  receive(link: Link, bytes: Uint8Array, from: Peer): void {
    this.responders.get(link)?.receive(bytes, from);
  }

  private reportConflict({ name: device }: Link, name: string): void {
    const text = `another machine on ${device} has the NetBIOS name '${name}', so the server does not answer for it there`;
    if (!this.reported.has(text)) this.report(text);
    this.reported.add(text);
  }
}
