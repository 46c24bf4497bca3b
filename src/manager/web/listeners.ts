// The sockets of `web port`. The server only waits on them: whoever connects stays in the kernel's queue
// until the process of the page, which inherits them, accepts him.
import { Epoll } from "../../linux/epoll.ts";
import { errnoName } from "../../linux/errno.ts";
import { scopeOf } from "../../linux/interfaces.ts";
import { closeFd } from "../../linux/open.ts";
import { createListener, hasIpv6 } from "../../linux/socket.ts";
import { parseSocketAddress } from "../../linux/socket-address.ts";
import { eventLoop, type Watch } from "../../loop/event-loop.ts";

/** Connections that wait while the process starts; more get no answer and try again. */
const BACKLOG = 64;
const ALL_IPV6 = "::";
const ALL_IPV4 = "0.0.0.0";

export class WebListeners {
  private readonly fds: number[] = [];
  private watches: Watch[] = [];
  private readonly knocked: () => void;

  /** `knocked`: somebody connects, after `await`. */
  constructor(knocked: () => void) {
    this.knocked = knocked;
  }

  get descriptors(): readonly number[] {
    return this.fds;
  }

  /** Listens on these addresses, null for all. Returns why an address is not to be had, one line each. */
  open(addresses: readonly string[] | null, port: number): readonly string[] {
    const wanted = addresses ?? [hasIpv6() ? ALL_IPV6 : ALL_IPV4];
    const faults: string[] = [];
    for (const address of wanted) {
      const [bare = "", zone] = address.split("%");
      const where = parseSocketAddress(bare, port, scopeOf(bare, zone));
      const fd = where === undefined ? 0 : createListener(where, BACKLOG);
      if (fd > 0) this.fds.push(fd);
      else faults.push(`nothing listens on ${address} port ${port} (${errnoName(fd)})`);
    }
    return faults;
  }

  /** Calls `knocked` once somebody connects, and then no more until the next call. */
  await(): void {
    if (this.watches.length > 0) return;
    const ready = (): void => {
      this.rest();
      this.knocked();
    };
    for (const fd of this.fds) {
      const watch = eventLoop.watch(fd, Epoll.IN, { ready });
      if (typeof watch !== "number") this.watches.push(watch);
    }
  }

  private rest(): void {
    for (const watch of this.watches) eventLoop.unwatch(watch);
    this.watches = [];
  }

  close(): void {
    this.rest();
    for (const fd of this.fds) closeFd(fd);
    this.fds.length = 0;
  }
}
