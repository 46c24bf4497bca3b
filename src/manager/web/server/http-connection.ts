// One connection of a client: requests one after the other, each with a time limit for its head, its body and
// the taking of its answer.
import { type Timer, timers } from "../../../loop/timers.ts";
import { findHeadEnd, type HeadFault, MAX_BODY_BYTES, MAX_HEAD_BYTES, parseHead } from "./request-head.ts";
import type { RequestHead } from "./request-head.ts";
import { formatHead, type Headers } from "./response-head.ts";

/**
 * From the connection, or the first byte of a further request, to the end of its head; then to that of its
 * body.
 */
export const HEAD_MS = 10_000;
export const BODY_MS = 15_000;
/** Between two requests. */
export const KEEP_MS = 30_000;
/** For a client that takes nothing of its answer. */
export const UNTAKEN_MS = 20_000;
/** After the last answer, for the client to close. */
const LINGER_MS = 2_000;
/** Bytes of an answer that wait for the client before more of it is made. */
const QUEUE_BYTES = 65_536;

/** The longest request, with as much as a read may bring behind it; a client that sends more is gone. */
const MAX_HELD_BYTES = 4 * MAX_BODY_BYTES;

/** The byte stream below: TCP, or TLS over it. */
export interface ByteStream {
  readonly isSecure: boolean;
  readonly remoteAddress: string;
  readonly localAddress: string;
  /** Returns the bytes that were taken, less than 0 where the connection is gone. */
  write(bytes: Uint8Array): number;
  /** Sends what is taken, then the end. */
  end(): void;
  terminate(): void;
  pause(): void;
  resume(): void;
}

export interface HttpRequest extends RequestHead {
  readonly body: Uint8Array;
  readonly isSecure: boolean;
  readonly remoteAddress: string;
  readonly localAddress: string;
}

/** Answers a request by exactly one `send` or `begin`. */
export type Handler = (request: HttpRequest, answer: HttpAnswer) => void | Promise<void>;

type State = "head" | "body" | "answer" | "end";

export class HttpConnection {
  private readonly stream: ByteStream;
  private readonly handler: Handler;
  private input: Uint8Array = new Uint8Array(0);
  private head: RequestHead | undefined;
  private state: State = "head";
  private timer: Timer | undefined;
  private output: Uint8Array[] = [];
  private outputBytes = 0;
  private isPaused = false;
  private answer: HttpAnswer | undefined;
  private wake: (() => void) | undefined;

  constructor(stream: ByteStream, handler: Handler) {
    this.stream = stream;
    this.handler = handler;
    this.expect(HEAD_MS);
  }

  /** No request is under way, so that nothing is lost when the connection ends. */
  get isIdle(): boolean {
    return this.state === "head" && this.input.length === 0 && this.outputBytes === 0;
  }

  /** It ends after the answer that is under way. */
  finish(): void {
    if (this.state === "head") this.stream.terminate();
    else this.answer?.beLast();
  }

  receive(bytes: Uint8Array): void {
    if (this.state === "end") return;
    if (this.state === "head" && this.input.length === 0) this.expect(HEAD_MS);
    if (this.input.length + bytes.length > MAX_HELD_BYTES) return this.stream.terminate();
    this.input = this.input.length === 0 ? bytes.slice() : Buffer.concat([this.input, bytes]);
    this.advance();
    // What comes while a request is answered waits in the kernel.
    if (this.state === "answer" && this.input.length > MAX_HEAD_BYTES && !this.isPaused) {
      this.isPaused = true;
      this.stream.pause();
    }
  }

  /** The client takes more. */
  drained(): void {
    this.flush();
  }

  closed(): void {
    this.state = "end";
    timers.clear(this.timer);
    this.output = [];
    this.outputBytes = 0;
    this.answer?.left();
    this.wake?.();
  }

  private expect(delayMs: number): void {
    timers.clear(this.timer);
    this.timer = timers.set(delayMs, () => this.late());
  }

  private late(): void {
    const isCut = (this.state === "head" && this.input.length > 0) || this.state === "body";
    if (isCut) this.refuse({ status: 408, text: "the request took too long" });
    else this.stream.terminate();
  }

  private advance(): void {
    if (this.state === "head") this.takeHead();
    if (this.state === "body") this.takeBody();
  }

  private takeHead(): void {
    const end = findHeadEnd(this.input);
    if (end > MAX_HEAD_BYTES || (end < 0 && this.input.length > MAX_HEAD_BYTES))
      return this.refuse({ status: 431, text: `a request's head has at most ${MAX_HEAD_BYTES} bytes` });
    if (end < 0) return;
    const head = parseHead(this.input.subarray(0, end));
    if ("status" in head) return this.refuse(head);
    this.input = this.input.subarray(end);
    this.head = head;
    this.state = "body";
    this.expect(BODY_MS);
  }

  private takeBody(): void {
    const { head } = this;
    if (head === undefined || this.input.length < head.bodyBytes) return;
    const body = this.input.subarray(0, head.bodyBytes);
    this.input = this.input.slice(head.bodyBytes);
    this.state = "answer";
    timers.clear(this.timer);
    const { isSecure, localAddress, remoteAddress } = this.stream;
    const answer = new HttpAnswer(head, {
      write: (data) => this.write(data),
      cut: () => this.stream.terminate(),
      room: () => this.room(),
      done: (isLast) => this.done(isLast),
    });
    this.answer = answer;
    void this.handler({ ...head, body, isSecure, localAddress, remoteAddress }, answer);
  }

