// FSCTL_FILE_LEVEL_TRIM: the client no longer needs these ranges. They are zeroed, and become holes in a
// sparse file. [MS-FSA] 2.1.5.10.6; [MS-FSCC] 2.3.13, 2.3.14.
import { Access } from "../../../wire/security/access.ts";
import { EMPTY, Writer } from "../../../wire/cursor.ts";
import { FileAttribute } from "../../../wire/fscc/attributes.ts";
import { decodeTrim } from "../../../wire/fscc/sparse.ts";
import type { IoctlRequest } from "../../../wire/command/ioctl.ts";
import { type NtStatus, Status } from "../../../wire/status.ts";
import type { Exchange } from "../../connection/exchange.ts";
import type { Open } from "../../state/open.ts";
import { statusOf } from "../errno-status.ts";
import { answerIoctl } from "./answer.ts";
import { noteModified } from "../open/modified.ts";
import { zeroInSteps } from "./sparse.ts";

const COUNT_BYTES = 4;

export async function trimRanges(exchange: Exchange, open: Open, request: IoctlRequest): Promise<NtStatus> {
  const { handle, node } = open;
  if (node === undefined) return Status.NOT_SUPPORTED;
  if (open.isDirectory) return Status.INVALID_PARAMETER;
  if ((open.grantedAccess & Access.WRITE_DATA) === 0 || handle === undefined) return Status.ACCESS_DENIED;
  const ranges = decodeTrim(request.input);
  if (handle.zeroRange === undefined) return Status.INVALID_DEVICE_REQUEST;
  const stat = await node.refresh();
  if (typeof stat === "number") return statusOf(stat);
  const frees = (stat.attributes & FileAttribute.SPARSE_FILE) !== 0;
  let processed = 0;
  let status: NtStatus = Status.SUCCESS;
  for (const range of ranges) {
    const { offset, length } = range;
    const isLocked = length > 0 && open.file?.locks?.blocksWrite(open.id, offset, length) === true;
    status = isLocked ? Status.FILE_LOCK_CONFLICT : await zeroInSteps(exchange, open, handle, range, frees);
    if (status !== Status.SUCCESS) break;
    processed++;
  }
  if (processed > 0) await noteModified(exchange.context, open, true);
  if (status === Status.SUCCESS) answerIoctl(exchange, request, encodeCount(request, processed));
  return status;
}

/** NumRangesProcessed; empty if the client leaves no room for it. */
function encodeCount(request: IoctlRequest, processed: number): Uint8Array {
  if (request.maxOutputResponse < COUNT_BYTES) return EMPTY;
  const writer = new Writer(new Uint8Array(COUNT_BYTES));
  writer.u32(processed);
  return writer.bytes;
}
