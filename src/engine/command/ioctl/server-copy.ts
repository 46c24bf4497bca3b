// Server-side copy: FSCTL_SRV_REQUEST_RESUME_KEY, FSCTL_SRV_COPYCHUNK, FSCTL_SRV_COPYCHUNK_WRITE.
// [MS-SMB2] 3.3.5.15.5, 3.3.5.15.6.
import type { MaybePromise } from "../../../port/port.ts";
import { Access } from "../../../wire/security/access.ts";
import { Writer } from "../../../wire/cursor.ts";
import {
  COPYCHUNK_RESPONSE_SIZE,
  type CopyChunk,
  type CopyChunkResponse,
  decodeCopyChunkRequest,
  encodeCopyChunkResponse,
  encodeResumeKey,
  RESUME_KEY_RESPONSE_SIZE,
  RESUME_KEY_SIZE,
} from "../../../wire/fscc/copychunk.ts";
import { Fsctl } from "../../../wire/fscc/fsctl.ts";
import type { IoctlRequest } from "../../../wire/command/ioctl.ts";
import { type NtStatus, Status } from "../../../wire/status.ts";
import type { Exchange } from "../../connection/exchange.ts";
import type { Open } from "../../state/open.ts";
import { andThen } from "../../and-then.ts";
import { copiesWholeFiles, copyFile } from "./copy-file.ts";
import { copyStretch, isLocked, Pace } from "./copy-stretch.ts";
import { statusOf } from "../errno-status.ts";
import { answerIoctl } from "./answer.ts";
import { MORE, workInSteps, whileUsed } from "../open/long-work.ts";
import { noteModified } from "../open/modified.ts";
import { MAX_FILE_OFFSET } from "../../vfs/store.ts";

/** Limits of one request, those of Windows; 3.3.3. */
const MAX_CHUNKS = 256;
const MAX_CHUNK_BYTES = 1_048_576;
const MAX_TOTAL_BYTES = 16_777_216;

/** The resume key is the id of the open. It is valid only within the session of that open. */
export function requestResumeKey(exchange: Exchange, open: Open, request: IoctlRequest): NtStatus {
  if (open.node === undefined) return Status.NOT_SUPPORTED;
  if (request.maxOutputResponse < RESUME_KEY_RESPONSE_SIZE) return Status.INVALID_PARAMETER;
  const key = new Uint8Array(RESUME_KEY_SIZE);
  new DataView(key.buffer).setUint32(0, open.id, true);
  const writer = new Writer(new Uint8Array(RESUME_KEY_RESPONSE_SIZE));
  encodeResumeKey(writer, key);
  answerIoctl(exchange, request, writer.bytes);
  return Status.SUCCESS;
}

/** Undefined for a key that names no open of the request's session. */
function findByResumeKey(exchange: Exchange, key: Uint8Array): Open | undefined {
  if (key.some((byte, at) => at >= 4 && byte !== 0)) return undefined;
  const id = new DataView(key.buffer, key.byteOffset, key.byteLength).getUint32(0, true);
  const source = exchange.context.opens.find(id);
  return source?.session === exchange.session ? source : undefined;
}

/**
 * FSCTL_SRV_COPYCHUNK and FSCTL_SRV_COPYCHUNK_WRITE; the latter does not need read access to the target.
 * Without chunks nothing is copied, as on Windows, but for a Mac the whole file. A request above the limits
 * gets STATUS_INVALID_PARAMETER with the limits as output (3.3.5.15.6.2).
 */
export function copyChunks(exchange: Exchange, target: Open, request: IoctlRequest): MaybePromise<NtStatus> {
  if (request.maxOutputResponse < COPYCHUNK_RESPONSE_SIZE) return Status.INVALID_PARAMETER;
  const { sourceKey, chunks } = decodeCopyChunkRequest(request.input);
  if (!isWithinLimits(chunks)) {
    answer(exchange, request, {
      chunksWritten: MAX_CHUNKS,
      chunkBytesWritten: MAX_CHUNK_BYTES,
      totalBytesWritten: MAX_TOTAL_BYTES,
    });
    return Status.INVALID_PARAMETER;
  }
  const source = findByResumeKey(exchange, sourceKey);
  if (source === undefined) return Status.OBJECT_NAME_NOT_FOUND;
  if (!mayCopyFrom(exchange, source)) return Status.ACCESS_DENIED;
  const refusal = checkHandles(source, target, request.ctlCode === Fsctl.SRV_COPYCHUNK);
  if (refusal !== Status.SUCCESS) return refusal;
  if (chunks.length > 0 || !copiesWholeFiles(target.tree.session))
    return copyInSteps(exchange, request, source, target, chunks);
  return andThen(copyFile(exchange, source, target), ({ status, bytes }) => {
    if (status === Status.CANCELLED) return status;
    // The field has 32 bits, for any size of file.
    const totalBytesWritten = Math.min(bytes, 0xffff_ffff);
    answer(exchange, request, { chunksWritten: 0, chunkBytesWritten: 0, totalBytesWritten });
    return status;
  });
}

/**
 * False if the source's share requires encryption and the request is not encrypted: the copy might end where
 * unencrypted requests can read it.
 */
export function mayCopyFrom(exchange: Exchange, source: Open): boolean {
  return !source.tree.mustEncrypt || exchange.sealedBy !== undefined;
}

