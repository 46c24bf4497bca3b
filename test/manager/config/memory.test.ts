import { expect, test } from "bun:test";
import { bufferBudgetFor, plannedMemoryBytes, transferBytesFor } from "../../../src/manager/config/memory.ts";

const MIB = 1024 * 1024;

test("transfer sizes follow memory as on OpenWrt (users.md, 1.2)", () => {
  expect(transferBytesFor(60 * MIB)).toBe(65_536);
  expect(transferBytesFor(120 * MIB)).toBe(131_072);
  expect(transferBytesFor(250 * MIB)).toBe(MIB);
  expect(transferBytesFor(4096 * MIB)).toBe(4 * MIB);
});

test("the buffer budget has a floor and a ceiling", () => {
  expect(bufferBudgetFor(16 * MIB)).toBe(4 * MIB);
  expect(bufferBudgetFor(512 * MIB)).toBe(64 * MIB);
  expect(bufferBudgetFor(64 * 1024 * MIB)).toBe(256 * MIB);
});

function memoryOf(files: Record<string, string>): number {
  return plannedMemoryBytes((path) => files[path]);
}

test("a control group's limit counts, the tightest one above too", () => {
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
