// ChannelSequence: after a client lost a channel, requests sent over it before must not overtake what it sends anew;
// [MS-SMB2] 3.3.5.2.10 (checking), 3.3.4.1 (counting down).
import { HeaderFlag } from "../../wire/header.ts";
import { type NtStatus, Status } from "../../wire/status.ts";
import type { Open } from "../state/open.ts";
import type { Exchange } from "./exchange.ts";

const HALF = 0x8000;

/** Holds a request that names `open` against the open's sequence, and counts it in. SUCCESS or FILE_NOT_AVAILABLE. */
export function enterSequence(exchange: Exchange, open: Open): NtStatus {
  if (!exchange.connection.isAtLeast3) return Status.SUCCESS;
  const { sequence } = open;
  const ahead = (exchange.channelSequence - sequence.number) & 0xffff;
  const isStale = ahead >= HALF;
  const mayChange = exchange.row?.mayChangeData === true;
  const isReplay = (exchange.flags & HeaderFlag.REPLAY_OPERATION) !== 0;
  if (mayChange && isStale) return Status.FILE_NOT_AVAILABLE;
  // A replay may run only when nothing of the time before can still be under way.
  if (mayChange && isReplay && sequence.before > 0) return Status.FILE_NOT_AVAILABLE;
  if (ahead > 0 && !isStale) {
    sequence.before += sequence.outstanding;
    sequence.outstanding = 0;
    sequence.number = exchange.channelSequence;
  }
  if (!isStale) sequence.outstanding++;
  return Status.SUCCESS;
}

/** Counts a request out that `enterSequence` let in. */
export function leaveSequence(exchange: Exchange, open: Open): void {
  if (!exchange.connection.isAtLeast3) return;
  const { sequence } = open;
  if (exchange.channelSequence === sequence.number) {
    if (sequence.outstanding > 0) sequence.outstanding--;
  } else if (sequence.before > 0) {
    sequence.before--;
  }
}
