// FrameAssembler: messages from a byte stream that is split anywhere; [MS-SMB2] 2.1, RFC 1002 4.3 (keep-alives).
import { describe, expect, test } from "bun:test";
import { BufferPool, type PooledBuffer } from "../../../src/engine/transport/buffer-pool.ts";
import { FrameAssembler, type FrameSink } from "../../../src/engine/transport/framing.ts";

const LIMIT = 200_000;
const KEEP_ALIVE = Uint8Array.of(0x85, 0, 0, 0);

/** Seeded pseudo-random numbers; mulberry32. */
function makeRandom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b_79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296) * below);
  };
}

class Sink implements FrameSink {
  readonly pool: BufferPool;
  readonly received: Uint8Array[] = [];
  readonly assembler: FrameAssembler;
  limit = LIMIT;
  canTake = (): boolean => true;
  continues = (): boolean => true;
  /** What the peer has sent, in the pieces in which it arrives: `pull` crosses no border between two. */
  readonly arrived: Uint8Array[] = [];
  /** The lengths that were asked for. */
  readonly asked: number[] = [];
  /** Buffers that are not released at once, like those of waiting requests. */
  readonly retained: PooledBuffer[] = [];
  retains = false;

  constructor(pool = new BufferPool(64 * 1024 * 1024)) {
    this.pool = pool;
    this.assembler = new FrameAssembler(pool, this);
  }

  /** Lets bytes arrive, and has them received. */
  feed(...pieces: readonly Uint8Array[]): boolean {
    this.arrived.push(...pieces);
    return this.receive();
  }

  /** Receives as an event loop does: again while there is something. */
  receive(): boolean {
    while (this.arrived.length > 0) {
      const before = this.asked.length;
      if (!this.assembler.receive()) return false;
      if (this.asked.length === before) return true;
    }
    return true;
  }

  maxFrameBytes(): number {
    return this.limit;
  }
  mayTakeFrame(): boolean {
    return this.canTake();
  }
  pull(bytes: Uint8Array, at: number, length: number): number {
    this.asked.push(length);
    const piece = this.arrived.shift();
    if (piece === undefined) return 0;
    bytes.set(piece.subarray(0, length), at);
    if (piece.length > length) this.arrived.unshift(piece.subarray(length));
    return Math.min(piece.length, length);
  }
  takeFrame(buffer: PooledBuffer, length: number): boolean {
    expect(buffer.isFree).toBe(false);
    this.received.push(buffer.bytes.slice(0, length));
    if (this.retains) this.retained.push(buffer);
    else this.pool.release(buffer);
    return this.continues();
  }
  sessionRequests = 0;
  keepAlives = 0;
  takeKeepAlive(): boolean {
    return ++this.keepAlives <= 100;
  }

  roomFreed(): void {
    expect(this.assembler.resume()).toBe(true);
    expect(this.receive()).toBe(true);
  }

  takeSessionRequest(): boolean {
    return ++this.sessionRequests === 1;
  }
}

function frameOf(message: Uint8Array, type = 0): Uint8Array {
  const frame = new Uint8Array(4 + message.length);
  new DataView(frame.buffer).setUint32(0, message.length);
  frame[0] = type;
  frame.set(message, 4);
  return frame;
}

function join(parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts));
}

function messageOf(length: number, random = makeRandom(length)): Uint8Array {
  return Uint8Array.from({ length }, () => random(256));
}

/** Fails with the index of the first wrong message instead of two long dumps. */
function expectFrames(received: readonly Uint8Array[], sent: readonly Uint8Array[]): void {
  expect(received.map((frame) => frame.length)).toEqual(sent.map((message) => message.length));
  const wrong = received.findIndex((frame, index) => Buffer.compare(frame, sent[index] ?? frame) !== 0);
  expect(wrong).toBe(-1);
}

test("a NetBIOS session request goes to the sink without its names; a long one ends the stream", () => {
  const sink = new Sink();
  const request = frameOf(new Uint8Array(68), 0x81);
  for (const byte of join([request, frameOf(messageOf(70))]))
    expect(sink.feed(Uint8Array.of(byte))).toBe(true);
  expect([sink.sessionRequests, sink.received.length]).toEqual([1, 1]);
  expect(sink.feed(request)).toBe(false);
  expect(new Sink().feed(frameOf(new Uint8Array(511), 0x81))).toBe(false);
});

test("messages that arrive byte by byte are assembled", () => {
  const sink = new Sink();
  const sent = [messageOf(1), messageOf(300), messageOf(64)];
  for (const byte of join(sent.map((message) => frameOf(message)))) {
    expect(sink.feed(Uint8Array.of(byte))).toBe(true);
  }
  expectFrames(sink.received, sent);
  expect(sink.assembler.isIdle()).toBe(true);
  expect(sink.pool.lentBytes).toBe(0);
});

