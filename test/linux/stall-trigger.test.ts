// A trigger of the kernel's pressure stall information, where the kernel has it.
import { expect, test } from "bun:test";
import { closeSync, existsSync, readlinkSync } from "node:fs";
import { openStallTrigger } from "../../src/linux/stall-trigger.ts";

test("the trigger is a descriptor of a pressure file, or -1 where the kernel has none", () => {
  const fd = openStallTrigger();
  if (!existsSync("/proc/pressure/memory")) return expect(fd).toBe(-1);
  // A container may refuse it.
  if (fd < 0) return;
  expect(readlinkSync(`/proc/self/fd/${fd}`)).toMatch(/\/memory(?:\.pressure)?$/);
  closeSync(fd);
});
