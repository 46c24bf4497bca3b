// SMB2 READ. [MS-SMB2] 2.2.19 (request), 2.2.20 (response).
// The server reads fields by offset and allocates no objects; the decode and encode functions are for clients
// and tests.
import { BODY, checkStructureSize } from "../body.ts";
import { EMPTY, type Message, type Writer } from "../cursor.ts";
import { type FileId, readFileId, writeFileId } from "../file-id.ts";

export const ReadChannel = { NONE: 0, RDMA_V1: 1, RDMA_V1_INVALIDATE: 2, RDMA_TRANSFORM: 3 } as const;

/** Offsets from the start of the SMB2 header. */
export const ReadRequestOffset = {
  PADDING: BODY + 2,
  FLAGS: BODY + 3,
  LENGTH: BODY + 4,
  OFFSET: BODY + 8,
  FILE_ID: BODY + 16,
  MINIMUM_COUNT: BODY + 32,
  CHANNEL: BODY + 36,
  REMAINING_BYTES: BODY + 40,
  CHANNEL_INFO_OFFSET: BODY + 44,
  CHANNEL_INFO_LENGTH: BODY + 46,
} as const;

const REQUEST_SIZE = 49;
const REQUEST_BUFFER = BODY + 48;
const RESPONSE_SIZE = 17;

/** Offset of a READ response's data from the start of the SMB2 header. */
export const READ_RESPONSE_DATA = BODY + 16;

/** Checks StructureSize and the size of the fixed part, as the accessors below require. Throws WireError. */
export function checkReadRequest(message: Message): void {
  checkStructureSize(message, REQUEST_SIZE);
}
export function readRequestFlags(message: Message): number {
  return message.u8(ReadRequestOffset.FLAGS);
}
export function readRequestLength(message: Message): number {
  return message.u32(ReadRequestOffset.LENGTH);
}
/** Exact below 2^53, rounded above: the caller must compare it with the limit first. */
export function readRequestOffset(message: Message): number {
  return message.u64(ReadRequestOffset.OFFSET);
}
export function readRequestMinimumCount(message: Message): number {
  return message.u32(ReadRequestOffset.MINIMUM_COUNT);
}
export function readRequestChannel(message: Message): number {
  return message.u32(ReadRequestOffset.CHANNEL);
}

/** Writes the fixed part of a response; the caller places the `length` bytes of data right after it. */
export function writeReadResponse(writer: Writer, length: number): void {
  writer.u16(RESPONSE_SIZE);
  writer.u16(READ_RESPONSE_DATA);
  writer.u32(length);
  writer.u32(0);
  writer.u32(0);
}

export interface ReadRequest {
  readonly padding: number;
  readonly flags: number;
  readonly length: number;
  readonly offset: number;
  readonly fileId: FileId;
  readonly minimumCount: number;
  readonly channel: number;
  readonly remainingBytes: number;
  readonly channelInfo: Uint8Array;
}

export interface ReadResponse {
  readonly data: Uint8Array;
  readonly dataRemaining: number;
}

export function decodeReadRequest(message: Message): ReadRequest {
  checkReadRequest(message);
  const channel = readRequestChannel(message);
  return {
    padding: message.u8(ReadRequestOffset.PADDING),
    flags: readRequestFlags(message),
    length: readRequestLength(message),
    offset: readRequestOffset(message),
    fileId: readFileId(message, ReadRequestOffset.FILE_ID),
    minimumCount: readRequestMinimumCount(message),
    channel,
    remainingBytes: message.u32(ReadRequestOffset.REMAINING_BYTES),
    channelInfo:
      channel === ReadChannel.NONE
        ? EMPTY
        : message.dynamic(
            message.u16(ReadRequestOffset.CHANNEL_INFO_OFFSET),
            message.u16(ReadRequestOffset.CHANNEL_INFO_LENGTH),
            REQUEST_BUFFER,
          ),
  };
}

export function encodeReadRequest(writer: Writer, request: ReadRequest): void {
  writer.u16(REQUEST_SIZE);
  writer.u8(request.padding);
  writer.u8(request.flags);
  writer.u32(request.length);
  writer.u64(request.offset);
  writeFileId(writer, request.fileId);
  writer.u32(request.minimumCount);
  writer.u32(request.channel);
  writer.u32(request.remainingBytes);
  writer.u16(request.channelInfo.length === 0 ? 0 : REQUEST_BUFFER);
  writer.u16(request.channelInfo.length);
  // [MS-SMB2] 2.2.19: the Buffer is at least one byte long.
  if (request.channelInfo.length === 0) writer.u8(0);
  else writer.raw(request.channelInfo);
}

export function encodeReadResponse(writer: Writer, response: ReadResponse): void {
  writer.u16(RESPONSE_SIZE);
  writer.u16(READ_RESPONSE_DATA);
  writer.u32(response.data.length);
  writer.u32(response.dataRemaining);
  writer.u32(0);
  writer.raw(response.data);
}

export function decodeReadResponse(message: Message): ReadResponse {
  checkStructureSize(message, RESPONSE_SIZE);
  return {
    data: message.dynamic(message.u8(BODY + 2), message.u32(BODY + 4), READ_RESPONSE_DATA),
    dataRemaining: message.u32(BODY + 8),
  };
}
