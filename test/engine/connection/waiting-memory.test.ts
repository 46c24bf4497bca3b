// Memory of waiting requests: limits of one connection and of all together.
import { expect, test } from "bun:test";
import { WaitingMemory } from "../../../src/engine/connection/waiting-memory.ts";

const MIB = 1024 * 1024;

/** Takes memory for requests of `messageBytes` until there is none; returns the bytes held. */
function takeAll(memory: WaitingMemory, messageBytes: number): number {
  let own = 0;
  for (let taken = -1; taken !== 0; own += taken) taken = memory.take(own, messageBytes);
  return own + 1;
}

test("waiting requests of all connections together hold a quarter of the buffer budget", () => {
  const memory = new WaitingMemory(16 * MIB);
  for (let connection = 0; connection < 100; connection++) takeAll(memory, 1000);
  expect(memory.heldBytes).toBeLessThanOrEqual(4 * MIB);
  expect(memory.heldBytes).toBeGreaterThan(3 * MIB);
});

test("one connection holds at most half, so that another one's requests may wait", () => {
  const memory = new WaitingMemory(16 * MIB);
  const own = takeAll(memory, 1000);
  expect(own).toBeLessThanOrEqual(2 * MIB);
  expect(memory.take(0, 1000)).toBeGreaterThan(0);
});

test("memory given back can be taken again", () => {
  const memory = new WaitingMemory(16 * MIB);
  const bytes = memory.take(0, MIB);
  expect(memory.heldBytes).toBe(bytes);
  memory.release(bytes);
  expect(memory.heldBytes).toBe(0);
});
