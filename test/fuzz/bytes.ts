// Reproducible inputs for decoders: random bytes, and valid samples truncated, with flipped bits or with
// extreme values.

/** A generator of numbers in [0, 1), determined by the seed (mulberry32). */
export function createRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000;
  };
}

/** Boundary values: sign bits, field widths, and the limit of exact integers in a double. */
const EXTREMES: readonly bigint[] = [
  ...[0n, 1n, 0x7fn, 0x80n, 0xffn, 0x7fffn, 0x8000n, 0xffffn, 0x7fff_ffffn, 0x8000_0000n, 0xffff_ffffn],
  ...[1n << 53n, (1n << 53n) + 1n, (1n << 63n) - 1n, 1n << 63n, (1n << 64n) - 1n],
];

/** Writes the low `width` bytes of `value`, truncated at the end of `bytes`. */
function plant(bytes: Uint8Array, at: number, width: number, value: bigint): void {
  let rest = value;
  for (let k = 0; k < width && at + k < bytes.length; k++) {
    bytes[at + k] = Number(rest & 0xffn);
    rest >>= 8n;
  }
}

function valueAt(bytes: Uint8Array, at: number, width: number): bigint {
  let value = 0n;
  for (let k = width - 1; k >= 0; k--) value = (value << 8n) | BigInt(bytes[at + k] ?? 0);
  return value;
}

/**
 * Critical values for a length, offset or count at `at`: extremes, its value plus or minus a little, the
 * length of the whole input and of the rest from `at` (and one more or less), and negative offsets to itself
 * or the start.
 */
function edgesAt(bytes: Uint8Array, at: number, width: number): bigint[] {
  const said = valueAt(bytes, at, width);
  const whole = BigInt(bytes.length);
  const left = BigInt(bytes.length - at);
  const steps = [said - 1n, said + 1n, said - 4n, said + 8n, whole - 1n, whole, whole + 1n];
  return [...EXTREMES, ...steps, left - 1n, left, left + 1n, -BigInt(at), -8n];
}

/** Returns a copy of `sample` with one to four changes, at index `from` or later. */
export function mutate(sample: Uint8Array, random: () => number, from = 0): Uint8Array {
  const below = (limit: number): number => Math.floor(random() * limit);
  const bytes = sample.slice();
  if (bytes.length <= from) return bytes;
  for (let changes = 1 + below(4); changes > 0; changes--) {
    const at = from + below(bytes.length - from);
    const kind = below(4);
    if (kind === 0) bytes[at] = (bytes[at] ?? 0) ^ (1 << below(8));
    else if (kind === 1) bytes[at] = below(256);
    else {
      const width = 1 << below(4);
      // Most fields are aligned to their width.
      const aligned = kind === 2 ? Math.max(from, at - (at % width)) : at;
      const edges = edgesAt(bytes, aligned, width);
      plant(bytes, aligned, width, edges[below(edges.length)] ?? 0n);
    }
  }
  return bytes;
}

/** Yields `count` inputs, random or mutated from the samples, then every truncation of each sample. */
export function* createInputs(
  samples: readonly Uint8Array[],
  count: number,
  seed: number,
): Generator<Uint8Array> {
  const random = createRandom(seed);
  const below = (limit: number): number => Math.floor(random() * limit);
  for (let i = 0; i < count; i++) {
    const sample = samples[below(samples.length)];
    if (!sample || i % 8 === 0) yield Uint8Array.from({ length: below(300) }, () => below(256));
    else yield mutate(sample, random);
  }
  for (const sample of samples) {
    for (let length = 0; length < sample.length; length++) yield sample.slice(0, length);
  }
}

/** Yields the sample with each field of 2, 4 and 8 bytes in turn set to each of its critical values. */
export function* createEdges(sample: Uint8Array): Generator<Uint8Array> {
  for (const width of [2, 4, 8]) {
    for (let at = 0; at + width <= sample.length; at += Math.min(width, 4)) {
      for (const value of edgesAt(sample, at, width)) {
        const bytes = sample.slice();
        plant(bytes, at, width, value);
        yield bytes;
      }
    }
  }
}
