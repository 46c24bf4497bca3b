// What a change of a file's data does to its attributes and times: ARCHIVE is set, and a modification time that the
// client has set through the same open stays. [MS-FSA] 2.1.4.17, 2.1.5.15.2.
import type { MaybePromise } from "../../port/port.ts";
import { FileAttribute } from "../../wire/fscc/attributes.ts";
import type { BasicChange } from "../../wire/fscc/file-information.ts";
import type { Open } from "../state/open.ts";
import { andThen } from "../vfs/maybe-promise.ts";
import type { FileNode } from "../vfs/store.ts";

/**
 * To be called when data was changed through `open`. The mark is set only where `marks` says so: once in an open's
 * life will do. A disk that keeps neither is no reason to fail.
 */
export function noteModified(open: Open, marks: boolean): MaybePromise<unknown> {
  const { node, fixedModify } = open;
  if (node === undefined) return undefined;
  const marked = marks ? markForArchive(node) : undefined;
  if (fixedModify === undefined) return marked;
  return andThen(marked, () => node.setTimes({ modify: fixedModify }));
}

function markForArchive(node: FileNode): MaybePromise<unknown> {
  return andThen(node.refresh(), (stat) => {
    if (typeof stat === "number" || (stat.attributes & FileAttribute.ARCHIVE) !== 0) return undefined;
    return node.setAttributes(stat.attributes | FileAttribute.ARCHIVE);
  });
}

/** Remembers what the client said of the modification time: set or stopped it stays, until it is let go again. */
export function fixModifyTime(open: Open, node: FileNode, change: BasicChange): MaybePromise<unknown> {
  const { modify } = change;
  if (modify === undefined) return undefined;
  if (typeof modify === "object" || modify === "resume") {
    open.fixedModify = modify === "resume" ? undefined : modify;
    return undefined;
  }
  return andThen(node.refresh(), (stat) => {
    if (typeof stat === "number") return;
    open.fixedModify = { seconds: stat.modifySeconds, nanoseconds: stat.modifyNanoseconds };
  });
}
