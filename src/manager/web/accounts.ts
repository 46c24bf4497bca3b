// Who may use the web page: log-ons against the users' file, sessions, and the check of what a request shows.
// Guesses count with those of SMB: both have the engine's one limiter.
import { randomBytes } from "node:crypto";
import type { PasswordProof } from "../../port/pipes.ts";
import type { Account, EngineEvent, MaybePromise } from "../../port/port.ts";
import { ControlError } from "../control/protocol.ts";
import type { Operation } from "../control/operation.ts";
import type { WebSession as SessionItem } from "../control/operations/web.ts";
import { isSameSecret } from "../secret-hash.ts";
import { ntHash, passwordFault } from "../users/nt-hash.ts";
import type { Ask } from "./link-checks.ts";
import type { Credential } from "./link-messages.ts";
import { type WebSession, WebSessions } from "./sessions.ts";

/** Who asks for an operation. */
export interface Caller {
  /** The user, or the token's name. */
  readonly name: string;
  readonly address: string;
  /** Whose rights count; undefined: root's, who has made the token. */
  readonly administrator: string | undefined;
}

export interface AccountsHost {
  findAccount(user: string): Account | null;
  /** `web admin users`. */
  isAdministrator(user: string): boolean;
  /** Undefined: too many failures are unanswered. */
  beginProof(address: string, user: string): MaybePromise<PasswordProof | undefined>;
  /** By `hosts allow` and `hosts deny` of [global]; `local` is the address that the client connected to. */
  isAddressAllowed(address: string, local: string): boolean;
  isLocalAddress(address: string): boolean;
  notify(event: EngineEvent): void;
  note(text: string): void;
  /** For those who are not logged on: what they see first. */
  introduction(): { readonly serverName: string; readonly firstRun: boolean };
  /** What the token may do; undefined: there is no such token. */
  findToken(
    token: string,
  ): { readonly name: string; readonly mayChange: boolean; readonly owner: string | undefined } | undefined;
  readonly version: string;
  nowMs(): number;
}

/** A refusal with what a page shows to those who are not logged on. */
export class NotLoggedOn extends ControlError {
  readonly details: { readonly serverName: string; readonly firstRun: boolean };

  constructor(message: string, details: NotLoggedOn["details"]) {
    super(message, "not-logged-on");
    this.details = details;
  }
}

/** `session`: the secret of a new session, or "" to remove the cookie. */
export interface AccountAnswer {
  readonly item?: SessionItem;
  readonly session?: string;
}

/** In the limiter's place of a user's name; no user has it. */
const FIRST_RUN = "/first run";

/** What is compared where there is no such user, so that the time tells nothing. */
const NOBODYS_HASH = randomBytes(16).toString("hex");

export class WebAccounts {
  private readonly host: AccountsHost;
  private readonly sessions: WebSessions;

  constructor(host: AccountsHost) {
    this.host = host;
    this.sessions = new WebSessions({
      nowMs: () => host.nowMs(),
      randomBytes,
      isCurrent: ({ user, accountVersion }) =>
        host.findAccount(user)?.version === accountVersion && host.isAdministrator(user),
    });
  }

  /** Throws ControlError for an address that `hosts allow` or `hosts deny` keeps out. */
  checkAddress(address: string, local: string): void {
    if (!this.host.isAddressAllowed(address, local))
      throw new ControlError("this address may not connect, by 'hosts allow' or 'hosts deny'", "forbidden");
  }

  /**
   * Carries out what needs neither a session nor a token but a code (the first run of a board): for clients
   * of the local network alone, and each failure counts as a guess. Throws ControlError.
   */
  async guard<T>(address: string, work: () => Promise<T>): Promise<T> {
    if (!this.host.isLocalAddress(address))
      throw new ControlError("this is done from the local network alone", "forbidden");
    const proof = await this.host.beginProof(address, FIRST_RUN);
    if (proof === undefined)
      throw new ControlError("too many attempts have failed, wait a little", "too-many");
    try {
      const result = await work();
      proof.succeeded();
      return result;
    } catch (error) {
      await proof.failed();
      throw error;
    }
  }

