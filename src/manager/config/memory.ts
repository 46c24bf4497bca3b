// Defaults that follow the memory available to the server.

const KIB = 1024;
const MIB = 1024 * KIB;

/** Default for the longest read, write and transaction. */
export function transferBytesFor(memoryBytes: number): number {
  // MemTotal excludes what the kernel reserves: a 64 MiB board reports less than 64 MiB.
  if (memoryBytes <= 64 * MIB) return 64 * KIB;
  if (memoryBytes <= 128 * MIB) return 128 * KIB;
  return memoryBytes <= 256 * MIB ? MIB : 4 * MIB;
}

/** Default for the memory of requests and replies in progress. */
export function bufferBudgetFor(memoryBytes: number): number {
  return Math.min(Math.max(Math.floor(memoryBytes / 8), 4 * MIB), 256 * MIB);
}

/** Default for the byte-range locks of all files, which take about 280 bytes each. */
export function locksFor(memoryBytes: number): number {
  return Math.min(Math.max(Math.floor(memoryBytes / 4096), 16_384), 1_048_576);
}
