// FILE_NOTIFY_INFORMATION: the list of changes that CHANGE_NOTIFY reports.
// [MS-FSCC] 2.7.1.
import { Reader, type Writer, wireError } from "../cursor.ts";

export const NotifyAction = {
  ADDED: 1,
  REMOVED: 2,
  MODIFIED: 3,
  RENAMED_OLD_NAME: 4,
  RENAMED_NEW_NAME: 5,
  ADDED_STREAM: 6,
  REMOVED_STREAM: 7,
  MODIFIED_STREAM: 8,
} as const;
export type NotifyAction = (typeof NotifyAction)[keyof typeof NotifyAction];

export interface Change {
  readonly action: number;
  /** Relative to the watched directory, with backslashes. */
  readonly name: string;
}

const FIXED_SIZE = 12;

/** Bytes that `appendChange` will write, with the padding before the entry. */
export function changeRoom(writer: Writer, change: Change): number {
  return (-writer.offset() & 3) + FIXED_SIZE + change.name.length * 2;
}

/** Appends one entry and sets NextEntryOffset of the entry at `previous` (-1: none). Returns its position. */
export function appendChange(writer: Writer, change: Change, previous: number): number {
  writer.align(4);
  const at = writer.position;
  if (previous >= 0) writer.patch32(previous, at - previous);
  writer.u32(0);
  writer.u32(change.action);
  writer.u32(change.name.length * 2);
  writer.utf16(change.name);
  return at;
}

export function decodeChanges(data: Uint8Array): Change[] {
  const changes: Change[] = [];
  const reader = new Reader(data);
  while (reader.remaining > 0) {
    const at = reader.position;
    const next = reader.u32();
    const action = reader.u32();
    changes.push({ action, name: reader.utf16(reader.u32()) });
    if (next === 0) break;
    if (at + next < reader.position) throw wireError("list of changes broken");
    reader.seek(at + next);
  }
  return changes;
}
