// Voluntary context switches and processor time of a thread; getrusage(2), clock_gettime(2).
import { expect, test } from "bun:test";
import { Scratch, sys } from "../../src/linux/libc.ts";
import { threadCpuMs, voluntarySwitches } from "../../src/linux/thread-usage.ts";

const NANOSLEEP = process.arch === "x64" ? 35 : 101;

test("voluntarySwitches counts waiting, not computing", () => {
  const sleep = new Scratch(16);
  sleep.view.setUint32(8, 1_000_000, true);
  const before = voluntarySwitches();
  for (let i = 0; i < 10; i++) sys(NANOSLEEP, sleep.address, 0);
  const after = voluntarySwitches();
  expect(after - before).toBeGreaterThanOrEqual(10);
  let sum = 0;
  for (let i = 0; i < 1_000_000; i++) sum += i;
  expect(sum).toBeGreaterThan(0);
  // The garbage collector may wait occasionally.
  expect(voluntarySwitches() - after).toBeLessThan(10);
});

test("threadCpuMs measures what is shorter than a tick of the kernel", () => {
  const steps = new Set<number>();
  for (let i = 0; i < 20; i++) {
    const before = threadCpuMs();
    let sum = 0;
    for (let j = 0; j < 20_000; j++) sum += j;
    expect(sum).toBeGreaterThan(0);
    steps.add(threadCpuMs() - before);
  }
  expect(Math.min(...steps)).toBeGreaterThan(0);
});