  private done(isLast: boolean): void {
    this.answer = undefined;
    this.head = undefined;
    if (this.state === "end") return;
    if (isLast) return this.endAfterOutput();
    this.state = "head";
    this.expect(this.input.length > 0 ? HEAD_MS : KEEP_MS);
    if (this.isPaused) {
      this.isPaused = false;
      this.stream.resume();
    }
    // In a turn of its own: a client that sends many requests at once is no recursion.
    if (this.input.length > 0) timers.set(0, () => this.advance());
  }

  private refuse({ status, text }: HeadFault | { status: 408; text: string }): void {
    const body = JSON.stringify({ error: text, code: "bad-request" });
    const headers = { "Content-Type": "application/json", "Content-Length": String(Buffer.byteLength(body)) };
    this.write(Buffer.from(formatHead(status, headers, true) + body));
    this.endAfterOutput();
  }

  private endAfterOutput(): void {
    this.state = "end";
    this.input = new Uint8Array(0);
    if (this.outputBytes === 0) this.close();
  }

  private close(): void {
    this.stream.end();
    timers.clear(this.timer);
    this.timer = timers.set(LINGER_MS, () => this.stream.terminate());
  }

  private write(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.output.push(bytes);
    this.outputBytes += bytes.length;
    if (this.output.length === 1) this.flush();
  }

  private flush(): void {
    const before = this.outputBytes;
    for (let first = this.output[0]; first !== undefined; first = this.output[0]) {
      const taken = this.stream.write(first);
      if (taken < 0) return this.stream.terminate();
      this.outputBytes -= taken;
      if (taken < first.length) {
        this.output[0] = first.subarray(taken);
        break;
      }
      this.output.shift();
    }
    if (this.outputBytes > 0) {
      if (this.outputBytes < before || this.timer === undefined || this.timer.place < 0)
        this.expect(UNTAKEN_MS);
    } else if (this.state === "end") this.close();
    else if (this.state === "answer") timers.clear(this.timer);
    if (this.outputBytes < QUEUE_BYTES) this.wake?.();
  }

  /** Resolves when the client has taken most of what was written. */
  private async room(): Promise<void> {
    if (this.outputBytes < QUEUE_BYTES || this.state === "end") return;
    await new Promise<void>((resolve) => (this.wake = resolve));
    this.wake = undefined;
  }
}

interface Output {
  write(bytes: Uint8Array): void;
  /** The connection ends at once. */
  cut(): void;
  room(): Promise<void>;
  done(isLast: boolean): void;
}

/** The answer to one request. */
export class HttpAnswer {
  private readonly head: Pick<RequestHead, "method" | "isLast">;
  private readonly output: Output;
  private isLast: boolean;
  private hasLeft = false;
  private isDone = false;
  /** Called when the client leaves before the end. */
  onLeft: (() => void) | undefined;

  constructor(head: Pick<RequestHead, "method" | "isLast">, output: Output) {
    this.head = head;
    this.output = output;
    this.isLast = head.isLast;
  }

  beLast(): void {
    this.isLast = true;
  }

  /** The connection is gone. */
  left(): void {
    this.hasLeft = true;
    this.onLeft?.();
  }

  send(status: number, headers: Headers, body: Uint8Array | string = ""): void {
    if (this.hasLeft || this.isDone) return;
    this.isDone = true;
    const bytes = typeof body === "string" ? Buffer.from(body) : body;
    const hasBody = status !== 204 && status !== 304;
    const length = hasBody ? { "Content-Length": String(bytes.length) } : {};
    this.output.write(Buffer.from(formatHead(status, { ...headers, ...length }, this.isLast)));
    if (hasBody && this.head.method !== "HEAD") this.output.write(bytes);
    this.output.done(this.isLast);
  }

  /** Begins an answer whose length is not known. */
  begin(status: number, headers: Headers): void {
    if (this.hasLeft) return;
    const all = { ...headers, "Transfer-Encoding": "chunked" };
    this.output.write(Buffer.from(formatHead(status, all, this.isLast)));
  }

  /** Resolves when there is room for more; false: the client has left. */
  async write(text: string): Promise<boolean> {
    if (this.hasLeft) return false;
    const bytes = Buffer.from(text);
    if (bytes.length > 0 && this.head.method !== "HEAD")
      this.output.write(Buffer.concat([Buffer.from(`${bytes.length.toString(16)}\r\n`), bytes, CRLF]));
    await this.output.room();
    return !this.hasLeft;
  }

  /** Ends the connection in the middle of an answer that has begun. */
  cut(): void {
    this.output.cut();
  }

  end(): void {
    if (this.hasLeft || this.isDone) return;
    this.isDone = true;
    if (this.head.method !== "HEAD") this.output.write(Buffer.from("0\r\n\r\n"));
    this.output.done(this.isLast);
  }
}

const CRLF = Buffer.from("\r\n");
