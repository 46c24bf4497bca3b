// FileRenameInformation and FileLinkInformation; [MS-FSA] 2.1.5.15.11 (rename), 2.1.5.15.6 (link).
import type { MaybePromise } from "../../../port/port.ts";
import { Access } from "../../../wire/security/access.ts";
import { ShareAccess } from "../../../wire/command/create.ts";
import { NotifyAction } from "../../../wire/fscc/notify.ts";
import {
  decodeRenameInformation,
  decodeRenameInformationEx,
  type RenameInformation,
} from "../../../wire/fscc/rename.ts";
import { type NtStatus, Status } from "../../../wire/status.ts";
import type { Exchange } from "../../connection/exchange.ts";
import { nameFilter } from "../../state/notify.ts";
import type { Open, SharedFile } from "../../state/open.ts";
import { hasDataAccess, absolutePath, type OpenTable } from "../../state/open-table.ts";
import { andThen } from "../../and-then.ts";
import type { FileNode, FileStore, Found } from "../../vfs/store.ts";
import { listingChanged, waitForCaching } from "../open/cache-breaks.ts";
import { statusOf } from "../errno-status.ts";
import { renameStream } from "./rename-stream.ts";
import { storeOf } from "../open/posix-open.ts";
import { detachReplaced, decodeTarget, checkSharing, lookUpNewName, checkTarget } from "./new-name.ts";

/** A name that others take again and again is looked up so often. */
const MAX_ATTEMPTS = 3;

export function renameFile(
  exchange: Exchange,
  open: Open,
  node: FileNode,
  buffer: Uint8Array,
): MaybePromise<NtStatus> {
  return rename(exchange, open, node, decodeRenameInformation(buffer));
}

export function renameFileEx(
  exchange: Exchange,
  open: Open,
  node: FileNode,
  buffer: Uint8Array,
): MaybePromise<NtStatus> {
  return rename(exchange, open, node, decodeRenameInformationEx(buffer));
}

function rename(
  exchange: Exchange,
  open: Open,
  node: FileNode,
  information: RenameInformation,
  round = 0,
): MaybePromise<NtStatus> {
  if (open.isClosed) return Status.FILE_CLOSED;
  const { file, tree } = open;
  const store = storeOf(open);
  if (file?.base !== undefined) return renameStream(exchange, open, node, information);
  const target = decodeTarget(open, information);
  if (typeof target === "number") return target;
  if (file === undefined || store === undefined) return Status.INVALID_PARAMETER;
  const root = tree.grant.path;
  if (!file.hasName) return Status.FILE_DELETED;
  const path = file.pathOf(open.pathEntry);
  if (path === root) return Status.ACCESS_DENIED;
  const { opens, caching } = exchange.context;
  const again = (): MaybePromise<NtStatus> => rename(exchange, open, node, information, round);
  // Who counts on a handle to the file is asked to close it first; [MS-FSA] 2.1.4.12.
  if (caching.breakHandles(file.caching, open)) return waitForCaching(exchange, file.caching, again);
  const refusal = checkSharing(file, open);
  if (refusal !== Status.SUCCESS) return refusal;
  // [MS-FSA] 2.1.5.15.11: nor does a file with an open stream get another name.
  for (const stream of file.streams?.values() ?? []) {
    return breakHandlesAndRetry(exchange, stream, again, Status.ACCESS_DENIED);
  }
  if (open.isDirectory && !open.isPosix && opens.hasOpenBelow(path)) {
    return breakHandlesBelow(exchange, path, again);
  }
  const parent = conflictingParent(exchange, path, open.isDirectory);
  if (parent !== undefined) return breakHandlesAndRetry(exchange, parent, again, Status.SHARING_VIOLATION);
  return andThen(lookUpNewName(open, store, node, target.components), (found) => {
    if (typeof found === "number") return found;
    const status = checkTarget(exchange, open, node, found, target);
    const inTheWay = found.node && opens.findFile(found.node.identity);
    if (status === Status.ACCESS_DENIED && inTheWay !== undefined) {
      return breakHandlesAndRetry(exchange, inTheWay, again, status);
    }
    if (status !== Status.SUCCESS) return status;
    // What is replaced while it is open stays with those who have it, but not for those who hoped to open it again.
    const isReplaced = inTheWay !== undefined && inTheWay !== file;
    if (isReplaced && caching.breakHandles(inTheWay.caching, open))
      return waitForCaching(exchange, inTheWay.caching, again);
    const newParent = conflictingParent(exchange, absolutePath(root, found.path), open.isDirectory);
    if (newParent !== undefined)
      return breakHandlesAndRetry(exchange, newParent, again, Status.SHARING_VIOLATION);
    // Another rename of it is at the disk: where it lies then is not where it lies now. Or what has the new name goes.
    const other = file.moving ?? inTheWay?.moving;
    if (other !== undefined) return other.then(again);
    return andThen(trackMove(file, move(exchange, open, file, found, target.replace)), (moved) => {
      // What has that name is not what was looked up: it may be open, or must not be replaced.
      const isOther = target.replace && moved === Status.OBJECT_NAME_COLLISION && round < MAX_ATTEMPTS;
      return isOther ? rename(exchange, open, node, information, round + 1) : moved;
    });
  });
}