test("several small messages are received by one call, each into a buffer of its own", () => {
  const sink = new Sink();
  sink.retains = true;
  const sent = [messageOf(100), messageOf(5000), messageOf(20)];
  expect(sink.feed(join(sent.map((message) => frameOf(message))))).toBe(true);
  expectFrames(sink.received, sent);
  expect([sink.asked.length, new Set(sink.retained).size]).toEqual([1, 3]);
});

test("the rest of a large message is received into its own buffer by one call, and no byte beyond it", () => {
  const sink = new Sink();
  const sent = [messageOf(150_000), messageOf(100)];
  expect(sink.feed(join(sent.map((message) => frameOf(message))))).toBe(true);
  expectFrames(sink.received, sent);
  const [ahead = 0, rest = 0] = sink.asked;
  expect(ahead + rest).toBe(4 + 150_000);
  expect(sink.asked.length).toBe(3);
});

test("a message of several packets stays in its own pooled buffer until the sink releases it", () => {
  const sink = new Sink();
  sink.retains = true;
  const sent = [messageOf(70_000), messageOf(70_001)];
  const stream = join(sent.map((message) => frameOf(message)));
  for (let at = 0; at < stream.length; at += 1460) sink.feed(stream.subarray(at, at + 1460));
  expectFrames(sink.received, sent);
  expect(sink.retained.length).toBe(2);
  expect(sink.retained[0]).not.toBe(sink.retained[1]);
  for (const loan of sink.retained) sink.pool.release(loan);
  expect(sink.pool.lentBytes).toBe(0);
});

test("what was received before the sink stalled waits, and nothing more is received", () => {
  const sink = new Sink();
  const sent = [messageOf(100), messageOf(200), messageOf(300)];
  sink.canTake = () => sink.received.length < 1;
  expect(sink.feed(join(sent.map((message) => frameOf(message))))).toBe(true);
  sink.feed(frameOf(messageOf(400)));
  expectFrames(sink.received, sent.slice(0, 1));
  expect([sink.assembler.hasDeferred, sink.asked.length]).toEqual([true, 1]);
  expect(sink.pool.lentBytes).toBeGreaterThan(0);
  sink.canTake = () => true;
  expect(sink.receive()).toBe(true);
  expectFrames(sink.received, [...sent, messageOf(400)]);
  expect(sink.pool.lentBytes).toBe(0);
});

describe("while the pool is low", () => {
  const feedAll = (sink: Sink, stream: Uint8Array, step: number): void => {
    for (let at = 0; at < stream.length; at += step)
      expect(sink.feed(stream.slice(at, at + step))).toBe(true);
  };

  test.each([1460, 30_003, 50_000])(
    "a large message in packets of %d bytes waits, a small one does not",
    async (step) => {
      const pool = new BufferPool(10_000);
      const held = pool.acquire(10_000);
      const sink = new Sink(pool);
      const sent = [messageOf(5_000), messageOf(6_000), messageOf(100)];
      feedAll(sink, join(sent.map((message) => frameOf(message))), step);
      expectFrames(sink.received, sent.slice(0, 1));
      expect([sink.assembler.hasDeferred, pool.lentBytes - held.cost < 1000]).toEqual([true, true]);
      pool.release(held);
      await Promise.resolve();
      expectFrames(sink.received, sent);
      expect([sink.assembler.hasDeferred, pool.lentBytes]).toEqual([false, 0]);
    },
  );

  test("fifty senders of large messages get buffers one after another, and all are received", async () => {
    const pool = new BufferPool(100_000);
    const sinks = Array.from({ length: 50 }, () => new Sink(pool));
    const message = messageOf(150_000);
    const stream = frameOf(message);
    for (let at = 0; at < stream.length; at += 40_000) {
      for (const sink of sinks) sink.feed(stream.slice(at, at + 40_000));
      await Promise.resolve();
      expect(pool.lentBytes).toBeLessThan(400_000);
    }
    for (let turn = 0; turn < 100; turn++) await Promise.resolve();
    for (const sink of sinks) expectFrames(sink.received, [message]);
    expect(pool.lentBytes).toBe(0);
  });

  test("a closed sender's turn goes to the next one", async () => {
    const pool = new BufferPool(10_000);
    const held = pool.acquire(10_000);
    const [first, second] = [new Sink(pool), new Sink(pool)];
    const message = messageOf(150_000);
    for (const sink of [first, second]) feedAll(sink, frameOf(message), 50_000);
    first.assembler.close();
    first.arrived.length = 0;
    pool.release(held);
    await Promise.resolve();
    expectFrames(second.received, [message]);
    expect(pool.lentBytes).toBe(0);
  });
});

