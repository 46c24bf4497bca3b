// FileStreamInformation: the list of a file's streams.
// [MS-FSCC] 2.4, FileStreamInformation.
import { Reader, type Writer, wireError } from "../cursor.ts";

export interface StreamInformation {
  /** With colons and type: `::$DATA` for the main stream, `:name:$DATA` for others. */
  readonly name: string;
  readonly size: number;
  readonly allocated: number;
}

const FIXED_SIZE = 24;

/** Bytes that `appendStream` will write, with the padding before the entry. */
export function streamRoom(writer: Writer, stream: StreamInformation): number {
  return (-writer.offset() & 7) + FIXED_SIZE + stream.name.length * 2;
}

/** Appends one entry and sets NextEntryOffset of the entry at `previous` (-1: none). Returns its position. */
export function appendStream(writer: Writer, stream: StreamInformation, previous: number): number {
  writer.align(8);
  const at = writer.position;
  if (previous >= 0) writer.patch32(previous, at - previous);
  writer.u32(0);
  writer.u32(stream.name.length * 2);
  writer.u64(stream.size);
  writer.u64(stream.allocated);
  writer.utf16(stream.name);
  return at;
}

export function decodeStreams(data: Uint8Array): StreamInformation[] {
  const streams: StreamInformation[] = [];
  const reader = new Reader(data);
  while (reader.remaining > 0) {
    const at = reader.position;
    const next = reader.u32();
    const length = reader.u32();
    const size = reader.u64();
    const allocated = reader.u64();
    streams.push({ size, allocated, name: reader.utf16(length) });
    if (next === 0) break;
    if (next < FIXED_SIZE + length) throw wireError("stream list broken");
    reader.seek(at + next);
  }
  return streams;
}