  /** An operation of the web page's own. Throws ControlError. */
  carryOut({ address, args, ask, credential }: Ask): MaybePromise<AccountAnswer> {
    if (ask === "log-on") return this.logOn(String(args["user"]), String(args["password"]), address);
    if (ask === "session") return { item: this.itemOf(this.sessionOf(credential)) };
    if (ask !== "log-off") throw new ControlError(`there is no command '${ask}'`, "unknown-command");
    checkCsrf(this.sessionOf(credential), credential);
    this.sessions.end(credential.session ?? "");
    return { session: "" };
  }

  /**
   * Throws ControlError for who may not ask for the operation. `isUse` is false for what a page does by
   * itself, which keeps no session alive.
   */
  callerOf({ address, credential }: Ask, operation: Operation, isUse: boolean): Caller | undefined {
    if (operation.isOpen === true) return undefined;
    if (credential.token !== undefined) return this.callerOfToken(credential.token, operation, address);
    const session = this.sessionOf(credential, isUse);
    if (operation.changes) checkCsrf(session, credential);
    return { name: session.user, address, administrator: session.user };
  }

  private callerOfToken(text: string, operation: Operation, address: string): Caller {
    const token = this.host.findToken(text);
    if (token === undefined || !this.isAlive(token.owner))
      throw new ControlError("there is no such token", "not-logged-on");
    if (operation.changes && !token.mayChange)
      throw new ControlError("this token may only read", "forbidden");
    return { name: `token ${token.name}`, address, administrator: token.owner };
  }

  /** Whoever may not administrate any more does not by his tokens either. */
  private isAlive(owner: string | undefined): boolean {
    return owner === undefined || (this.host.findAccount(owner) !== null && this.host.isAdministrator(owner));
  }

  private sessionOf({ session }: Credential, isUse = true): WebSession {
    const found = session === undefined ? undefined : this.sessions.find(session, isUse);
    if (found === undefined) throw new NotLoggedOn("log on first", this.host.introduction());
    return found;
  }

  private itemOf({ csrf, user }: WebSession): SessionItem {
    const { serverName } = this.host.introduction();
    return { user, csrf, serverName, version: this.host.version };
  }

  private async logOn(user: string, password: string, address: string): Promise<AccountAnswer> {
    const proof = await this.host.beginProof(address, user);
    if (proof === undefined) {
      this.refused(user, address, "too many log-ons have failed");
      throw new ControlError("too many log-ons have failed, wait a little", "too-many");
    }
    const { account, fault } = this.check(user, password);
    if (account === undefined) {
      this.refused(user, address, fault);
      await proof.failed();
      throw new NotLoggedOn(
        "that is no user and password of an administrator ('web admin users')",
        this.host.introduction(),
      );
    }
    proof.succeeded();
    const { secret, session } = this.sessions.begin(account.name, account.version);
    this.host.note(`'${account.name}' logged on to the web page from ${address}`);
    return { item: this.itemOf(session), session: secret };
  }

  /** Nobody learns from the answer or its time whether the user, the password or the right was missing. */
  private check(user: string, password: string): { account?: Account; fault: string } {
    const account = this.host.findAccount(user);
    const isPossible = passwordFault(password) === undefined && password !== "";
    const given = ntHash(isPossible ? password : "");
    const isRight = isSameSecret(given, account?.ntHash ?? NOBODYS_HASH) && isPossible;
    if (account === null || account.isGuest) return { fault: "web page: no such user" };
    if (!isRight) return { fault: "web page: wrong password" };
    if (!this.host.isAdministrator(account.name))
      return { fault: "web page: 'web admin users' does not name him" };
    return { account, fault: "" };
  }

  private refused(user: string, remoteAddress: string, reason: string): void {
    this.host.notify({ event: "logonFailed", user, remoteAddress, reason });
  }
}

/** A page of another origin can send the cookie, but has not read this. */
function checkCsrf({ csrf }: WebSession, given: Credential): void {
  if (given.csrf === undefined || !isSameSecret(given.csrf, csrf))
    throw new ControlError("the header X-CSRF is missing or of another session", "forbidden");
}