function trackMove(file: SharedFile, outcome: MaybePromise<NtStatus>): MaybePromise<NtStatus> {
  if (!(outcome instanceof Promise)) return outcome;
  const ended = (): void => {
    file.moving = undefined;
  };
  file.moving = outcome.then(ended, ended);
  return outcome;
}

function move(
  exchange: Exchange,
  open: Open,
  file: SharedFile,
  found: Found,
  replace: boolean,
): MaybePromise<NtStatus> {
  const { context } = exchange;
  const root = open.tree.grant.path;
  const from = open.pathBelow(root);
  const renamed = (open.tree.store as FileStore).rename(from, file.identity, found, replace);
  const oldPath = absolutePath(root, from);
  const moved = andThen(renamed, (result) => {
    if (typeof result === "number") return statusOf(result);
    const newPath = absolutePath(root, result.path);
    detachReplaced(exchange, newPath, found, file.identity);
    context.opens.renamePaths(oldPath, newPath);
    updateOpenPaths(context.opens, file, newPath);
    reportRename(exchange, open, oldPath, newPath, found);
    listingChanged(context, oldPath, open.parentLeaseKey);
    listingChanged(context, newPath, open.parentLeaseKey);
    return Status.SUCCESS;
  });
  return context.notify.during(moved, oldPath, absolutePath(root, found.path));
}

/** Has those who only keep a handle to `file` close it, then tries again; `refusal` where that is not the matter. */
function breakHandlesAndRetry(
  exchange: Exchange,
  file: SharedFile,
  again: () => MaybePromise<NtStatus>,
  refusal: NtStatus,
): MaybePromise<NtStatus> {
  return exchange.context.caching.breakHandles(file.caching, undefined)
    ? waitForCaching(exchange, file.caching, again)
    : refusal;
}

// A directory with something open below it stays where it is, as on Windows.
function breakHandlesBelow(
  exchange: Exchange,
  directory: string,
  again: () => MaybePromise<NtStatus>,
): MaybePromise<NtStatus> {
  const { opens } = exchange.context;
  const blocking = opens.findBelow(directory, (file) => file.caching.handles === 0);
  if (blocking !== undefined) return Status.ACCESS_DENIED;
  const first = opens.findBelow(directory, () => true);
  return first === undefined ? again() : breakHandlesAndRetry(exchange, first, again, Status.ACCESS_DENIED);
}

function reportRename(exchange: Exchange, open: Open, from: string, to: string, found: Found): void {
  const { notify } = exchange.context;
  if (notify.count === 0 || from === to) return;
  if (found.node !== undefined && found.node.identity !== open.node?.identity) {
    notify.report(NotifyAction.REMOVED, to, nameFilter(false));
  }
  notify.renamed(from, to, open.isDirectory);
}

// Renaming opens the directory for deletion of a name, sharing no deletion, as Windows does it. A directory in it can
// be renamed all the same while the one above is only held, as Samba has it.
function conflictingParent(exchange: Exchange, path: string, isDirectory: boolean): SharedFile | undefined {
  const parent = exchange.context.opens.findByPath(path.slice(0, path.lastIndexOf("/")));
  if (parent === undefined) return undefined;
  for (const open of parent.opens) {
    if (!isDirectory && (open.grantedAccess & Access.DELETE) !== 0) return parent;
    if (hasDataAccess(open.grantedAccess) && (open.shareAccess & ShareAccess.DELETE) === 0) return parent;
  }
  return undefined;
}

export function updateOpenPaths(opens: OpenTable, file: SharedFile, path: string): void {
  updateOpensOf(file);
  opens.findBelow(path, (below) => {
    updateOpensOf(below);
    return false;
  });
}

function updateOpensOf(file: SharedFile): void {
  for (const open of file.opens) {
    const { node, handle } = open;
    if (open.snapshotPath !== undefined) continue;
    const path = open.pathBelow(open.rootPath);
    node?.renamed?.(path);
    handle?.renamed?.(path);
  }
}
