// SMB2 OPLOCK_BREAK: acknowledgment of an oplock or lease break ([MS-SMB2] 3.3.5.22.1, 3.3.5.22.2).
import type { MaybePromise } from "../../../port/port.ts";
import { OplockLevel } from "../../../wire/command/create.ts";
import {
  decodeOplockBreakRequest,
  encodeOplockBreakResponse,
  isLeaseBreak,
  OplockBreakRequestOffset,
} from "../../../wire/command/oplock-break.ts";
import { type NtStatus, Status } from "../../../wire/status.ts";
import type { Exchange, Outcome } from "../../connection/exchange.ts";
import { withOpen } from "../../connection/pipeline.ts";
import type { Session, Tree } from "../../state/session.ts";
import { levelOf, rightsOf } from "../../state/caching-grant.ts";
import type { Open } from "../../state/open.ts";
import { leaseIdOf } from "../open/lease-id.ts";

const OPLOCK_RESPONSE_BYTES = 24;
const LEASE_RESPONSE_BYTES = 36;

export function handleOplockBreak(exchange: Exchange, tree: Tree): MaybePromise<Outcome> {
  if (isLeaseBreak(exchange.message)) return acknowledgeLease(exchange, tree.session);
  return withOpen(exchange, tree, OplockBreakRequestOffset.FILE_ID, acknowledgeOplock);
}

function acknowledgeOplock(exchange: Exchange, open: Open): NtStatus {
  const request = decodeOplockBreakRequest(exchange.message);
  if (request.kind !== "oplock") return Status.INVALID_PARAMETER;
  const { caching } = exchange.context;
  const holder = open.caching;
  if (holder === undefined || holder.lease !== undefined || !holder.isBreaking)
    return Status.INVALID_DEVICE_STATE;
  const level = request.oplockLevel;
  const isValidLevel = level === OplockLevel.NONE || level === OplockLevel.II;
  // An invalid acknowledgment still ends the break: the oplock falls to NONE.
  exchange.afterSend = caching.acknowledgeOplock(holder, isValidLevel ? rightsOf(level) : 0).then;
  if (level === OplockLevel.LEASE) return Status.INVALID_PARAMETER;
  if (!isValidLevel) return Status.INVALID_OPLOCK_PROTOCOL;
  const { fileId } = request;
  const oplockLevel = levelOf(holder.state);
  encodeOplockBreakResponse(exchange.reserve(OPLOCK_RESPONSE_BYTES), { kind: "oplock", oplockLevel, fileId });
  return Status.SUCCESS;
}

function acknowledgeLease(exchange: Exchange, session: Session): NtStatus {
  const request = decodeOplockBreakRequest(exchange.message);
  if (request.kind !== "lease") return Status.INVALID_PARAMETER;
  const id = leaseIdOf(session.terms.clientGuid, request.leaseKey);
  const { status, then } = exchange.context.caching.acknowledgeLease(id, request.leaseState);
  if (status !== Status.SUCCESS) return status;
  exchange.afterSend = then;
  encodeOplockBreakResponse(exchange.reserve(LEASE_RESPONSE_BYTES), {
    kind: "lease",
    leaseKey: request.leaseKey,
    leaseState: request.leaseState,
    flags: 0,
  });
  return Status.SUCCESS;
}
