// FileRenameInformation and FileLinkInformation; [MS-FSA] 2.1.5.15.11 (rename), 2.1.5.15.6 (link).
import type { MaybePromise } from "../../port/port.ts";
import { Access } from "../../wire/access.ts";
import { ShareAccess } from "../../wire/create.ts";
import { FileAttribute } from "../../wire/fscc/attributes.ts";
import { NotifyAction } from "../../wire/fscc/notify.ts";
import {
  decodeRenameInformation,
  decodeRenameInformationEx,
  RenameFlag,
  type RenameInformation,
} from "../../wire/fscc/rename.ts";
import { Status } from "../../wire/status.ts";
import type { Exchange } from "../connection/exchange.ts";
import { nameFilter } from "../state/notify.ts";
import type { Open } from "../state/open.ts";
import { hasDataAccess, joinPath, type SharedFile } from "../state/open-table.ts";
import { andThen } from "../vfs/maybe-promise.ts";
import { FileKind, type FileNode, type FileStore, type Found } from "../vfs/store.ts";
import { mayTakeName } from "./access-check.ts";
import { listingChanged, waitForCaching } from "./caching.ts";
import { lookupStatusOf, statusOf } from "./errno-status.ts";
import { tellMoved } from "./moved-paths.ts";
import { parsePathFor, storeOf } from "./posix-create.ts";
import { renameStream } from "./rename-stream.ts";

/** A name that others take again and again is looked up so often. */
const MAX_ROUNDS = 3;
const KNOWN_FLAGS = Object.values(RenameFlag).reduce<number>((all, flag) => all | flag, 0);

export function renameFile(
  exchange: Exchange,
  open: Open,
  node: FileNode,
  buffer: Uint8Array,
): MaybePromise<number> {
  return rename(exchange, open, node, decodeRenameInformation(buffer));
}

export function renameFileEx(
  exchange: Exchange,
  open: Open,
  node: FileNode,
  buffer: Uint8Array,
): MaybePromise<number> {
  return rename(exchange, open, node, decodeRenameInformationEx(buffer));
}

function rename(
  exchange: Exchange,
  open: Open,
  node: FileNode,
  information: RenameInformation,
  round = 0,
): MaybePromise<number> {
  if (open.isClosed) return Status.FILE_CLOSED;
  const { file, tree } = open;
  const store = storeOf(open);
  if (file?.base !== undefined) return renameStream(exchange, open, node, information);
  const target = decodeTarget(open, information);
  if (typeof target === "number") return target;
  if (file === undefined || store === undefined) return Status.INVALID_PARAMETER;
  const root = tree.grant.path;
  if (!file.hasName) return Status.FILE_DELETED;
  const path = file.pathOf(open.place);
  if (path === root) return Status.ACCESS_DENIED;
  const { opens, caching } = exchange.context;
  const again = (): MaybePromise<number> => rename(exchange, open, node, information, round);
  // Who counts on a handle to the file is asked to close it first; [MS-FSA] 2.1.4.12.
  if (caching.breakHandles(file.caching, open)) return waitForCaching(exchange, file.caching, again);
  const refusal = checkSharing(file, open);
  if (refusal !== Status.SUCCESS) return refusal;
  // [MS-FSA] 2.1.5.15.11: nor does a file with an open stream get another name.
  for (const stream of file.streams?.values() ?? []) {
    return giveWay(exchange, stream, again, Status.ACCESS_DENIED);
  }
  if (open.isDirectory && !open.isPosix && opens.hasOpenBelow(path)) {
    return giveWayBelow(exchange, path, again);
  }
  const parent = conflictingParent(exchange, path, open.isDirectory);
  if (parent !== undefined) return giveWay(exchange, parent, again, Status.SHARING_VIOLATION);
  return andThen(lookUpNewName(open, store, node, target.components), (found) => {
    if (typeof found === "number") return found;
    const status = checkTarget(exchange, open, node, found, target);
    const inTheWay = found.node && opens.findFile(found.node.identity);
    if (status === Status.ACCESS_DENIED && inTheWay !== undefined) {
      return giveWay(exchange, inTheWay, again, status);
    }
    if (status !== Status.SUCCESS) return status;
    // What is replaced while it is open stays with those who have it, but not for those who hoped to open it again.
    const isReplaced = inTheWay !== undefined && inTheWay !== file;
    if (isReplaced && caching.breakHandles(inTheWay.caching, open))
      return waitForCaching(exchange, inTheWay.caching, again);
    const newParent = conflictingParent(exchange, joinPath(root, found.path), open.isDirectory);
    if (newParent !== undefined) return giveWay(exchange, newParent, again, Status.SHARING_VIOLATION);
    // Another rename of it is at the disk: where it lies then is not where it lies now. Or what has the new name goes.
    const other = file.moving ?? inTheWay?.moving;
    if (other !== undefined) return other.then(again);
    return andThen(moveAlone(file, move(exchange, open, file, found, target.replace)), (moved) => {
      // What has that name is not what was looked up: it may be open, or must not be replaced.
      const isOther = target.replace && moved === Status.OBJECT_NAME_COLLISION && round < MAX_ROUNDS;
      return isOther ? rename(exchange, open, node, information, round + 1) : moved;
    });
  });
}

