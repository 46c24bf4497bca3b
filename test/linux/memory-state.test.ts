// What memory is left, from /proc and the control groups' files.
import { expect, test } from "bun:test";
import { MAJOR_FAULTS_OFFSET, majorFaults, memoryState } from "../../src/linux/memory-state.ts";
import { cValues, hasCompiler } from "./c-headers.ts";

const KIB = 1024;
const MEMINFO = "MemTotal:  100000 kB\nMemFree:  5 kB\nMemAvailable:  40000 kB\n";

function stateWith(files: Readonly<Record<string, string>>) {
  return memoryState((path) => ({ "/proc/meminfo": MEMINFO, ...files })[path]);
}

test("without a control group's limit it is MemAvailable of MemTotal", () => {
  expect(stateWith({})).toEqual({ totalBytes: 100_000 * KIB, availableBytes: 40_000 * KIB });
  expect(stateWith({ "/proc/meminfo": "MemTotal: 7 kB\n" })).toBeUndefined();
});

test("a control group of version 2 that leaves less counts, its page cache as available", () => {
  const directory = "/sys/fs/cgroup/box/server";
  const files = {
    "/proc/self/cgroup": "0::/box/server\n",
    [`${directory}/memory.max`]: "max\n",
    [`${directory}/memory.high`]: "1000000\n",
    [`${directory}/memory.current`]: "900000\n",
    [`${directory}/memory.stat`]: "anon 600000\ninactive_file 200000\nactive_file 50000\n",
    "/sys/fs/cgroup/box/memory.max": "90000000000\n",
    "/sys/fs/cgroup/box/memory.current": "900000\n",
  };
  expect(stateWith(files)).toEqual({ totalBytes: 1_000_000, availableBytes: 350_000 });
});

test("of version 1 the numbers with the groups below count", () => {
  const directory = "/sys/fs/cgroup/memory/box";
  const files = {
    "/proc/self/cgroup": "4:memory:/box\n0::/\n",
    [`${directory}/memory.limit_in_bytes`]: "1000000\n",
    [`${directory}/memory.usage_in_bytes`]: "990000\n",
    [`${directory}/memory.stat`]:
      "inactive_file 1\nactive_file 1\ntotal_inactive_file 100000\ntotal_active_file 30000\n",
  };
  expect(stateWith(files)).toEqual({ totalBytes: 1_000_000, availableBytes: 140_000 });
});

test("this process's memory and faults can be read", () => {
  expect(memoryState()?.availableBytes).toBeGreaterThan(0);
  expect(majorFaults()).toBeGreaterThanOrEqual(0);
});

test.skipIf(!hasCompiler)("major faults are where struct rusage has them", () => {
  const [offset] = cValues(["sys/resource.h"], ["offsetof(struct rusage, ru_majflt)"]);
  expect(offset).toBe(MAJOR_FAULTS_OFFSET);
});
