// SMB2 FLUSH ([MS-SMB2] 3.3.5.11, [MS-FSA] 2.1.5.7).
import type { MaybePromise } from "../../../port/port.ts";
import { Access } from "../../../wire/security/access.ts";
import { encodeFlushResponse } from "../../../wire/command/flush.ts";
import { type NtStatus, Status } from "../../../wire/status.ts";
import type { Exchange } from "../../connection/exchange.ts";
import type { Open } from "../../state/open.ts";
import { andThen } from "../../and-then.ts";
import { withInterim } from "../open/long-work.ts";
import { statusOf } from "../errno-status.ts";

const RESPONSE_BYTES = 4;

export function handleFlush(exchange: Exchange, open: Open): MaybePromise<NtStatus> {
  // 3.3.5.11: flushing needs the right to write or append.
  const changes = Access.WRITE_DATA | Access.APPEND_DATA;
  if (open.pipe < 0 && (open.grantedAccess & changes) === 0) return Status.ACCESS_DENIED;
  const flushed = open.handle?.flush() ?? 0;
  // A slow disk with much unwritten data takes minutes.
  const waited =
    flushed instanceof Promise
      ? withInterim(exchange, () => exchange.connection.sendInterim(exchange), flushed)
      : flushed;
  return andThen(waited, (result) => {
    if (result < 0) return statusOf(result);
    encodeFlushResponse(exchange.reserve(RESPONSE_BYTES));
    return Status.SUCCESS;
  });
}
