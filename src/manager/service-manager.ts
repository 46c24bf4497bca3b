// Tells systemd how the server is: started, reloading, stopping, alive; sd_notify(3), sd_watchdog_enabled(3).
// systemd keeps the listening sockets from one start to the next; sd_listen_fds(3), FileDescriptorStoreMax in
// systemd.service(5).
import { closeFd } from "../linux/open.ts";
import { openDatagramSocket, sendDatagram, sendDescriptor } from "../linux/datagram.ts";
import type { SocketKeeper } from "../port/control.ts";
import { type Timer, timers } from "../loop/timers.ts";

export type Environment = Readonly<Record<string, string | undefined>>;

export class ServiceManager {
  private readonly fd: number;
  /** 0: the unit has no watchdog. */
  private readonly aliveMs: number;
  private timer: Timer | undefined;

  private constructor(fd: number, aliveMs: number) {
    this.fd = fd;
    this.aliveMs = aliveMs;
  }

  /** Undefined where no service manager listens: NOTIFY_SOCKET is not set, or its socket does not answer. */
  static find(environment: Environment): ServiceManager | undefined {
    const path = environment.NOTIFY_SOCKET ?? "";
    if (!/^[/@]./.test(path)) return undefined;
    const fd = openDatagramSocket(path);
    return fd < 0 ? undefined : new ServiceManager(fd, watchdogMs(environment) / 2);
  }

  /** The server listens. From now on the event loop says every half of WATCHDOG_USEC that it runs. */
  ready(status: string): void {
    this.send(`READY=1\nSTATUS=${oneLine(status)}`);
    this.sayAlive();
  }

  /** `ready` must follow. For units of Type=notify; Type=notify-reload wants a time as well. */
  reloading(): void {
    this.send("RELOADING=1");
  }

  stopping(): void {
    this.send("STOPPING=1");
  }

  /** systemd closes it if the unit has no FileDescriptorStoreMax. */
  keepSocket(fd: number, name: string): void {
    sendDescriptor(this.fd, `FDSTORE=1\nFDNAME=${name}`, fd);
  }

  dropSocket(name: string): void {
    this.send(`FDSTOREREMOVE=1\nFDNAME=${name}`);
  }

  close(): void {
    timers.clear(this.timer);
    closeFd(this.fd);
  }

  private sayAlive(): void {
    timers.clear(this.timer);
    if (this.aliveMs === 0) return;
    this.timer = timers.set(this.aliveMs, () => {
      this.send("WATCHDOG=1");
      this.sayAlive();
    });
  }

  /** A datagram that systemd does not take at once is dropped; the next one says the same. */
  private send(text: string): void {
    sendDatagram(this.fd, text);
  }
}

/** The listening sockets that systemd passes, and keeps while the unit is restarted. */
export function socketKeeper(environment: Environment, manager: ServiceManager | undefined): SocketKeeper {
  return {
    inherited: inheritedSockets(environment),
    keep: (fd, name) => manager?.keepSocket(fd, name),
    drop: (name) => manager?.dropSocket(name),
  };
}

const FIRST_INHERITED = 3;
const MAX_INHERITED = 256;

function inheritedSockets({ LISTEN_FDS, LISTEN_PID }: Environment): readonly number[] {
  if (LISTEN_PID !== String(process.pid) || !/^\d{1,4}$/.test(LISTEN_FDS ?? "")) return [];
  const count = Math.min(Number(LISTEN_FDS), MAX_INHERITED);
  return Array.from({ length: count }, (_, index) => FIRST_INHERITED + index);
}

/**
 * Milliseconds after which systemd takes a silent server for stuck; 0: never, or another process is meant.
 */
function watchdogMs({ WATCHDOG_USEC, WATCHDOG_PID }: Environment): number {
  if (WATCHDOG_PID !== undefined && WATCHDOG_PID !== String(process.pid)) return 0;
  return /^\d{1,15}$/.test(WATCHDOG_USEC ?? "") ? Number(WATCHDOG_USEC) / 1000 : 0;
}

function oneLine(text: string): string {
  return text.replace(/[\r\n]+/g, " ");
}
