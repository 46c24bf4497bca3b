// The UDP sockets of a discovery protocol: one a family for all links, a member of its group on each, or for
// broadcasts.
import { createSocket, type RemoteInfo, type Socket } from "node:dgram";
import { isIPv6 } from "node:net";
import { type Timer, timers } from "../../loop/timers.ts";
import { isInNetwork, parseAddress, parseNetwork } from "../config/hosts.ts";
import type { Link } from "./links.ts";
import { isPassing, RETRY_MS } from "./passing-errors.ts";

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
  /** Broadcasts are IPv4's alone. */
  readonly groups: Readonly<Record<4 | 6, string>> | "broadcast";
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

/** Of each second, what neighbours' messages may take; further ones are dropped. */
const MAX_WORK_MS = 50;
/** More than that waits only where the network takes nothing. */
const MAX_UNSENT = 64;

export class LinkSockets {
  private readonly plan: GroupPlan;
  private readonly links: readonly Link[];
  private readonly user: LinkUser;
  private readonly sockets = new Map<4 | 6, Socket>();
  private readonly unsent: Unsent[] = [];
  private readonly retries = new Map<4 | 6, Timer>();
  /** The second that messages are counted in, and what they took. */
  private readonly work = { startMs: Number.NEGATIVE_INFINITY, usedMs: 0 };
  private isSending = false;
  private isClosed = false;

  constructor(plan: GroupPlan, links: readonly Link[], user: LinkUser) {
    this.plan = plan;
    this.links = links;
    this.user = user;
    for (const family of plan.groups === "broadcast" ? ([4] as const) : ([4, 6] as const))
      if (links.some((link) => link.family === family)) this.open(family);
  }

  /** To the group or the link's broadcast address, or to `to`. */
  send(link: Link, bytes: Uint8Array, to?: Peer): void {
    const { groups, port } = this.plan;
    const everybody = groups === "broadcast" ? broadcastsOf(link) : [groups[link.family]];
    for (const target of to === undefined ? everybody.map((address) => ({ address, port })) : [to]) {
      if (this.isClosed || this.unsent.length >= MAX_UNSENT) return;
      this.unsent.push({ link, bytes, to: target });
    }
    if (!this.isSending) this.sendNext();
  }

  /** What waits is sent before. */
  close(): void {
    this.isClosed = true;
    for (const timer of this.retries.values()) timers.clear(timer);
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
      if (this.plan.groups !== "broadcast") socket?.setMulticastInterface(interfaceOf(next.link));
    } catch {
      // The interface is gone: netlink reports it.
      return this.sendNext();
    }
    if (socket === undefined) return this.sendNext();
    socket.send(next.bytes, next.to.port, next.to.address, () => this.sendNext());
  }

  private open(family: 4 | 6): void {
    const socket = createSocket({ type: `udp${family}`, reuseAddr: true, ipv6Only: family === 6 });
    this.sockets.set(family, socket);
    let isBound = false;
    socket.on("error", (error) => {
      // Of a bound socket: an asker was gone when its answer came, and the kernel reports its ICMP message.
      if (!isBound && this.sockets.get(family) === socket) this.fail(family, socket, error);
    });
    socket.on("message", (bytes, from) => this.receive(family, bytes, from));
    const address = family === 4 ? "0.0.0.0" : "::";
    socket.bind({ port: this.plan.port, address }, () => {
      isBound = true;
      this.join(family, socket);
    });
  }

  /** Without descriptors or memory the socket is opened later; clients may have taken them all. */
  private fail(family: 4 | 6, socket: Socket, error: NodeJS.ErrnoException): void {
    this.sockets.delete(family);
    socket.close();
    if (this.isClosed) return;
    if (isPassing(error)) {
      this.retries.set(
        family,
        timers.set(RETRY_MS, () => this.open(family)),
      );
      return;
    }
    this.user.report(
      `${this.plan.protocol} over IPv${family}: ${error.message}; the server is not announced there`,
    );
  }

  private join(family: 4 | 6, socket: Socket): void {
    const { groups, ttl } = this.plan;
    if (groups === "broadcast") socket.setBroadcast(true);
    else {
      socket.setMulticastTTL(ttl);
      socket.setMulticastLoopback(true);
    }
    for (const link of this.links.filter((one) => one.family === family)) {
      try {
        if (groups !== "broadcast") socket.addMembership(groups[family], interfaceOf(link));
      } catch (error) {
        this.user.report(`${this.plan.protocol} on ${link.name}: ${(error as Error).message}`);
        continue;
      }
      this.user.joined(link);
    }
  }

  /** Only neighbours are heard: others could have the server send to a victim of their choice. */
  private receive(family: 4 | 6, bytes: Uint8Array, { address, port }: RemoteInfo): void {
    const beganMs = performance.now();
    if (this.isClosed || !this.hasTime(beganMs)) return;
    const [plain = "", scope] = address.split("%");
    const link = this.links.find(
      (one) => one.family === family && (scope === undefined ? isNeighbour(one, plain) : one.name === scope),
    );
    const isOwn = this.links.some((one) => one.addresses.includes(plain));
    if (link !== undefined) this.user.receive(link, bytes, { address, port, isOwn });
    this.work.usedMs += performance.now() - beganMs;
  }

  private hasTime(nowMs: number): boolean {
    if (nowMs - this.work.startMs >= 1000) {
      this.work.startMs = nowMs;
      this.work.usedMs = 0;
    }
    return this.work.usedMs <= MAX_WORK_MS;
  }
}

function interfaceOf({ family, name, addresses }: Link): string {
  return family === 6 ? `::%${name}` : (addresses[0] ?? "");
}

/** The last address of each of the link's networks; none of those without one, of /31 and /32. */
function broadcastsOf({ subnets }: Link): string[] {
  return subnets.flatMap((subnet) => {
    const [address = "", bits = ""] = subnet.split("/");
    const bytes = parseAddress(address);
    if (bytes === undefined || Number(bits) > 30) return [];
    const last = bytes
      .slice(-4)
      .map((byte, i) => byte | (0xff >> Math.min(8, Math.max(0, Number(bits) - 8 * i))));
    return [last.join(".")];
  });
}

function isNeighbour(link: Link, address: string): boolean {
  if (isIPv6(address) !== (link.family === 6)) return false;
  const bytes = parseAddress(address);
  return link.subnets.some((subnet) => {
    const network = parseNetwork(subnet);
    return bytes !== undefined && network !== undefined && isInNetwork(network, bytes);
  });
}