function moveAlone(file: SharedFile, outcome: MaybePromise<number>): MaybePromise<number> {
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
): MaybePromise<number> {
  const { context } = exchange;
  const root = open.tree.grant.path;
  const from = open.pathBelow(root);
  const renamed = (open.tree.store as FileStore).rename(from, file.identity, found, replace);
  const oldPath = joinPath(root, from);
  const moved = andThen(renamed, (result) => {
    if (typeof result === "number") return statusOf(result);
    const newPath = joinPath(root, result.path);
    loseReplaced(exchange, newPath, found, file.identity);
    context.opens.renamePaths(oldPath, newPath);
    tellMoved(context.opens, file, newPath);
    reportRename(exchange, open, oldPath, newPath, found);
    listingChanged(context, oldPath, open.parentLeaseKey);
    listingChanged(context, newPath, open.parentLeaseKey);
    return Status.SUCCESS;
  });
  return context.notify.during(moved, oldPath, joinPath(root, found.path));
}

/** Who has the replaced file open keeps it, but not its name. */
function loseReplaced(exchange: Exchange, path: string, found: Found, identity: string): void {
  const { opens } = exchange.context;
  if (found.node === undefined || found.node.identity === identity) return;
  const replaced = opens.findFile(found.node.identity);
  if (replaced !== undefined) opens.loseName(replaced, path);
}

/** Has those who only keep a handle to `file` close it, then tries again; `refusal` where that is not the matter. */
function giveWay(
  exchange: Exchange,
  file: SharedFile,
  again: () => MaybePromise<number>,
  refusal: number,
): MaybePromise<number> {
  return exchange.context.caching.breakHandles(file.caching, undefined)
    ? waitForCaching(exchange, file.caching, again)
    : refusal;
}

// A directory with something open below it stays where it is, as on Windows.
function giveWayBelow(
  exchange: Exchange,
  directory: string,
  again: () => MaybePromise<number>,
): MaybePromise<number> {
  const { opens } = exchange.context;
  const stubborn = opens.findBelow(directory, (file) => file.caching.handles === 0);
  if (stubborn !== undefined) return Status.ACCESS_DENIED;
  const first = opens.findBelow(directory, () => true);
  return first === undefined ? again() : giveWay(exchange, first, again, Status.ACCESS_DENIED);
}

function reportRename(exchange: Exchange, open: Open, from: string, to: string, found: Found): void {
  const { notify } = exchange.context;
  if (notify.count === 0 || from === to) return;
  if (found.node !== undefined && found.node.identity !== open.node?.identity) {
    notify.report(NotifyAction.REMOVED, to, nameFilter(false));
  }
  notify.renamed(from, to, open.isDirectory);
}

export function linkFile(
  exchange: Exchange,
  open: Open,
  node: FileNode,
  buffer: Uint8Array,
): MaybePromise<number> {
  return addLink(exchange, open, node, decodeRenameInformation(buffer));
}

export function linkFileEx(
  exchange: Exchange,
  open: Open,
  node: FileNode,
  buffer: Uint8Array,
): MaybePromise<number> {
  return addLink(exchange, open, node, decodeRenameInformationEx(buffer));
}

function addLink(
  exchange: Exchange,
  open: Open,
  node: FileNode,
  information: RenameInformation,
): MaybePromise<number> {
  const store = storeOf(open);
  const target = decodeTarget(open, information);
  if (typeof target === "number") return target;
  if (store === undefined) return Status.INVALID_PARAMETER;
  if (open.tree.grant.readOnly) return Status.ACCESS_DENIED;
  if (open.file?.base !== undefined) return Status.INVALID_PARAMETER;
  if (open.isDirectory) return Status.FILE_IS_A_DIRECTORY;
  return andThen(lookUpNewName(open, store, node, target.components), (found) => {
    if (typeof found === "number") return found;
    const status = checkTarget(exchange, open, node, found, target);
    return status === Status.SUCCESS ? link(exchange, open, store, node, found, target.replace) : status;
  });
}

