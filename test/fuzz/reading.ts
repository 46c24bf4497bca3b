// Fuzzes readers of stored data: random bytes, mutated and truncated samples, critical values in every field.
import { createEdges, createInputs } from "./bytes.ts";

export const seed = Number(process.env["FUZZ_SEED"] ?? "20261122");
/** Inputs per reader; FUZZ_SECONDS raises it. */
export const COUNT = 1000 * Number(process.env["FUZZ_SECONDS"] ?? "3");
export const TIMEOUT_MS = 20_000 + COUNT * 20;

/**
 * Runs `read` on all inputs. Returns how often it returned a value; rethrows its errors with seed and input.
 */
export async function readAll(
  samples: readonly Uint8Array[],
  read: (input: Uint8Array) => unknown,
  count = COUNT,
): Promise<number> {
  let values = 0;
  const inputs = [createInputs(samples, count, seed), ...samples.map((sample) => createEdges(sample))];
  for (const each of inputs) {
    for (const input of each) {
      try {
        if ((await read(input)) !== undefined) values++;
      } catch (error) {
        throw new Error(`seed ${seed}: ${input.toHex()}`, { cause: error });
      }
    }
  }
  return values;
}
