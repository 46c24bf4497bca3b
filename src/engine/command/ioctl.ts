// IOCTL by a table of control codes; [MS-SMB2] 3.3.5.15. A code that is not in it is refused.
import type { MaybePromise } from "../../port/port.ts";
import { isAllOnes } from "../../wire/file-id.ts";
import { Fsctl } from "../../wire/fscc/fsctl.ts";
import {
  decodeIoctlRequest,
  encodeIoctlResponse,
  IoctlFlag,
  type IoctlRequest,
  IoctlRequestOffset,
} from "../../wire/ioctl.ts";
import { Status } from "../../wire/status.ts";
import type { Exchange } from "../connection/exchange.ts";
import { paysFor, withOpen } from "../connection/pipeline.ts";
import type { Open } from "../state/open.ts";
import { queryNetworkInterfaces } from "./network-interfaces.ts";
import { validateNegotiate } from "./validate-negotiate.ts";

/** The fixed part of the response. */
const RESPONSE_BYTES = 48;

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
  return withOpen(
    exchange,
    IoctlRequestOffset.FILE_ID,
    () => row?.handle(exchange, request) ?? refuse(exchange),
  );
}

function refuse(exchange: Exchange): number {
  return (exchange.open as Open).pipe >= 0 ? Status.NOT_SUPPORTED : Status.INVALID_DEVICE_REQUEST;
}

/** Writes the answer; `output` is at most what the request allows. */
export function answerIoctl(exchange: Exchange, request: IoctlRequest, output: Uint8Array): void {
  encodeIoctlResponse(exchange.reserve(RESPONSE_BYTES + output.length), {
    ctlCode: request.ctlCode,
    fileId: request.fileId,
    output,
    flags: 0,
  });
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
