// SMB2 LOCK: locks or unlocks byte ranges.
// [MS-SMB2] 2.2.26 (request, with 2.2.26.1 SMB2_LOCK_ELEMENT), 2.2.27 (response).
import { BODY, checkStructureSize } from "../body.ts";
import { type Message, type Writer, wireError } from "../cursor.ts";
import { type FileId, readFileId, writeFileId } from "../file-id.ts";

export const LockFlag = { SHARED: 0x1, EXCLUSIVE: 0x2, UNLOCK: 0x4, FAIL_IMMEDIATELY: 0x10 } as const;

/** `offset` and `length` are unsigned 64-bit: ranges may lie above 2^63 and even wrap around. */
export interface LockElement {
  readonly offset: bigint;
  readonly length: bigint;
  readonly flags: number;
}

export interface LockRequest {
  /** The low 4 bits of LockSequence; 0 in SMB 2.0.2. */
  readonly sequenceNumber: number;
  /** The high 28 bits of LockSequence. */
  readonly sequenceIndex: number;
  readonly fileId: FileId;
  /** At least one. */
  readonly locks: readonly LockElement[];
}

export type LockResponse = Readonly<Record<string, never>>;

const ELEMENT_SIZE = 24;

export const LockRequestOffset = { COUNT: BODY + 2, SEQUENCE: BODY + 4, FILE_ID: BODY + 8 } as const;

/** Throws WireError for LockCount 0. */
export function decodeLockRequest(message: Message): LockRequest {
  // StructureSize 48 includes one range, so a request without any fails this check already.
  checkStructureSize(message, 48);
  const count = message.u16(LockRequestOffset.COUNT);
  if (count === 0) throw wireError("LOCK without a range");
  const sequence = message.u32(LockRequestOffset.SEQUENCE);
  const reader = message.reader(BODY + 24, count * ELEMENT_SIZE);
  const locks: LockElement[] = [];
  for (let i = 0; i < count; i++) {
    locks.push({ offset: reader.big64(), length: reader.big64(), flags: reader.u32() });
    reader.skip(4);
  }
  return {
    sequenceNumber: sequence & 0xf,
    sequenceIndex: sequence >>> 4,
    fileId: readFileId(message, LockRequestOffset.FILE_ID),
    locks,
  };
}

export function encodeLockRequest(writer: Writer, request: LockRequest): void {
  writer.u16(48);
  writer.u16(request.locks.length);
  writer.u32(request.sequenceIndex * 16 + request.sequenceNumber);
  writeFileId(writer, request.fileId);
  for (const lock of request.locks) {
    writer.big64(lock.offset);
    writer.big64(lock.length);
    writer.u32(lock.flags);
    writer.u32(0);
  }
}

export function encodeLockResponse(writer: Writer, _response: LockResponse = {}): void {
  writer.u16(4);
  writer.u16(0);
}

export function decodeLockResponse(message: Message): LockResponse {
  checkStructureSize(message, 4);
  return {};
}
