// Listening sockets that were open when the server started: of the server before it, or of a service manager
// that listens for it.
import { closeFd } from "../../linux/open.ts";
import { takeListener } from "../../linux/socket.ts";
import { formatSocketAddress, type SocketAddress } from "../../linux/socket-address.ts";

interface Inherited {
  readonly fd: number;
  readonly address: string;
  readonly port: number;
}

export class InheritedSockets {
  /** By the address. */
  private readonly left = new Map<string, Inherited>();

  /** Takes the descriptors; what is no listening TCP socket is left alone. */
  constructor(descriptors: readonly number[]) {
    for (const fd of descriptors) {
      const where = takeListener(fd);
      if (where === undefined) continue;
      const key = describe(where);
      if (this.left.has(key)) closeFd(fd);
      else this.left.set(key, { fd, address: formatSocketAddress(where), port: where.port });
    }
  }

  /** The socket that listens there, which is the caller's from now on. */
  take(where: SocketAddress): number | undefined {
    const key = describe(where);
    const found = this.left.get(key);
    this.left.delete(key);
    return found?.fd;
  }

  /** Closes the sockets that nobody has taken, and returns where they listened. */
  closeRest(): readonly Omit<Inherited, "fd">[] {
    const rest = [...this.left.values()];
    for (const { fd } of rest) closeFd(fd);
    this.left.clear();
    return rest;
  }
}

function describe(where: SocketAddress): string {
  return `${formatSocketAddress(where)} port ${where.port}`;
}
