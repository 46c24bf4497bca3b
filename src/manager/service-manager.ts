// Tells systemd how the server is: started, reloading, stopping, alive; sd_notify(3), sd_watchdog_enabled(3).
import { closeFd } from "../linux/open.ts";
import { openDatagramSocket, sendDatagram } from "../linux/datagram.ts";
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
