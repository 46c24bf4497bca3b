// Answers what the process of the web page asks. The process parses what strangers send, so nothing that it
// says is believed: who may do what is decided here, by the session or the token that a request shows.
import { ControlError, PROTOCOL_VERSION, refusalOf } from "../control/protocol.ts";
import { findOperation, type OperationName } from "../control/operations.ts";
import { inSlices } from "../control/slices.ts";
import { type Answer, checkArguments, type Items, type Operation } from "../control/operation.ts";
import { RateLimit } from "../../loop/rate-limit.ts";
import type { WebChild } from "./child.ts";
import { type Ask, readMessage } from "./link-checks.ts";
import { type Caller, NotLoggedOn, type WebAccounts } from "./accounts.ts";

/** Requests under way, of all clients of the page together. */
export const MAX_REQUESTS = 64;
/** Messages a second; the process keeps its clients far below that. */
const MAX_MESSAGES_PER_SECOND = 2_000;
/** Items are sent in batches of about this size, and the next one when the process asks for it. */
const BATCH_CHARACTERS = 16_384;

export interface DeskHost {
  readonly accounts: WebAccounts;
  /** Carries an operation out. Throws ControlError. */
  carryOut(
    operation: OperationName,
    args: Readonly<Record<string, unknown>>,
    caller: Caller | undefined,
  ): Promise<Answer>;
  nowMs(): number;
}

export interface DeskUser {
  ready(confinement: { isUnprivileged: boolean; isFiltered: boolean }): void;
  say(text: string): void;
  /** A fault of the server's own, for the log. */
  bug(error: unknown): void;
  /** The process does what no process of ours does. */
  misbehaved(how: string): void;
}

interface UnderWay {
  isCancelled: boolean;
  /** Resolves the wait for the process to want more. */
  more: (() => void) | undefined;
  /** Ends the items of a stream. */
  cancel: (() => void) | undefined;
}

/** The page's own, those of the HTTP API, and what Prometheus asks for. */
function isOfPage(name: string, { http }: Operation): boolean {
  return http !== undefined || name === "metrics";
}

/** One for each process. */
export class Desk {
  private readonly host: DeskHost;
  private readonly child: WebChild;
  private readonly user: DeskUser;
  private readonly underWay = new Map<number, UnderWay>();
  private readonly rate = new RateLimit();
  private hasMisbehaved = false;

  constructor(host: DeskHost, child: WebChild, user: DeskUser) {
    this.host = host;
    this.child = child;
    this.user = user;
  }

  take(message: unknown): void {
    // What it has sent before its end is in the kernel's queue.
    if (this.hasMisbehaved) return;
    if (!this.rate.admit(this.host.nowMs(), MAX_MESSAGES_PER_SECOND)) return this.misbehaved("too much");
    const read = readMessage(message);
    if (read === undefined) return this.misbehaved("a message of no known kind");
    switch (read.kind) {
      case "ready":
        return this.user.ready(read);
      case "say":
        return this.user.say(read.text);
      case "more":
        return this.underWay.get(read.id)?.more?.();
      case "cancel":
        return this.cancel(read.id);
      case "ask":
        return void this.answer(read);
    }
  }

  /** The process has ended. */
  close(): void {
    for (const id of [...this.underWay.keys()]) this.cancel(id);
  }

  private misbehaved(how: string): void {
    this.hasMisbehaved = true;
    this.user.misbehaved(how);
  }

  private cancel(id: number): void {
    const request = this.underWay.get(id);
    if (request === undefined) return;
    request.isCancelled = true;
    request.cancel?.();
    request.more?.();
  }

  private async answer(ask: Ask): Promise<void> {
    const { id } = ask;
    if (this.underWay.has(id)) return this.misbehaved("a number that is in use");
    const request: UnderWay = { isCancelled: false, more: undefined, cancel: undefined };
    this.underWay.set(id, request);
    try {
      if (this.underWay.size > MAX_REQUESTS)
        throw new ControlError("too many requests are under way, try again", "too-many");
      await this.carryOut(ask, request);
    } catch (error) {
      const { code, message } = refusalOf(error);
      const details = error instanceof NotLoggedOn ? { details: error.details } : {};
      this.child.send({ id, end: "error", message, code, ...details });
      if (!(error instanceof ControlError)) this.user.bug(error);
    } finally {
      this.underWay.delete(id);
    }
  }

  private async carryOut(ask: Ask, request: UnderWay): Promise<void> {
    const { accounts } = this.host;
    const { address, args, id, local } = ask;
    const operation: Operation | undefined = findOperation(ask.ask);
    if (operation === undefined || !isOfPage(ask.ask, operation))
      throw new ControlError("there is no such operation", "unknown-command");
    checkArguments(operation, { ...args, version: PROTOCOL_VERSION, command: ask.ask });
    accounts.checkAddress(address, local);
    if (operation.isOfWeb === true) {
      const { item, session } = await accounts.carryOut(ask);
      if (item !== undefined) this.child.send({ id, items: [item] });
      return this.child.send({ id, end: "ok", ...(session !== undefined && { session }) });
    }
    const isStream = operation.answer === "stream";
    const check = (isUse: boolean): Caller | undefined => accounts.callerOf(ask, operation, isUse);
    const caller = check(!isStream);
    const work = (): Promise<Answer> => this.host.carryOut(ask.ask as OperationName, args, caller);
    const isByCode = operation.isByCode === true;
    const { cancel, etag, items } = await (isByCode ? accounts.guard(address, work) : work());
    if (cancel !== undefined) request.cancel = cancel;
    // The client may have left meanwhile.
    if (request.isCancelled) cancel?.();
    if (isStream || etag !== undefined)
      this.child.send({ id, items: [], ...(etag !== undefined && { etag }) });
    // A session that ends while its page follows the server's events ends these, too.
    await this.send(id, request, items, isStream ? () => void check(false) : undefined);
    this.child.send({ id, end: "ok" });
  }

  /** Makes the rows as the process takes them; those of a stream one by one, each after `check`. */
  private async send(id: number, request: UnderWay, items: Items, check?: () => void): Promise<void> {
    let batch: string[] = [];
    let size = 0;
    for await (const item of inSlices(items)) {
      if (request.isCancelled) return;
      check?.();
      const text = JSON.stringify(item);
      batch.push(text);
      size += text.length;
      if (size < BATCH_CHARACTERS && check === undefined) continue;
      this.sendBatch(id, batch);
      batch = [];
      size = 0;
      await new Promise<void>((resolve) => (request.more = resolve));
      request.more = undefined;
      if (request.isCancelled) return;
    }
    if (batch.length > 0) this.sendBatch(id, batch);
  }

  private sendBatch(id: number, items: readonly string[]): void {
    this.child.link.sendText(`{"id":${id},"items":[${items.join(",")}]}`);
  }
}
