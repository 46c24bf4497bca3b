// SMB2 LOCK: byte-range locks ([MS-SMB2] 3.3.5.14; unlocks 3.3.5.14.1, locks 3.3.5.14.2, cancel 3.3.5.16).
import type { MaybePromise } from "../../../port/port.ts";
import { Access } from "../../../wire/security/access.ts";
import {
  decodeLockRequest,
  encodeLockResponse,
  LockFlag,
  LockRequestOffset,
} from "../../../wire/command/lock.ts";
import type { LockElement } from "../../../wire/command/lock.ts";
import { Capability, Dialect } from "../../../wire/command/negotiate.ts";
import { type NtStatus, Status } from "../../../wire/status.ts";
import type { EngineContext } from "../../connection/context.ts";
import type { Exchange } from "../../connection/exchange.ts";
import { LockSequences } from "../../state/lock-sequence.ts";
import type { Open, SharedFile } from "../../state/open.ts";
import { userOf } from "../../state/open-usage.ts";
import { type LockLimits, LockOutcome, type LockRange, RangeLocks } from "../../state/range-locks.ts";
import { andThen } from "../../and-then.ts";
import { mirrorLocks, unmirrorAll } from "./lock-mirror.ts";

/** Ranges per request. The Linux client sends up to a page of them (170), Windows one. */
const MAX_ELEMENTS = 1024;
const RESPONSE_BYTES = 4;
/** A range must not extend beyond this offset. */
const OFFSET_LIMIT = 1n << 64n;

export function handleLock(exchange: Exchange, open: Open): MaybePromise<NtStatus> {
  const { message } = exchange;
  if (message.u16(LockRequestOffset.COUNT) > MAX_ELEMENTS) return Status.INSUFFICIENT_RESOURCES;
  const { locks, sequenceIndex, sequenceNumber } = decodeLockRequest(message);
  const { file } = open;
  if (file === undefined) return Status.INVALID_DEVICE_REQUEST;
  // [MS-FSA] 2.1.5.8: a directory cannot be locked.
  if (open.isDirectory) return Status.INVALID_PARAMETER;
  if ((open.grantedAccess & (Access.READ_DATA | Access.WRITE_DATA)) === 0) return Status.ACCESS_DENIED;
  const sequences = sequencesOf(exchange, open);
  if (sequences?.isReplay(sequenceIndex, sequenceNumber) === true) return answer(exchange);
  const isUnlock = ((locks[0]?.flags ?? 0) & LockFlag.UNLOCK) !== 0;
  // 3.3.5.2.9 lets LOCK through: what the client has can be given back. As on smbd, it gets no new locks
  // (smbtorture's session.expire2s).
  if (!isUnlock && exchange.session?.hasExpired(exchange.context.clock) === true)
    return Status.NETWORK_SESSION_EXPIRED;
  const outcome = isUnlock ? unlockRanges(open, file, locks) : lockRanges(exchange, open, file, locks);
  return andThen(outcome, (status) => {
    if (status !== Status.SUCCESS) return status;
    sequences?.remember(sequenceIndex, sequenceNumber);
    return answer(exchange);
  });
}

/** Releases the locks of a closing open and ends its waits; then grants waiting locks of others in order. */
export function releaseLocks(open: Open): void {
  const { file } = open;
  if (file?.locks === undefined) return;
  if (open.tree.grant.posixLocking) unmirrorAll(open, file);
  file.locks.release(open.id);
  dropIfUnused(file);
}

function answer(exchange: Exchange): NtStatus {
  encodeLockResponse(exchange.reserve(RESPONSE_BYTES));
  return Status.SUCCESS;
}

// 3.3.5.14: a LOCK may be sent again on a durable open or on another channel. Undefined for other opens.
function sequencesOf(exchange: Exchange, open: Open): LockSequences | undefined {
  const { negotiated, isAtLeast3 } = exchange.connection;
  if (negotiated === undefined || negotiated.dialect.revision === Dialect.SMB_2_0_2) return undefined;
  const hasChannels = isAtLeast3 && (negotiated.serverCapabilities & Capability.MULTI_CHANNEL) !== 0;
  if (open.durability === undefined && !hasChannels) return undefined;
  open.lockSequences ??= new LockSequences();
  return open.lockSequences;
}

// 3.3.5.14.1: one element after another; those unlocked before a failure stay unlocked.
function unlockRanges(
  open: Open,
  file: SharedFile,
  elements: readonly LockElement[],
): MaybePromise<NtStatus> {
  let mirrored: MaybePromise<unknown>;
  for (const { offset, length, flags } of elements) {
    if (flags !== LockFlag.UNLOCK) return Status.INVALID_PARAMETER;
    if (offset + length > OFFSET_LIMIT) return Status.INVALID_LOCK_RANGE;
    const { locks } = file;
    if (locks === undefined) return Status.RANGE_NOT_LOCKED;
    const isMirrored = open.tree.grant.posixLocking;
    const mirror = () => void (mirrored = mirrorLocks(open, file, locks, offset, length));
    const beforeServing = isMirrored ? mirror : undefined;
    if (!locks.unlock(open.id, offset, length, beforeServing)) return Status.RANGE_NOT_LOCKED;
    dropIfUnused(file);
  }
  // The changes of a file's kernel locks end in their order.
  return andThen(mirrored, () => Status.SUCCESS);
}

