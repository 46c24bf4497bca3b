// WS-Discovery on all links: says that the server is there, answers those who look for computers, and
// describes it by HTTP.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { type Timer, timers } from "../../loop/timers.ts";
import { type GroupPlan, LinkSockets, type LinkUser, type Peer } from "./link-sockets.ts";
import type { Link } from "./links.ts";
import { isPassing, RETRY_MS } from "./passing-errors.ts";
import { RateLimit } from "../../loop/rate-limit.ts";
import { RunNumber } from "./run-number.ts";
import {
  bye,
  endpointOf,
  hello,
  isLookedFor,
  MAX_REQUEST_BYTES,
  metadata,
  probeMatches,
  readRequest,
  resolveMatches,
  type Sequence,
  type WsdIdentity,
  type WsdRequest,
} from "./wsd-messages.ts";

export const WSD_PORT = 3702;
/** Windows' firewall lets its own machines ask there. */
const METADATA_PORT = 5357;
const GROUP: GroupPlan = {
  protocol: "WS-Discovery",
  port: WSD_PORT,
  groups: { 4: "239.255.255.250", 6: "ff02::c" },
  ttl: 1,
};
/** WS-Discovery, appendix I (SOAP over UDP): answers to the group's messages wait for up to half a second. */
const MAX_DELAY_MS = 500;
/** Askers repeat their message; each is answered once. */
const REMEMBERED = 64;
const MAX_ANSWERS_PER_SECOND = 20;
const REQUEST_MS = 5000;
const MAX_HTTP_CONNECTIONS = 16;

export class Wsd implements LinkUser {
  private readonly identity: WsdIdentity;
  /** Gets lines for the log. */
  readonly report: (text: string) => void;
  private readonly sockets: LinkSockets;
  private readonly servers: Server[] = [];
  private readonly joinedLinks: Link[] = [];
  private readonly answered: string[] = [];
  private readonly pending = new Set<Timer>();
  private readonly run = new RunNumber();
  private number = 0;
  /** A flood of requests with the address of a victim must not become one of answers. */
  private readonly limit = new RateLimit();

  constructor(identity: WsdIdentity, links: readonly Link[], report: (text: string) => void) {
    this.identity = identity;
    this.report = report;
    this.sockets = new LinkSockets(GROUP, links, this);
    for (const address of new Set(links.map(addressOf))) this.serve(address);
  }

  stop(): void {
    for (const timer of this.pending) timers.clear(timer);
    for (const link of this.joinedLinks) this.sockets.send(link, encode(bye(this.identity, this.next())));
    this.sockets.close();
    for (const server of this.servers) {
      server.close();
      server.closeAllConnections();
    }
  }

  joined(link: Link): void {
    this.joinedLinks.push(link);
    this.later(() => this.sockets.send(link, encode(hello(this.identity, this.urlOn(link), this.next()))));
  }

  receive(link: Link, bytes: Uint8Array, from: Peer): void {
    const request = readRequest(bytes);
    if (
      request === undefined ||
      this.answered.includes(request.messageId) ||
      !this.limit.admit(performance.now(), MAX_ANSWERS_PER_SECOND)
    )
      return;
    const answer = this.answerTo(request);
    if (answer === undefined) return;
    this.answered.push(request.messageId);
    if (this.answered.length > REMEMBERED) this.answered.shift();
    // Numbered when it goes out: of several answers that wait, the last may be sent first.
    this.later(() => {
      const text = answer(this.identity, this.urlOn(link), this.next(), request);
      this.sockets.send(link, encode(text), from);
    });
  }

  private answerTo(request: WsdRequest): typeof probeMatches | undefined {
    if (request.action === "Probe" && isLookedFor(request)) return probeMatches;
    if (request.action === "Resolve" && request.endpoint === endpointOf(this.identity)) return resolveMatches;
    return undefined;
  }

  private next(): Sequence {
    return { instance: this.run.value(), number: ++this.number };
  }

  private later(run: () => void, delayMs = Math.random() * MAX_DELAY_MS): void {
    const timer = timers.set(delayMs, () => {
      this.pending.delete(timer);
      run();
    });
    this.pending.add(timer);
  }

  private urlOn(link: Link): string {
    const address = addressOf(link).replace(/%.*$/, "");
    return `http://${link.family === 6 ? `[${address}]` : address}:${METADATA_PORT}/${this.identity.id}`;
  }

  private serve(address: string): void {
    const server = createServer((request, response) => void this.answerHttp(request, response));
    server.maxConnections = MAX_HTTP_CONNECTIONS;
    server.requestTimeout = REQUEST_MS;
    server.on("error", (error: NodeJS.ErrnoException) => {
      if (isPassing(error)) return this.later(() => server.listen(METADATA_PORT, address), RETRY_MS);
      this.report(
        `WS-Discovery: nothing listens on ${address} port ${METADATA_PORT} (${error.code ?? error.message})`,
      );
    });
    server.listen(METADATA_PORT, address);
    this.servers.push(server);
  }

  private async answerHttp(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const text =
      request.method === "POST" && request.url === `/${this.identity.id}`
        ? await readBody(request)
        : undefined;
    const asked = text === undefined ? undefined : readRequest(text);
    if (asked?.action !== "Get") {
      response.writeHead(400, { Connection: "close" }).end();
      return;
    }
    const body = encode(metadata(this.identity, asked));
    const head = {
      "Content-Type": "application/soap+xml",
      "Content-Length": body.length,
      Connection: "close",
    };
    response.writeHead(200, head).end(body);
  }
}

/** Undefined where the body is longer than a request is. */
async function readBody(request: IncomingMessage): Promise<Uint8Array | undefined> {
  const chunks: Buffer[] = [];
  let length = 0;
  try {
    for await (const chunk of request as AsyncIterable<Buffer>) {
      length += chunk.length;
      if (length > MAX_REQUEST_BYTES) return undefined;
      chunks.push(chunk);
    }
  } catch {
    return undefined;
  }
  return Buffer.concat(chunks);
}

function addressOf({ family, name, addresses }: Link): string {
  const [first = ""] = addresses;
  return family === 6 && /^fe[89ab]/i.test(first) ? `${first}%${name}` : first;
}

function encode(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