function link(
  exchange: Exchange,
  open: Open,
  store: FileStore,
  node: FileNode,
  found: Found,
  replace: boolean,
): MaybePromise<number> {
  // Both names are one file already.
  if (found.node?.identity === node.identity) return replace ? Status.SUCCESS : Status.OBJECT_NAME_COLLISION;
  const newPath = joinPath(open.tree.grant.path, found.path);
  const linked = andThen(store.link(node, found, replace), (result) => {
    if (result < 0) return statusOf(result);
    loseReplaced(exchange, newPath, found, node.identity);
    exchange.context.notify.linked(newPath, found.node !== undefined);
    listingChanged(exchange.context, newPath, open.parentLeaseKey);
    return Status.SUCCESS;
  });
  return exchange.context.notify.during(linked, newPath);
}

/** A new name, and what it may do to whom it belongs to now. */
interface NewName {
  readonly components: readonly string[];
  readonly replace: boolean;
  /** What is open may be replaced too: those who have it open keep it. */
  readonly replacesOpen: boolean;
  readonly replacesReadOnly: boolean;
}

function decodeTarget(open: Open, { flags, name }: RenameInformation): NewName | number {
  // How much space is kept and what a cloud keeps here is none of ours: the other flags ask for nothing.
  if ((flags & ~KNOWN_FLAGS) !== 0) return Status.INVALID_PARAMETER;
  // smbclient names a link's target from the root, as Samba takes it.
  const path = parsePathFor(open, name.startsWith("\\") ? name.slice(1) : name);
  if (typeof path === "number") return path;
  if (path.stream !== undefined) return Status.NOT_SUPPORTED;
  // The root of the share cannot be a new name.
  if (path.components.length === 0) return Status.OBJECT_NAME_INVALID;
  return {
    components: path.components,
    replace: (flags & RenameFlag.REPLACE_IF_EXISTS) !== 0,
    replacesOpen: (flags & RenameFlag.POSIX_SEMANTICS) !== 0,
    replacesReadOnly: (flags & RenameFlag.IGNORE_READONLY_ATTRIBUTE) !== 0,
  };
}

/** Others may have the file open only if they said that it may be deleted or renamed under them. */
function checkSharing(file: SharedFile, open: Open): number {
  for (const other of file.opens) {
    if (other === open || !hasDataAccess(other.grantedAccess)) continue;
    if ((other.shareAccess & ShareAccess.DELETE) === 0) return Status.SHARING_VIOLATION;
  }
  return Status.SUCCESS;
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

/** The place of a new name, with its node closed, or the status that refuses it. */
function lookUpNewName(
  open: Open,
  store: FileStore,
  node: FileNode,
  components: readonly string[],
): MaybePromise<Found | number> {
  return andThen(store.lookup(components), (found) => {
    if (typeof found === "number") return lookupStatusOf(found);
    const allowed = mayTakeName(open.tree, store, components, node, found.node);
    return andThen(allowed, (status) => {
      found.node?.close();
      return status === Status.SUCCESS ? found : status;
    });
  });
}

function checkTarget(exchange: Exchange, open: Open, node: FileNode, found: Found, to: NewName): number {
  const target = found.node;
  if (target === undefined) return Status.SUCCESS;
  // A change of case finds the file itself.
  if (target.identity === node.identity) return Status.SUCCESS;
  if (!to.replace) return Status.OBJECT_NAME_COLLISION;
  // rename(2) may replace an empty directory by another, and what is open: its readers keep it.
  if (open.isPosix) return Status.SUCCESS;
  if (target.stat.kind === FileKind.DIRECTORY) return Status.ACCESS_DENIED;
  if ((target.stat.attributes & FileAttribute.READONLY) !== 0 && !to.replacesReadOnly)
    return Status.ACCESS_DENIED;
  const inTheWay = exchange.context.opens.findFile(target.identity);
  if (inTheWay === undefined) return Status.SUCCESS;
  // What is open is not replaced, or only where everybody shares its deletion.
  return to.replacesOpen ? checkSharing(inTheWay, open) : Status.ACCESS_DENIED;
}