function lockRanges(
  exchange: Exchange,
  open: Open,
  file: SharedFile,
  elements: readonly LockElement[],
): MaybePromise<NtStatus> {
  for (const { flags } of elements) if (!isValidLock(flags, elements.length)) return Status.INVALID_PARAMETER;
  const { context } = exchange;
  // [MS-FSA] 2.1.5.8: a client that reads from its cache would not notice the lock.
  if (file.caching.active > 0) context.caching.breakReading(file.caching, open.caching);
  const taken: LockRange[] = [];
  return andThen(takeLocks(exchange, open, file, elements, taken), (status) => {
    if (status === Status.SUCCESS) return status;
    const { locks } = file;
    if (locks !== undefined) for (const range of taken.reverse()) undoLock(open, file, locks, range);
    dropIfUnused(file);
    return status;
  });
}

/** Takes the locks of the elements that follow those in `taken`, and adds them to it. */
function takeLocks(
  exchange: Exchange,
  open: Open,
  file: SharedFile,
  elements: readonly LockElement[],
  taken: LockRange[],
): MaybePromise<NtStatus> {
  // While it waited for the disk, the client may have released what it had, and the file's last lock with it.
  const locks = (file.locks ??= new RangeLocks());
  const limits = limitsOf(exchange.context, open);
  for (const { offset, length, flags } of elements.slice(taken.length)) {
    if (offset + length > OFFSET_LIMIT) return Status.INVALID_LOCK_RANGE;
    const range = { owner: open.id, offset, length, isExclusive: (flags & LockFlag.EXCLUSIVE) !== 0 };
    const outcome = locks.lock(range, limits);
    if (outcome === LockOutcome.CONFLICT && (flags & LockFlag.FAIL_IMMEDIATELY) === 0) {
      return awaitLock(exchange, open, file, locks, range);
    }
    if (outcome !== LockOutcome.GRANTED) return statusFor(outcome);
    const status = mirrorGranted(open, file, locks, range);
    if (status instanceof Promise) {
      return status.then((late) => {
        if (late !== Status.SUCCESS) return late;
        taken.push(range);
        return takeLocks(exchange, open, file, elements, taken);
      });
    }
    if (status !== Status.SUCCESS) return status;
    taken.push(range);
  }
  return Status.SUCCESS;
}

/** Checks the flags of one of `count` elements. 3.3.5.14.2: only the sole lock of a request may wait. */
export function isValidLock(flags: number, count: number): boolean {
  const kind = flags & ~LockFlag.FAIL_IMMEDIATELY;
  if (kind !== LockFlag.SHARED && kind !== LockFlag.EXCLUSIVE) return false;
  return count === 1 || (flags & LockFlag.FAIL_IMMEDIATELY) !== 0;
}

function statusFor(outcome: LockOutcome): NtStatus {
  return outcome === LockOutcome.LIMIT ? Status.INSUFFICIENT_RESOURCES : Status.LOCK_NOT_GRANTED;
}

function limitsOf({ settings, opens }: EngineContext, open: Open): LockLimits {
  return {
    perOpen: settings.maxLocksPerOpen,
    perFile: settings.maxLocksPerFile,
    inAll: settings.maxTotalLocks,
    charge: { usage: opens.lockUsage, user: userOf(open.session) },
  };
}

/**
 * Mirrors a lock just granted in the kernel; if a local program's lock conflicts, undoes it without a wait.
 */
function mirrorGranted(
  open: Open,
  file: SharedFile,
  locks: RangeLocks,
  range: LockRange,
): MaybePromise<NtStatus> {
  if (!open.tree.grant.posixLocking) return Status.SUCCESS;
  return andThen(mirrorLocks(open, file, locks, range.offset, range.length), (isSet) => {
    // Its close has released the lock.
    if (open.isClosed) return Status.FILE_CLOSED;
    if (isSet) return Status.SUCCESS;
    undoLock(open, file, locks, range);
    return Status.LOCK_NOT_GRANTED;
  });
}

function undoLock(open: Open, file: SharedFile, locks: RangeLocks, range: LockRange): void {
  if (open.isClosed) return;
  locks.undo(range);
  if (open.tree.grant.posixLocking) void mirrorLocks(open, file, locks, range.offset, range.length);
}

function awaitLock(
  exchange: Exchange,
  open: Open,
  file: SharedFile,
  locks: RangeLocks,
  range: LockRange,
): MaybePromise<NtStatus> {
  const { connection, context } = exchange;
  if (exchange.isLast) exchange.dropRequest();
  if (!connection.mayWait(exchange)) return Status.INSUFFICIENT_RESOURCES;
  return new Promise((resolve) => {
    const limits = limitsOf(context, open);
    const stopWaiting = locks.wait(range, limits, (isGranted) =>
      resolve(isGranted ? mirrorAwaited(open, file, locks, range) : Status.RANGE_NOT_LOCKED),
    );
    if (stopWaiting === undefined) return resolve(Status.INSUFFICIENT_RESOURCES);
    exchange.cancel = () => {
      stopWaiting();
      dropIfUnused(file);
      resolve(Status.CANCELLED);
    };
    connection.sendInterim(exchange);
  });
}

// If a local program's lock prevents the lock just granted, locks that waited behind it may now be granted.
function mirrorAwaited(
  open: Open,
  file: SharedFile,
  locks: RangeLocks,
  range: LockRange,
): MaybePromise<NtStatus> {
  return andThen(mirrorGranted(open, file, locks, range), (status) => {
    if (status !== Status.SUCCESS) {
      locks.serveWaiters(range.offset, range.offset + range.length - 1n);
      dropIfUnused(file);
    }
    return status;
  });
}

function dropIfUnused(file: SharedFile): void {
  if (file.locks?.isEmpty === true) file.locks = undefined;
}
