// The runtime's options by the memory of the box.
import { expect, test } from "bun:test";
import { restartWithRuntimeOptions, runtimeOptionsFor } from "../../src/manager/runtime-options.ts";

const MIB = 1024 * 1024;

test("a box of 64 MiB interprets, one of 128 MiB has one compiler, one of 512 MiB the runtime's own options", () => {
  expect(runtimeOptionsFor(115 * MIB)).toEqual({ BUN_JSC_useDFGJIT: "0", BUN_JSC_forceMiniVMMode: "1" });
  expect(runtimeOptionsFor(52 * MIB)).toMatchObject({ BUN_JSC_useBaselineJIT: "0" });
  expect(runtimeOptionsFor(512 * MIB)).toEqual({});
});

test("programs that the server starts do not inherit the options", () => {
  process.env["BUN_JSC_largeHeapSize"] = "1048576";
  restartWithRuntimeOptions();
  expect(Bun.spawnSync(["sh", "-c", "export"]).stdout.toString()).not.toContain("BUN_JSC_");
});
