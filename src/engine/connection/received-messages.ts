// The messages that a connection has received, in plain or encrypted. Threads decrypt and verify large ones,
// several at the same time; the connection takes all in the order in which they came.
import { PROTOCOL_SMB1, PROTOCOL_SMB2, PROTOCOL_TRANSFORM } from "../../wire/header.ts";
import type { Session, SigningKey } from "../state/session.ts";
import type { PooledBuffer } from "../transport/buffer-pool.ts";
import type { ConnectionState } from "./connection-state.ts";
import { MIN_THREAD_BYTES } from "./crypto-threads.ts";
import { openByThread, openSealed, TRANSFORM_SIZE } from "./sealing.ts";
import { verifyByThread } from "./signing.ts";

/** Enough to keep the threads busy while the event loop handles one. */
const MAX_WAITING = 4;

/** A connection that takes messages and their buffers. What returns false has it closed. */
export interface Receiver extends ConnectionState {
  /**
   * Handles the SMB2 message `buffer.bytes[start, length)`, which was decrypted with the keys of `sealedBy`,
   * or whose signature is right by `key`.
   */
  take(buffer: PooledBuffer, start: number, length: number, sealedBy?: Session, key?: SigningKey): boolean;
  takeSmb1(buffer: PooledBuffer, length: number): boolean;
  refuse(buffer: PooledBuffer): false;
  /** A message was handled that had to wait; `isSound` is false where the connection is to be closed. */
  taken(isSound: boolean): void;
}

/** Handles a message that a thread has done its work on. */
type Take = () => boolean;

interface Waiting {
  readonly buffer: PooledBuffer;
  readonly length: number;
  isWithThread: boolean;
  take: Take | undefined;
}

export class ReceivedMessages {
  private readonly connection: Receiver;
  private queue: Waiting[] = [];

  constructor(connection: Receiver) {
    this.connection = connection;
  }

  get isEmpty(): boolean {
    return this.queue.length === 0;
  }

  /** True while no further message is wanted. */
  get isFull(): boolean {
    return this.queue.length >= MAX_WAITING;
  }

  /** Handles the message, now or after those before it. False where the connection is to be closed. */
  add(buffer: PooledBuffer, length: number): boolean {
    const work = this.begin(buffer, length);
    if (work === undefined && this.isEmpty) return this.takeNow(buffer, length);
    const message: Waiting = { buffer, length, isWithThread: false, take: undefined };
    this.queue.push(message);
    if (work !== undefined) this.await(message, work);
    return true;
  }

  /** Undefined where no thread is needed or to be had. */
  private begin(buffer: PooledBuffer, length: number): Promise<Take> | undefined {
    const { connection } = this;
    if (connection.context.threads === undefined || length < MIN_THREAD_BYTES) return undefined;
    const magic = buffer.view.getUint32(0, true);
    if (magic === PROTOCOL_TRANSFORM)
      return openByThread(connection, buffer, length)?.then(
        (session) => () => this.takeOpened(buffer, length, session),
      );
    if (magic !== PROTOCOL_SMB2) return undefined;
    return verifyByThread(connection, buffer, length)?.then(
      (key) => () => connection.take(buffer, 0, length, undefined, key),
    );
  }

  private takeNow(buffer: PooledBuffer, length: number): boolean {
    const { connection } = this;
    const magic = length < 4 ? 0 : buffer.view.getUint32(0, true);
    if (magic === PROTOCOL_SMB2) return connection.take(buffer, 0, length);
    if (magic === PROTOCOL_SMB1) return connection.takeSmb1(buffer, length);
    if (magic !== PROTOCOL_TRANSFORM) return connection.refuse(buffer);
    return this.takeOpened(buffer, length, openSealed(connection, buffer.bytes, buffer.view, 0, length));
  }

  /** Takes a decrypted message, unless one before it has ended its session. */
  private takeOpened(buffer: PooledBuffer, length: number, session: Session | undefined): boolean {
    const { connection } = this;
    if (session === undefined || connection.sessions.get(session.id) !== session)
      return connection.refuse(buffer);
    return connection.take(buffer, TRANSFORM_SIZE, length, session);
  }

  private await(message: Waiting, work: Promise<Take>): void {
    message.isWithThread = true;
    void work.then((take) => {
      message.isWithThread = false;
      message.take = take;
      if (this.queue[0] === message) this.advance();
    });
  }

  /** Handles the messages at the front that wait for no thread. */
  private advance(): void {
    let isSound = true;
    for (let next = this.queue[0]; isSound && next !== undefined; next = this.queue[0]) {
      if (next.take === undefined && !next.isWithThread) {
        // The messages before it may have made the key.
        const work = this.begin(next.buffer, next.length);
        if (work !== undefined) this.await(next, work);
      }
      if (next.isWithThread) break;
      this.queue.shift();
      isSound = next.take === undefined ? this.takeNow(next.buffer, next.length) : next.take();
    }
    this.connection.taken(isSound);
  }

  /** Releases the messages; what threads still do with them comes to nothing. */
  close(): void {
    for (const { buffer } of this.queue) this.connection.context.pool.release(buffer);
    this.queue = [];
  }
}
