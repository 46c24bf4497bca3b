// SMB2 LOGOFF; [MS-SMB2] 3.3.5.6.
import type { MaybePromise } from "../../../port/port.ts";
import { encodeLogoffResponse } from "../../../wire/command/logoff.ts";
import { type NtStatus, Status } from "../../../wire/status.ts";
import type { Exchange } from "../../connection/exchange.ts";
import type { Session } from "../../state/session.ts";
import { andThen } from "../../and-then.ts";
import { loseSession } from "../close/teardown.ts";

const RESPONSE_BYTES = 4;

/** Durable opens survive a LOGOFF, as with Windows and Samba. */
export function handleLogoff(exchange: Exchange, session: Session): MaybePromise<NtStatus> {
  return andThen(loseSession(exchange.context, session), () => {
    encodeLogoffResponse(exchange.reserve(RESPONSE_BYTES));
    return Status.SUCCESS;
  });
}
