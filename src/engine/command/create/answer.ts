// The response of a successful CREATE; [MS-SMB2] 2.2.14, 3.3.5.9.
import { encodeCreateResponse } from "../../../wire/command/create.ts";
import type { CreateRequestContexts, CreateResponseContexts } from "../../../wire/context/create-context.ts";
import { Status } from "../../../wire/status.ts";
import type { Time } from "../../../wire/filetime.ts";
import type { Exchange } from "../../connection/exchange.ts";
import type { Open } from "../../state/open.ts";
import type { FileNode, FileStat } from "../../vfs/store.ts";
import { diskIdOf } from "../open/disk-id.ts";
import { maximalAccessOf } from "../open/access-check.ts";
import { appleAnswer, appleRoom } from "./apple.ts";
import { grantedLevel, leaseAnswer } from "./caching-request.ts";
import { posixFactsOf } from "../open/posix-facts.ts";
import { countReserved } from "../open/stat.ts";

/** The fixed part of the response, and every create context that the server returns, but AAPL. */
const RESPONSE_ROOM = 88 + 320;

/**
 * Writes the response body and sets `exchange.open` for related requests of the compound. `oplockLevel`
 * replaces the granted level in the response.
 */
export function writeCreateAnswer(
  exchange: Exchange,
  contexts: CreateRequestContexts,
  open: Open,
  node: FileNode,
  stat: FileStat,
  createAction: number,
  oplockLevel: number = grantedLevel(open),
): void {
  const id = { persistentLow: open.id, persistentHigh: 0, volatileLow: open.id, volatileHigh: 0 };
  exchange.context.changeTimes.apply(stat);
  const responses = responseContexts(exchange, contexts, open, node, stat);
  const room = RESPONSE_ROOM + appleRoom(responses.apple);
  encodeCreateResponse(exchange.reserve(room), {
    oplockLevel,
    flags: 0,
    createAction,
    file: countReserved(open, stat),
    fileId: id,
    contexts: responses,
  });
  exchange.open = open;
}

function responseContexts(
  exchange: Exchange,
  contexts: CreateRequestContexts,
  open: Open,
  node: FileNode,
  stat: FileStat,
): CreateResponseContexts {
  const { tree } = open;
  const answer: CreateResponseContexts = {};
  if (contexts.maximalAccess !== undefined) {
    const { timestamp } = contexts.maximalAccess;
    answer.maximalAccess = isUnchangedSince(stat, timestamp)
      ? { queryStatus: Status.NONE_MAPPED, maximalAccess: 0 }
      : { queryStatus: Status.SUCCESS, maximalAccess: maximalAccessOf(tree, node) };
  }
  if (contexts.queryOnDiskId === true) {
    const { inodeLow, inodeHigh } = diskIdOf(open, node.stat);
    const { device } = node.stat;
    answer.onDiskId = {
      fileIdLow: inodeLow,
      fileIdHigh: inodeHigh,
      volumeIdLow: device % 2 ** 32,
      volumeIdHigh: 0,
    };
  }
  const lease = leaseAnswer(open);
  if (lease !== undefined) answer.lease = lease;
  if (open.isPosix && contexts.posix !== undefined) answer.posix = posixFactsOf(stat);
  if (contexts.apple !== undefined) {
    const apple = appleAnswer(exchange.context, tree, contexts.apple);
    if (apple !== undefined) answer.apple = apple;
  }
  const { durability } = open;
  // A reconnect requests no durability and gets no such context; the open stays as durable as it was.
  if (durability?.version === 1 && contexts.durableRequest !== undefined) answer.durable = true;
  if (durability?.version === 2 && contexts.durableRequestV2 !== undefined) {
    answer.durableV2 = { timeoutMs: durability.timeoutMs, flags: 0 };
  }
  return answer;
}

// 3.3.5.9.5: a client that knows the maximal access sends the LastWriteTime that it belongs to. A FILETIME
// has units of 100 ns.
function isUnchangedSince(stat: FileStat, time: Time | undefined): boolean {
  if (time === undefined) return false;
  if (stat.modifySeconds !== time.seconds) return stat.modifySeconds < time.seconds;
  return Math.floor(stat.modifyNanoseconds / 100) <= Math.floor(time.nanoseconds / 100);
}
