// Size, times and attributes as an open shows them: of a named stream they are its own in part; [MS-FSA] 2.1.5.12.
import type { MaybePromise } from "../../port/port.ts";
import type { Open } from "../state/open.ts";
import type { Failure, FileNode, FileStat } from "../vfs/store.ts";

/** Taken anew. `node` is the open's. */
export function statOfOpen(open: Open, node: FileNode): MaybePromise<FileStat | Failure> {
  const { file, handle } = open;
  return file?.base !== undefined && handle !== undefined ? handle.stat() : node.refresh();
}
