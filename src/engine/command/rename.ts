// FileRenameInformation and FileLinkInformation; [MS-FSA] 2.1.5.15.11 (rename), 2.1.5.15.6 (link).
import type { MaybePromise } from "../../port/port.ts";
import { Access } from "../../wire/access.ts";
import { ShareAccess } from "../../wire/create.ts";
import { decodeRenameInformation, RenameFlag } from "../../wire/fscc/rename.ts";
import { Status } from "../../wire/status.ts";
import type { Exchange } from "../connection/exchange.ts";
import type { Open } from "../state/open.ts";
import { hasDataAccess, joinPath, type SharedFile } from "../state/open-table.ts";
import { andThen } from "../vfs/maybe-promise.ts";
import { parsePath } from "../vfs/path.ts";
import { FileKind, type FileNode, type FileStore, type Found } from "../vfs/store.ts";
import { lookupStatusOf, statusOf } from "./errno-status.ts";

export function renameFile(
  exchange: Exchange,
  open: Open,
  node: FileNode,
  buffer: Uint8Array,
): MaybePromise<number> {
  const { file, tree } = open;
  const { store } = tree;
  const target = decodeTarget(buffer);
  if (typeof target === "number") return target;
  if (file === undefined || store === undefined) return Status.INVALID_PARAMETER;
  const root = tree.grant.path;
  if (file.path === root) return Status.ACCESS_DENIED;
  const refusal = checkSharing(file, open);
  if (refusal !== Status.SUCCESS) return refusal;
  const { opens } = exchange.context;
  // A directory with something open below it stays where it is, as on Windows.
  if (open.isDirectory && opens.hasOpenBelow(file.path)) return Status.ACCESS_DENIED;
  if (conflictsWithParent(exchange, file.path)) return Status.SHARING_VIOLATION;
  return andThen(store.lookup(target.components), (found) => {
    if (typeof found === "number") return lookupStatusOf(found);
    const status = checkTarget(exchange, node, found, target.replace);
    found.node?.close();
    if (status !== Status.SUCCESS) return status;
    const from = file.pathBelow(root);
    return andThen(store.rename(from, file.identity, found, target.replace), (renamed) => {
      if (typeof renamed === "number") return statusOf(renamed);
      opens.renamePaths(joinPath(root, from), joinPath(root, renamed.path));
      return Status.SUCCESS;
    });
  });
}

export function linkFile(
  exchange: Exchange,
  open: Open,
  node: FileNode,
  buffer: Uint8Array,
): MaybePromise<number> {
  const { store } = open.tree;
  const target = decodeTarget(buffer);
  if (typeof target === "number") return target;
  if (store === undefined) return Status.INVALID_PARAMETER;
  if (open.tree.grant.readOnly) return Status.ACCESS_DENIED;
  if (open.isDirectory) return Status.FILE_IS_A_DIRECTORY;
  return andThen(store.lookup(target.components), (found) => {
    if (typeof found === "number") return lookupStatusOf(found);
    const status = checkTarget(exchange, node, found, target.replace);
    found.node?.close();
    return status === Status.SUCCESS ? link(store, node, found, target.replace) : status;
  });
}

function link(store: FileStore, node: FileNode, found: Found, replace: boolean): MaybePromise<number> {
  // Both names are one file already.
  if (found.node?.identity === node.identity) return Status.SUCCESS;
  return andThen(store.link(node, found, replace), (result) =>
    result < 0 ? statusOf(result) : Status.SUCCESS,
  );
}

function decodeTarget(buffer: Uint8Array): { components: readonly string[]; replace: boolean } | number {
  const { flags, name } = decodeRenameInformation(buffer);
  const path = parsePath(name);
  if (typeof path === "number") return path;
  if (path.stream !== undefined) return Status.NOT_SUPPORTED;
  // The root of the share cannot be a new name.
  if (path.components.length === 0) return Status.OBJECT_NAME_INVALID;
  return { components: path.components, replace: (flags & RenameFlag.REPLACE_IF_EXISTS) !== 0 };
}

/** Others may have the file open only if they said that it may be deleted or renamed under them. */
function checkSharing(file: SharedFile, open: Open): number {
  for (const other of file.opens) {
    if (other === open || !hasDataAccess(other.grantedAccess)) continue;
    if ((other.shareAccess & ShareAccess.DELETE) === 0) return Status.SHARING_VIOLATION;
  }
  return Status.SUCCESS;
}

// Renaming opens the directory for deletion of a name, sharing no deletion, as Windows does it.
function conflictsWithParent(exchange: Exchange, path: string): boolean {
  const parent = exchange.context.opens.findByPath(path.slice(0, path.lastIndexOf("/")));
  if (parent === undefined) return false;
  for (const open of parent.opens) {
    if ((open.grantedAccess & Access.DELETE) !== 0) return true;
    if (hasDataAccess(open.grantedAccess) && (open.shareAccess & ShareAccess.DELETE) === 0) return true;
  }
  return false;
}

function checkTarget(exchange: Exchange, node: FileNode, found: Found, replace: boolean): number {
  const target = found.node;
  if (target === undefined) return Status.SUCCESS;
  // A change of case finds the file itself.
  if (target.identity === node.identity) return Status.SUCCESS;
  if (!replace) return Status.OBJECT_NAME_COLLISION;
  if (target.stat.kind === FileKind.DIRECTORY) return Status.ACCESS_DENIED;
  // What is open is not replaced: its readers would lose it.
  if (exchange.context.opens.findFile(target.identity) !== undefined) return Status.ACCESS_DENIED;
  return Status.SUCCESS;
}
