// Turns requests for /api/v1 into operations of the server, and what it answers into JSON or a stream of
// events.
import { answerOf, callOf, errorOf, statusOfSuccess, STATUS_OF_CODE } from "../../control/http-routes.ts";
import type { Operation } from "../../control/operation.ts";
import { findOperation } from "../../control/operations.ts";
import { ControlError } from "../../control/protocol.ts";
import type { Credential, Ended } from "../link-messages.ts";
import type { HttpAnswer, HttpRequest } from "./http-connection.ts";
import { cookieOf } from "./request-rules.ts";
import type { Headers } from "./response-head.ts";
import type { Asked, ServerLink } from "./server-link.ts";

const JSON_TYPE: Headers = { "Content-Type": "application/json" };

/** Over TLS the prefix keeps other servers of the host's name from setting it; RFC 6265bis 4.1.3.2. */
function cookieName(isSecure: boolean): string {
  return isSecure ? "__Host-minismbd" : "minismbd";
}

export function answerApi(link: ServerLink, request: HttpRequest, answer: HttpAnswer): void {
  try {
    const method = request.method === "HEAD" ? "GET" : request.method;
    const call = callOf({
      method,
      path: request.path,
      query: new URLSearchParams(request.query),
      body: bodyOf(request),
      ifMatch: request.headers.get("if-match"),
    });
    const operation: Operation | undefined = findOperation(call.operation);
    if (operation === undefined) throw new ControlError("there is no such operation", "not-found");
    const receiver = new AnswerWriter(operation, answer, request);
    const asked = link.ask(call, credentialOf(request), request, receiver);
    receiver.asked = asked;
    answer.onLeft = () => asked.cancel();
  } catch (error) {
    if (!(error instanceof ControlError)) throw error;
    answerError(answer, error);
  }
}

/** Prometheus' text, for a token. */
export function answerMetrics(link: ServerLink, request: HttpRequest, answer: HttpAnswer): void {
  const { session: _, ...credential } = credentialOf(request);
  let text = "";
  const asked = link.ask({ operation: "metrics", args: {} }, credential, request, {
    items: ([item]) => (text = (item as { readonly text: string }).text),
    ended(end) {
      if (end.end === "error") return answerError(answer, new ControlError(end.message, end.code));
      answer.send(200, { "Content-Type": "text/plain; version=0.0.4; charset=utf-8" }, text);
    },
  });
  answer.onLeft = () => asked.cancel();
}

export function answerError(answer: HttpAnswer, error: ControlError, more: Headers = {}): void {
  const { body, status } = errorOf(error);
  answer.send(status, { ...headersOfError(status), ...more }, JSON.stringify(body));
}

/** A 401 names a scheme by which a program may show who it is; RFC 9110 15.5.2, RFC 6750 3. */
function headersOfError(status: number): Headers {
  return status === 401 ? { ...JSON_TYPE, "WWW-Authenticate": "Bearer" } : JSON_TYPE;
}

/** Throws ControlError. */
function bodyOf({ body, headers }: HttpRequest): unknown {
  if (body.length === 0) return undefined;
  // A form of another page cannot have this type without asking first.
  if (!/^application\/json\s*(?:;|$)/i.test(headers.get("content-type") ?? ""))
    throw new ControlError("the body's Content-Type is not application/json", "bad-request");
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(body));
  } catch {
    throw new ControlError("the body is not JSON", "bad-request");
  }
}

export function credentialOf({ headers, isSecure }: HttpRequest): Credential {
  const [, token] = /^Bearer +(\S+)$/i.exec(headers.get("authorization") ?? "") ?? [];
  if (token !== undefined) return { token };
  const session = cookieOf(headers, cookieName(isSecure));
  const csrf = headers.get("x-csrf");
  return { ...(session !== undefined && { session }), ...(csrf !== undefined && { csrf }) };
}

/** Writes one answer as its items come. */
class AnswerWriter {
  private readonly operation: Operation;
  private readonly answer: HttpAnswer;
  private readonly request: Pick<HttpRequest, "isSecure" | "method">;
  private readonly single: unknown[] = [];
  private headers: Headers = JSON_TYPE;
  private hasBegun = false;
  asked: Asked | undefined;

  constructor(operation: Operation, answer: HttpAnswer, request: Pick<HttpRequest, "isSecure" | "method">) {
    this.operation = operation;
    this.answer = answer;
    this.request = request;
  }

  items(items: readonly unknown[], etag: string | undefined): void {
    if (etag !== undefined) this.headers = { ...this.headers, ETag: `"${etag}"` };
    const kind = this.operation.answer;
    if (kind === "one" || kind === "none") {
      this.single.push(...items);
      // An item that is longer than a batch is followed by the wait for more.
      this.asked?.more();
    } else if (kind === "stream" || items.length > 0) void this.write(items);
  }

  ended(end: Ended): void {
    const { answer, operation } = this;
    if (end.end === "error") return this.fail(end);
    if (operation.answer === "stream") return answer.end();
    if (operation.answer === "list") {
      if (!this.hasBegun) return answer.send(200, this.headers, "[]");
      void answer.write("]");
      return answer.end();
    }
    const cookie = end.session === undefined ? {} : { "Set-Cookie": this.cookieOf(end.session) };
    const { body, status } = answerOf(operation, this.single);
    const headers = { ...(body === undefined ? {} : JSON_TYPE), ...this.headers, ...cookie };
    answer.send(status, headers, body === undefined ? "" : JSON.stringify(body));
  }

  private async write(items: readonly unknown[]): Promise<void> {
    const isStream = this.operation.answer === "stream";
    const first = !this.hasBegun;
    if (first) {
      this.hasBegun = true;
      const type = isStream ? { "Content-Type": "text/event-stream" } : this.headers;
      this.answer.begin(statusOfSuccess(this.operation), type);
    }
    // Whoever asks for the head alone does not wait for events.
    if (isStream && this.request.method === "HEAD") {
      this.asked?.cancel();
      return this.answer.end();
    }
    const text = isStream
      ? items.map(formatEvent).join("")
      : `${first ? "[" : ","}${items.map((item) => JSON.stringify(item)).join(",")}`;
    if (await this.answer.write(text)) this.asked?.more();
  }

  private fail({ code, details, message }: Extract<Ended, { end: "error" }>): void {
    // What has been sent cannot be taken back: a client sees that the answer is cut.
    const { answer, operation } = this;
    if (this.hasBegun) return operation.answer === "stream" ? answer.end() : answer.cut();
    const body = { error: message, code, ...details };
    const status = STATUS_OF_CODE[code];
    answer.send(status, headersOfError(status), JSON.stringify(body));
  }

  private cookieOf(session: string): string {
    const end = session === "" ? "; Max-Age=0" : "";
    const { isSecure } = this.request;
    const secure = isSecure ? "; Secure" : "";
    return `${cookieName(isSecure)}=${session}; Path=/; HttpOnly; SameSite=Strict${secure}${end}`;
  }
}

/** An item of a stream: the event's name and its data. */
function formatEvent(item: unknown): string {
  const { data, event } = item as { readonly event: string; readonly data: unknown };
  return `event: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
}
