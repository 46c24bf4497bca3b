// SET_INFO of FileRenameInformation and FileRenameInformationEx ([MS-FSA] 2.1.5.15.11).
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
import { renameStream, statusOfUnnamed } from "./rename-stream.ts";
import { storeOf } from "../open/posix-open.ts";
import { detachReplaced, decodeTarget, checkSharing, lookUpNewName, checkTarget } from "./new-name.ts";

/** How often the new name is looked up again after another program has taken it. */
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
  attempt = 0,
): MaybePromise<NtStatus> {
  if (open.isClosed) return Status.FILE_CLOSED;
  const { file, tree } = open;
  const store = storeOf(open);
  if (file?.base !== undefined) return renameStream(exchange, open, node, information);
  const unnamed = open.isPosix ? undefined : statusOfUnnamed(information.name, open.isDirectory);
  if (unnamed !== undefined) return unnamed;
  // A compound of CREATE, rename and CLOSE comes from rename(2) of a Linux client or a Mac. Linux deletes the
  // target of a rename that fails with ACCESS_DENIED and tries again: an open target, which stays
  // delete-pending, would be lost with the last close. It is replaced where its opens share deletion; the
  // refusal of the others, SHARING_VIOLATION, deletes nothing.
  const target = decodeTarget(open, information, exchange.isRelated);
  if (typeof target === "number") return target;
  if (file === undefined || store === undefined) return Status.INVALID_PARAMETER;
  const root = tree.grant.path;
  if (!file.hasName) return Status.FILE_DELETED;
  const path = file.pathOf(open.pathEntry);
  if (path === root) return Status.ACCESS_DENIED;
  const { opens, caching } = exchange.context;
  const retry = (): MaybePromise<NtStatus> => rename(exchange, open, node, information, attempt);
  // [MS-FSA] 2.1.4.12: clients with handle caching are asked to close the file first.
  if (caching.breakHandles(file.caching, open)) return waitForCaching(exchange, file.caching, retry);
  const refusal = checkSharing(file, open);
  if (refusal !== Status.SUCCESS) return refusal;
  // [MS-FSA] 2.1.5.15.11: a file with an open named stream is not renamed.
  for (const stream of file.streams?.values() ?? []) {
    return breakHandlesAndRetry(exchange, stream, retry, Status.ACCESS_DENIED);
  }
  if (open.isDirectory && !movesOpenFiles(exchange, open) && opens.hasOpenBelow(path)) {
    return breakHandlesBelow(exchange, path, retry);
  }
  return andThen(lookUpNewName(open, store, node, target.components), (found) => {
    if (typeof found === "number") return found;
    // Others may have opened the file meanwhile, who share no deletion or have to be asked first.
    if (open.isClosed) return Status.FILE_CLOSED;
    const status = checkTarget(opens, open, node, found, target);
    const openTarget = found.node && opens.findFile(found.node.identity);
    const isRefused = status === Status.ACCESS_DENIED || status === Status.SHARING_VIOLATION;
    if (isRefused && openTarget !== undefined) {
      return breakHandlesAndRetry(exchange, openTarget, retry, status);
    }
    if (status !== Status.SUCCESS) return status;
    // Opens of a replaced file stay valid, but handle caching cannot: the name will mean another file.
    const isReplaced = openTarget !== undefined && openTarget !== file;
    if (isReplaced && caching.breakHandles(openTarget.caching, open))
      return waitForCaching(exchange, openTarget.caching, retry);
    const newParent = conflictingParent(exchange, open, absolutePath(root, found.path));
    if (newParent !== undefined)
      return breakHandlesAndRetry(exchange, newParent, retry, Status.SHARING_VIOLATION);
    // Another rename or a removal of either file is in progress: its outcome changes the paths.
    const pendingMove = file.moving ?? openTarget?.moving;
    if (pendingMove !== undefined) return pendingMove.then(retry);
    return andThen(trackMove(file, move(exchange, open, store, file, found, target.replace)), (moved) => {
      // Another object has taken the name since the look-up: check that one, too.
      const isOther = target.replace && moved === Status.OBJECT_NAME_COLLISION && attempt < MAX_ATTEMPTS;
      return isOther ? rename(exchange, open, node, information, attempt + 1) : moved;
    });
  });
}

