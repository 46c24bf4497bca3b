// One responder a link, for the protocols in which a name belongs to one machine of the link: LLMNR, NetBIOS.
import { type Timers, timers } from "../../loop/timers.ts";
import { type GroupPlan, LinkSockets, type LinkUser, type Peer } from "./link-sockets.ts";
import type { Link } from "./links.ts";

/** What a responder uses. */
export interface ResponderHost {
  readonly timers: Timers;
  now(): number;
  random(): number;
  /** To the link's group or broadcast address, or to the one who asked. */
  send(bytes: Uint8Array, to?: Peer): void;
  /** Another machine of the link has the name. */
  conflict(name: string): void;
}

interface Responder {
  start(): void;
  stop(): void;
  receive(bytes: Uint8Array, from: Peer): void;
}

export interface NamePlan {
  readonly group: GroupPlan;
  make(link: Link, host: ResponderHost): Responder;
  /** Whether a datagram can be from the link itself. */
  accepts(link: Link, from: Peer): boolean;
  /** For the log. */
  describeConflict(device: string, name: string): string;
}

/** Answers on `links` until `stop`. */
export class LinkResponders implements LinkUser {
  private readonly plan: NamePlan;
  /** Gets lines for the log. */
  readonly report: (text: string) => void;
  private readonly responders = new Map<Link, Responder>();
  /** What the log has: several names, and both families of an interface, have conflicts of the same text. */
  private readonly reported = new Set<string>();
  private readonly sockets: LinkSockets;

  constructor(plan: NamePlan, links: readonly Link[], report: (text: string) => void) {
    this.plan = plan;
    this.report = report;
    this.sockets = new LinkSockets(plan.group, links, this);
  }

  stop(): void {
    for (const responder of this.responders.values()) responder.stop();
    this.sockets.close();
  }

  joined(link: Link): void {
    const responder = this.plan.make(link, {
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
    if (this.plan.accepts(link, from)) this.responders.get(link)?.receive(bytes, from);
  }

  private reportConflict({ name: device }: Link, name: string): void {
    const text = this.plan.describeConflict(device, name);
    if (!this.reported.has(text)) this.report(text);
    this.reported.add(text);
  }
}
