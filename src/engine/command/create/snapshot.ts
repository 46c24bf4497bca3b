// CREATE in a snapshot: the time in TWrp or in an @GMT token; [MS-SMB2] 2.2.13.2.7, 3.3.5.9.
import { Errno } from "../../../linux/errno.ts";
import type { MaybePromise, ShareGrant } from "../../../port/port.ts";
import { CreateDisposition, CreateOption, type CreateRequest } from "../../../wire/command/create.ts";
import { type NtStatus, Status } from "../../../wire/status.ts";
import type { Tree } from "../../state/session.ts";
import type { Snapshot } from "../../vfs/store.ts";
import { andThen } from "../../and-then.ts";
import type { ParsedPath } from "../../vfs/name/client-path.ts";
import { secondsOfToken } from "../../vfs/snapshot/names.ts";
import { lookupStatusOf } from "../errno-status.ts";
import { overwrites } from "./creation.ts";

/** A FILETIME of zero: the client means no snapshot. */
const NO_TIME_SECONDS = -11_644_473_600;

/** What a CREATE names: the snapshot's time, undefined for the share as it is now, and the path without tokens. */
export interface TimedPath {
  readonly seconds: number | undefined;
  readonly path: ParsedPath;
}

/**
 * The time that TWrp or a token in the path tells. Tokens of different times name nothing: OBJECT_NAME_NOT_FOUND.
 * What stands behind the snapshots' own folder is a name and no token.
 */
export function findTime(request: CreateRequest, path: ParsedPath, grant: ShareGrant): TimedPath | NtStatus {
  const { timewarp } = request.contexts;
  const isZero = timewarp?.seconds === NO_TIME_SECONDS && timewarp.nanoseconds === 0;
  let seconds = isZero ? undefined : timewarp?.seconds;
  if (grant.snapshots === null || !path.components.some((name) => name.startsWith("@GMT-"))) {
    return { seconds, path };
  }
  const folder = folderBelow(grant);
  const components: string[] = [];
  for (const name of path.components) {
    const told = isFolder(components, folder) ? undefined : secondsOfToken(name);
    if (told === undefined) {
      components.push(name);
      continue;
    }
    if (seconds !== undefined && seconds !== told) return Status.OBJECT_NAME_NOT_FOUND;
    seconds = told;
  }
  return { seconds, path: { ...path, components } };
}

/** The snapshots' folder where it may be below the share: as a path below it. */
function folderBelow({ path, snapshots }: ShareGrant): string | undefined {
  const folder = snapshots?.folder ?? "";
  if (!folder.startsWith("/")) return folder;
  return folder.startsWith(`${path}/`) ? folder.slice(path.length + 1) : undefined;
}

function isFolder(components: readonly string[], folder: string | undefined): boolean {
  return folder !== undefined && components.length > 0 && components.join("/") === folder;
}

/** The snapshot of that time, or the status where there is none. */
export function openSnapshot(
  tree: Tree,
  seconds: number,
  isPosix: boolean,
): MaybePromise<Snapshot | NtStatus> {
  return andThen(tree.store?.snapshots?.().at(seconds) ?? -Errno.EOPNOTSUPP, (snapshot) => {
    if (typeof snapshot !== "number") {
      const { store, path } = snapshot;
      return isPosix ? { store: store.posixView?.() ?? store, path } : snapshot;
    }
    const isMissing = snapshot === -Errno.EOPNOTSUPP || snapshot === -Errno.ENOENT;
    return isMissing ? Status.OBJECT_NAME_NOT_FOUND : lookupStatusOf(snapshot);
  });
}

/** What a request may not ask of a snapshot: anything to be made, replaced or removed. SUCCESS, or the refusal. */
export function checkSnapshotRequest(request: CreateRequest): NtStatus {
  const deletes = (request.createOptions & CreateOption.DELETE_ON_CLOSE) !== 0;
  const makes = request.createDisposition === CreateDisposition.CREATE;
  return deletes || makes || overwrites(request) ? Status.MEDIA_WRITE_PROTECTED : Status.SUCCESS;
}
