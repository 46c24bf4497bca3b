// The SMB2 IOCTL response ([MS-SMB2] 2.2.32).
import { encodeIoctlResponse, type IoctlRequest } from "../../../wire/command/ioctl.ts";
import type { Exchange } from "../../connection/exchange.ts";

/** Fixed part of the response. */
const RESPONSE_BYTES = 48;

/** Writes the response. The caller has limited `output` to the request's MaxOutputResponse. */
export function answerIoctl(exchange: Exchange, request: IoctlRequest, output: Uint8Array): void {
  encodeIoctlResponse(exchange.reserve(RESPONSE_BYTES + output.length), {
    ctlCode: request.ctlCode,
    fileId: request.fileId,
    output,
    flags: 0,
  });
}
