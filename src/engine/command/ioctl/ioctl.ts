// SMB2 IOCTL: a table of control codes ([MS-SMB2] 3.3.5.15). Codes that are not in it are refused.
import type { MaybePromise } from "../../../port/port.ts";
import { isAllOnes } from "../../../wire/file-id.ts";
import { Fsctl } from "../../../wire/fscc/fsctl.ts";
import {
  decodeIoctlRequest,
  IoctlFlag,
  type IoctlRequest,
  IoctlRequestOffset,
} from "../../../wire/command/ioctl.ts";
import { type NtStatus, Status } from "../../../wire/status.ts";
import type { Exchange, Outcome } from "../../connection/exchange.ts";
import { paysFor } from "../../connection/credits.ts";
import { withOpen } from "../../connection/pipeline.ts";
import type { Open } from "../../state/open.ts";
import type { Tree } from "../../state/session.ts";
import { getCompression, setCompression } from "./compression.ts";
import { duplicateExtents } from "./duplicate-extents.ts";
import { answerIoctl } from "./answer.ts";
import { queryNetworkInterfaces } from "./network-interfaces.ts";
import { getObjectId } from "./object-id.ts";
import { queryFileRegions } from "./file-regions.ts";
import { waitForPipe } from "./pipe-wait.ts";
import { deleteReparsePoint, getReparsePoint, setReparsePoint } from "./reparse-point.ts";
import { getReferrals } from "./referrals.ts";
import { copyChunks, requestResumeKey } from "./server-copy.ts";
import { enumerateSnapshots } from "./snapshots.ts";
import { queryAllocatedRanges, setSparse, setZeroData } from "./sparse.ts";
import { trimRanges } from "./trim.ts";
import { validateNegotiate } from "./validate-negotiate.ts";
import { changesSnapshotByControl } from "../open/snapshot-writes.ts";

/** `server`: acts on no file, FileId must be all ones. `open`: acts on the open that FileId names. */
type IoctlRow =
  | {
      readonly needs: "server";
      readonly handle: (exchange: Exchange, request: IoctlRequest) => MaybePromise<Outcome>;
    }
  | {
      readonly needs: "open";
      readonly handle: (exchange: Exchange, open: Open, request: IoctlRequest) => MaybePromise<Outcome>;
    };

const rows = new Map<number, IoctlRow>([
  [Fsctl.VALIDATE_NEGOTIATE_INFO, { needs: "server", handle: validateNegotiate }],
  [Fsctl.DFS_GET_REFERRALS, { needs: "server", handle: getReferrals }],
  [Fsctl.DFS_GET_REFERRALS_EX, { needs: "server", handle: getReferrals }],
  [Fsctl.QUERY_NETWORK_INTERFACE_INFO, { needs: "server", handle: queryNetworkInterfaces }],
  [Fsctl.PIPE_WAIT, { needs: "server", handle: waitForPipe }],
  [Fsctl.PIPE_TRANSCEIVE, { needs: "open", handle: transceive }],
  [Fsctl.SET_SPARSE, { needs: "open", handle: setSparse }],
  [Fsctl.SET_ZERO_DATA, { needs: "open", handle: setZeroData }],
  [Fsctl.FILE_LEVEL_TRIM, { needs: "open", handle: trimRanges }],
  [Fsctl.QUERY_ALLOCATED_RANGES, { needs: "open", handle: queryAllocatedRanges }],
  [Fsctl.GET_REPARSE_POINT, { needs: "open", handle: getReparsePoint }],
  [Fsctl.SET_REPARSE_POINT, { needs: "open", handle: setReparsePoint }],
  [Fsctl.DELETE_REPARSE_POINT, { needs: "open", handle: deleteReparsePoint }],
  [Fsctl.GET_COMPRESSION, { needs: "open", handle: getCompression }],
  [Fsctl.SET_COMPRESSION, { needs: "open", handle: setCompression }],
  [Fsctl.QUERY_FILE_REGIONS, { needs: "open", handle: queryFileRegions }],
  // [MS-FSA] 2.1.5.10.28: only ReFS has stream snapshots; others answer so, and not INVALID_DEVICE_REQUEST.
  [Fsctl.REFS_STREAM_SNAPSHOT_MANAGEMENT, { needs: "open", handle: () => Status.NOT_SUPPORTED }],
  // 3.3.5.15.7: the server stores no content hashes (BranchCache).
  [Fsctl.SRV_READ_HASH, { needs: "open", handle: () => Status.HASH_NOT_SUPPORTED }],
  [Fsctl.SRV_REQUEST_RESUME_KEY, { needs: "open", handle: requestResumeKey }],
  [Fsctl.CREATE_OR_GET_OBJECT_ID, { needs: "open", handle: getObjectId }],
  [Fsctl.DUPLICATE_EXTENTS_TO_FILE, { needs: "open", handle: duplicateExtents }],
  [Fsctl.SRV_ENUMERATE_SNAPSHOTS, { needs: "open", handle: enumerateSnapshots }],
  [Fsctl.SRV_COPYCHUNK, { needs: "open", handle: copyChunks }],
  [Fsctl.SRV_COPYCHUNK_WRITE, { needs: "open", handle: copyChunks }],
]);

export function handleIoctl(exchange: Exchange, tree: Tree): MaybePromise<Outcome> {
  const request = decodeIoctlRequest(exchange.message);
  if (request.flags !== IoctlFlag.IS_FSCTL) return Status.NOT_SUPPORTED;
  const { maxTransactBytes } = exchange.context.settings;
  const largest = Math.max(request.input.length, request.maxOutputResponse, request.maxInputResponse);
  if (request.maxOutputResponse > maxTransactBytes || request.input.length > maxTransactBytes) {
    return Status.INVALID_PARAMETER;
  }
  if (!paysFor(exchange, largest)) return Status.INVALID_PARAMETER;
  const row = rows.get(request.ctlCode);
  if (row?.needs === "server") {
    return isAllOnes(request.fileId) ? row.handle(exchange, request) : Status.INVALID_PARAMETER;
  }
  return withOpen(exchange, tree, IoctlRequestOffset.FILE_ID, (_, open) => {
    if (changesSnapshotByControl(open, request.ctlCode)) return Status.MEDIA_WRITE_PROTECTED;
    if (row !== undefined) return row.handle(exchange, open, request);
    return open.pipe >= 0 ? Status.NOT_SUPPORTED : Status.INVALID_DEVICE_REQUEST;
  });
}

/** FSCTL_PIPE_TRANSCEIVE: writes to the pipe and returns what it answers (3.3.5.15.10). */
async function transceive(exchange: Exchange, open: Open, request: IoctlRequest): Promise<NtStatus> {
  if (open.pipe < 0) return Status.NOT_SUPPORTED;
  const { manager } = exchange.context;
  const written = await manager.writePipe({ pipe: open.pipe, data: request.input.slice() });
  if (written.status !== Status.SUCCESS) return written.status;
  const answer = await manager.readPipe({ pipe: open.pipe, length: request.maxOutputResponse });
  if (answer.status !== Status.SUCCESS) return answer.status;
  answerIoctl(exchange, request, answer.data);
  return answer.more ? Status.BUFFER_OVERFLOW : Status.SUCCESS;
}