/** Linux and macOS move a folder whatever is open below it, as on their own disks. */
function movesOpenFiles({ context: { settings } }: Exchange, open: Open): boolean {
  return open.isPosix || (open.tree.session.isApple && settings.apple?.movesOpenFiles === true);
}

/** Sets `file.moving` while `outcome` is pending. */
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
  store: FileStore,
  file: SharedFile,
  found: Found,
  replace: boolean,
): MaybePromise<NtStatus> {
  const { context } = exchange;
  const root = open.tree.grant.path;
  const from = open.pathBelow(root);
  const renamed = store.rename(from, file.identity, found, replace);
  const oldPath = absolutePath(root, from);
  const moved = andThen(renamed, (result) => {
    if (typeof result === "number") return statusOf(result);
    const newPath = absolutePath(root, result.path);
    endWatches(exchange, open, found);
    detachReplaced(context.opens, newPath, found, file.identity);
    context.opens.renamePaths(oldPath, newPath);
    updateOpenPaths(context.opens, file, newPath);
    reportRename(exchange, open, oldPath, newPath, found);
    listingChanged(context, oldPath, open.parentLeaseKey);
    listingChanged(context, newPath, open.parentLeaseKey);
    return Status.SUCCESS;
  });
  return context.notify.during(moved, oldPath, absolutePath(root, found.path));
}

/** Ends the CHANGE_NOTIFY requests on a directory that was replaced. */
function endWatches({ context }: Exchange, open: Open, { node }: Found): void {
  if (!open.isDirectory || node === undefined || node.identity === open.node?.identity) return;
  const replaced = context.opens.findFile(node.identity);
  if (replaced !== undefined) context.notify.deletePending(replaced);
}

/**
 * Breaks handle caching of `file`, waits, and calls `retry`. Returns `refusal` if there is no handle caching.
 */
function breakHandlesAndRetry(
  exchange: Exchange,
  file: SharedFile,
  retry: () => MaybePromise<NtStatus>,
  refusal: NtStatus,
): MaybePromise<NtStatus> {
  return exchange.context.caching.breakHandles(file.caching, undefined)
    ? waitForCaching(exchange, file.caching, retry)
    : refusal;
}

// As on Windows, a directory with an open file below it is not renamed.
function breakHandlesBelow(
  exchange: Exchange,
  directory: string,
  retry: () => MaybePromise<NtStatus>,
): MaybePromise<NtStatus> {
  const { opens } = exchange.context;
  const blocking = opens.findBelow(directory, (file) => file.caching.handles === 0);
  if (blocking !== undefined) return Status.ACCESS_DENIED;
  const first = opens.findBelow(directory, () => true);
  return first === undefined ? retry() : breakHandlesAndRetry(exchange, first, retry, Status.ACCESS_DENIED);
}

function reportRename(exchange: Exchange, open: Open, from: string, to: string, found: Found): void {
  const { notify } = exchange.context;
  if (notify.count === 0 || from === to) return;
  if (found.node !== undefined && found.node.identity !== open.node?.identity) {
    notify.report(NotifyAction.REMOVED, to, nameFilter(open.isDirectory));
  }
  notify.renamed(from, to, open.isDirectory);
}

// Windows opens the directory of the new name to add an entry, sharing READ and WRITE: that conflicts with
// opens that do not share WRITE or have DELETE (smb2.rename.*, smb2.oplock.batch20). The old name's directory
// is not opened. As in Samba, DELETE access does not prevent the rename of a directory.
function conflictingParent(exchange: Exchange, open: Open, path: string): SharedFile | undefined {
  const parent = exchange.context.opens.findByPath(path.slice(0, path.lastIndexOf("/")));
  if (parent === undefined) return undefined;
  for (const { sharingAccess, shareAccess } of parent.opens) {
    if (!hasDataAccess(sharingAccess)) continue;
    if ((shareAccess & ShareAccess.WRITE) === 0) return parent;
    if (!open.isDirectory && (sharingAccess & Access.DELETE) !== 0) return parent;
  }
  return undefined;
}

/** Gives nodes and handles of all opens of `file`, and below it, their new path. */
function updateOpenPaths(opens: OpenTable, file: SharedFile, path: string): void {
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
