// FSCTL_GET_COMPRESSION and FSCTL_SET_COMPRESSION: files are never compressed.
// [MS-FSA] 2.1.5.10.9, 2.1.5.10.33; [MS-FSCC] 2.3.19, 2.3.67.
import { Access } from "../../../wire/security/access.ts";
import { EMPTY, Reader } from "../../../wire/cursor.ts";
import type { IoctlRequest } from "../../../wire/command/ioctl.ts";
import { type NtStatus, Status } from "../../../wire/status.ts";
import type { Exchange } from "../../connection/exchange.ts";
import type { Open } from "../../state/open.ts";
import { answerIoctl } from "./answer.ts";

/** COMPRESSION_FORMAT_NONE. */
const FORMAT_NONE = 0;
const STATE_BYTES = 2;

export function getCompression(exchange: Exchange, open: Open, request: IoctlRequest): NtStatus {
  if (open.node === undefined) return Status.NOT_SUPPORTED;
  if (request.maxOutputResponse < STATE_BYTES) return Status.INVALID_PARAMETER;
  answerIoctl(exchange, request, new Uint8Array(STATE_BYTES));
  return Status.SUCCESS;
}

/** Accepts COMPRESSION_FORMAT_NONE; STATUS_NOT_SUPPORTED for every other format. */
export function setCompression(exchange: Exchange, open: Open, request: IoctlRequest): NtStatus {
  if (open.node === undefined) return Status.NOT_SUPPORTED;
  if ((open.grantedAccess & Access.WRITE_DATA) === 0) return Status.ACCESS_DENIED;
  if (new Reader(request.input).u16() !== FORMAT_NONE) return Status.NOT_SUPPORTED;
  answerIoctl(exchange, request, EMPTY);
  return Status.SUCCESS;
}
