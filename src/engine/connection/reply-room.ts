// Room in the buffer pool for the large replies of one connection. A request whose reply does not fit now
// waits before its handler runs: as a request it takes less than 1 KiB. A connection whose replies are not
// sent yet may hold as much of the budget as is still free; it waits for its own client first, and only then
// in line with others.
import { Command } from "../../wire/header.ts";
import { replyExtent } from "../../wire/command/reply-extent.ts";
import type { EngineSettings } from "../../port/port.ts";
import type { Message } from "../../wire/cursor.ts";
import { type BufferPool, SMALL_BUFFER } from "../transport/buffer-pool.ts";

/** Headers and fixed parts around the data of a reply. */
const AROUND_BYTES = 512;
/** The longest reply with other data than a file's that is reckoned with before it is made. */
const MAX_LISTING_BYTES = 1_048_576;
const MAX_OTHER_BYTES = 65_536;

/** A request as it takes room: its Exchange. */
export interface RoomTaker {
  readonly command: number;
  readonly message: Message;
  /** Acquires the buffer of the reply; nothing where it has one that is large enough. */
  holdRoom(bytes: number): void;
  hasRoomFor(bytes: number): boolean;
}

interface Waiter {
  readonly size: number;
  readonly begin: () => void;
}

export class ReplyRoom {
  /** Bytes of the buffers of replies that are being made. */
  underWayBytes = 0;
  private readonly pool: BufferPool;
  /** The connection's finished replies. */
  private readonly unsent: { readonly heldBytes: number };
  private waiting: Waiter[] = [];
  /** The first request stands in the pool's line. */
  private isInLine = false;

  constructor(pool: BufferPool, unsent: { readonly heldBytes: number }) {
    this.pool = pool;
    this.unsent = unsent;
  }

  /** True while a request waits for room: the connection reads no more requests. */
  get isAwaited(): boolean {
    return this.waiting.length > 0;
  }

  /** Takes room for the reply that `request` asks for; false where the request has to `wait`. */
  take(request: RoomTaker, settings: EngineSettings): boolean {
    const bytes = bytesAskedFor(request, settings);
    if (bytes <= SMALL_BUFFER - AROUND_BYTES || request.hasRoomFor(bytes)) return true;
    const size = bytes + AROUND_BYTES;
    if (this.isAwaited || !this.mayGrow(size) || !this.pool.hasRoom(size)) return false;
    if (request.command === Command.READ || request.command === Command.QUERY_DIRECTORY)
      request.holdRoom(bytes);
    return true;
  }

  /** Resolves when the request has its room, or the connection is closed. */
  wait(request: RoomTaker, settings: EngineSettings): Promise<void> {
    const bytes = bytesAskedFor(request, settings);
    return new Promise((resolve) => {
      const begin = (): void => {
        request.holdRoom(bytes);
        resolve();
      };
      this.waiting.push({ size: bytes + AROUND_BYTES, begin });
      this.review();
    });
  }

  /** A connection may hold as much as is still free, so that others always have a part. */
  private mayGrow(size: number): boolean {
    const held = this.unsent.heldBytes + this.underWayBytes;
    return held === 0 || held + size <= this.pool.freeBytes;
  }

  /** Call it when replies were sent: the next request may have its turn. */
  review(): void {
    for (;;) {
      const [first] = this.waiting;
      if (first === undefined || this.isInLine || !this.mayGrow(first.size)) return;
      if (!this.pool.hasRoom(first.size)) {
        this.isInLine = true;
        this.pool.whenRoom(first.size, () => {
          this.isInLine = false;
          this.waiting.shift()?.begin();
        });
        return;
      }
      this.waiting.shift();
      first.begin();
    }
  }

  /** The connection is closed: nothing waits any longer. */
  close(): void {
    const { waiting } = this;
    this.waiting = [];
    for (const { begin } of waiting) begin();
  }
}

function bytesAskedFor({ command, message }: RoomTaker, settings: EngineSettings): number {
  const bytes = replyExtent(command, message);
  // What exceeds these is refused by the handler.
  if (command === Command.READ) return bytes <= settings.maxReadBytes ? bytes : 0;
  return Math.min(bytes, command === Command.QUERY_DIRECTORY ? MAX_LISTING_BYTES : MAX_OTHER_BYTES);
}
