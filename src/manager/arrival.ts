// The interface that a connection came in over, as `hosts allow` and `hosts deny` take it.
import { readInterfaces } from "../linux/interfaces.ts";
import { plainAddress } from "../loop/client-address.ts";
import type { Identity } from "../port/port.ts";
import { isInNetwork, isLoopback, parseAddress, parseNetwork, type Peer } from "./config/hosts.ts";

const LOOPBACK = "lo";

/**
 * A connection of the machine to itself comes in over lo, whatever its addresses are: it counts for the
 * interface that has the address it went to.
 */
export function peerOf({ remoteAddress, localAddress = "", arrivalInterface = "" }: Identity): Peer {
  const own = arrivalInterface === LOOPBACK ? interfaceWith(localAddress) : "";
  return { address: remoteAddress, arrival: own || arrivalInterface };
}

/** The interface that has the address; empty: none, or several have this link-local address. */
export function interfaceWith(address: string): string {
  const [bare, zone] = plainAddress(address).split("%");
  if (zone !== undefined) return zone;
  const all = Object.entries(readInterfaces() ?? {});
  const having = all.filter(([, own]) => own?.some((each) => each.address === bare));
  return having.length === 1 ? (having[0]?.[0] ?? "") : "";
}

/** The interface whose network the address is in, as a guess where there is no connection; empty: none. */
export function interfaceTowards(address: string): string {
  const bytes = parseAddress(address);
  if (bytes === undefined) return "";
  if (isLoopback(bytes)) return LOOPBACK;
  let best = { bits: -1, name: "" };
  for (const [name, own] of Object.entries(readInterfaces() ?? {}))
    for (const { cidr } of own ?? []) {
      const network = cidr === null ? undefined : parseNetwork(cidr);
      if (network && network.bits > best.bits && isInNetwork(network, bytes))
        best = { bits: network.bits, name };
    }
  return best.name;
}
