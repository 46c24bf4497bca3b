// Multicast DNS on all links: its sockets, one responder a link, and other names after a conflict.
import { createSocket, type RemoteInfo, type Socket } from "node:dgram";
import { isIPv6 } from "node:net";
import { type Timer, timers } from "../../loop/timers.ts";
import { isInNetwork, parseAddress, parseNetwork } from "../config/hosts.ts";
import type { Link } from "./links.ts";
import { MDNS_PORT, type MdnsHost, MdnsResponder, type Peer } from "./mdns-responder.ts";
import { recordsOf, renamed, type ServerIdentity } from "./service-records.ts";

const GROUPS = { 4: "224.0.0.251", 6: "ff02::fb" } as const;
/** RFC 6762 section 11. */
const TTL = 255;
/** Conflicts come from each link and both families; the new names are probed once they have settled. */
const RENAME_MS = 1000;

interface Announced {
  readonly link: Link;
  readonly responder: MdnsResponder;
}

/** Announces `identity` on `links` until `stop`. */
export class Mdns {
  private readonly identity: ServerIdentity;
  private readonly links: readonly Link[];
  private readonly report: (text: string) => void;
  private readonly sockets = new Map<4 | 6, Socket>();
  private announced: Announced[] = [];
  private attempts = 0;
  private renaming: Timer | undefined;
  private unsent = 0;
  private isStopped = false;

  /** `report` gets lines for the log. */
  constructor(identity: ServerIdentity, links: readonly Link[], report: (text: string) => void) {
    this.identity = identity;
    this.links = links;
    this.report = report;
    for (const family of [4, 6] as const)
      if (links.some((link) => link.family === family)) this.sockets.set(family, this.open(family));
  }

  stop(): void {
    timers.clear(this.renaming);
    for (const { responder } of this.announced) responder.stop();
    this.isStopped = true;
    this.closeSent();
  }

  /** The goodbye leaves the process a little later: the runtime looks even addresses up first. */
  private closeSent(): void {
    if (!this.isStopped || this.unsent > 0) return;
    for (const socket of this.sockets.values()) socket.close();
    this.sockets.clear();
  }

  private open(family: 4 | 6): Socket {
    const socket = createSocket({ type: `udp${family}`, reuseAddr: true, ipv6Only: family === 6 });
    socket.on("error", (error) => {
      if (this.sockets.get(family) !== socket) return;
      this.sockets.delete(family);
      this.report(`multicast DNS over IPv${family}: ${error.message}; the server is not announced there`);
      socket.close();
    });
    socket.on("message", (bytes, from) => this.receive(family, bytes, from));
    socket.bind({ port: MDNS_PORT, address: family === 4 ? "0.0.0.0" : "::" }, () =>
      this.join(family, socket),
    );
    return socket;
  }

  private join(family: 4 | 6, socket: Socket): void {
    socket.setMulticastTTL(TTL);
    socket.setMulticastLoopback(true);
    for (const link of this.links.filter((one) => one.family === family)) {
      try {
        socket.addMembership(GROUPS[family], interfaceOf(link));
      } catch (error) {
        this.report(`multicast DNS on ${link.name}: ${String((error as Error).message)}`);
        continue;
      }
      this.announce(link);
    }
  }

  private announce(link: Link): void {
    const records = recordsOf(renamed(this.identity, this.attempts), this.addressesOn(link.name));
    const host: MdnsHost = {
      timers,
      now: () => performance.now(),
      random: Math.random,
      send: (bytes, to) => this.send(link, bytes, to),
      conflict: () => this.rename(),
    };
    const responder = new MdnsResponder(records, host);
    this.announced.push({ link, responder });
    responder.start();
  }

  /** A client that asks by one family wants the addresses of both. */
  private addressesOn(name: string): string[] {
    return this.links.filter((link) => link.name === name).flatMap(({ addresses }) => addresses);
  }

  private send(link: Link, bytes: Uint8Array, to: Peer | undefined): void {
    const socket = this.sockets.get(link.family);
    if (socket === undefined) return;
    try {
      socket.setMulticastInterface(interfaceOf(link));
    } catch {
      // The interface is gone: netlink reports it.
      return;
    }
    this.unsent++;
    socket.send(bytes, to?.port ?? MDNS_PORT, to?.address ?? GROUPS[link.family], () => {
      this.unsent--;
      this.closeSent();
    });
  }

  /** Only neighbours are heard: others could have the server send to a victim of their choice. */
  private receive(family: 4 | 6, bytes: Uint8Array, { address, port }: RemoteInfo): void {
    const [plain = "", scope] = address.split("%");
    const found = this.announced.find(
      ({ link }) =>
        link.family === family && (scope === undefined ? isNeighbour(link, plain) : link.name === scope),
    );
    const isOwn = this.links.some((link) => link.addresses.includes(plain));
    if (!this.isStopped) found?.responder.receive(bytes, { address, port, isOwn });
  }

  private rename(): void {
    if (this.renaming !== undefined) return;
    this.attempts++;
    const { instance } = renamed(this.identity, this.attempts);
    this.report(`another machine has the server's name in the network, so it is announced as '${instance}'`);
    const before = this.announced;
    this.announced = [];
    for (const { responder } of before) responder.stop();
    this.renaming = timers.set(RENAME_MS, () => {
      this.renaming = undefined;
      for (const { link } of before) this.announce(link);
    });
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
