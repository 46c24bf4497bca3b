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
import type { CachingHolder } from "../../state/caching-holder.ts";
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
  const holder = open.caching;
  const level = request.oplockLevel;
  if (holder === undefined || holder.lease !== undefined || !holder.isBreaking)
    return refusalWithoutBreak(holder, level);
  const isValidLevel = mayBeNamed(OplockLevel.BATCH, level);
  // An invalid acknowledgment still ends the break: the oplock falls to NONE.
  const rights = isValidLevel ? rightsOf(level) : 0;
  exchange.afterSend = exchange.context.caching.acknowledgeOplock(holder, rights).then;
  if (level === OplockLevel.LEASE) return Status.INVALID_PARAMETER;
  if (!isValidLevel) return Status.INVALID_OPLOCK_PROTOCOL;
  const { fileId } = request;
  const oplockLevel = levelOf(holder.state);
  encodeOplockBreakResponse(exchange.reserve(OPLOCK_RESPONSE_BYTES), { kind: "oplock", oplockLevel, fileId });
  return Status.SUCCESS;
}

// The statuses of Microsoft's own model of 3.3.5.22.1 (Windows Protocol Test Suites, OplockModel). The
// clause's newest text has INVALID_DEVICE_STATE for all of them.
function refusalWithoutBreak(holder: CachingHolder | undefined, level: number): NtStatus {
  const oplock = holder?.lease === undefined ? holder : undefined;
  // A break of level II wants no acknowledgment, and [MS-FSA] 2.1.5.19 refuses one (smb2.oplock.levelii500).
  const wasLevelTwo = oplock !== undefined && oplock.endUnanswered();
  if (level === OplockLevel.LEASE) return Status.INVALID_PARAMETER;
  if (wasLevelTwo) return Status.INVALID_OPLOCK_PROTOCOL;
  const held = levelOf(oplock?.state ?? 0);
  if (held !== OplockLevel.NONE && !mayBeNamed(held, level)) return Status.INVALID_OPLOCK_PROTOCOL;
  return Status.INVALID_DEVICE_STATE;
}

/** True if the holder of an oplock of the level `held` may acknowledge a break with `level`. */
function mayBeNamed(held: number, level: number): boolean {
  return level === OplockLevel.NONE || (level === OplockLevel.II && held !== OplockLevel.II);
}

function acknowledgeLease(exchange: Exchange, session: Session): NtStatus {
  const request = decodeOplockBreakRequest(exchange.message);
  if (request.kind !== "lease") return Status.INVALID_PARAMETER;
  const { leaseKey } = request;
  const { caching, opens, durables } = exchange.context;
  const id = leaseIdOf(session.terms.clientGuid, leaseKey);
  const holder = caching.findLease(id);
  // 3.3.5.22.2: the client has the responses of these CREATEs.
  for (const { id: openId } of holder?.opens ?? []) {
    const open = opens.find(openId);
    if (open?.isReplayable === true) durables.endReplay(open);
  }
  const { status, then } = caching.acknowledgeLease(id, request.leaseState);
  if (status !== Status.SUCCESS) return status;
  exchange.afterSend = then;
  // H or W without R is no state of a lease: nothing is left of it.
  const leaseState = holder?.state ?? 0;
  encodeOplockBreakResponse(exchange.reserve(LEASE_RESPONSE_BYTES), {
    kind: "lease",
    leaseKey,
    leaseState,
    flags: 0,
  });
  return Status.SUCCESS;
}
