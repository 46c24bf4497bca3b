// FSCTL_DUPLICATE_EXTENTS_TO_FILE: block cloning ([MS-FSA] 2.1.5.10.4, [MS-FSCC] 2.3.7).
import { Errno } from "../../../linux/errno.ts";
import type { MaybePromise } from "../../../port/port.ts";
import { Access } from "../../../wire/security/access.ts";
import { EMPTY } from "../../../wire/cursor.ts";
import type { FileId } from "../../../wire/file-id.ts";
import { FileAttribute } from "../../../wire/fscc/attributes.ts";
import { decodeDuplicateExtents, type DuplicateExtents } from "../../../wire/fscc/copychunk.ts";
import type { IoctlRequest } from "../../../wire/command/ioctl.ts";
import { type NtStatus, Status } from "../../../wire/status.ts";
import type { Exchange } from "../../connection/exchange.ts";
import type { Open } from "../../state/open.ts";
import { andThen } from "../../and-then.ts";
import type { Failure, FileStat } from "../../vfs/store.ts";
import { dataWritten } from "../open/cache-breaks.ts";
import { statusOf } from "../errno-status.ts";
import { answerIoctl } from "./answer.ts";
import { rangesOverlap } from "./copy-stretch.ts";
import { MORE, workInSteps, whileUsed } from "../open/long-work.ts";
import { noteModified } from "../open/modified.ts";
import { mayCopyFrom } from "./server-copy.ts";

/** Bytes cloned per call; a multiple of the cluster size of every file system. */
const STEP_BYTES = 268_435_456;

export function duplicateExtents(
  exchange: Exchange,
  target: Open,
  request: IoctlRequest,
): MaybePromise<NtStatus> {
  const asked = decodeDuplicateExtents(request.input);
  if (target.node === undefined || target.handle?.cloneFrom === undefined) {
    return target.isDirectory ? Status.INVALID_PARAMETER : Status.INVALID_DEVICE_REQUEST;
  }
  const source = findOpen(exchange, asked.source);
  if (source === undefined) return Status.INVALID_HANDLE;
  if (!mayCopyFrom(exchange, source)) return Status.ACCESS_DENIED;
  const refusal = checkOpens(source, target, asked);
  if (refusal !== Status.SUCCESS) return refusal;
  const cloned = whileUsed(source, () => cloneChecked(exchange, source, target, asked));
  return andThen(cloned, (status) => {
    if (status !== Status.SUCCESS) return status;
    return andThen(noteModified(exchange.context, target, true), () => {
      answerIoctl(exchange, request, EMPTY);
      return status;
    });
  });
}

function findOpen(exchange: Exchange, id: FileId): Open | undefined {
  if (id.volatileHigh !== 0 || id.persistentHigh !== 0 || id.persistentLow !== id.volatileLow)
    return undefined;
  const open = exchange.context.opens.find(id.volatileLow);
  return open?.session === exchange.session ? open : undefined;
}

/** As on Windows, byte-range locks do not apply: they restrict reads and writes only. */
function checkOpens(source: Open, target: Open, asked: DuplicateExtents): NtStatus {
  const { sourceOffset, targetOffset, byteCount } = asked;
  if (source.isDirectory || source.handle === undefined) return Status.ACCESS_DENIED;
  if ((source.grantedAccess & Access.READ_DATA) === 0) return Status.ACCESS_DENIED;
  if ((target.grantedAccess & Access.WRITE_DATA) === 0) return Status.ACCESS_DENIED;
  if (sourceOffset + byteCount >= 2 ** 53 || targetOffset + byteCount >= 2 ** 53) {
    return Status.INVALID_PARAMETER;
  }
  if (byteCount === 0) return Status.SUCCESS;
  const overlaps = rangesOverlap(source, target, { sourceOffset, targetOffset, length: byteCount });
  return overlaps ? Status.NOT_SUPPORTED : Status.SUCCESS;
}

async function cloneChecked(
  exchange: Exchange,
  source: Open,
  target: Open,
  asked: DuplicateExtents,
): Promise<NtStatus> {
  const { sourceOffset, targetOffset, byteCount } = asked;
  if (byteCount === 0) return Status.SUCCESS;
  const { store } = target.tree;
  if (store === undefined || target.node === undefined) return Status.INVALID_DEVICE_REQUEST;
  const volume = await store.volume(target.node);
  const from = (await source.handle?.stat()) ?? -Errno.EBADF;
  const to = (await target.handle?.stat()) ?? -Errno.EBADF;
  if (typeof volume === "number") return statusOf(volume);
  if (typeof from === "number") return statusOf(from);
  if (typeof to === "number") return statusOf(to);
  const { blockBytes } = volume;
  const roundUp = (size: number): number => Math.ceil(size / blockBytes) * blockBytes;
  const sourceSize = from.size;
  // Clients ask for whole clusters even if the source ends within the last one.
  if (sourceOffset >= sourceSize || sourceOffset + byteCount > roundUp(sourceSize)) {
    return Status.NOT_SUPPORTED;
  }
  // Only a sparse target can grow or receive holes.
  if (!isSparse(to)) {
    const isBeyond = targetOffset + byteCount > roundUp(to.size);
    if (isBeyond || isSparse(from)) return Status.NOT_SUPPORTED;
  }
  const count = Math.min(byteCount, sourceSize - sourceOffset);
  return clone(exchange, source, target, { ...asked, byteCount: count });
}

function isSparse(stat: FileStat): boolean {
  return (stat.attributes & FileAttribute.SPARSE_FILE) !== 0;
}

function clone(
  exchange: Exchange,
  source: Open,
  target: Open,
  { sourceOffset, targetOffset, byteCount }: DuplicateExtents,
): MaybePromise<NtStatus> {
  let done = 0;
  return workInSteps(
    exchange,
    () => {
      const { handle } = source;
      if (done >= byteCount) return Status.SUCCESS;
      if (source.isClosed || target.isClosed || handle === undefined) return Status.FILE_CLOSED;
      const count = Math.min(STEP_BYTES, byteCount - done);
      const outcome =
        target.handle?.cloneFrom?.(handle, sourceOffset + done, targetOffset + done, count) ?? -Errno.EINVAL;
      return andThen(outcome, (result) => {
        if (result < 0) return cloneStatusOf(result);
        dataWritten(exchange.context, target);
        done += count;
        return MORE;
      });
    },
    source,
  );
}

/** 2.1.5.10.4: NOT_SUPPORTED without block cloning, INVALID_PARAMETER for two volumes or partial clusters. */
function cloneStatusOf(failure: Failure): NtStatus {
  if (failure === -Errno.EXDEV) return Status.INVALID_PARAMETER;
  return failure === -Errno.EINVAL ? Status.INVALID_PARAMETER : statusOf(failure);
}
