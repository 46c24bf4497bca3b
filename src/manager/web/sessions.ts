// The sessions of the web page; pure state, the clock and the randomness are passed in. A session is named by
// 256 random bits, of which only the hash is kept.
import { hashOfSecret } from "../secret-hash.ts";

/** In all and of one user: the oldest ones make room. */
export const MAX_SESSIONS = 64;
export const MAX_SESSIONS_PER_USER = 8;
/** Without a request, and from the log-on on. */
export const IDLE_MS = 30 * 60_000;
export const LONGEST_MS = 12 * 3_600_000;
const SECRET_BYTES = 32;

export interface WebSession {
  readonly user: string;
  /** Of the account; another password makes another version. */
  readonly accountVersion: number;
  /** What a request that changes something must show besides the cookie. */
  readonly csrf: string;
}

interface Entry extends WebSession {
  readonly begunMs: number;
  usedMs: number;
}

export interface WebSessionsOptions {
  /** A monotonic clock. */
  readonly nowMs: () => number;
  readonly randomBytes: (count: number) => Buffer;
  /** The account still exists with that password, and its user may still administrate. */
  readonly isCurrent: (session: WebSession) => boolean;
}

export class WebSessions {
  private readonly options: WebSessionsOptions;
  /** By the hash of the secret, the oldest first. */
  private readonly byHash = new Map<string, Entry>();

  constructor(options: WebSessionsOptions) {
    this.options = options;
  }

  get size(): number {
    return this.byHash.size;
  }

  /** Begins a session. `secret` is what the client shows with each request. */
  begin(user: string, accountVersion: number): { readonly secret: string; readonly session: WebSession } {
    this.removeEnded();
    const ofUser = [...this.byHash].filter(([, entry]) => entry.user === user);
    for (const [hash] of ofUser.slice(0, Math.max(0, ofUser.length - MAX_SESSIONS_PER_USER + 1)))
      this.byHash.delete(hash);
    for (const hash of this.byHash.keys()) {
      if (this.byHash.size < MAX_SESSIONS) break;
      this.byHash.delete(hash);
    }
    const secret = this.newSecret();
    const nowMs = this.options.nowMs();
    const session = { user, accountVersion, csrf: this.newSecret(), begunMs: nowMs, usedMs: nowMs };
    this.byHash.set(hashOf(secret), session);
    return { secret, session };
  }

  /**
   * The session of a request; undefined where there is none or it has ended. `isUse` is false for what a page
   * does by itself, which keeps no session alive.
   */
  find(secret: string, isUse = true): WebSession | undefined {
    const hash = hashOf(secret);
    const entry = this.byHash.get(hash);
    if (entry === undefined) return undefined;
    if (this.hasEnded(entry)) {
      this.byHash.delete(hash);
      return undefined;
    }
    if (isUse) entry.usedMs = this.options.nowMs();
    return entry;
  }

  end(secret: string): boolean {
    return this.byHash.delete(hashOf(secret));
  }

  private removeEnded(): void {
    for (const [hash, entry] of this.byHash) if (this.hasEnded(entry)) this.byHash.delete(hash);
  }

  private hasEnded(entry: Entry): boolean {
    const nowMs = this.options.nowMs();
    if (nowMs - entry.usedMs >= IDLE_MS || nowMs - entry.begunMs >= LONGEST_MS) return true;
    return !this.options.isCurrent(entry);
  }

  private newSecret(): string {
    return this.options.randomBytes(SECRET_BYTES).toString("base64url");
  }
}

function hashOf(secret: string): string {
  return hashOfSecret(secret).toString("base64");
}
