// The executable's pages on a small box: what the start alone needed goes, what serving needs is read page by
// page and stays in memory.
import {
  advise,
  Advice,
  dropCachedExecutable,
  executableMappings,
  lockOnFault,
} from "../linux/file-mapping.ts";
import { plannedMemoryBytes } from "../linux/planned-memory.ts";

const MIB = 1024 * 1024;

/** Up to this memory the executable's pages matter. */
const SMALL_MEMORY_BYTES = 256 * MIB;
/**
 * With less than this the locked pages would be missing elsewhere: a box of 64 MiB kills the server instead.
 */
const LEAST_FOR_LOCK_BYTES = 96 * MIB;
/** Where more stayed, dropping did not work, and what the start needed is not locked. */
const MOST_KEPT_BYTES = 16 * MIB;

/**
 * Drops the executable's pages from memory, switches reading around off for them, and locks each as it is
 * used again. In a kernel with 128 MiB 28 MiB were resident after the start, mostly read around what was
 * needed; serving takes 10 to 13. Without the lock ten clients that copy evict code that the next request
 * needs. Does what the kernel and the process's rights allow: dropping wants Linux 5.4 and ownership of the
 * file, locking CAP_IPC_LOCK.
 */
export function keepUsedCode(): void {
  const memoryBytes = plannedMemoryBytes();
  if (memoryBytes > SMALL_MEMORY_BYTES) return;
  const all = executableMappings();
  for (const mapping of all) advise(mapping, Advice.RANDOM);
  for (const mapping of all) if (!mapping.isWritable) advise(mapping, Advice.PAGEOUT);
  // A page that is used would bring its neighbours that are cached.
  dropCachedExecutable();
  if (memoryBytes < LEAST_FOR_LOCK_BYTES) return;
  const kept = executableMappings().filter(({ isWritable }) => !isWritable);
  const keptBytes = kept.reduce((sum, { residentBytes }) => sum + residentBytes, 0);
  if (keptBytes > MOST_KEPT_BYTES) return;
  for (const mapping of kept) lockOnFault(mapping);
}
