// Messages cut out of a byte stream, however it is split; [MS-SMB2] 2.1, RFC 1002 4.3 (keep-alives).
import { describe, expect, test } from "bun:test";
import { BufferPool, type PooledBuffer } from "../../../src/engine/transport/buffer-pool.ts";
import { FrameAssembler, type FrameSink } from "../../../src/engine/transport/framing.ts";

const LIMIT = 200_000;
const KEEP_ALIVE = Uint8Array.of(0x85, 0, 0, 0);

/** A sequence of numbers that a seed fixes; mulberry32. */
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
  readonly pool = new BufferPool(64 * 1024 * 1024);
  readonly taken: Uint8Array[] = [];
  readonly assembler = new FrameAssembler(this.pool, this);
  loans = 0;
  limit = LIMIT;
  takes = (): boolean => true;
  goesOn = (): boolean => true;
  /** What `pull` hands out, in pieces of `pieceBytes()`. */
  waiting: Uint8Array = new Uint8Array(0);
  pieceBytes: () => number = () => 0;
  /** Loans that are kept for a while, as those of requests that wait are. */
  readonly kept: PooledBuffer[] = [];
  keeps = false;

  maxFrameBytes(): number {
    return this.limit;
  }
  mayTake(): boolean {
    return this.takes();
  }
  pull(bytes: Uint8Array, at: number, length: number): number {
    const count = Math.min(length, this.pieceBytes(), this.waiting.length);
    bytes.set(this.waiting.subarray(0, count), at);
    this.waiting = this.waiting.subarray(count);
    return count;
  }
  takeFrame(bytes: Uint8Array, start: number, length: number, loan: PooledBuffer | undefined): boolean {
    this.taken.push(bytes.slice(start, start + length));
    if (loan !== undefined) {
      this.loans++;
      expect(loan.isFree).toBe(false);
      expect(loan.bytes).toBe(bytes);
      if (this.keeps) this.kept.push(loan);
      else this.pool.release(loan);
    }
    return this.goesOn();
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

/** Fails with an index instead of two long dumps. */
function expectFrames(taken: readonly Uint8Array[], sent: readonly Uint8Array[]): void {
  expect(taken.map((frame) => frame.length)).toEqual(sent.map((message) => message.length));
  const wrong = taken.findIndex((frame, index) => Buffer.compare(frame, sent[index] ?? frame) !== 0);
  expect(wrong).toBe(-1);
}

test("a byte at a time", () => {
  const sink = new Sink();
  const sent = [messageOf(1), messageOf(300), messageOf(64)];
  for (const byte of join(sent.map((message) => frameOf(message)))) {
    expect(sink.assembler.feed(Uint8Array.of(byte))).toBe(true);
  }
  expectFrames(sink.taken, sent);
  expect(sink.assembler.isIdle()).toBe(true);
  expect(sink.pool.lentBytes).toBe(0);
});

test("several messages in one packet are handed over where they are", () => {
  const sink = new Sink();
  const sent = [messageOf(100), messageOf(5000), messageOf(20)];
  expect(sink.assembler.feed(join(sent.map((message) => frameOf(message))))).toBe(true);
  expectFrames(sink.taken, sent);
  expect(sink.loans).toBe(0);
});

test("a message over several packets is on loan, until it is given back", () => {
  const sink = new Sink();
  sink.keeps = true;
  const sent = [messageOf(70_000), messageOf(70_001)];
  const stream = join(sent.map((message) => frameOf(message)));
  for (let at = 0; at < stream.length; at += 1460) sink.assembler.feed(stream.subarray(at, at + 1460));
  expectFrames(sink.taken, sent);
  expect(sink.kept.length).toBe(2);
  expect(sink.kept[0]).not.toBe(sink.kept[1]);
  for (const loan of sink.kept) sink.pool.release(loan);
  expect(sink.pool.lentBytes).toBe(0);
});

test("keep-alives are passed over, whole and in parts", () => {
  const sink = new Sink();
  const message = messageOf(50);
  sink.assembler.feed(join([KEEP_ALIVE, frameOf(message), KEEP_ALIVE, KEEP_ALIVE.subarray(0, 3)]));
  expect(sink.assembler.isIdle()).toBe(false);
  sink.assembler.feed(join([KEEP_ALIVE.subarray(3), frameOf(message)]));
  expectFrames(sink.taken, [message, message]);
  expect(sink.assembler.isIdle()).toBe(true);
});

describe("broken framing", () => {
  const refused: readonly (readonly [string, readonly number[]])[] = [
    ["of no length", [0, 0, 0, 0]],
    ["of another type", [1, 0, 0, 10]],
    ["of type 0x81, a NetBIOS session request", [0x81, 0, 0, 68]],
    ["a keep-alive with a body", [0x85, 0, 0, 1]],
    ["longer than allowed", [0, 0x03, 0x0d, 0x41]],
    ["as long as can be", [0, 0xff, 0xff, 0xff]],
  ];
  test.each(refused)("a message %s ends the connection", (_, header) => {
    const sink = new Sink();
    const message = messageOf(10);
    expect(sink.assembler.feed(join([frameOf(message), Uint8Array.from(header)]))).toBe(false);
    expectFrames(sink.taken, [message]);
    sink.assembler.close();
    expect(sink.pool.lentBytes).toBe(0);
  });

  test("in what is pulled", () => {
    const sink = new Sink();
    const message = messageOf(20_000);
    const stream = join([frameOf(message), Uint8Array.of(7, 0, 0, 1)]);
    sink.waiting = stream.subarray(1000);
    sink.pieceBytes = () => 100_000;
    expect(sink.assembler.feed(stream.slice(0, 1000))).toBe(false);
    expectFrames(sink.taken, [message]);
    expect(sink.pool.lentBytes).toBe(0);
  });
});

test("the longest message that is allowed is taken, and the limit is asked for anew each time", () => {
  const sink = new Sink();
  sink.limit = 1000;
  const longest = messageOf(1000);
  expect(sink.assembler.feed(frameOf(longest))).toBe(true);
  sink.limit = 999;
  expect(sink.assembler.feed(frameOf(longest))).toBe(false);
  expectFrames(sink.taken, [longest]);
});

test("what an unfinished message holds is given back at the end", () => {
  const sink = new Sink();
  sink.assembler.feed(frameOf(messageOf(100_000)).subarray(0, 50_000));
  expect(sink.pool.lentBytes).toBeGreaterThan(0);
  expect(sink.assembler.isIdle()).toBe(false);
  sink.assembler.close();
  sink.assembler.close();
  expect(sink.pool.lentBytes).toBe(0);
});

test("a sink that is closing gets nothing more", () => {
  const sink = new Sink();
  sink.goesOn = () => false;
  expect(sink.assembler.feed(join([frameOf(messageOf(10)), frameOf(messageOf(11))]))).toBe(false);
  expect(sink.taken.length).toBe(1);
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

  test("any split gives the messages that were sent", () => {
    const sink = new Sink();
    for (let at = 0; at < stream.length;) {
      const end = Math.min(stream.length, at + cutBytes());
      expect(sink.assembler.feed(stream.slice(at, end))).toBe(true);
      at = end;
    }
    expectFrames(sink.taken, sent);
    expect(sink.pool.lentBytes).toBe(0);
  });

  test("whatever is pulled behind a packet, and whenever the sink stops taking", () => {
    const sink = new Sink();
    sink.takes = () => random(4) > 0;
    sink.waiting = stream.slice();
    // 0: nothing has come yet, or the sink stalls.
    sink.pieceBytes = () => (random(3) === 0 || sink.assembler.isHolding ? 0 : cutBytes());
    for (let turns = 0; sink.waiting.length > 0 || sink.assembler.isHolding; turns++) {
      if (turns > 1_000_000) throw new Error("no end");
      if (random(3) === 0) {
        expect(sink.assembler.resume()).toBe(true);
        continue;
      }
      const chunk = sink.waiting.slice(0, cutBytes());
      sink.waiting = sink.waiting.subarray(chunk.length);
      expect(sink.assembler.feed(chunk)).toBe(true);
    }
    expectFrames(sink.taken, sent);
    expect(sink.assembler.isIdle()).toBe(true);
    expect(sink.pool.lentBytes).toBe(0);
  });
});
