// Size, times and attributes as an open shows them: of a named stream they are its own in part; [MS-FSA] 2.1.5.12.
import type { MaybePromise } from "../../port/port.ts";
import type { Open } from "../state/open.ts";
import type { Failure, FileNode, FileStat } from "../vfs/store.ts";

/** Taken anew. `node` is the open's. */
export function statOfOpen(open: Open, node: FileNode): MaybePromise<FileStat | Failure> {
  const isStream = open.file?.base !== undefined && open.handle !== undefined;
  return isStream ? open.handle.stat() : node.refresh();
}
