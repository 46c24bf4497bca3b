// Room for large replies: one connection's part of the budget, and the line in which connections wait.
import { expect, test } from "bun:test";
import { ReplyRoom, type RoomTaker } from "../../../src/engine/connection/reply-room.ts";
import { BufferPool, type PooledBuffer } from "../../../src/engine/transport/buffer-pool.ts";
import type { EngineSettings } from "../../../src/port/port.ts";
import { Message } from "../../../src/wire/cursor.ts";
import { Command } from "../../../src/wire/header.ts";
import { ReadRequestOffset } from "../../../src/wire/command/read.ts";

const BUDGET = 1_000_000;
const LENGTH = 65_536;
const settings = { maxReadBytes: 1_048_576 } as EngineSettings;

/** A connection whose replies are never sent, until `send`. */
class Client {
  readonly buffers: PooledBuffer[] = [];
  readonly room: ReplyRoom;
  heldBytes = 0;
  private readonly pool: BufferPool;

  constructor(pool: BufferPool) {
    this.pool = pool;
    this.room = new ReplyRoom(pool, this);
  }

  /** A READ of LENGTH bytes: true where it began at once. */
  read(): boolean {
    const message = new Message(new Uint8Array(120));
    message.view.setUint32(ReadRequestOffset.LENGTH, LENGTH, true);
    const request: RoomTaker = {
      command: Command.READ,
      message,
      hasRoomFor: () => false,
      holdRoom: (bytes) => {
        const buffer = this.pool.acquire(bytes);
        this.heldBytes += buffer.cost;
        this.buffers.push(buffer);
      },
    };
    if (this.room.take(request, settings)) return true;
    void this.room.wait(request, settings);
    return false;
  }

  send(): void {
    const buffer = this.buffers.shift();
    if (buffer === undefined) return;
    this.heldBytes -= buffer.cost;
    this.pool.release(buffer);
    this.room.review();
  }
}

test("a connection holds at most half of the budget, and the next one half of the rest", () => {
  const pool = new BufferPool(BUDGET);
  const [first, second] = [new Client(pool), new Client(pool)];
  while (first.read());
  while (second.read());
  expect([first.buffers.length, second.buffers.length]).toEqual([7, 4]);
  expect([first.room.isAwaited, pool.isLow()]).toEqual([true, false]);
});

test("a request that waits for its own client begins when replies were sent", () => {
  const client = new Client(new BufferPool(BUDGET));
  while (client.read());
  const before = client.buffers.length;
  client.send();
  expect([client.buffers.length, client.room.isAwaited]).toEqual([before, false]);
});

test("connections without unsent replies wait in line, one request each", async () => {
  const pool = new BufferPool(BUDGET);
  const clients = Array.from({ length: 30 }, () => new Client(pool));
  for (const client of clients) client.read();
  expect(pool.isLow()).toBe(true);
  const waiting = clients.filter(({ room }) => room.isAwaited);
  expect(waiting.length).toBe(16);
  waiting[0]?.read();
  for (const client of clients) client.send();
  await Promise.resolve();
  for (const client of clients) expect(client.buffers.length).toBeLessThanOrEqual(1);
  expect([waiting[0]?.buffers.length, waiting[0]?.room.isAwaited]).toEqual([1, true]);
  expect(pool.lentBytes).toBeLessThanOrEqual(BUDGET);
});

test("a closed connection's turn goes to the next one", async () => {
  const pool = new BufferPool(BUDGET);
  const held = pool.acquire(BUDGET);
  const [first, second] = [new Client(pool), new Client(pool)];
  expect([first.read(), second.read()]).toEqual([false, false]);
  first.room.close();
  for (const buffer of first.buffers) pool.release(buffer);
  pool.release(held);
  await Promise.resolve();
  expect(second.buffers.length).toBe(1);
});
