// Copies one chunk of a server-side copy: in the kernel if it can, otherwise by reading and writing.
// [MS-SMB2] 3.3.5.15.6.
import { Errno } from "../../../linux/errno.ts";
import type { MaybePromise } from "../../../port/port.ts";
import type { CopyChunk } from "../../../wire/fscc/copychunk.ts";
import { type NtStatus, Status } from "../../../wire/status.ts";
import type { Exchange } from "../../connection/exchange.ts";
import type { Open } from "../../state/open.ts";
import { isFailure, type FileHandle } from "../../vfs/store.ts";
import { dataWritten } from "../open/cache-breaks.ts";
import { statusOf } from "../errno-status.ts";

/** Bytes per read and write of a copy through a buffer. */
const BUFFER_BYTES = 262_144;
/** If one kernel copy takes longer than this, the next are smaller, so that others can use the disk. */
const SLOW_STEP_MS = 20;
const QUICK_STEP_MS = 8;
const LEAST_STEP_BYTES = 131_072;
const MOST_STEP_BYTES = 16_777_216;

/** How many bytes the kernel copies per call; one object serves all chunks of a request. */
export class Pace {
  stepBytes = 1_048_576;

  note(bytes: number, ms: number): void {
    if (ms > SLOW_STEP_MS) this.stepBytes = Math.max(LEAST_STEP_BYTES, this.stepBytes / 2);
    else if (ms < QUICK_STEP_MS && bytes >= this.stepBytes)
      this.stepBytes = Math.min(MOST_STEP_BYTES, this.stepBytes * 2);
  }
}

/**
 * Copies one chunk; STATUS_SUCCESS when all `length` bytes are copied. If the two ranges overlap in one file,
 * the target gets the bytes that the source had before the copy. STATUS_INVALID_VIEW_SIZE when the source
 * ends earlier.
 */
export function copyStretch(
  exchange: Exchange,
  source: Open,
  target: Open,
  chunk: CopyChunk,
  pace: Pace,
): MaybePromise<NtStatus> {
  const { handle: from } = source;
  const { handle: to } = target;
  if (from === undefined || to === undefined) return Status.FILE_CLOSED;
  if (rangesOverlap(source, target, chunk) || to.copyFrom === undefined) {
    return copyByBuffer(exchange, from, target, to, chunk);
  }
  return copyByKernel(exchange, from, target, to, chunk, pace);
}

/** True if `source` and `target` are opens of one file and the two ranges of `chunk` share a byte. */
export function rangesOverlap(
  source: Pick<Open, "file">,
  target: Pick<Open, "file">,
  { sourceOffset, targetOffset, length }: CopyChunk,
): boolean {
  return source.file === target.file && Math.abs(sourceOffset - targetOffset) < length;
}

/** True where a byte-range lock of another open refuses the copy; [MS-SMB2] 3.3.5.15.6. */
export function isLocked(
  source: Open,
  target: Open,
  { sourceOffset, targetOffset, length }: CopyChunk,
): boolean {
  return (
    source.file?.locks?.blocksRead(source.id, sourceOffset, length) === true ||
    target.file?.locks?.blocksWrite(target.id, targetOffset, length) === true
  );
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
    // The source was truncated during the copy.
    if (count === 0) return Status.INVALID_VIEW_SIZE;
    pace.note(count, clock.now() - started);
    done += count;
  }
  return Status.SUCCESS;
}

/**
 * Copies backwards if the target begins after the source: bytes of an overlap are read before they are
 * overwritten.
 */
export async function copyByBuffer(
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
      const got = await from.read(buffer, 0, count, sourceOffset + at);
      if (isFailure(got)) return statusOf(got);
      if (got < count) return Status.INVALID_VIEW_SIZE;
      const put = await to.write(buffer, 0, count, targetOffset + at);
      dataWritten(exchange.context, target);
      if (isFailure(put)) return statusOf(put);
      done += count;
    }
    return Status.SUCCESS;
  } finally {
    pool.release(buffer);
  }
}
