// JobQueue: the shares take turns.
import { expect, test } from "bun:test";
import { JobQueue } from "../../../../src/engine/vfs/volume/job-queue.ts";

const job = (share: number, name: string) => ({ share, name });
const always = (): boolean => true;

function takeAll(queue: JobQueue<{ share: number; name: string }>, mayRun = always): string[] {
  const names: string[] = [];
  for (let next = queue.take(mayRun); next !== undefined; next = queue.take(mayRun)) names.push(next.name);
  return names;
}

test("a share with many jobs delays the job of another by one", () => {
  const queue = new JobQueue<{ share: number; name: string }>();
  for (const name of ["a1", "a2", "a3"]) queue.push(job(1, name));
  queue.push(job(2, "b1"));
  queue.push(job(3, "c1"));
  queue.push(job(2, "b2"));
  expect(takeAll(queue)).toEqual(["a1", "b1", "c1", "a2", "b2", "a3"]);
  expect(queue.isEmpty).toBe(true);
});

test("a share that comes later waits for one job of each", () => {
  const queue = new JobQueue<{ share: number; name: string }>();
  for (const name of ["a1", "a2"]) queue.push(job(1, name));
  expect(queue.take(always)?.name).toBe("a1");
  queue.push(job(2, "b1"));
  expect(takeAll(queue)).toEqual(["a2", "b1"]);
});

test("jobs that may not run now keep their places", () => {
  const queue = new JobQueue<{ share: number; name: string }>();
  for (const name of ["long", "a2"]) queue.push(job(1, name));
  queue.push(job(2, "b1"));
  expect(takeAll(queue, (() => false) as typeof always)).toEqual([]);
  const names = ["a2", "b1"];
  for (const name of names) expect(queue.take((one) => one.name !== "long")?.name).toBe(name);
  expect(takeAll(queue)).toEqual(["long"]);
});

test("a removed job is not taken", () => {
  const queue = new JobQueue<{ share: number; name: string }>();
  const first = job(1, "a1");
  queue.push(first);
  queue.push(job(1, "a2"));
  expect([queue.remove(first), queue.remove(first)]).toEqual([true, false]);
  expect(queue.drain().map(({ name }) => name)).toEqual(["a2"]);
  expect(queue.isEmpty).toBe(true);
});
