// The links on which the server is announced: interfaces that are up and know multicast, with their
// addresses.
import { readFileSync } from "node:fs";
import { readInterfaces } from "../../linux/interfaces.ts";

export interface Link {
  readonly name: string;
  readonly family: 4 | 6;
  /** The machine's addresses there: IPv4 alone, or IPv6 with the link-local ones first. */
  readonly addresses: readonly string[];
  /** ADDRESS/BITS. */
  readonly subnets: readonly string[];
}

const IFF_UP = 0x1;
const IFF_POINTOPOINT = 0x10;
const IFF_MULTICAST = 0x1000;

/**
 * `isServed` says of an address whether the server listens on it. Undefined while the kernel cannot be asked
 * for its interfaces.
 */
export function findLinks(isServed: (address: string) => boolean): Link[] | undefined {
  const interfaces = readInterfaces();
  if (interfaces === undefined) return undefined;
  const links: Link[] = [];
  for (const [name, found] of Object.entries(interfaces)) {
    if (!isBroadcastLink(name)) continue;
    for (const family of [4, 6] as const) {
      const own = (found ?? []).filter(
        ({ internal, family: kind, address }) => !internal && kind === `IPv${family}` && isServed(address),
      );
      if (own.length === 0) continue;
      const sorted = own.sort((a, b) => Number(isLinkLocal(b.address)) - Number(isLinkLocal(a.address)));
      const subnets = own.flatMap(({ cidr }) => cidr ?? []);
      links.push({ name, family, addresses: sorted.map(({ address }) => address), subnets });
    }
  }
  return links;
}

function isLinkLocal(address: string): boolean {
  return /^fe[89ab]/i.test(address);
}

/** Tunnels have no neighbours. */
function isBroadcastLink(name: string): boolean {
  let flags: number;
  try {
    flags = Number(readFileSync(`/sys/class/net/${name}/flags`, "utf8"));
  } catch {
    // A container may have no /sys, or that of another network.
    return true;
  }
  return (flags & (IFF_UP | IFF_POINTOPOINT | IFF_MULTICAST)) === (IFF_UP | IFF_MULTICAST);
}
