// Size, times and attributes of an open; a named stream has some of its own. [MS-FSA] 2.1.5.12.
import type { MaybePromise } from "../../../port/port.ts";
import type { Open } from "../../state/open.ts";
import type { Failure, FileNode, FileStat } from "../../vfs/store.ts";

/** Takes a fresh stat of the open's file or stream; `node` is the open's node. -errno on failure. */
export function statOfOpen(open: Open, node: FileNode): MaybePromise<FileStat | Failure> {
  const { file, handle } = open;
  return file?.base !== undefined && handle !== undefined ? handle.stat() : node.refresh();
}

/** Stores that `size` bytes are reserved for the open's file. */
export function noteReserved(open: Open, size: number): void {
  if (open.file !== undefined) open.file.reservedBytes = size;
}

/** Raises `stat.allocated` to the reserved size, in place, and returns `stat`. */
export function countReserved(open: Open, stat: FileStat): FileStat {
  const reserved = open.file?.reservedBytes ?? 0;
  if (reserved > stat.allocated) stat.allocated = reserved;
  return stat;
}
