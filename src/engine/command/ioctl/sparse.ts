// Sparse files: FSCTL_SET_SPARSE, FSCTL_SET_ZERO_DATA, FSCTL_QUERY_ALLOCATED_RANGES.
// [MS-FSA] 2.1.5.10.36, 2.1.5.10.37, 2.1.5.10.22; [MS-SMB2] 3.3.5.15.13 (pass-through).
import { Errno } from "../../../linux/errno.ts";
import type { MaybePromise } from "../../../port/port.ts";
import { Access } from "../../../wire/security/access.ts";
import { CompletionFilter } from "../../../wire/command/change-notify.ts";
import { EMPTY, Writer } from "../../../wire/cursor.ts";
import { FileAttribute } from "../../../wire/fscc/attributes.ts";
import { FsAttribute } from "../../../wire/fscc/fs-information.ts";
import { NotifyAction } from "../../../wire/fscc/notify.ts";
import {
  decodeAllocatedRangesRequest,
  decodeSetSparse,
  decodeZeroData,
  type FileRange,
  writeFileRange,
} from "../../../wire/fscc/sparse.ts";
import type { IoctlRequest } from "../../../wire/command/ioctl.ts";
import { type NtStatus, Status } from "../../../wire/status.ts";
import type { Exchange } from "../../connection/exchange.ts";
import type { Open } from "../../state/open.ts";
import { andThen } from "../../and-then.ts";
import { isFailure, type FileHandle, type FileNode } from "../../vfs/store.ts";
import { dataWritten, entryChanged } from "../open/cache-breaks.ts";
import { statusOf } from "../errno-status.ts";
import { statOfOpen } from "../open/stat.ts";
import { answerIoctl } from "./answer.ts";
import { MORE, workInSteps } from "../open/long-work.ts";
import { noteModified } from "../open/modified.ts";

/** Bytes zeroed by the first step. Zeroing a hole is fast: the step size doubles after each fast step. */
const ZERO_STEP_BYTES = 67_108_864;
const FAST_STEP_MS = 10;
const RANGE_BYTES = 16;
/** Allocated ranges queried per step. */
const RANGES_STEP = 1024;

/** Rights of which FSCTL_SET_SPARSE needs one. */
const SPARSE_ACCESS = Access.WRITE_DATA | Access.APPEND_DATA | Access.WRITE_ATTRIBUTES;

/** FSCTL_SET_SPARSE sets or clears FILE_ATTRIBUTE_SPARSE_FILE only: clearing it fills no holes. */
export function setSparse(exchange: Exchange, open: Open, request: IoctlRequest): MaybePromise<NtStatus> {
  if (open.node === undefined) return Status.NOT_SUPPORTED;
  if (open.isDirectory) return Status.INVALID_PARAMETER;
  if ((open.grantedAccess & SPARSE_ACCESS) === 0) return Status.ACCESS_DENIED;
  const { node } = open;
  const isSparse = decodeSetSparse(request.input);
  return andThen(open.tree.store?.volume(node) ?? -Errno.EOPNOTSUPP, (volume) => {
    if (typeof volume === "number") return statusOf(volume);
    // 2.1.5.10.36: a file system without holes has no sparse files.
    const supportsHoles = (volume.attributes & FsAttribute.SUPPORTS_SPARSE_FILES) !== 0;
    return supportsHoles
      ? storeSparseMark(exchange, request, open, node, isSparse)
      : Status.INVALID_DEVICE_REQUEST;
  });
}

function storeSparseMark(
  exchange: Exchange,
  request: IoctlRequest,
  open: Open,
  node: FileNode,
  isSparse: boolean,
): MaybePromise<NtStatus> {
  const { notify } = exchange.context;
  const done = andThen(node.setSparse(isSparse), (result) => {
    // The same for a file system that cannot store the attribute.
    if (result === -Errno.EOPNOTSUPP) return Status.INVALID_DEVICE_REQUEST;
    if (result < 0) return statusOf(result);
    entryChanged(exchange.context, open);
    if (notify.count > 0 && open.file !== undefined) {
      notify.changed(NotifyAction.MODIFIED, open.file.path, CompletionFilter.ATTRIBUTES);
    }
    answerIoctl(exchange, request, EMPTY);
    return Status.SUCCESS;
  });
  return open.file === undefined ? done : notify.during(done, open.file.path);
}

