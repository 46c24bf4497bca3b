// Log lines for the engine's events and the manager's refusals. Clients can cause any number of them, so the
// lines of each kind are limited: a log that fills the disk stops more than the server. The first line of a
// kind that concerns a user, an address or a share is never left out.
import type { EngineEvent, Identity } from "../../port/port.ts";
import { showName } from "../users/user-name.ts";
import { DiskStates } from "../disk-states.ts";
import type { Log } from "./log.ts";

/** Lines of one kind in one period, whoever they concern. */
export const MAX_LINES = 20;
/** Beyond that: the first line about each user, address or share, up to this many of one kind. */
export const MAX_FIRST_LINES = 500;
export const PERIOD_MS = 60_000;

interface Window {
  startMs: number;
  lines: number;
  dropped: number;
  readonly seen: Set<string>;
}

export class EventLog {
  private readonly log: Log;
  private readonly nowMs: () => number;
  private readonly windows = new Map<string, Window>();
  private readonly diskStates: DiskStates;

  /** `nowMs` is a monotonic clock. */
  constructor(log: Log, nowMs: () => number) {
    this.log = log;
    this.nowMs = nowMs;
    this.diskStates = new DiskStates((text) => log.warn(text), nowMs);
  }

  write(event: EngineEvent): void {
    switch (event.event) {
      case "logonFailed":
        return this.warn(
          event.event,
          () =>
            `log-on of ${quote(event.user)} from ${event.remoteAddress} refused: ${showName(event.reason)}`,
          `${event.remoteAddress} ${event.reason}`,
        );
      case "connectionLimit":
        return this.warn(
          event.event,
          () => `connection from ${event.remoteAddress} refused: '${event.limit}' is reached`,
          event.remoteAddress,
        );
      case "openLimit":
        return this.warn(
          event.event,
          () => `${quote(event.user)} may open no more files: '${event.limit}' is reached`,
          event.user,
        );
      case "diskLost":
        return this.warn(
          event.event,
          () =>
            `share ${showName(event.share)}: the disk at ${event.path} is gone, or its directory was removed ` +
            "or replaced; clients must connect anew",
          event.share,
          // A disk may come and go for days.
          0,
        );
      case "readOnlyDisk":
        return void this.diskStates.refusedToWrite(event.share, event.path);
      case "refused":
        return this.refuse(event.share, event.identity, event.reason);
      case "disconnected":
        return this.info(
          event.event,
          () => `${event.remoteAddress} disconnected: ${event.reason}`,
          event.remoteAddress,
        );
      case "logon":
        return this.info(
          event.event,
          () => `${who(event.identity)} logged on with ${dialectName(event.dialect)}`,
          nameOf(event.identity),
        );
      case "connected":
        return this.info(
          event.event,
          () =>
            `${who(event.identity)} connected to share [${showName(event.share)}]${event.readOnly ? ", read-only" : ""}`,
          `${event.share} ${nameOf(event.identity)}`,
        );
      case "guestLeft":
        return this.warn(
          event.event,
          () =>
            `${who(event.identity)} left at once, as Windows 10 and 11 do where they accept no guests: ` +
            "make a user with a password for this client",
          event.identity.remoteAddress,
        );
      case "logoff":
        return this.info(event.event, () => `${who(event.identity)} logged off`, nameOf(event.identity));
    }
  }

  /** Logs that a user may not do what he wants with a share, and why. */
  refuse(share: string, identity: Identity, reason: string): void {
    const text = (): string => `share [${showName(share)}] refused to ${who(identity)}: ${reason}`;
    this.warn("refused", text, `${share} ${nameOf(identity)} ${reason}`);
  }

  /**
   * Logs a warning; `kind` names the limit it counts against, `about` whom it concerns. `most`: lines
   * beyond the first about each.
   */
  warn(kind: string, text: () => string, about = "", most = MAX_LINES): void {
    if (this.admit(kind, about, most)) this.log.warn(text());
  }

  private info(kind: string, text: () => string, about: string): void {
    if (this.admit(kind, about, MAX_LINES)) this.log.info(text());
  }

  private admit(kind: string, about: string, most: number): boolean {
    const now = this.nowMs();
    const known = this.windows.get(kind);
    const window = known ?? { startMs: now, lines: 0, dropped: 0, seen: new Set<string>() };
    if (known === undefined) this.windows.set(kind, window);
    if (now - window.startMs >= PERIOD_MS) {
      if (window.dropped > 0) this.log.warn(`${window.dropped} more lines like '${kind}' were left out`);
      window.startMs = now;
      window.lines = 0;
      window.dropped = 0;
      window.seen.clear();
    }
    const isFirst = window.seen.size < MAX_FIRST_LINES && !window.seen.has(about);
    if (isFirst) window.seen.add(about);
    if (isFirst || window.lines < most) {
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

function nameOf(identity: Identity): string {
  return `${identity.user} ${identity.remoteAddress}`;
}

function who(identity: Identity): string {
  const name = identity.isAnonymous ? "an anonymous user" : quote(identity.user);
  return `${name}${identity.isGuest ? " (guest)" : ""} from ${identity.remoteAddress}`;
}

function quote(name: string): string {
  return `'${showName(name)}'`;
}
