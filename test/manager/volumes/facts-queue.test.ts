// Questions about disks: one worker for many, another for the next disk where one hangs, and an end.
import { expect, spyOn, test } from "bun:test";
import { timers } from "../../../src/loop/timers.ts";
import { FactsQueue, NO_FACTS } from "../../../src/manager/volumes/facts-queue.ts";
import type { VolumeQuestion } from "../../../src/manager/volumes/volume-facts.ts";

class FakeWorker {
  static all: FakeWorker[] = [];
  onmessage: ((event: { data: unknown }) => void) | null = null;
  onerror: (() => void) | null = null;
  isEnded = false;
  constructor() {
    FakeWorker.all.push(this);
  }
  unref(): void {}
  terminate(): void {
    this.isEnded = true;
  }
  postMessage({ source }: VolumeQuestion): void {
    if (source === "/dev/hanging") return;
    if (source === "/dev/broken") queueMicrotask(() => this.onerror?.());
    else queueMicrotask(() => this.onmessage?.({ data: { ...NO_FACTS, label: source } }));
  }
}

/** A question about a device. */
const about = (source: string): VolumeQuestion => ({
  source,
  mountPoint: "/",
  deviceMajor: 8,
  deviceMinor: 1,
});

function makeQueue(): FactsQueue {
  FakeWorker.all = [];
  return new FactsQueue(() => new FakeWorker() as unknown as Worker);
}

test("300 disks are asked by one worker, which ends after the last", async () => {
  const queue = makeQueue();
  const asked = Array.from({ length: 300 }, (_, at) => queue.ask(about(`/dev/${at}`)));
  expect((await Promise.all(asked)).map(({ label }) => label).at(-1)).toBe("/dev/299");
  expect(FakeWorker.all.map(({ isEnded }) => isEnded)).toEqual([true]);
});

test("a worker that fails leaves its disk unknown, and the next one is asked by another", async () => {
  const queue = makeQueue();
  const broken = queue.ask(about("/dev/broken"));
  const next = queue.ask(about("/dev/next"));
  expect([await broken, (await next).label]).toEqual([NO_FACTS, "/dev/next"]);
  expect(FakeWorker.all.every(({ isEnded }) => isEnded)).toBe(true);
});

test("workers that fail after their time count no longer as stuck", async () => {
  const queue = makeQueue();
  const set = spyOn(timers, "set").mockImplementation((_delayMs, run) => {
    queueMicrotask(run);
    return {} as ReturnType<typeof timers.set>;
  });
  try {
    for (let at = 0; at < 3; at++) expect(await queue.ask(about("/dev/hanging"))).toBe(NO_FACTS);
  } finally {
    set.mockRestore();
  }
  expect(await queue.ask(about("/dev/next"))).toBe(NO_FACTS);
  for (const worker of FakeWorker.all) worker.onerror?.();
  expect(FakeWorker.all.every(({ isEnded }) => isEnded)).toBe(true);
  expect((await queue.ask(about("/dev/next"))).label).toBe("/dev/next");
});
