// Log lines for the engine's events. Clients can cause any number of events, so the lines of each kind are
// limited: a log that fills the disk stops more than the server.
import type { EngineEvent, Identity } from "../port/port.ts";
import type { Log } from "./log.ts";
import { showName } from "./users/user-name.ts";

export const MAX_LINES = 20;
export const PERIOD_MS = 60_000;

interface Window {
  startMs: number;
  lines: number;
  dropped: number;
}

export class EventLog {
  private readonly log: Log;
  private readonly nowMs: () => number;
  private readonly windows = new Map<string, Window>();

  /** `nowMs` is a monotonic clock. */
  constructor(log: Log, nowMs: () => number) {
    this.log = log;
    this.nowMs = nowMs;
  }

  write(event: EngineEvent): void {
    if (!this.admit(event.event)) return;
    if (event.event === "logonFailed") {
      this.log.warn(
        `log-on of ${quote(event.user)} from ${event.remoteAddress} refused: ${showName(event.reason)}`,
      );
    } else if (event.event === "connectionLimit") {
      this.log.warn(`connection from ${event.remoteAddress} refused: '${event.limit}' is reached`);
    } else if (event.event === "openLimit") {
      this.log.warn(`${quote(event.user)} may open no more files: '${event.limit}' is reached`);
    } else if (event.event === "logon") {
      this.log.info(`${who(event.identity)} logged on with ${dialectName(event.dialect)}`);
    } else {
      this.log.info(`${who(event.identity)} logged off`);
    }
  }

  /** Logs a warning, limited like the events; `kind` names the limit it counts against. */
  warn(kind: string, text: string): void {
    if (this.admit(kind)) this.log.warn(text);
  }

  private admit(kind: string): boolean {
    const now = this.nowMs();
    const window = this.windows.get(kind) ?? { startMs: now, lines: 0, dropped: 0 };
    this.windows.set(kind, window);
    if (now - window.startMs >= PERIOD_MS) {
      if (window.dropped > 0) this.log.warn(`${window.dropped} more lines like '${kind}' were left out`);
      window.startMs = now;
      window.lines = 0;
      window.dropped = 0;
    }
    if (window.lines < MAX_LINES) {
      window.lines++;
      return true;
    }
    window.dropped++;
    return false;
  }
}

/** 0x0311 -> `SMB 3.1.1`; [MS-SMB2] 2.2.4. */
export function dialectName(dialect: number): string {
  const digits = [dialect >> 8, (dialect >> 4) & 0xf, dialect & 0xf];
  if (digits[2] === 0) digits.pop();
  return `SMB ${digits.join(".")}`;
}

function who(identity: Identity): string {
  const name = identity.isAnonymous ? "an anonymous user" : quote(identity.user);
  return `${name}${identity.isGuest ? " (guest)" : ""} from ${identity.remoteAddress}`;
}

function quote(name: string): string {
  return `'${showName(name)}'`;
}
