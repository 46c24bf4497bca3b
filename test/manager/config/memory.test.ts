import { expect, test } from "bun:test";
import { plannedMemoryBytes } from "../../../src/linux/planned-memory.ts";
import { bufferBudgetFor, transferBytesFor } from "../../../src/manager/config/memory.ts";

const MIB = 1024 * 1024;

test("transfer sizes depend on memory as on OpenWrt", () => {
  expect(transferBytesFor(60 * MIB)).toBe(65_536);
  expect(transferBytesFor(120 * MIB)).toBe(131_072);
  expect(transferBytesFor(250 * MIB)).toBe(MIB);
  expect(transferBytesFor(4096 * MIB)).toBe(4 * MIB);
});

test("the buffer budget has a minimum and a maximum", () => {
  expect(bufferBudgetFor(16 * MIB)).toBe(4 * MIB);
  expect(bufferBudgetFor(512 * MIB)).toBe(64 * MIB);
  expect(bufferBudgetFor(64 * 1024 * MIB)).toBe(256 * MIB);
});

function memoryOf(files: Record<string, string>): number {
  return plannedMemoryBytes((path) => files[path]);
}

test("the smallest limit of the control group and its ancestors counts", () => {
  const meminfo = "MemTotal:        1000000 kB\nMemFree: 1 kB\n";
  expect(memoryOf({ "/proc/meminfo": meminfo })).toBe(1_024_000_000);
  expect(
    memoryOf({
      "/proc/meminfo": meminfo,
      "/proc/self/cgroup": "0::/system.slice/minismbd.service\n",
      "/sys/fs/cgroup/system.slice/minismbd.service/memory.max": "max\n",
      "/sys/fs/cgroup/system.slice/memory.max": "67108864\n",
    }),
  ).toBe(67_108_864);
  expect(
    memoryOf({
      "/proc/meminfo": meminfo,
      "/proc/self/cgroup": "9:memory:/docker/x\n1:name=systemd:/\n",
      "/sys/fs/cgroup/memory/docker/x/memory.limit_in_bytes": "33554432\n",
    }),
  ).toBe(33_554_432);
});
