// A stretch of one open file copied to another: by the kernel where it can, else read and written.
// [MS-SMB2] 3.3.5.15.6.
import { Errno } from "../../../linux/errno.ts";
import type { CopyChunk } from "../../../wire/fscc/copychunk.ts";
import { type NtStatus, Status } from "../../../wire/status.ts";
import type { Exchange } from "../../connection/exchange.ts";
import type { Open } from "../../state/open.ts";
import { isFailure, type FileHandle } from "../../vfs/store.ts";
import { dataWritten } from "../open/cache-breaks.ts";
import { statusOf } from "../errno-status.ts";

/** Read and written at a time. */
const BUFFER_BYTES = 262_144;
/** A slow disk copies less at a time, so that the others who use it have their turn. */
const SLOW_STEP_MS = 20;
const SLOW_STEP_BYTES = 131_072;

/** How much one copy has the kernel do at a time; kept from chunk to chunk. */
export interface Pace {
  stepBytes: number;
}

/**
 * SUCCESS when all `length` bytes (of a chunk's size at most) are copied. Where the two ranges overlap in one file,
 * the target is what the source was.
 */
export function copyStretch(
  exchange: Exchange,
  source: Open,
  target: Open,
  chunk: CopyChunk,
  pace: Pace,
): Promise<NtStatus> {
  const from = source.handle as FileHandle;
  const to = target.handle as FileHandle;
  if (rangesOverlap(source, target, chunk) || to.copyFrom === undefined) {
    return copyByBuffer(exchange, from, target, to, chunk);
  }
  return copyByKernel(exchange, from, target, to, chunk, pace);
}

function rangesOverlap(
  source: Open,
  target: Open,
  { sourceOffset, targetOffset, length }: CopyChunk,
): boolean {
  return source.file === target.file && Math.abs(sourceOffset - targetOffset) < length;
}

async function copyByKernel(
  exchange: Exchange,
  from: FileHandle,
  target: Open,
  to: FileHandle,
  chunk: CopyChunk,
  pace: Pace,
): Promise<NtStatus> {
  const { sourceOffset, targetOffset, length } = chunk;
  const { clock } = exchange.context;
  for (let done = 0; done < length;) {
    const started = clock.now();
    const wanted = Math.min(length - done, pace.stepBytes);
    const count =
      (await to.copyFrom?.(from, sourceOffset + done, targetOffset + done, wanted)) ?? -Errno.EOPNOTSUPP;
    if (count === -Errno.EXDEV || count === -Errno.EOPNOTSUPP) {
      return copyByBuffer(exchange, from, target, to, chunk, done);
    }
    dataWritten(exchange.context, target);
    if (isFailure(count)) return statusOf(count);
    // The source has become shorter meanwhile.
    if (count === 0) return Status.INVALID_VIEW_SIZE;
    pace.stepBytes = clock.now() - started > SLOW_STEP_MS ? SLOW_STEP_BYTES : Infinity;
    done += count;
  }
  return Status.SUCCESS;
}

/** Back to front where the target lies behind the source in one file: nothing is overwritten before it is read. */
async function copyByBuffer(
  exchange: Exchange,
  from: FileHandle,
  target: Open,
  to: FileHandle,
  { sourceOffset, targetOffset, length }: CopyChunk,
  before = 0,
): Promise<NtStatus> {
  const { pool } = exchange.context;
  const buffer = pool.acquire(BUFFER_BYTES);
  const backwards = before === 0 && targetOffset > sourceOffset;
  try {
    for (let done = before; done < length;) {
      const count = Math.min(BUFFER_BYTES, length - done);
      const at = backwards ? length - done - count : done;
      const got = await from.read(buffer.bytes, 0, count, sourceOffset + at);
      if (isFailure(got)) return statusOf(got);
      if (got < count) return Status.INVALID_VIEW_SIZE;
      const put = await to.write(buffer.bytes, 0, count, targetOffset + at);
      dataWritten(exchange.context, target);
      if (isFailure(put)) return statusOf(put);
      done += count;
    }
    return Status.SUCCESS;
  } finally {
    pool.release(buffer);
  }
}
