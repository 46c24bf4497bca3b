// One end of the socket pair between the server and the process of its web page: lines of JSON both ways.
// Each end bounds what it takes, for the other one may be in a stranger's hands.
import { Errno } from "../../linux/errno.ts";
import { Epoll } from "../../linux/epoll.ts";
import { closeFd } from "../../linux/open.ts";
import { receiveNow, sendNow } from "../../linux/socket.ts";
import { eventLoop, type Watch, type Watcher } from "../../loop/event-loop.ts";

/** Of one end. */
export interface LinkLimits {
  /** The longest line that the other end may send. */
  readonly maxLineBytes: number;
  /** While more than this waits for the other end, nothing of it is read; default: no limit. */
  readonly maxQueuedBytes?: number;
}

export interface LinkUser {
  /** A line's value, which is not checked beyond being JSON. */
  take(message: unknown): void;
  /** Once; `fault` is undefined where the other end has closed. */
  ended(fault: string | undefined): void;
}

const CHUNK_BYTES = 16_384;
/** Reads of one event, so that a busy link leaves the event loop to others. */
const READS_PER_EVENT = 4;
const NEWLINE = 10;
const EMPTY = Buffer.alloc(0);

export class LineLink implements Watcher {
  private readonly fd: number;
  private readonly maxLineBytes: number;
  private readonly maxQueuedBytes: number;
  private readonly user: LinkUser;
  private watch: Watch | undefined;
  /** What has come of a line that is not whole; grows up to the longest line. */
  private part: Buffer = EMPTY;
  private partBytes = 0;
  private readonly queue: Uint8Array[] = [];
  private queued = 0;
  private isClosed = false;

  constructor(
    fd: number,
    { maxLineBytes, maxQueuedBytes = Number.POSITIVE_INFINITY }: LinkLimits,
    user: LinkUser,
  ) {
    this.fd = fd;
    this.maxLineBytes = maxLineBytes;
    this.maxQueuedBytes = maxQueuedBytes;
    this.user = user;
  }

  /** False where the descriptor cannot be watched. */
  start(): boolean {
    const watch = eventLoop.watch(this.fd, Epoll.IN, this);
    if (typeof watch === "number") return false;
    this.watch = watch;
    return true;
  }

  /** Bytes that the kernel has not taken yet. */
  get queuedBytes(): number {
    return this.queued;
  }

  send(message: object): void {
    this.sendText(JSON.stringify(message));
  }

  /** A line of JSON without its newline. */
  sendText(text: string): void {
    if (this.isClosed) return;
    const bytes = Buffer.from(`${text}\n`);
    this.queue.push(bytes);
    this.queued += bytes.length;
    if (this.queue.length === 1) this.flush();
    else if (this.isFull) this.follow();
  }

  /** The user is not told. */
  close(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    if (this.watch !== undefined) eventLoop.unwatch(this.watch);
    closeFd(this.fd);
    this.queue.length = 0;
    this.queued = 0;
  }

  ready(events: number): void {
    if ((events & Epoll.OUT) !== 0) this.flush();
    if ((events & ~Epoll.OUT) !== 0) this.receive();
  }

  private receive(): void {
    for (let reads = 0; reads < READS_PER_EVENT && !this.isClosed && !this.isFull; reads++) {
      const chunk = new Uint8Array(CHUNK_BYTES);
      const count = receiveNow(this.fd, chunk, 0, CHUNK_BYTES);
      if (count === -Errno.EAGAIN || count === -Errno.EINTR) return;
      if (count <= 0) return this.end(count === 0 ? undefined : `errno ${-count}`);
      this.takeBytes(chunk.subarray(0, count));
      if (count < CHUNK_BYTES) return;
    }
  }

  private takeBytes(bytes: Uint8Array): void {
    let from = 0;
    while (!this.isClosed) {
      const end = bytes.indexOf(NEWLINE, from);
      const part = bytes.subarray(from, end < 0 ? bytes.length : end);
      if (this.partBytes + part.length > this.maxLineBytes) return this.end("a line is too long");
      if (end < 0) return this.keep(part);
      from = end + 1;
      this.takeLine(this.lineWith(part));
    }
  }

  /** Copies: a few bytes must not hold the whole chunk that they came in. */
  private keep(bytes: Uint8Array): void {
    const needed = this.partBytes + bytes.length;
    if (needed > this.part.length) {
      const larger = Buffer.alloc(Math.min(Math.max(2 * this.part.length, needed), this.maxLineBytes));
      this.part.copy(larger, 0, 0, this.partBytes);
      this.part = larger;
    }
    this.part.set(bytes, this.partBytes);
    this.partBytes = needed;
  }

  private lineWith(last: Uint8Array): string {
    const end = Buffer.from(last.buffer, last.byteOffset, last.length);
    if (this.partBytes === 0) return end.toString();
    const line = Buffer.concat([this.part.subarray(0, this.partBytes), end]).toString();
    this.part = EMPTY;
    this.partBytes = 0;
    return line;
  }

  private takeLine(line: string): void {
    let message: unknown;
    try {
      message = JSON.parse(line);
    } catch {
      return this.end("a line is not JSON");
    }
    this.user.take(message);
  }

  private flush(): void {
    for (let first = this.queue[0]; first !== undefined; first = this.queue[0]) {
      const count = sendNow(this.fd, first, 0, first.length);
      if (count === -Errno.EAGAIN || count === -Errno.EINTR) break;
      // The end is reported once what the other side has sent is read.
      if (count < 0) {
        this.queue.length = 0;
        this.queued = 0;
        break;
      }
      this.queued -= count;
      if (count < first.length) this.queue[0] = first.subarray(count);
      else this.queue.shift();
    }
    this.follow();
  }

  /** The other end asks for more than it takes. */
  private get isFull(): boolean {
    return this.queued > this.maxQueuedBytes;
  }

  private follow(): void {
    if (this.watch === undefined) return;
    const wanted = (this.isFull ? 0 : Epoll.IN) | (this.queue.length > 0 ? Epoll.OUT : 0);
    eventLoop.change(this.watch, wanted);
  }

  private end(fault: string | undefined): void {
    if (this.isClosed) return;
    this.close();
    this.user.ended(fault);
  }
}
