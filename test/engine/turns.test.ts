// Turns of the event loop: one at a time, in order, and other events are served before each.
import { expect, test } from "bun:test";
import { Turns } from "../../src/engine/turns.ts";

test("those who wait get their turns in order, and again behind the others", async () => {
  const turns = new Turns();
  const order: string[] = [];
  const take = (name: string, left: number): void =>
    turns.enqueue({
      takeTurn: () => {
        order.push(name);
        if (left > 1) take(name, left - 1);
      },
    });
  take("a", 3);
  take("b", 2);
  take("c", 1);
  while (order.length < 6) await turns.next();
  expect(order.join("")).toBe("abcaba");
});

test("the event loop serves other events before each turn", async () => {
  const turns = new Turns();
  const order: string[] = [];
  turns.enqueue({ takeTurn: () => order.push("first") });
  turns.enqueue({ takeTurn: () => order.push("second") });
  order.push("sync");
  while (order.length < 3) await new Promise((resolve) => setImmediate(resolve));
  setImmediate(() => order.push("event"));
  await turns.next();
  expect(order).toEqual(["sync", "first", "second", "event"]);
});
