// Addresses of the local network, from which alone the first run on the web page is possible.
import { networkInterfaces } from "node:os";
import { isHostAllowed, parseHostRule } from "../config/hosts.ts";

/** RFC 1918, RFC 3927, RFC 4193, RFC 4291. Loopback addresses always count. */
const PRIVATE = [
  ...["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16"],
  ...["fc00::/7", "fe80::/10"],
] as const;

/**
 * `networks`: the machine's own, with their prefix lengths; where devices have public IPv6 addresses, the
 * neighbours are in those.
 */
export function isOfLocalNetwork(address: string, networks: readonly string[] = ownNetworks()): boolean {
  const words = [...PRIVATE, ...networks];
  const rule = parseHostRule({ words, position: "" }, { words: [], position: "" });
  return isHostAllowed(rule, address.replace(/%.*$/, ""));
}

function ownNetworks(): readonly string[] {
  const all = Object.values(networkInterfaces()).flatMap((found) => found ?? []);
  // A network of one address, as of a tunnel, has no neighbours; one without a prefix has everybody.
  return all.flatMap(({ cidr }) => (cidr === null || /\/0$/.test(cidr) ? [] : [cidr]));
}
