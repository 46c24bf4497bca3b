// SMB2 WRITE. [MS-SMB2] 2.2.21 (request), 2.2.22 (response).
// The server reads fields by offset and allocates no objects; the decode and encode functions are for clients
// and tests.
import { BODY, checkStructureSize } from "../body.ts";
import { EMPTY, type Message, type Writer, wireError } from "../cursor.ts";
import { type FileId, readFileId, writeFileId } from "../file-id.ts";

export const WriteFlag = { WRITE_THROUGH: 0x0000_0001, WRITE_UNBUFFERED: 0x0000_0002 } as const;

/** Offsets from the start of the SMB2 header. */
export const WriteRequestOffset = {
  DATA_OFFSET: BODY + 2,
  LENGTH: BODY + 4,
  OFFSET: BODY + 8,
  FILE_ID: BODY + 16,
  CHANNEL: BODY + 32,
  REMAINING_BYTES: BODY + 36,
  CHANNEL_INFO_OFFSET: BODY + 40,
  CHANNEL_INFO_LENGTH: BODY + 42,
  FLAGS: BODY + 44,
} as const;

const REQUEST_SIZE = 49;
const REQUEST_BUFFER = BODY + 48;
const RESPONSE_SIZE = 17;
// [MS-SMB2] 3.3.5.13: a DataOffset above 0x100 fails with STATUS_INVALID_PARAMETER.
const MAX_DATA_OFFSET = 0x100;

/** Checks StructureSize and the size of the fixed part, as the accessors below require. Throws WireError. */
export function checkWriteRequest(message: Message): void {
  checkStructureSize(message, REQUEST_SIZE);
}
export function writeRequestLength(message: Message): number {
  return message.u32(WriteRequestOffset.LENGTH);
}
/** Whether the offset is all ones: the data is appended to the file. */
export function isAppendRequest(message: Message): boolean {
  const at = WriteRequestOffset.OFFSET;
  return message.u32(at) === 0xffff_ffff && message.u32(at + 4) === 0xffff_ffff;
}
/** Exact below 2^53, rounded above: the caller must compare it with the limit first. */
export function writeRequestOffset(message: Message): number {
  return message.u64(WriteRequestOffset.OFFSET);
}
export function writeRequestFlags(message: Message): number {
  return message.u32(WriteRequestOffset.FLAGS);
}
export function writeRequestChannel(message: Message): number {
  return message.u32(WriteRequestOffset.CHANNEL);
}

/**
 * Index in `message.bytes` of the first byte to write. Throws WireError unless all `writeRequestLength` bytes
 * lie in the message behind its fixed part. A request for an RDMA channel has no data in the message: check
 * the channel first.
 */
export function writeRequestDataStart(message: Message): number {
  const offset = message.u16(WriteRequestOffset.DATA_OFFSET);
  const length = writeRequestLength(message);
  if (offset > MAX_DATA_OFFSET) throw wireError("DataOffset of a WRITE too large");
  if (length > 0 && (offset < REQUEST_BUFFER || offset + length > message.length)) {
    throw wireError("data of a WRITE outside the message");
  }
  return message.start + offset;
}

export interface WriteRequest {
  readonly data: Uint8Array;
  readonly offset: number;
  readonly fileId: FileId;
  readonly channel: number;
  readonly remainingBytes: number;
  readonly channelInfo: Uint8Array;
  readonly flags: number;
}

export interface WriteResponse {
  readonly count: number;
}

export function decodeWriteRequest(message: Message): WriteRequest {
  checkWriteRequest(message);
  const channel = writeRequestChannel(message);
  const start = writeRequestDataStart(message);
  return {
    data: message.range(start - message.start, writeRequestLength(message)),
    offset: writeRequestOffset(message),
    fileId: readFileId(message, WriteRequestOffset.FILE_ID),
    channel,
    remainingBytes: message.u32(WriteRequestOffset.REMAINING_BYTES),
    channelInfo:
      channel === 0
        ? EMPTY
        : message.dynamic(
            message.u16(WriteRequestOffset.CHANNEL_INFO_OFFSET),
            message.u16(WriteRequestOffset.CHANNEL_INFO_LENGTH),
            REQUEST_BUFFER,
          ),
    flags: writeRequestFlags(message),
  };
}

export function encodeWriteRequest(writer: Writer, request: WriteRequest): void {
  const info = request.channelInfo.length;
  writer.u16(REQUEST_SIZE);
  writer.u16(REQUEST_BUFFER + info);
  writer.u32(request.data.length);
  writer.u64(request.offset);
  writeFileId(writer, request.fileId);
  writer.u32(request.channel);
  writer.u32(request.remainingBytes);
  writer.u16(info === 0 ? 0 : REQUEST_BUFFER);
  writer.u16(info);
  writer.u32(request.flags);
  writer.raw(request.channelInfo);
  writer.raw(request.data);
  // Without data: the byte of the dynamic part that StructureSize includes.
  if (info + request.data.length === 0) writer.u8(0);
}

export function encodeWriteResponse(writer: Writer, response: WriteResponse): void {
  writeWriteResponse(writer, response.count);
}

/** As `encodeWriteResponse`, but without an object to allocate. */
export function writeWriteResponse(writer: Writer, count: number): void {
  writer.u16(RESPONSE_SIZE);
  writer.u16(0);
  writer.u32(count);
  writer.u32(0);
  writer.u32(0);
}

export function decodeWriteResponse(message: Message): WriteResponse {
  checkStructureSize(message, RESPONSE_SIZE);
  return { count: message.u32(BODY + 4) };
}