/** FSCTL_SET_ZERO_DATA: zeros a range, not beyond the end of the file; a sparse file gets a hole. */
export function setZeroData(exchange: Exchange, open: Open, request: IoctlRequest): MaybePromise<NtStatus> {
  const { handle, node } = open;
  if (node === undefined) return Status.NOT_SUPPORTED;
  if (open.isDirectory) return Status.INVALID_PARAMETER;
  if ((open.grantedAccess & Access.WRITE_DATA) === 0 || handle === undefined) return Status.ACCESS_DENIED;
  const range = decodeZeroData(request.input);
  if (handle.zeroRange === undefined) return Status.INVALID_DEVICE_REQUEST;
  if (range.length > 0 && open.file?.locks?.blocksWrite(open.id, range.offset, range.length) === true) {
    return Status.FILE_LOCK_CONFLICT;
  }
  return andThen(node.refresh(), (stat) => {
    if (typeof stat === "number") return statusOf(stat);
    const frees = (stat.attributes & FileAttribute.SPARSE_FILE) !== 0;
    return andThen(zeroInSteps(exchange, open, handle, range, frees), (status) => {
      if (status !== Status.SUCCESS) return status;
      return andThen(noteModified(exchange.context, open, true), () => {
        answerIoctl(exchange, request, EMPTY);
        return status;
      });
    });
  });
}

/** Zeros a range up to the end of the file; `frees` makes holes. Other requests run between its steps. */
export function zeroInSteps(
  exchange: Exchange,
  open: Open,
  handle: FileHandle,
  range: FileRange,
  frees: boolean,
): MaybePromise<NtStatus> {
  const { clock } = exchange.context;
  let at = range.offset;
  const end = range.offset + range.length;
  let stepBytes = ZERO_STEP_BYTES;
  return workInSteps(exchange, () => {
    if (at >= end) return Status.SUCCESS;
    if (open.isClosed) return Status.FILE_CLOSED;
    const started = clock.now();
    const outcome = handle.zeroRange?.(at, Math.min(end - at, stepBytes), frees) ?? 0;
    return andThen(outcome, (count) => {
      stepBytes = clock.now() - started < FAST_STEP_MS ? stepBytes * 2 : ZERO_STEP_BYTES;
      dataWritten(exchange.context, open);
      if (isFailure(count)) return statusOf(count);
      at += count;
      return count === 0 ? Status.SUCCESS : MORE;
    });
  });
}

/**
 * FSCTL_QUERY_ALLOCATED_RANGES. A file that is not sparse counts as fully allocated even with holes on disk.
 */
export function queryAllocatedRanges(
  exchange: Exchange,
  open: Open,
  request: IoctlRequest,
): MaybePromise<NtStatus> {
  const { handle, node } = open;
  if (node === undefined) return Status.NOT_SUPPORTED;
  if (open.isDirectory) return Status.INVALID_PARAMETER;
  if ((open.grantedAccess & Access.READ_DATA) === 0 || handle === undefined) return Status.ACCESS_DENIED;
  const range = decodeAllocatedRangesRequest(request.input);
  const limit = Math.floor(request.maxOutputResponse / RANGE_BYTES);
  return andThen(statOfOpen(open, node), (stat) => {
    if (typeof stat === "number") return statusOf(stat);
    const end = Math.min(range.offset + range.length, stat.size);
    if (end <= range.offset) return answerRanges(exchange, request, [], limit);
    const isSparse = (stat.attributes & FileAttribute.SPARSE_FILE) !== 0;
    if (!isSparse || handle.allocatedRanges === undefined) {
      return answerRanges(exchange, request, [range.offset, end - range.offset], limit);
    }
    const found: number[] = [];
    const collected = collectRanges(exchange, open, handle, range.offset, end, limit, found);
    return andThen(collected, (status) =>
      status === Status.SUCCESS ? answerRanges(exchange, request, found, limit) : status,
    );
  });
}

/**
 * Appends (offset, length) pairs to `found`, at most one more than `limit`: that one shows that the answer is
 * cut.
 */
function collectRanges(
  exchange: Exchange,
  open: Open,
  handle: FileHandle,
  offset: number,
  end: number,
  limit: number,
  found: number[],
): MaybePromise<NtStatus> {
  let at = offset;
  return workInSteps(exchange, () => {
    if (open.isClosed) return Status.FILE_CLOSED;
    const wanted = Math.min(RANGES_STEP, limit + 1 - found.length / 2);
    if (at >= end || wanted <= 0) return Status.SUCCESS;
    return andThen(handle.allocatedRanges?.(at, end - at, wanted) ?? [], (ranges) => {
      if (typeof ranges === "number") return statusOf(ranges);
      for (const value of ranges) found.push(value);
      at = (found.at(-2) ?? 0) + (found.at(-1) ?? 0);
      return ranges.length < wanted * 2 ? Status.SUCCESS : MORE;
    });
  });
}

function answerRanges(exchange: Exchange, request: IoctlRequest, ranges: number[], limit: number): NtStatus {
  const count = ranges.length / 2;
  if (count > 0 && limit === 0) return Status.BUFFER_TOO_SMALL;
  const fitting = Math.min(count, limit);
  const writer = new Writer(new Uint8Array(fitting * RANGE_BYTES));
  for (let i = 0; i < fitting; i++) writeFileRange(writer, ranges[i * 2] ?? 0, ranges[i * 2 + 1] ?? 0);
  answerIoctl(exchange, request, writer.bytes);
  return fitting < count ? Status.BUFFER_OVERFLOW : Status.SUCCESS;
}
