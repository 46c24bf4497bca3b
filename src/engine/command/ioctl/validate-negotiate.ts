// FSCTL_VALIDATE_NEGOTIATE_INFO: detects a NEGOTIATE that was changed on its way ([MS-SMB2] 3.3.5.15.12).
import {
  decodeValidateNegotiateRequest,
  encodeValidateNegotiateResponse,
} from "../../../wire/fscc/validate-negotiate.ts";
import { Writer } from "../../../wire/cursor.ts";
import type { IoctlRequest } from "../../../wire/command/ioctl.ts";
import { Status } from "../../../wire/status.ts";
import { chooseDialect } from "../../connection/dialect.ts";
import type { Exchange, Outcome } from "../../connection/exchange.ts";
import { NO_REPLY } from "../../connection/exchange.ts";
import { answerIoctl } from "./answer.ts";

const RESPONSE_BYTES = 24;

/** Closes the connection if what the client says it negotiated differs from what the server negotiated. */
export function validateNegotiate(exchange: Exchange, request: IoctlRequest): Outcome {
  const { connection, context } = exchange;
  const negotiated = connection.terms;
  // 3.3.5.15.12: also a request without room for the answer may come from an attacker.
  if (request.maxOutputResponse < RESPONSE_BYTES) {
    connection.close("no room for the answer to VALIDATE_NEGOTIATE_INFO");
    return NO_REPLY;
  }
  const claimed = decodeValidateNegotiateRequest(request.input);
  const { minDialect, maxDialect } = context.settings;
  const chosen = chooseDialect(claimed.dialects, minDialect, maxDialect);
  const isSame =
    !negotiated.dialect.hasNegotiateContexts &&
    chosen === negotiated.dialect &&
    claimed.capabilities === negotiated.clientCapabilities &&
    claimed.securityMode === negotiated.clientSecurityMode &&
    claimed.clientGuid.every((byte, i) => byte === negotiated.clientGuid[i]);
  if (!isSame) {
    connection.close("negotiation was tampered with");
    return NO_REPLY;
  }
  const output = new Uint8Array(RESPONSE_BYTES);
  encodeValidateNegotiateResponse(new Writer(output), {
    capabilities: negotiated.serverCapabilities,
    serverGuid: context.serverGuid,
    securityMode: negotiated.serverSecurityMode,
    dialect: negotiated.dialect.revision,
  });
  answerIoctl(exchange, request, output);
  return Status.SUCCESS;
}
