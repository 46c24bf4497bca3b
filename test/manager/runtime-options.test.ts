// The runtime's options by the memory of the box.
import { expect, test } from "bun:test";
import { restartWithRuntimeOptions, runtimeOptionsFor } from "../../src/manager/runtime-options.ts";

const MIB = 1024 * 1024;

test("a box of 64 MiB interprets, one of 128 MiB has one compiler, one of 512 MiB the runtime's own options", () => {
  const allocator = { MIMALLOC_PAGE_RECLAIM_ON_FREE: "-1", MIMALLOC_PAGE_MAX_RECLAIM: "0" };
  const modest = { ...allocator, BUN_JSC_useDFGJIT: "0", BUN_JSC_forceMiniVMMode: "1" };
  expect(runtimeOptionsFor(115 * MIB)).toEqual(modest);
  expect(runtimeOptionsFor(52 * MIB)).toMatchObject({ ...modest, BUN_JSC_useBaselineJIT: "0" });
  expect(runtimeOptionsFor(512 * MIB)).toEqual({});
});

test("programs that the server starts do not inherit the options", () => {
  process.env["BUN_JSC_largeHeapSize"] = "1048576";
  process.env["MIMALLOC_PAGE_MAX_RECLAIM"] = "0";
  restartWithRuntimeOptions();
  expect(Bun.spawnSync(["sh", "-c", "export"]).stdout.toString()).not.toMatch(/BUN_JSC_|MIMALLOC_/);
});
