// The UDP sockets of a discovery protocol: one a family for all links, a member of its group on each.
import { createSocket, type RemoteInfo, type Socket } from "node:dgram";
import { isIPv6 } from "node:net";
import { isInNetwork, parseAddress, parseNetwork } from "../config/hosts.ts";
import type { Link } from "./links.ts";

export interface Peer {
  readonly address: string;
  readonly port: number;
  /** This machine: the server's own messages come back. */
  readonly isOwn: boolean;
}

export interface GroupPlan {
  /** For the log. */
  readonly protocol: string;
  readonly port: number;
  readonly groups: Readonly<Record<4 | 6, string>>;
  /** Time to live of messages to the group. */
  readonly ttl: number;
}

export interface LinkUser {
  /** The link can be sent to from now on. */
  joined(link: Link): void;
  receive(link: Link, bytes: Uint8Array, from: Peer): void;
  /** A line for the log. */
  report(text: string): void;
}

interface Unsent {
  readonly link: Link;
  readonly bytes: Uint8Array;
  readonly to: Pick<Peer, "address" | "port">;
}

/** More than that waits only where the network takes nothing. */
const MAX_UNSENT = 64;

export class LinkSockets {
  private readonly plan: GroupPlan;
  private readonly links: readonly Link[];
  private readonly user: LinkUser;
  private readonly sockets = new Map<4 | 6, Socket>();
  private readonly unsent: Unsent[] = [];
  private isSending = false;
  private isClosed = false;

  constructor(plan: GroupPlan, links: readonly Link[], user: LinkUser) {
    this.plan = plan;
    this.links = links;
    this.user = user;
    for (const family of [4, 6] as const)
      if (links.some((link) => link.family === family)) this.sockets.set(family, this.open(family));
  }

  /** To the group, or to `to`. */
  send(link: Link, bytes: Uint8Array, to?: Peer): void {
    if (this.isClosed || this.unsent.length >= MAX_UNSENT) return;
    const { groups, port } = this.plan;
    this.unsent.push({ link, bytes, to: to ?? { address: groups[link.family], port } });
    if (!this.isSending) this.sendNext();
  }

  /** What waits is sent before. */
  close(): void {
    this.isClosed = true;
    if (!this.isSending) this.closeSockets();
  }

  private closeSockets(): void {
    for (const socket of this.sockets.values()) socket.close();
    this.sockets.clear();
  }

  /**
   * One at a time: the runtime sends a little later, and until then the socket's interface must stay that of
   * the link.
   */
  private sendNext(): void {
    const next = this.unsent.shift();
    this.isSending = next !== undefined;
    if (next === undefined) {
      if (this.isClosed) this.closeSockets();
      return;
    }
    const socket = this.sockets.get(next.link.family);
    try {
      socket?.setMulticastInterface(interfaceOf(next.link));
    } catch {
      // The interface is gone: netlink reports it.
      return this.sendNext();
    }
    if (socket === undefined) return this.sendNext();
    socket.send(next.bytes, next.to.port, next.to.address, () => this.sendNext());
  }

  private open(family: 4 | 6): Socket {
    const socket = createSocket({ type: `udp${family}`, reuseAddr: true, ipv6Only: family === 6 });
    socket.on("error", (error) => {
      if (this.sockets.get(family) !== socket) return;
      this.sockets.delete(family);
      this.user.report(
        `${this.plan.protocol} over IPv${family}: ${error.message}; the server is not announced there`,
      );
      socket.close();
    });
    socket.on("message", (bytes, from) => this.receive(family, bytes, from));
    const address = family === 4 ? "0.0.0.0" : "::";
    socket.bind({ port: this.plan.port, address }, () => this.join(family, socket));
    return socket;
  }

  private join(family: 4 | 6, socket: Socket): void {
    socket.setMulticastTTL(this.plan.ttl);
    socket.setMulticastLoopback(true);
    for (const link of this.links.filter((one) => one.family === family)) {
      try {
        socket.addMembership(this.plan.groups[family], interfaceOf(link));
      } catch (error) {
        this.user.report(`${this.plan.protocol} on ${link.name}: ${(error as Error).message}`);
        continue;
      }
      this.user.joined(link);
    }
  }

  /** Only neighbours are heard: others could have the server send to a victim of their choice. */
  private receive(family: 4 | 6, bytes: Uint8Array, { address, port }: RemoteInfo): void {
    if (this.isClosed) return;
    const [plain = "", scope] = address.split("%");
    const link = this.links.find(
      (one) => one.family === family && (scope === undefined ? isNeighbour(one, plain) : one.name === scope),
    );
    const isOwn = this.links.some((one) => one.addresses.includes(plain));
    if (link !== undefined) this.user.receive(link, bytes, { address, port, isOwn });
  }
}

function interfaceOf({ family, name, addresses }: Link): string {
  return family === 6 ? `::%${name}` : (addresses[0] ?? "");
}

function isNeighbour(link: Link, address: string): boolean {
  if (isIPv6(address) !== (link.family === 6)) return false;
  const bytes = parseAddress(address);
  return link.subnets.some((subnet) => {
    const network = parseNetwork(subnet);
    return bytes !== undefined && network !== undefined && isInNetwork(network, bytes);
  });
}
