// BufferPool: budget, reuse, pages given back, and buffers that a worker still uses.
import { expect, test } from "bun:test";
import { BufferPool, LARGEST_BUFFER, type PooledBuffer } from "../../../src/engine/transport/buffer-pool.ts";
import { addressOf } from "../../../src/linux/libc.ts";

const MIB = 1_048_576;

function fill(pool: BufferPool, size: number, count: number): PooledBuffer[] {
  return Array.from({ length: count }, (_, i) => {
    const buffer = pool.acquire(size);
    buffer.bytes.fill(i + 1);
    return buffer;
  });
}

test("buffers of every size lie apart, at the address that they name", () => {
  const pool = new BufferPool(64 * MIB);
  const sizes = [1, 512, 513, 5120, 16_384, 65_600, 131_200, 300_000, 600_000, 3 * MIB, LARGEST_BUFFER];
  const buffers = sizes.flatMap((size) => fill(pool, size, 2));
  for (const [i, buffer] of buffers.entries()) buffer.bytes.fill(i);
  for (const [i, { bytes, view, address }] of buffers.entries()) {
    expect(address).toBe(addressOf(bytes));
    expect([bytes[0], bytes.at(-1), view.getUint8(bytes.length - 1)]).toEqual([i, i, i]);
  }
  expect(() => pool.acquire(LARGEST_BUFFER + 1)).toThrow(RangeError);
});

test("a released buffer is lent again before another is made", () => {
  const pool = new BufferPool(MIB);
  const first = pool.acquire(100_000);
  pool.release(first);
  expect(pool.acquire(100_000)).toBe(first);
});

test("throws when a buffer is released twice", () => {
  const pool = new BufferPool(MIB);
  const buffer = pool.acquire(10);
  pool.release(buffer);
  expect(() => pool.release(buffer)).toThrow("released twice");
});

test("idle memory stays within the budget whatever sizes are asked for", () => {
  const pool = new BufferPool(4 * MIB);
  for (const size of [500, 5000, 20_000, 131_000, MIB, 300_000, 65_600, 500]) {
    const buffers: PooledBuffer[] = [];
    while (!pool.isLow()) buffers.push(...fill(pool, size, 1));
    expect(pool.residentBytes).toBeLessThan(4 * MIB + size + 100_000);
    for (const buffer of buffers) pool.release(buffer);
    expect([pool.lentBytes, pool.residentBytes <= 4 * MIB]).toEqual([0, true]);
  }
});

test("pages of idle buffers are given back by `trim`, and those in use keep their data", () => {
  const pool = new BufferPool(4 * MIB);
  const [kept, ...others] = fill(pool, MIB, 3);
  const [small, ...smaller] = fill(pool, 500, 300);
  for (const buffer of [...others, ...smaller]) pool.release(buffer);
  pool.trim();
  expect(pool.residentBytes).toBeLessThan(MIB + 100_000);
  expect([kept?.bytes.at(-1), small?.bytes.at(-1)]).toEqual([1, 1]);
  expect(others.every(({ bytes }) => bytes.every((byte) => byte === 0))).toBe(true);
});

test("a buffer that a worker uses is lent again after its release and the worker's answer, in either order", () => {
  const pool = new BufferPool(MIB);
  for (const isReleasedFirst of [true, false]) {
    const buffer = pool.acquire(100_000);
    buffer.beginUse();
    if (isReleasedFirst) pool.release(buffer);
    else buffer.endUse();
    expect(pool.lentBytes).toBe(buffer.cost);
    const other = pool.acquire(100_000);
    expect(other).not.toBe(buffer);
    if (isReleasedFirst) buffer.endUse();
    else pool.release(buffer);
    expect(pool.acquire(100_000)).toBe(buffer);
    pool.release(buffer);
    pool.release(other);
    expect(pool.lentBytes).toBe(0);
  }
});

test("those that wait for room get it in the order in which they came, while there is room", async () => {
  const pool = new BufferPool(300_000);
  const held = fill(pool, 100_000, 2);
  const served: number[] = [];
  for (const number of [1, 2, 3])
    pool.whenRoom(100_000, () => {
      served.push(number);
      held.push(...fill(pool, 100_000, 1));
    });
  for (const expected of [[1], [1, 2], [1, 2, 3]]) {
    const buffer = held.shift();
    if (buffer !== undefined) pool.release(buffer);
    await Promise.resolve();
    expect(served).toEqual(expected);
  }
});

test("a smaller budget gives idle buffers back, and those in use when they are released", () => {
  const pool = new BufferPool(8 * MIB);
  const [held, ...others] = fill(pool, MIB, 6);
  for (const buffer of others) pool.release(buffer);
  expect(pool.residentBytes).toBeGreaterThan(5 * MIB);
  pool.setBudget(MIB / 2);
  expect([pool.isLow(), pool.hasRoom(MIB)]).toEqual([true, false]);
  expect(pool.residentBytes).toBeLessThan(2 * MIB);
  if (held !== undefined) pool.release(held);
  expect(pool.residentBytes).toBe(0);
  expect(pool.isLow()).toBe(false);
});

test("what waits for room has it when the budget grows again", async () => {
  const pool = new BufferPool(8 * MIB);
  fill(pool, MIB, 2);
  pool.setBudget(MIB);
  let isServed = false;
  pool.whenRoom(MIB, () => (isServed = true));
  await Promise.resolve();
  expect(isServed).toBe(false);
  pool.setBudget(pool.fullBudgetBytes);
  await Promise.resolve();
  expect(isServed).toBe(true);
});

test("`decay` gives back what was not needed since its last call, and keeps what was", () => {
  const pool = new BufferPool(64 * MIB);
  for (const buffer of fill(pool, MIB, 8)) pool.release(buffer);
  pool.decay();
  const slabBytes = pool.residentBytes / 8;
  for (const buffer of fill(pool, MIB, 3)) pool.release(buffer);
  expect(pool.residentBytes).toBe(8 * slabBytes);
  pool.decay();
  expect(pool.residentBytes).toBe(3 * slabBytes);
  const held = pool.acquire(MIB);
  pool.decay();
  expect(pool.residentBytes).toBe(slabBytes);
  expect(held.bytes[0]).toBe(3);
  pool.release(held);
});

test("`decay` leaves slabs alone of which some buffers are in use", () => {
  const pool = new BufferPool(MIB);
  const [first, ...others] = fill(pool, 512, 4);
  for (const buffer of others) pool.release(buffer);
  for (let i = 0; i < 3; i++) pool.decay();
  expect(first?.bytes[0]).toBe(1);
  expect(pool.residentBytes).toBeGreaterThan(0);
});
