// Which clients are of the local network: by the addresses that routers do not forward to or from the
// internet, and by the machine's own IPv6 networks. Pure.
import { addressBlock, plainAddress } from "../../loop/client-address.ts";
import { isInNetwork, parseAddress, parseNetwork } from "../config/hosts.ts";

/** RFC 1918, RFC 3927, RFC 4193, RFC 4291 and loopback. */
const PRIVATE = [
  ...["127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16"],
  ...["::1/128", "fe80::/10", "fc00::/7"],
].flatMap((text) => parseNetwork(text) ?? []);

/** `own`: the machine's addresses. */
export function isLocalAddress(address: string, own: readonly string[]): boolean {
  const plain = plainAddress(address);
  const bytes = parseAddress(plain);
  if (bytes === undefined) return false;
  if (isPrivate(bytes)) return true;
  // Of IPv6 each network has a /64, whose addresses are those of the internet, too.
  return (
    plain.includes(":") && own.some((each) => isGlobal(each) && addressBlock(each) === addressBlock(plain))
  );
}

function isGlobal(address: string): boolean {
  const bytes = parseAddress(address);
  return address.includes(":") && bytes !== undefined && !isPrivate(bytes);
}

function isPrivate(bytes: Uint8Array): boolean {
  return PRIVATE.some((network) => isInNetwork(network, bytes));
}
