// SMB2 ECHO; [MS-SMB2] 3.3.5.17.
import { encodeEchoResponse } from "../../wire/command/echo.ts";
import { type NtStatus, Status } from "../../wire/status.ts";
import type { Exchange } from "../connection/exchange.ts";

const RESPONSE_BYTES = 4;

export function handleEcho(exchange: Exchange): NtStatus {
  encodeEchoResponse(exchange.reserve(RESPONSE_BYTES));
  return Status.SUCCESS;
}
