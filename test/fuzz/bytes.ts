// Seeded inputs for decoders: random bytes, every truncation, bit flips and planted extreme values of good samples.

/** A generator of numbers in [0, 1), the same for the same seed (mulberry32). */
export function createRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000;
  };
}

const EXTREMES = [0, 1, 0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0xffff, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff];

/** `count` inputs made of the samples, then every truncation of each sample. */
export function* createInputs(
  samples: readonly Uint8Array[],
  count: number,
  seed: number,
): Generator<Uint8Array> {
  const random = createRandom(seed);
  const below = (limit: number): number => Math.floor(random() * limit);
  for (let i = 0; i < count; i++) {
    const sample = samples[below(samples.length)];
    if (!sample || i % 8 === 0) {
      yield Uint8Array.from({ length: below(300) }, () => below(256));
      continue;
    }
    const bytes = sample.slice();
    for (let changes = 1 + below(4); changes > 0 && bytes.length > 0; changes--) {
      const at = below(bytes.length);
      const kind = below(3);
      if (kind === 0) bytes[at] = (bytes[at] ?? 0) ^ (1 << below(8));
      else if (kind === 1) bytes[at] = below(256);
      else {
        const width = 1 << below(3);
        let value = EXTREMES[below(EXTREMES.length)] ?? 0;
        for (let k = 0; k < width && at + k < bytes.length; k++) {
          bytes[at + k] = value & 0xff;
          value >>>= 8;
        }
      }
    }
    yield bytes;
  }
  for (const sample of samples) {
    for (let length = 0; length < sample.length; length++) yield sample.slice(0, length);
  }
}
