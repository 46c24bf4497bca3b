// FSCTL_QUERY_FILE_REGIONS: which part of a file is valid data. [MS-FSA] 2.1.5.10.24; [MS-FSCC] 2.3.55,
// 2.3.56.
import { andThen } from "../../and-then.ts";
import type { MaybePromise } from "../../../port/port.ts";
import type { IoctlRequest } from "../../../wire/command/ioctl.ts";
import { Writer } from "../../../wire/cursor.ts";
import {
  decodeFileRegionsRequest,
  encodeFileRegions,
  FILE_REGIONS_BYTES,
  FILE_REGIONS_INPUT_BYTES,
} from "../../../wire/fscc/file-regions.ts";
import { type NtStatus, Status } from "../../../wire/status.ts";
import type { Exchange } from "../../connection/exchange.ts";
import type { Open } from "../../state/open.ts";
import { statusOf } from "../errno-status.ts";
import { statOfOpen } from "../open/stat.ts";
import { answerIoctl } from "./answer.ts";

/** Every byte up to the end of the file is valid: Linux keeps no valid data length. */
export function queryFileRegions(
  exchange: Exchange,
  open: Open,
  request: IoctlRequest,
): MaybePromise<NtStatus> {
  const { node } = open;
  if (node === undefined) return Status.NOT_SUPPORTED;
  if (open.isDirectory) return Status.INVALID_PARAMETER;
  const { length } = request.input;
  if (length > 0 && length < FILE_REGIONS_INPUT_BYTES) return Status.BUFFER_TOO_SMALL;
  const wanted = decodeFileRegionsRequest(request.input);
  if (request.maxOutputResponse < FILE_REGIONS_BYTES) return Status.BUFFER_TOO_SMALL;
  return andThen(statOfOpen(open, node), (stat) => {
    if (typeof stat === "number") return statusOf(stat);
    const end = Math.min(wanted.offset + wanted.length, stat.size);
    const { offset, usage } = wanted;
    const regions = end > offset ? [{ offset, length: end - offset, usage }] : [];
    const writer = new Writer(new Uint8Array(FILE_REGIONS_BYTES));
    encodeFileRegions(writer, regions);
    answerIoctl(exchange, request, writer.bytes.subarray(0, writer.position));
    return Status.SUCCESS;
  });
}
