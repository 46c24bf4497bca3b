// Size, times and attributes as an open shows them: of a named stream they are its own in part; [MS-FSA] 2.1.5.12.
import type { MaybePromise } from "../../../port/port.ts";
import type { Open } from "../../state/open.ts";
import type { Failure, FileNode, FileStat } from "../../vfs/store.ts";

/** Taken anew. `node` is the open's. */
export function statOfOpen(open: Open, node: FileNode): MaybePromise<FileStat | Failure> {
  const { file, handle } = open;
  return file?.base !== undefined && handle !== undefined ? handle.stat() : node.refresh();
}

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
