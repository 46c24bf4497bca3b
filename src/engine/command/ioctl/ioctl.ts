// IOCTL by a table of control codes; [MS-SMB2] 3.3.5.15. A code that is not in it is refused.
import type { MaybePromise } from "../../../port/port.ts";
import { isAllOnes } from "../../../wire/file-id.ts";
import { Fsctl } from "../../../wire/fscc/fsctl.ts";
import { decodeIoctlRequest, IoctlFlag, type IoctlRequest, IoctlRequestOffset } from "../../../wire/ioctl.ts";
import { Status } from "../../../wire/status.ts";
import type { Exchange } from "../../connection/exchange.ts";
import { paysFor, withOpen } from "../../connection/pipeline.ts";
import type { Open } from "../../state/open.ts";
import { getCompression, setCompression } from "./compression.ts";
import { duplicateExtents } from "./duplicate-extents.ts";
import { answerIoctl } from "./answer.ts";
import { queryNetworkInterfaces } from "./network-interfaces.ts";
import { getObjectId } from "./object-id.ts";
import { deleteReparsePoint, getReparsePoint, setReparsePoint } from "./reparse-point.ts";
import { copyChunks, requestResumeKey } from "./server-copy.ts";
import { enumerateSnapshots } from "./snapshots.ts";
import { queryAllocatedRanges, setSparse, setZeroData } from "./sparse.ts";
import { trimRanges } from "./trim.ts";
import { validateNegotiate } from "./validate-negotiate.ts";
import { changesSnapshotByControl } from "../open/snapshot-writes.ts";

interface IoctlRow {
  /** False: the call concerns the server, its FileId is all ones. */
  readonly needsOpen: boolean;
  readonly handle: (exchange: Exchange, request: IoctlRequest) => MaybePromise<number>;
}

const rows = new Map<number, IoctlRow>([
  [Fsctl.VALIDATE_NEGOTIATE_INFO, { needsOpen: false, handle: validateNegotiate }],
  // 3.3.5.15.2: no DFS here.
  [Fsctl.DFS_GET_REFERRALS, { needsOpen: false, handle: () => Status.FS_DRIVER_REQUIRED }],
  [Fsctl.DFS_GET_REFERRALS_EX, { needsOpen: false, handle: () => Status.FS_DRIVER_REQUIRED }],
  [Fsctl.QUERY_NETWORK_INTERFACE_INFO, { needsOpen: false, handle: queryNetworkInterfaces }],
  [Fsctl.PIPE_TRANSCEIVE, { needsOpen: true, handle: transceive }],
  [Fsctl.SET_SPARSE, { needsOpen: true, handle: setSparse }],
  [Fsctl.SET_ZERO_DATA, { needsOpen: true, handle: setZeroData }],
  [Fsctl.FILE_LEVEL_TRIM, { needsOpen: true, handle: trimRanges }],
  [Fsctl.QUERY_ALLOCATED_RANGES, { needsOpen: true, handle: queryAllocatedRanges }],
  [Fsctl.GET_REPARSE_POINT, { needsOpen: true, handle: getReparsePoint }],
  [Fsctl.SET_REPARSE_POINT, { needsOpen: true, handle: setReparsePoint }],
  [Fsctl.DELETE_REPARSE_POINT, { needsOpen: true, handle: deleteReparsePoint }],
  [Fsctl.GET_COMPRESSION, { needsOpen: true, handle: getCompression }],
  [Fsctl.SET_COMPRESSION, { needsOpen: true, handle: setCompression }],
  [Fsctl.OFFLOAD_READ, { needsOpen: true, handle: () => Status.NOT_SUPPORTED }],
  [Fsctl.OFFLOAD_WRITE, { needsOpen: true, handle: () => Status.NOT_SUPPORTED }],
  // 3.3.5.15.7: no hashes of files are kept.
  [Fsctl.SRV_READ_HASH, { needsOpen: true, handle: () => Status.HASH_NOT_SUPPORTED }],
  [Fsctl.SRV_REQUEST_RESUME_KEY, { needsOpen: true, handle: requestResumeKey }],
  [Fsctl.CREATE_OR_GET_OBJECT_ID, { needsOpen: true, handle: getObjectId }],
  [Fsctl.DUPLICATE_EXTENTS_TO_FILE, { needsOpen: true, handle: duplicateExtents }],
  [Fsctl.SRV_ENUMERATE_SNAPSHOTS, { needsOpen: true, handle: enumerateSnapshots }],
  [Fsctl.SRV_COPYCHUNK, { needsOpen: true, handle: copyChunks }],
  [Fsctl.SRV_COPYCHUNK_WRITE, { needsOpen: true, handle: copyChunks }],
]);

export function handleIoctl(exchange: Exchange): MaybePromise<number> {
  const request = decodeIoctlRequest(exchange.message);
  if (request.flags !== IoctlFlag.IS_FSCTL) return Status.NOT_SUPPORTED;
  const { maxTransactBytes } = exchange.context.settings;
  const largest = Math.max(request.input.length, request.maxOutputResponse, request.maxInputResponse);
  if (request.maxOutputResponse > maxTransactBytes || request.input.length > maxTransactBytes) {
    return Status.INVALID_PARAMETER;
  }
  if (!paysFor(exchange, largest)) return Status.INVALID_PARAMETER;
  const row = rows.get(request.ctlCode);
  if (row?.needsOpen === false) {
    // 3.3.5.15: what concerns the server names no file.
    return isAllOnes(request.fileId) ? row.handle(exchange, request) : Status.INVALID_PARAMETER;
  }
  return withOpen(exchange, IoctlRequestOffset.FILE_ID, () => {
    if (changesSnapshotByControl(exchange.open, request.ctlCode)) return Status.MEDIA_WRITE_PROTECTED;
    return row?.handle(exchange, request) ?? refuse(exchange);
  });
}

function refuse(exchange: Exchange): number {
  return (exchange.open as Open).pipe >= 0 ? Status.NOT_SUPPORTED : Status.INVALID_DEVICE_REQUEST;
}

/** 3.3.5.15.10: write to the pipe and read its answer in one go. */
async function transceive(exchange: Exchange, request: IoctlRequest): Promise<number> {
  const open = exchange.open as Open;
  if (open.pipe < 0) return Status.NOT_SUPPORTED;
  const { manager } = exchange.context;
  const written = await manager.writePipe({ pipe: open.pipe, data: request.input.slice() });
  if (written.status !== Status.SUCCESS) return written.status;
  const answer = await manager.readPipe({ pipe: open.pipe, length: request.maxOutputResponse });
  if (answer.status !== Status.SUCCESS) return answer.status;
  answerIoctl(exchange, request, answer.data);
  return answer.more ? Status.BUFFER_OVERFLOW : Status.SUCCESS;
}
