// Interim responses: STATUS_PENDING for a request whose answer takes long; [MS-SMB2] 3.3.4.2.
import { Writer } from "../../wire/cursor.ts";
import { HEADER_SIZE, HeaderFlag, HeaderOffset, set64 } from "../../wire/header.ts";
import { EMPTY_ERROR_SIZE, writeEmptyError } from "../../wire/command/error-response.ts";
import { Status } from "../../wire/status.ts";
import { HEAD_ROOM, type PooledBuffer } from "../transport/buffer-pool.ts";
import type { Exchange } from "./exchange.ts";

/** Where an interim response ends in its buffer. */
export const INTERIM_END = HEAD_ROOM + HEADER_SIZE + EMPTY_ERROR_SIZE;

/** Returns the interim response of the exchange's current member. */
export function makeInterim(exchange: Exchange, asyncId: number): PooledBuffer {
  const reply = exchange.context.pool.acquire(INTERIM_END);
  const { view } = reply;
  exchange.writeHeader(reply, HEAD_ROOM, Status.PENDING);
  const flags = view.getUint32(HEAD_ROOM + HeaderOffset.FLAGS, true) | HeaderFlag.ASYNC_COMMAND;
  view.setUint32(HEAD_ROOM + HeaderOffset.FLAGS, flags, true);
  set64(view, HEAD_ROOM + HeaderOffset.ASYNC_ID, asyncId);
  writeEmptyError(new Writer(reply.bytes, HEAD_ROOM, HEAD_ROOM + HEADER_SIZE));
  return reply;
}
