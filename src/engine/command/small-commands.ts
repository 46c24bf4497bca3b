// The commands of a few lines: LOGOFF, FLUSH, ECHO; [MS-SMB2] 3.3.5.6, 3.3.5.11, 3.3.5.17.
import type { MaybePromise } from "../../port/port.ts";
import { Access } from "../../wire/access.ts";
import { encodeEchoResponse } from "../../wire/echo.ts";
import { encodeFlushResponse } from "../../wire/flush.ts";
import { encodeLogoffResponse } from "../../wire/logoff.ts";
import { Status } from "../../wire/status.ts";
import type { Exchange } from "../connection/exchange.ts";
import type { Session } from "../session/session.ts";
import type { Open } from "../state/open.ts";
import { andThen } from "../vfs/maybe-promise.ts";
import { loseSession } from "./closing.ts";
import { statusOf } from "./errno-status.ts";

const RESPONSE_BYTES = 4;

/** Durable opens stay for their user even then, as Windows and Samba have it. */
export function handleLogoff(exchange: Exchange): MaybePromise<number> {
  return andThen(loseSession(exchange.context, exchange.session as Session), () => {
    encodeLogoffResponse(exchange.reserve(RESPONSE_BYTES));
    return Status.SUCCESS;
  });
}

export function handleFlush(exchange: Exchange): MaybePromise<number> {
  const open = exchange.open as Open;
  // 3.3.5.11: flushing is for who may change something; [MS-FSA] 2.1.5.6.
  const changes = Access.WRITE_DATA | Access.APPEND_DATA;
  if (open.pipe < 0 && (open.grantedAccess & changes) === 0) return Status.ACCESS_DENIED;
  return andThen(open.handle?.flush() ?? 0, (result) => {
    if (result < 0) return statusOf(result);
    encodeFlushResponse(exchange.reserve(RESPONSE_BYTES));
    return Status.SUCCESS;
  });
}

export function handleEcho(exchange: Exchange): number {
  encodeEchoResponse(exchange.reserve(RESPONSE_BYTES));
  return Status.SUCCESS;
}
