// The part of a request that its structure describes: the fixed part and the buffers that its offsets name.
// [MS-SMB2] 2.2.13 to 2.2.39. Servers ignore the bytes behind it, which may be padding of any length.
import { BODY } from "../body.ts";
import { Command } from "../header.ts";
import type { Message } from "../cursor.ts";
import { LockRequestOffset } from "./lock.ts";

/** Where a request has the offset and the length of a buffer, and the size of each of the two fields. */
interface BufferField {
  readonly offsetAt: number;
  readonly offsetSize: 2 | 4;
  readonly lengthAt: number;
  readonly lengthSize: 2 | 4;
}

interface RequestLayout {
  /** Bytes of the fixed part, without the SMB2 header. */
  readonly fixed: number;
  readonly buffers: readonly BufferField[];
}

function buffer(
  offsetAt: number,
  offsetSize: 2 | 4,
  lengthAt: number,
  lengthSize: 2 | 4 = offsetSize,
): BufferField {
  return { offsetAt: BODY + offsetAt, offsetSize, lengthAt: BODY + lengthAt, lengthSize };
}

const LOCK_ELEMENT_SIZE = 24;

const layouts: ReadonlyMap<number, RequestLayout> = new Map<number, RequestLayout>([
  [Command.LOGOFF, { fixed: 4, buffers: [] }],
  [Command.TREE_CONNECT, { fixed: 8, buffers: [buffer(4, 2, 6)] }],
  [Command.TREE_DISCONNECT, { fixed: 4, buffers: [] }],
  [Command.CREATE, { fixed: 56, buffers: [buffer(44, 2, 46), buffer(48, 4, 52)] }],
  [Command.CLOSE, { fixed: 24, buffers: [] }],
  [Command.FLUSH, { fixed: 24, buffers: [] }],
  [Command.READ, { fixed: 48, buffers: [buffer(44, 2, 46)] }],
  [Command.WRITE, { fixed: 48, buffers: [buffer(2, 2, 4, 4), buffer(40, 2, 42)] }],
  [Command.IOCTL, { fixed: 56, buffers: [buffer(24, 4, 28)] }],
  [Command.QUERY_DIRECTORY, { fixed: 32, buffers: [buffer(24, 2, 26)] }],
  [Command.CHANGE_NOTIFY, { fixed: 32, buffers: [] }],
  [Command.QUERY_INFO, { fixed: 40, buffers: [buffer(8, 2, 12, 4)] }],
  [Command.SET_INFO, { fixed: 32, buffers: [buffer(8, 2, 4, 4)] }],
]);

function field(message: Message, at: number, size: 2 | 4): number {
  return size === 2 ? message.u16(at) : message.u32(at);
}

/**
 * Returns the bytes of `message`, from its SMB2 header on, that a decoder of this command may read: all of it
 * where the layout is not known or the request is malformed.
 */
export function requestExtent(command: number, message: Message): number {
  if (command === Command.LOCK) return lockExtent(message);
  const layout = layouts.get(command);
  if (layout === undefined || message.length < BODY + layout.fixed) return message.length;
  let end = BODY + layout.fixed;
  for (const { offsetAt, offsetSize, lengthAt, lengthSize } of layout.buffers) {
    const length = field(message, lengthAt, lengthSize);
    if (length > 0) end = Math.max(end, field(message, offsetAt, offsetSize) + length);
  }
  return Math.min(end, message.length);
}

function lockExtent(message: Message): number {
  if (message.length < LockRequestOffset.COUNT + 2) return message.length;
  const end = BODY + 24 + message.u16(LockRequestOffset.COUNT) * LOCK_ELEMENT_SIZE;
  return Math.min(end, message.length);
}
