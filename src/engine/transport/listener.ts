// TCP listeners for direct TCP ([MS-SMB2] 2.1): by the event loop of ours, else by the runtime's.
import { scopeOf } from "../../linux/interfaces.ts";
import { hasIpv6 } from "../../linux/socket.ts";
import { parseSocketAddress } from "../../linux/socket-address.ts";
import { eventLoop } from "../../loop/event-loop.ts";
import type { InheritedSockets } from "./inherited-sockets.ts";
import { listenByOwnLoop } from "./own-socket.ts";
import { listenByRuntime } from "./runtime-socket.ts";
import type { Accept, Listener } from "./stream-socket.ts";

/** Tests set it to have the sockets watched by the runtime. */
const VARIABLE = "MINISMBD_RUNTIME_SOCKETS";

/** An IPv6 address in a kernel without IPv6: the runtime's error does not say so. */
export function lacksFamily(address: string): boolean {
  return address.includes(":") && !hasIpv6();
}

/** False where the runtime has to watch the sockets. Call it before the first worker is started. */
export function openEventLoop(): boolean {
  return process.env[VARIABLE] === undefined && eventLoop.open();
}

/**
 * Listens on `address`:`port`, by a socket of `inherited` if one has that address. Throws an error with
 * `code` ("EADDRINUSE", "EACCES", "EADDRNOTAVAIL" …) when it cannot.
 */
export function listenTcp(
  address: string,
  port: number,
  accept: Accept,
  inherited: InheritedSockets,
): Listener {
  const [bare = "", zone] = address.split("%");
  const where = parseSocketAddress(bare, port, scopeOf(bare, zone));
  if (where === undefined || !openEventLoop()) return listenByRuntime(address, port, accept);
  return listenByOwnLoop(where, accept, inherited.take(where));
}
