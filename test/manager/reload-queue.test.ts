// Reloads that are asked for while others run.
import { expect, test } from "bun:test";
import { ReloadQueue } from "../../src/manager/reload-queue.ts";

function startQueue() {
  const ends: ((outcome: string) => void)[] = [];
  const queue = new ReloadQueue<string>(() => {
    const { promise, resolve } = Promise.withResolvers<string>();
    ends.push(resolve);
    return promise;
  });
  const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
  return { queue, ends, settle };
}

test("a reload begins after the one that runs, and those who ask meanwhile share it", async () => {
  const { ends, queue, settle } = startQueue();
  const first = queue.ask();
  await settle();
  expect(ends).toHaveLength(1);
  const second = queue.ask();
  const third = queue.ask();
  await settle();
  expect(ends).toHaveLength(1);
  ends[0]?.("old");
  expect(await first).toBe("old");
  await settle();
  expect(ends).toHaveLength(2);
  ends[1]?.("new");
  expect(await Promise.all([second, third])).toEqual(["new", "new"]);
});

test("a reload that throws does so for those who asked for it, and the next one begins", async () => {
  let count = 0;
  const queue = new ReloadQueue(async () => {
    count++;
    if (count === 1) throw new Error("a bug");
    return count;
  });
  const first = queue.ask().catch((error: unknown) => String(error));
  expect(await first).toBe("Error: a bug");
  expect(await queue.ask()).toBe(2);
});
