// The page's process asks the server over their socket pair: many requests at once, each with a number.
import { LineLink } from "../line-link.ts";
import {
  type Credential,
  type Ended,
  LINK_FD,
  MAX_ANSWER_LINE,
  type ToProcess,
  type ToServer,
} from "../link-messages.ts";
import type { Call } from "../../control/http-routes.ts";
import type { HttpRequest } from "./http-connection.ts";

/** Both ends of a client's connection. */
type Client = Pick<HttpRequest, "remoteAddress" | "localAddress">;

/** What becomes of a request: any number of `items`, then `ended`. */
export interface Receiver {
  items(items: readonly unknown[], etag: string | undefined): void;
  ended(end: Ended): void;
}

export interface Asked {
  /** The next items are wanted. */
  more(): void;
  /** Nobody waits any more; nothing is received afterwards. */
  cancel(): void;
}

export class ServerLink {
  private readonly link: LineLink;
  private readonly waiting = new Map<number, Receiver>();
  private readonly user: { take(message: ToProcess): void };
  private lastId = 0;

  /** `ended`: the server is gone or closes the link. */
  constructor(user: { take(message: ToProcess): void; ended(): void }) {
    this.user = user;
    this.link = new LineLink(
      LINK_FD,
      { maxLineBytes: MAX_ANSWER_LINE },
      {
        take: (message) => this.take(message as ToProcess),
        ended: () => user.ended(),
      },
    );
  }

  start(): boolean {
    return this.link.start();
  }

  send(message: ToServer): void {
    this.link.send(message);
  }

  /** Requests under way. */
  get size(): number {
    return this.waiting.size;
  }

  ask({ operation, args }: Call, credential: Credential, client: Client, receiver: Receiver): Asked {
    const id = ++this.lastId;
    this.waiting.set(id, receiver);
    this.send({
      id,
      ask: operation,
      args,
      credential,
      address: client.remoteAddress,
      local: client.localAddress,
    });
    return {
      more: () => this.waiting.has(id) && this.send({ id, more: true }),
      cancel: () => this.waiting.delete(id) && this.send({ id, cancel: true }),
    };
  }

  private take(message: ToProcess): void {
    if (!("id" in message)) return this.user.take(message);
    const receiver = this.waiting.get(message.id);
    if (receiver === undefined) return;
    if ("items" in message) return receiver.items(message.items, message.etag);
    this.waiting.delete(message.id);
    receiver.ended(message);
  }
}
