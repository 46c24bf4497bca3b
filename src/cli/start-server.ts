// `minismbd serve` before any of the server is loaded.
import { restartWithRuntimeOptions } from "../manager/runtime-options.ts";

export async function run(words: readonly string[]): Promise<number> {
  restartWithRuntimeOptions();
  return (await import("./serve.ts")).run(words);
}
