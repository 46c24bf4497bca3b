// Space that clients reserved beyond a file's end: part of its allocation size while it is open; [MS-FSA] 2.1.5.15.1.
// The disk's own count will not do: in an empty file it would tell of extended attributes.
import type { Open } from "../state/open.ts";
import type { FileStat } from "../vfs/store.ts";

/** Notes that `size` bytes of the open's file are reserved. */
export function noteReserved(open: Open, size: number): void {
  if (open.file !== undefined) open.file.reservedBytes = size;
}

/** `stat` with the reservation in it. */
export function countReserved(open: Open, stat: FileStat): FileStat {
  const reserved = open.file?.reservedBytes ?? 0;
  if (reserved > stat.allocated) stat.allocated = reserved;
  return stat;
}
