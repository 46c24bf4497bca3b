// CREATE in a snapshot, named by a TWrp context or an @GMT token in the path; [MS-SMB2] 2.2.13.2.7, 3.3.5.9.
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

/** FILETIME zero in seconds since 1970: the client means no snapshot. */
const NO_TIME_SECONDS = -11_644_473_600;

/**
 * The snapshot's time in seconds since 1970 (undefined for the live share) and the path without @GMT tokens.
 */
export interface TimedPath {
  readonly seconds: number | undefined;
  readonly path: ParsedPath;
}

/**
 * Finds the snapshot time in the TWrp context or in @GMT tokens of the path. Different times fail with
 * OBJECT_NAME_NOT_FOUND. A component right below the share's snapshot folder is a file name, not a token.
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
    const tokenSeconds = isSnapshotFolder(components, folder) ? undefined : secondsOfToken(name);
    if (tokenSeconds === undefined) {
      components.push(name);
      continue;
    }
    if (seconds !== undefined && seconds !== tokenSeconds) return Status.OBJECT_NAME_NOT_FOUND;
    seconds = tokenSeconds;
  }
  return { seconds, path: { ...path, components } };
}

/** The snapshot folder as a path below the share; undefined when it lies outside the share. */
function folderBelow({ path, snapshots }: ShareGrant): string | undefined {
  const folder = snapshots?.folder ?? "";
  if (!folder.startsWith("/")) return folder;
  return folder.startsWith(`${path}/`) ? folder.slice(path.length + 1) : undefined;
}

function isSnapshotFolder(components: readonly string[], folder: string | undefined): boolean {
  return folder !== undefined && components.length > 0 && components.join("/") === folder;
}

/** Opens the snapshot of that time; OBJECT_NAME_NOT_FOUND when there is none. */
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

/** MEDIA_WRITE_PROTECTED for a CREATE that would create, overwrite or delete in a snapshot, else SUCCESS. */
export function checkSnapshotRequest(request: CreateRequest): NtStatus {
  const deletes = (request.createOptions & CreateOption.DELETE_ON_CLOSE) !== 0;
  const makes = request.createDisposition === CreateDisposition.CREATE;
  return deletes || makes || overwrites(request) ? Status.MEDIA_WRITE_PROTECTED : Status.SUCCESS;
}
