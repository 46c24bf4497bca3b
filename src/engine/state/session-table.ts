// All sessions by id, and their limits: unfinished log-ons and guests have few places and yield, the others
// are for those who prove a password; [MS-SMB2] 3.3.1.5 (GlobalSessionTable), 3.3.5.5.1.
import type { Session } from "./session.ts";
import { type Holder, type PlaceLimits, SharedPlaces } from "./shared-places.ts";

export interface SessionLimits {
  /** Sessions of users and guests. */
  readonly maxSessions: number;
  readonly maxSessionsPerUser: number;
  /** Sessions of guests and anonymous users. */
  readonly maxGuestSessions: number;
  /** Session set-ups without a result. */
  readonly maxUnfinishedLogons: number;
}

/** `limit` is the name of the parameter that refuses the session. */
export type Admission = { readonly limit: string } | { readonly yields: Session | undefined };

/**
 * Nearly all clients may be behind one address and log on at the same moment, after a restart of the server.
 * Others still get in beside them, because the largest holder yields.
 */
function unfinishedPlaces(inAll: number): PlaceLimits {
  return {
    perConnection: Math.max(1, inAll >> 4),
    perAddress: Math.max(1, inAll - Math.ceil(inAll / 8)),
    inAll,
  };
}

function guestPlaces(inAll: number): PlaceLimits {
  return { perConnection: Math.max(1, inAll >> 3), perAddress: Math.max(1, inAll >> 1), inAll };
}

export class SessionTable extends Map<number, Session> {
  private readonly unfinished = new SharedPlaces<Session>();
  private readonly guests = new SharedPlaces<Session>();
  /** The user of each session that proved a password. */
  private readonly users = new Map<Session, string>();
  private readonly countsOfUsers = new Map<string, number>();

  /** Sessions that are logged on. */
  get loggedOnCount(): number {
    return this.users.size + this.guests.size;
  }

  /** Adds a session whose log-on begins; returns the unfinished one that yields and must be ended. */
  begin(session: Session, holder: Holder, limits: SessionLimits): Session | undefined {
    const room = this.unfinished.roomFor(holder, unfinishedPlaces(limits.maxUnfinishedLogons), () => true);
    this.set(session.id, session);
    this.unfinished.add(session, holder);
    return typeof room === "string" ? undefined : room;
  }

  /**
   * Gives a session whose log-on succeeded its place; `user` is undefined for a guest or anonymous. Returns
   * the guest's session that yields and must be ended, or the limit: then `session` must be ended.
   */
  admit(
    session: Session,
    user: string | undefined,
    limits: SessionLimits,
    isIdle: (session: Session) => boolean,
  ): Admission {
    const holder = this.unfinished.holderOf(session);
    this.unfinished.remove(session);
    if (user !== undefined) return this.admitUser(session, user, limits, isIdle);
    if (holder === undefined) return { yields: undefined };
    const inAll = Math.min(limits.maxGuestSessions, limits.maxSessions - this.users.size);
    const places = { ...guestPlaces(limits.maxGuestSessions), inAll };
    const room = this.guests.roomFor(holder, places, isIdle);
    if (room === "full") return { limit: "max guest sessions" };
    this.guests.add(session, holder);
    return { yields: room === "fits" ? undefined : room };
  }

  private admitUser(
    session: Session,
    user: string,
    limits: SessionLimits,
    isIdle: (session: Session) => boolean,
  ): Admission {
    const count = this.countsOfUsers.get(user) ?? 0;
    if (count >= limits.maxSessionsPerUser) return { limit: "max user sessions" };
    let yields: Session | undefined;
    if (this.users.size + this.guests.size >= limits.maxSessions) {
      yields = this.guests.oldest(isIdle);
      if (yields === undefined) return { limit: "max active sessions" };
    }
    this.users.set(session, user);
    this.countsOfUsers.set(user, count + 1);
    return { yields };
  }

  override delete(id: number): boolean {
    const session = this.get(id);
    if (session === undefined) return false;
    this.unfinished.remove(session);
    this.guests.remove(session);
    const user = this.users.get(session);
    if (user !== undefined) {
      this.users.delete(session);
      const left = (this.countsOfUsers.get(user) ?? 1) - 1;
      if (left > 0) this.countsOfUsers.set(user, left);
      else this.countsOfUsers.delete(user);
    }
    return super.delete(id);
  }
}
