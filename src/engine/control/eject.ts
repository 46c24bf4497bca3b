// Lets go of a disk, so that it can be unmounted: written data is flushed, then the disk's tree connects
// and opens end.
import { currentMounts, isBelow, mountOf } from "../../linux/mountinfo.ts";
import { closeOpen, closeTree } from "../command/close/teardown.ts";
import type { EngineContext } from "../connection/context.ts";
import type { Open } from "../state/open.ts";
import { treesOf } from "./volumes.ts";

/** Returns the number of opens that were closed. The caller sees to it that clients do not connect again. */
export async function ejectVolume(context: EngineContext, mountPoint: string): Promise<number> {
  const mounts = currentMounts();
  let closed = 0;
  for (const tree of treesOf(context)) {
    const isOnDisk =
      isBelow(tree.grant.path, mountPoint) || mountOf(mounts, tree.grant.path)?.mountPoint === mountPoint;
    // A share may have the disk in one of its folders.
    const opens = [...context.opens.ofTree(tree)].filter(
      (open) => isOnDisk || isBelow(pathOf(open), mountPoint),
    );
    // At once, so that a disk that hangs takes its time limit once.
    await Promise.all(opens.map((open) => flush(context, open)));
    for (const open of opens) {
      open.durability = undefined;
      await closeOpen(context, open);
      closed++;
    }
    if (isOnDisk) await closeTree(context, tree);
  }
  return closed;
}

async function flush({ log }: EngineContext, { file, handle }: Open): Promise<void> {
  if (handle?.canWrite !== true) return;
  const result = await handle.flush();
  if (result < 0)
    log.error(`data of "${file?.path ?? ""}" could not be written to its disk: errno ${-result}`);
}

function pathOf(open: Open): string {
  return open.file?.pathOf(open.pathEntry) ?? "";
}
