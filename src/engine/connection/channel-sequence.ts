// ChannelSequence: a client that lost a channel increments it, so that requests still under way on that
// channel do not overwrite what it sends again on another; [MS-SMB2] 3.3.5.2.10 (verifying), 3.3.4.1
// (counting down).
import { HeaderFlag } from "../../wire/header.ts";
import { type NtStatus, Status } from "../../wire/status.ts";
import type { Open } from "../state/open.ts";
import type { Exchange } from "./exchange.ts";

/** A difference of 0x8000 or more, modulo 2^16, means an older ChannelSequence. */
const HALF = 0x8000;

/**
 * Verifies the request's ChannelSequence against `open` and counts it as outstanding. SUCCESS or
 * FILE_NOT_AVAILABLE. A newer ChannelSequence is taken over even where the request itself fails.
 */
export function enterSequence(exchange: Exchange, open: Open): NtStatus {
  exchange.isInSequence = false;
  if (!exchange.connection.isAtLeast3) return Status.SUCCESS;
  const { sequence } = open;
  const ahead = (exchange.channelSequence - sequence.number) & 0xffff;
  const isStale = ahead >= HALF;
  if (ahead > 0 && !isStale) takeSequence(open, exchange.channelSequence);
  const isReplay = (exchange.flags & HeaderFlag.REPLAY_OPERATION) !== 0;
  // A replay must wait until no request of an earlier ChannelSequence is outstanding
  // (OutstandingPreRequestCount).
  if (isStale || (isReplay && sequence.outstandingBefore > 0)) {
    // Requests that change nothing are carried out, but not counted.
    return exchange.row?.mayChangeData === true ? Status.FILE_NOT_AVAILABLE : Status.SUCCESS;
  }
  sequence.outstanding++;
  exchange.isInSequence = true;
  return Status.SUCCESS;
}

/** Gives `open` another ChannelSequence; what is outstanding belongs to the one before. */
export function takeSequence({ sequence }: Open, number: number): void {
  if (sequence.number === number) return;
  sequence.outstandingBefore += sequence.outstanding;
  sequence.outstanding = 0;
  sequence.number = number;
}

/** Counts down a request that `enterSequence` has counted. */
export function leaveSequence(exchange: Exchange, open: Open): void {
  if (!exchange.isInSequence) return;
  exchange.isInSequence = false;
  const { sequence } = open;
  if (exchange.channelSequence === sequence.number) {
    if (sequence.outstanding > 0) sequence.outstanding--;
  } else if (sequence.outstandingBefore > 0) {
    sequence.outstandingBefore--;
  }
}
