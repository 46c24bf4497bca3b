// Server-side copies: FSCTL_SRV_REQUEST_RESUME_KEY, FSCTL_SRV_COPYCHUNK and FSCTL_DUPLICATE_EXTENTS_TO_FILE.
// [MS-SMB2] 2.2.31.1 (SRV_COPYCHUNK_COPY), 2.2.32.1 (response), 2.2.32.3 (resume key);
// [MS-FSCC] 2.3, FSCTL_DUPLICATE_EXTENTS_TO_FILE.
import { Reader, type Writer, wireError } from "../cursor.ts";
import { type FileId, takeFileId, writeFileId } from "../file-id.ts";

export const RESUME_KEY_SIZE = 24;
/** Key, ContextLength (0) and the four bytes of Context that Windows also sends. */
export const RESUME_KEY_RESPONSE_SIZE = 32;
export const COPYCHUNK_RESPONSE_SIZE = 12;

export interface CopyChunk {
  readonly sourceOffset: number;
  readonly targetOffset: number;
  readonly length: number;
}

export interface CopyChunkRequest {
  /** 24 bytes from FSCTL_SRV_REQUEST_RESUME_KEY. */
  readonly sourceKey: Uint8Array;
  readonly chunks: readonly CopyChunk[];
}

/**
 * With STATUS_INVALID_PARAMETER the fields are the server's limits: chunks, bytes per chunk, bytes in total.
 */
export interface CopyChunkResponse {
  readonly chunksWritten: number;
  readonly chunkBytesWritten: number;
  readonly totalBytesWritten: number;
}

export function encodeResumeKey(writer: Writer, key: Uint8Array): void {
  writer.raw(key);
  writer.zero(RESUME_KEY_RESPONSE_SIZE - RESUME_KEY_SIZE);
}

export function decodeResumeKey(data: Uint8Array): Uint8Array {
  return new Reader(data).range(RESUME_KEY_SIZE);
}

export function decodeCopyChunkRequest(data: Uint8Array): CopyChunkRequest {
  const reader = new Reader(data);
  const sourceKey = reader.range(RESUME_KEY_SIZE);
  const count = reader.u32();
  reader.skip(4);
  if (count * 24 > reader.remaining) throw wireError("chunks cut off");
  const chunks: CopyChunk[] = [];
  for (let i = 0; i < count; i++) {
    chunks.push({ sourceOffset: reader.u64(), targetOffset: reader.u64(), length: reader.u32() });
    reader.skip(4);
  }
  return { sourceKey, chunks };
}

export function encodeCopyChunkRequest(writer: Writer, request: CopyChunkRequest): void {
  writer.raw(request.sourceKey);
  writer.u32(request.chunks.length);
  writer.u32(0);
  for (const chunk of request.chunks) {
    writer.u64(chunk.sourceOffset);
    writer.u64(chunk.targetOffset);
    writer.u32(chunk.length);
    writer.u32(0);
  }
}

export function encodeCopyChunkResponse(writer: Writer, response: CopyChunkResponse): void {
  writer.u32(response.chunksWritten);
  writer.u32(response.chunkBytesWritten);
  writer.u32(response.totalBytesWritten);
}

export function decodeCopyChunkResponse(data: Uint8Array): CopyChunkResponse {
  const reader = new Reader(data);
  return {
    chunksWritten: reader.u32(),
    chunkBytesWritten: reader.u32(),
    totalBytesWritten: reader.u32(),
  };
}

/** FSCTL_DUPLICATE_EXTENTS_TO_FILE; the response has no data. */
export interface DuplicateExtents {
  readonly source: FileId;
  readonly sourceOffset: number;
  readonly targetOffset: number;
  readonly byteCount: number;
}

export function decodeDuplicateExtents(data: Uint8Array): DuplicateExtents {
  const reader = new Reader(data);
  return {
    source: takeFileId(reader),
    sourceOffset: reader.u64(),
    targetOffset: reader.u64(),
    byteCount: reader.u64(),
  };
}

export function encodeDuplicateExtents(writer: Writer, value: DuplicateExtents): void {
  writeFileId(writer, value.source);
  writer.u64(value.sourceOffset);
  writer.u64(value.targetOffset);
  writer.u64(value.byteCount);
}