/** [MS-SMB2] 3.3.5.15.6: number and size of the chunks, and their sum. */
export function isWithinLimits(chunks: readonly CopyChunk[]): boolean {
  if (chunks.length > MAX_CHUNKS) return false;
  let total = 0;
  for (const { length } of chunks) {
    if (length === 0 || length > MAX_CHUNK_BYTES) return false;
    total += length;
  }
  return total <= MAX_TOTAL_BYTES;
}

type CopyEnd = Pick<Open, "isDirectory" | "grantedAccess"> & { readonly handle: object | undefined };

/** [MS-SMB2] 3.3.5.15.6: access that both opens need; FSCTL_SRV_COPYCHUNK also reads the target. */
export function checkHandles(source: CopyEnd, target: CopyEnd, readsTarget: boolean): NtStatus {
  if (source.isDirectory || target.isDirectory) return Status.ACCESS_DENIED;
  if (source.handle === undefined || target.handle === undefined) return Status.ACCESS_DENIED;
  if ((source.grantedAccess & (Access.READ_DATA | Access.EXECUTE)) === 0) return Status.ACCESS_DENIED;
  if ((target.grantedAccess & (Access.WRITE_DATA | Access.APPEND_DATA)) === 0) return Status.ACCESS_DENIED;
  return readsTarget && (target.grantedAccess & Access.READ_DATA) === 0
    ? Status.ACCESS_DENIED
    : Status.SUCCESS;
}

function copyInSteps(
  exchange: Exchange,
  request: IoctlRequest,
  source: Open,
  target: Open,
  chunks: readonly CopyChunk[],
): MaybePromise<NtStatus> {
  let total = 0;
  let next = 0;
  const wasWritten = target.hasWritten;
  const pace = new Pace();
  // Chunks of one file may be meant to read what the chunks before have written.
  let isJoining = source.file !== target.file;
  const copied = whileUsed(source, () =>
    workInSteps(
      exchange,
      () => {
        const joined = joinChunks(chunks, next, isJoining ? pace.stepBytes : 0);
        if (joined === undefined) return Status.SUCCESS;
        return andThen(copyChunk(exchange, source, target, joined, pace), (status) => {
          if (status === Status.SUCCESS) {
            next += joined.count;
            total += joined.length;
            return MORE;
          }
          if (joined.count === 1) return status;
          // Again one by one, so that the counts of the answer tell which chunk failed.
          isJoining = false;
          return MORE;
        });
      },
      source,
    ),
  );
  return andThen(copied, (status) => {
    const noted = total > 0 ? noteModified(exchange.context, target, !wasWritten) : undefined;
    // A client that cancelled the request does not wait for the disk either.
    if (status === Status.CANCELLED) return status;
    return andThen(noted, () => {
      // 3.3.5.15.6.2: the counts are sent even if a chunk failed.
      answer(exchange, request, {
        chunksWritten: next,
        chunkBytesWritten: 0,
        totalBytesWritten: total,
      });
      return status;
    });
  });
}

/**
 * The chunk at `first` with those that continue it in source and target, up to `mostBytes`; undefined behind
 * the last one. Clients copy a file in chunks of 1 MiB, and each copy is a job of the volume's worker.
 */
export function joinChunks(
  chunks: readonly CopyChunk[],
  first: number,
  mostBytes: number,
): (CopyChunk & { readonly count: number }) | undefined {
  const chunk = chunks[first];
  if (chunk === undefined) return undefined;
  let { length } = chunk;
  let count = 1;
  for (;;) {
    const next = chunks[first + count];
    if (next === undefined || length + next.length > mostBytes) break;
    if (next.sourceOffset !== chunk.sourceOffset + length) break;
    if (next.targetOffset !== chunk.targetOffset + length) break;
    length += next.length;
    count++;
  }
  return { ...chunk, length, count };
}

/**
 * Copies one chunk, or some that follow each other. Locks and the size of the source are checked before any
 * byte of it is written.
 */
function copyChunk(
  exchange: Exchange,
  source: Open,
  target: Open,
  { sourceOffset, targetOffset, length }: CopyChunk,
  pace: Pace,
): MaybePromise<NtStatus> {
  const from = source.handle;
  if (source.isClosed || target.isClosed || from === undefined) return Status.FILE_CLOSED;
  if (targetOffset >= 2 ** 63) return Status.INVALID_PARAMETER;
  if (targetOffset + length > MAX_FILE_OFFSET) return Status.DISK_FULL;
  if (isLocked(source, target, { sourceOffset, targetOffset, length })) return Status.FILE_LOCK_CONFLICT;
  return andThen(from.stat(), (stat) => {
    if (typeof stat === "number") return statusOf(stat);
    if (sourceOffset + length > stat.size) return Status.INVALID_VIEW_SIZE;
    return copyStretch(exchange, source, target, { sourceOffset, targetOffset, length }, pace);
  });
}

function answer(exchange: Exchange, request: IoctlRequest, response: CopyChunkResponse): void {
  const writer = new Writer(new Uint8Array(COPYCHUNK_RESPONSE_SIZE));
  encodeCopyChunkResponse(writer, response);
  answerIoctl(exchange, request, writer.bytes);
}
