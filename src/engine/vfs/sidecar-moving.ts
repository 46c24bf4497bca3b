// Removing, renaming and linking on disks that keep named values in sidecars: what is kept for a name goes with it.
// Called between `enter` and `leave` of the user; the sidecar's part is done as the server.
import { Errno } from "../../linux/errno.ts";
import { unlinkAt } from "../../linux/names.ts";
import { ModeType, emptyStatx, statAt, statFd } from "../../linux/stat.ts";
import { deviceOf } from "./attributes.ts";
import { type DiskKeeping, keepingOf, needsSidecar } from "./disk-keeping.ts";
import { inSidecar } from "./named-values.ts";
import type { ShareContext } from "./share-context.ts";
import {
  dropMovedEntry,
  dropSidecarEntry,
  finishSidecarMove,
  moveSidecarEntry,
  prepareSidecarMove,
  removeFolderWithSidecar,
} from "./sidecar.ts";
import type { Failure } from "./store.ts";

const stat = emptyStatx();

/** A name in a directory that is open. */
export interface NamePlace {
  readonly directory: number;
  readonly name: string;
}

function keepingAt(context: ShareContext, directory: number): DiskKeeping | undefined {
  if (statFd(directory, stat) < 0) return undefined;
  const keeping = keepingOf(context, deviceOf(stat), directory);
  return needsSidecar(keeping) ? keeping : undefined;
}

/** Forgets what an earlier file of that name had: its file is gone, or this one is new. */
export function forgetKept(context: ShareContext, directory: number, name: string): void {
  if (keepingAt(context, directory) === undefined) return;
  context.identity.outside(() => dropSidecarEntry(directory, name));
}

/** unlinkat(2) of a name; a directory that holds nothing but its sidecar counts as empty. 0 or -errno. */
export function unlinkKept(
  context: ShareContext,
  directory: number,
  name: string,
  isDirectory: boolean,
): number {
  const result = unlinkAt(directory, name, isDirectory);
  if (result === 0 && !isDirectory) forgetKept(context, directory, name);
  // The kernel says so only where the user may remove it.
  const isFull = isDirectory && (result === -Errno.ENOTEMPTY || result === -Errno.EEXIST);
  return isFull ? context.identity.outside(() => removeFolderWithSidecar(directory, name)) : result;
}

/** Does `move`, the renaming of `from` to `to`, and has the values go along: with it, or not at all. */
export function moveKept(
  context: ShareContext,
  from: NamePlace,
  to: NamePlace,
  move: () => 0 | Failure,
): 0 | Failure {
  const keeping = keepingAt(context, from.directory);
  if (keeping === undefined || statAt(from.directory, from.name, stat) < 0) return move();
  const { identity } = context;
  if ((stat.mode & ModeType.MASK) === ModeType.DIRECTORY) {
    const result = move();
    if (result === 0) forgetKept(context, to.directory, to.name);
    return result;
  }
  const subject = { name: from.name, stat, hasStableInodes: keeping.hasStableInodes };
  const ready = identity.outside(() => prepareSidecarMove(from.directory, subject, to.directory, to.name));
  const result = move();
  identity.outside(() => {
    if (ready === true) finishSidecarMove(to.directory, to.name, result === 0);
    if (result < 0) return;
    if (ready === true) dropMovedEntry(from.directory, from.name, to.directory, to.name);
    else if (ready === false) dropSidecarEntry(to.directory, to.name);
    // No room to lay them ready: a rename needs none.
    else moveSidecarEntry(from, to);
  });
  return result;
}

/** Does `link`, the making of another name `to` for the file of `fd`, which gets the values that the file has now. */
export function linkKept(
  context: ShareContext,
  fd: number,
  to: NamePlace,
  link: () => 0 | Failure,
): 0 | Failure {
  if (keepingAt(context, to.directory) === undefined) return link();
  const ready = inSidecar<boolean | Failure>(context, fd, "", (folder, subject) =>
    prepareSidecarMove(folder, subject, to.directory, to.name),
  );
  const result = link();
  context.identity.outside(() => {
    if (ready === true) finishSidecarMove(to.directory, to.name, result === 0);
    else if (result === 0) dropSidecarEntry(to.directory, to.name);
  });
  return result;
}