test("NetBIOS keep-alives are skipped, whole or split", () => {
  const sink = new Sink();
  const message = messageOf(50);
  sink.feed(join([KEEP_ALIVE, frameOf(message), KEEP_ALIVE, KEEP_ALIVE.subarray(0, 3)]));
  expect(sink.assembler.isIdle()).toBe(false);
  sink.feed(join([KEEP_ALIVE.subarray(3), frameOf(message)]));
  expectFrames(sink.received, [message, message]);
  expect(sink.assembler.isIdle()).toBe(true);
});

test("keep-alives that the sink refuses end the stream", () => {
  const sink = new Sink();
  expect(sink.feed(join(new Array(100).fill(KEEP_ALIVE)))).toBe(true);
  expect(sink.feed(KEEP_ALIVE)).toBe(false);
});

describe("broken framing", () => {
  const refused: readonly (readonly [string, readonly number[]])[] = [
    ["of length 0", [0, 0, 0, 0]],
    ["of another type", [1, 0, 0, 10]],
    ["of type 0x82, a NetBIOS session response", [0x82, 0, 0, 0]],
    ["a keep-alive with a body", [0x85, 0, 0, 1]],
    ["1 byte longer than maxFrameBytes", [0, 0x03, 0x0d, 0x41]],
    ["of the greatest length", [0, 0xff, 0xff, 0xff]],
  ];
  test.each(refused)("a message %s ends the connection", (_, header) => {
    const sink = new Sink();
    const message = messageOf(10);
    expect(sink.feed(join([frameOf(message), Uint8Array.from(header)]))).toBe(false);
    expectFrames(sink.received, [message]);
    sink.assembler.close();
    expect(sink.pool.lentBytes).toBe(0);
  });

  test("a message of another type behind a large one ends the connection", () => {
    const sink = new Sink();
    const message = messageOf(20_000);
    expect(sink.feed(join([frameOf(message), Uint8Array.of(7, 0, 0, 1)]))).toBe(false);
    expectFrames(sink.received, [message]);
    expect(sink.pool.lentBytes).toBe(0);
  });
});

test("a message of maxFrameBytes is accepted, and the limit is read for each message", () => {
  const sink = new Sink();
  sink.limit = 1000;
  const longest = messageOf(1000);
  expect(sink.feed(frameOf(longest))).toBe(true);
  sink.limit = 999;
  expect(sink.feed(frameOf(longest))).toBe(false);
  expectFrames(sink.received, [longest]);
});

test("close releases the buffer of an incomplete message", () => {
  const sink = new Sink();
  sink.feed(frameOf(messageOf(100_000)).subarray(0, 50_000));
  expect(sink.pool.lentBytes).toBeGreaterThan(0);
  expect(sink.assembler.isIdle()).toBe(false);
  sink.assembler.close();
  sink.assembler.close();
  expect(sink.pool.lentBytes).toBe(0);
});

test("a sink that returns false gets no further message", () => {
  const sink = new Sink();
  sink.continues = () => false;
  expect(sink.feed(join([frameOf(messageOf(10)), frameOf(messageOf(11))]))).toBe(false);
  expect(sink.received.length).toBe(1);
});

describe.each(Array.from({ length: 40 }, (_, index) => index + 1))("seed %d", (seed) => {
  const random = makeRandom(seed);
  const lengthOf = (): number => {
    const kind = random(6);
    if (kind === 0) return 1 + random(4);
    if (kind < 4) return 1 + random(600);
    return kind === 4 ? 10_000 + random(20_000) : 1 + random(LIMIT);
  };
  const sent = Array.from({ length: 30 }, () => messageOf(lengthOf(), random));
  const stream = join(
    sent.flatMap((message) => (random(5) === 0 ? [KEEP_ALIVE, frameOf(message)] : [frameOf(message)])),
  );
  const cutBytes = (): number => 1 + random([4, 100, 1500, 65_536][random(4)] ?? 1);

  test("a stream split at random gives the messages that were sent", () => {
    const sink = new Sink();
    for (let at = 0; at < stream.length;) {
      const end = Math.min(stream.length, at + cutBytes());
      expect(sink.feed(stream.slice(at, end))).toBe(true);
      at = end;
    }
    expectFrames(sink.received, sent);
    expect(sink.pool.lentBytes).toBe(0);
  });

  test("a sink that stalls at random gets the messages that were sent", () => {
    const sink = new Sink();
    sink.canTake = () => random(4) > 0;
    for (let at = 0; at < stream.length;) {
      const end = at + cutBytes();
      sink.arrived.push(stream.slice(at, end));
      at = end;
    }
    for (let turns = 0; sink.arrived.length > 0 || sink.assembler.hasDeferred; turns++) {
      if (turns > 1_000_000) throw new Error("no end");
      expect(random(3) === 0 ? sink.assembler.resume() : sink.assembler.receive()).toBe(true);
    }
    expectFrames(sink.received, sent);
    expect(sink.assembler.isIdle()).toBe(true);
    expect(sink.pool.lentBytes).toBe(0);
  });
});
