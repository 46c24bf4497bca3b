// Reads from a disk past all caches, so that it must be spinning to answer; open(2), O_DIRECT.
import { randomInt } from "node:crypto";
import { Seek, readToAddress, seekFd } from "../../../linux/io.ts";
import { Scratch } from "../../../linux/libc.ts";
import { AT_FDCWD, Open, closeFd, openAt } from "../../../linux/open.ts";
import type { ShareContext } from "../context/share-context.ts";
import type { Failure } from "../store.ts";

// A multiple of every logical block size; the buffer must be aligned to it, too.
const BLOCK_BYTES = 4096;
const room = new Scratch(2 * BLOCK_BYTES);

/** Reads one block of a block device at a random offset, which the disk's own cache is unlikely to hold. */
export function probeDevice(_: ShareContext, file: string): 0 | Failure {
  const fd = openAt(AT_FDCWD, file, Open.RDONLY | Open.DIRECT);
  if (fd < 0) return fd;
  const blocks = Math.floor(seekFd(fd, 0, Seek.END) / BLOCK_BYTES);
  const at = blocks > 1 ? randomInt(Math.min(blocks, 2 ** 40)) * BLOCK_BYTES : 0;
  const aligned = Math.ceil(room.address / BLOCK_BYTES) * BLOCK_BYTES;
  const result = readToAddress(fd, aligned, BLOCK_BYTES, at);
  closeFd(fd);
  return result < 0 ? result : 0;
}
