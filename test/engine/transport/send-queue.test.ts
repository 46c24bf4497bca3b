// SendQueue: which replies are sent together, and what happens while the socket takes no more.
import { expect, test } from "bun:test";
import { BufferPool } from "../../../src/engine/transport/buffer-pool.ts";
import { SendQueue } from "../../../src/engine/transport/send-queue.ts";
import type { Piece, StreamSocket } from "../../../src/engine/transport/stream-socket.ts";

/** Takes `room` bytes; remembers each call's bytes. */
class FakeSocket implements StreamSocket {
  localAddress(): string {
    return "";
  }
  arrivalInterface(): string {
    return "";
  }

  readonly calls: string[] = [];
  room = Infinity;
  isBroken = false;

  write(bytes: Uint8Array, offset: number, length: number): number {
    return this.writePieces([{ buffer: { bytes }, from: offset, to: offset + length }]);
  }
  writePieces(pieces: readonly Piece[]): number {
    if (this.isBroken) return -1;
    let text = "";
    for (const { buffer, from, to } of pieces)
      text += new TextDecoder().decode(buffer.bytes.subarray(from, to));
    const taken = text.slice(0, Math.min(text.length, this.room));
    this.room -= taken.length;
    this.calls.push(taken);
    return taken.length;
  }
  receive(): number {
    return 0;
  }
  pause(): void {}
  resume(): void {}
  end(): void {}
  leave(): undefined {}
  terminate(): void {}
}

function makeQueue() {
  const socket = new FakeSocket();
  const pool = new BufferPool(1_000_000);
  const queue = new SendQueue(socket, pool, () => 0);
  const send = (text: string): void => {
    const buffer = pool.acquire(text.length + 10);
    new TextEncoder().encodeInto(text, buffer.bytes.subarray(10));
    queue.send(buffer, 10, 10 + text.length);
  };
  return { socket, pool, queue, send };
}

test("a reply is sent at once, and its buffer released", () => {
  const { socket, pool, queue, send } = makeQueue();
  send("one");
  send("two");
  expect(socket.calls).toEqual(["one", "two"]);
  expect([queue.isEmpty(), pool.lentBytes]).toEqual([true, 0]);
});

test("replies that are gathered are sent by one call", () => {
  const { socket, pool, queue, send } = makeQueue();
  queue.gather();
  for (const text of ["one ", "two ", "three"]) send(text);
  expect(socket.calls).toEqual([]);
  queue.endGathering();
  expect(socket.calls).toEqual(["one two three"]);
  send("!");
  expect([socket.calls.length, pool.lentBytes, queue.pendingBytes]).toEqual([2, 0, 0]);
});

test("64 KiB of gathered replies are sent without waiting for more, and a large reply goes with those before it", () => {
  const { socket, queue, send } = makeQueue();
  queue.gather();
  send("x".repeat(100_000));
  expect(socket.calls.length).toBe(1);
  for (let i = 0; i < 7; i++) send("y".repeat(10_000));
  expect(socket.calls.map((call) => call.length)).toEqual([100_000, 70_000]);
  send("a");
  send("b".repeat(100_000));
  expect(socket.calls.map((call) => call.length)).toEqual([100_000, 70_000, 100_001]);
});

test("more replies than one call takes are sent by several, in order", () => {
  const { socket, queue, send } = makeQueue();
  queue.gather();
  for (let i = 0; i < 200; i++) send(`<${i}>`);
  queue.endGathering();
  expect(socket.calls.join("")).toBe(Array.from({ length: 200 }, (_, i) => `<${i}>`).join(""));
  expect(socket.calls.length).toBe(4);
});

test("what a full socket does not take follows when it drains, from the byte where it stopped", () => {
  const { socket, pool, queue, send } = makeQueue();
  socket.room = 5;
  send("first");
  send("second");
  send("third");
  expect([socket.calls.join(""), queue.pendingBytes]).toEqual(["first", 11]);
  socket.room = 8;
  queue.drain();
  expect([socket.calls.join(""), queue.pendingBytes]).toEqual(["firstsecondth", 3]);
  queue.gather();
  send("fourth");
  queue.endGathering();
  socket.room = Infinity;
  queue.drain();
  expect([socket.calls.join(""), queue.pendingBytes]).toEqual(["firstsecondthirdfourth", 0]);
  expect(pool.lentBytes).toBe(0);
});

test("a broken socket keeps nothing once the queue is closed", () => {
  const { socket, pool, queue, send } = makeQueue();
  socket.room = 2;
  send("partly");
  socket.isBroken = true;
  queue.drain();
  send("never");
  queue.close();
  send("after the end");
  expect([queue.isEmpty(), queue.pendingBytes, pool.lentBytes]).toEqual([true, 0, 0]);
});

test("what is sent while a reply is unfinished follows it", () => {
  const { socket, pool, queue, send } = makeQueue();
  const late = (text: string): (() => void) => {
    const buffer = pool.acquire(text.length);
    new TextEncoder().encodeInto(text, buffer.bytes);
    return queue.sendLater(buffer, 0, text.length);
  };
  send("0");
  const finishOne = late("1");
  send("2");
  const finishThree = late("3");
  send("4");
  queue.drain();
  expect(socket.calls.join("")).toBe("0");
  finishThree();
  expect(socket.calls.join("")).toBe("0");
  finishOne();
  expect(socket.calls.join("")).toBe("01234");
  expect([queue.isEmpty(), queue.heldBytes, pool.lentBytes]).toEqual([true, 0, 0]);

  const finishFive = late("5");
  queue.close();
  finishFive();
  expect([socket.calls.join(""), pool.lentBytes]).toEqual(["01234", 0]);
});
