// The addresses that the server listens on. They follow the configuration, and the machine's interfaces.
import type { SocketKeeper } from "../port/control.ts";
import type { Log } from "./connection/context.ts";
import { InheritedSockets } from "./transport/inherited-sockets.ts";
import { lacksFamily, listenTcp, openEventLoop } from "./transport/listener.ts";
import type { Accept, Listener } from "./transport/stream-socket.ts";

/**
 * The server cannot start for a reason that the administrator can fix. `message` is one line for the user.
 */
export class StartError extends Error {
  override readonly name = "StartError";
  /** True where the machine does not have the address, or not yet. */
  readonly isAbsent: boolean;

  constructor(message: string, isAbsent = false) {
    super(message);
    this.isAbsent = isAbsent;
  }
}

/** "::" accepts IPv4, too. In a kernel without IPv6, `open` falls back to 0.0.0.0. */
const ALL = "::";

export class Listeners {
  private readonly accept: Accept;
  private readonly log: Log;
  private readonly keeper: SocketKeeper;
  private readonly inherited: InheritedSockets;
  /** One listener for each port. */
  private readonly byAddress = new Map<string, readonly Listener[]>();
  private ownPort = 0;
  private otherPorts: readonly number[] = [];

  constructor(accept: Accept, log: Log, keeper: SocketKeeper) {
    this.accept = accept;
    this.log = log;
    this.keeper = keeper;
    this.inherited = new InheritedSockets(keeper.inherited);
  }

  /** The first port, which differs from the configured one if that is 0. */
  get port(): number {
    return this.ownPort;
  }

  /**
   * Listens on these ports of these addresses, null for all. Throws StartError where one cannot be had; an
   * address that the machine does not have yet is waited for: `follow`.
   */
  start(addresses: readonly string[] | null, [port = 0, ...others]: readonly number[]): void {
    const isOwn = openEventLoop();
    // The runtime makes its own.
    if (!isOwn) this.inherited.closeRest();
    if (!isOwn)
      this.log.warn?.("sockets are watched by the runtime, which costs memory: /proc tells nothing of epoll");
    this.ownPort = port;
    this.otherPorts = others;
    for (const address of addresses ?? [ALL]) {
      try {
        this.open(address);
      } catch (error) {
        if (error instanceof StartError && error.isAbsent && addresses !== null) continue;
        this.stop();
        throw error;
      }
    }
    for (const { address, port: old } of this.inherited.closeRest()) {
      this.keeper.drop(nameOf(address, old));
      this.log.warn?.(
        `no longer listening on ${address} port ${old}: 'interfaces' and 'tcp port' do not name it`,
      );
    }
    if (this.byAddress.size === 0)
      this.log.warn?.("no interface of 'interfaces' has an address now: waiting for one");
  }

  /**
   * Listens on these addresses alone. Connections over an address that is no longer one of them end. Returns
   * false where an address is not to be had yet: an IPv6 address is not before the kernel has found it to be
   * unique.
   */
  follow(addresses: readonly string[] | null): boolean {
    const wanted = new Set(addresses ?? [ALL]);
    for (const [address, listeners] of [...this.byAddress]) {
      if (wanted.has(address)) continue;
      for (const listener of listeners) {
        listener.stop();
        this.keeper.drop(nameOf(address, listener.port));
      }
      this.byAddress.delete(address);
      this.log.info?.(`no longer listening on ${address}`);
    }
    let isComplete = true;
    for (const address of wanted) {
      if (this.byAddress.has(address)) continue;
      try {
        this.open(address);
        this.log.info?.(`listening on ${address}`);
      } catch (error) {
        isComplete = false;
        this.log.debug.conn?.(String(error));
      }
    }
    return isComplete;
  }

  stop(): void {
    for (const listener of [...this.byAddress.values()].flat()) listener.stop();
    this.byAddress.clear();
  }

  /** All ports of the address, or none. */
  private open(address: string): void {
    const first = this.listen(address, this.ownPort);
    const opened = [first];
    try {
      for (const port of this.otherPorts) opened.push(this.listen(address, port));
    } catch (error) {
      for (const listener of opened) listener.stop();
      throw error;
    }
    this.ownPort = first.port;
    this.byAddress.set(address, opened);
    // One that was inherited is kept already, then this changes nothing.
    for (const { fd, port } of opened) if (fd !== undefined) this.keeper.keep(fd, nameOf(address, port));
  }

  private listen(address: string, port: number): Listener {
    try {
      return listenTcp(address, port, this.accept, this.inherited);
    } catch (error) {
      const code = (error as { code?: string }).code ?? "";
      if (address !== ALL || (code !== "EADDRNOTAVAIL" && !lacksFamily(address)))
        throw new StartError(explainListen(address, port, code), code === "EADDRNOTAVAIL");
      this.log.warn?.("the kernel has no IPv6: the server is reached by IPv4 alone");
      return this.listen("0.0.0.0", port);
    }
  }
}

/** For the keeper of sockets. */
function nameOf(address: string, port: number): string {
  return `smb-${address.replaceAll(":", "_")}-${port}`;
}

function explainListen(address: string, port: number, code: string): string {
  if (code === "EADDRINUSE") {
    return `port ${port} is taken by another program; stop it (smbd, ksmbd?) or choose another with -p`;
  }
  if (code === "EACCES")
    return `port ${port} needs root (or CAP_NET_BIND_SERVICE); choose one above 1023 with -p`;
  const where = `cannot listen on ${address} port ${port}`;
  if (code === "EADDRNOTAVAIL" && !lacksFamily(address))
    return `${where}: no interface has the address; bring it up or correct 'interfaces'`;
  if (lacksFamily(address)) return `${where}: the kernel has no IPv6; take the address out of 'interfaces'`;
  return `${where}: ${code === "" ? "unknown error" : code}`;
}
