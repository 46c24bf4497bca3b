// The new name of a rename or hard link: decoding, look-up, and what it may replace ([MS-FSA] 2.1.5.15.6,
// 2.1.5.15.11).
import type { MaybePromise } from "../../../port/port.ts";
import { ShareAccess } from "../../../wire/command/create.ts";
import { FileAttribute } from "../../../wire/fscc/attributes.ts";
import { RenameFlag, type RenameInformation } from "../../../wire/fscc/rename.ts";
import { type NtStatus, Status } from "../../../wire/status.ts";
import type { Open, SharedFile } from "../../state/open.ts";
import { hasDataAccess, type OpenTable } from "../../state/open-table.ts";
import { andThen } from "../../and-then.ts";
import { FileKind, type FileNode, type FileStat, type FileStore, type Found } from "../../vfs/store.ts";
import { mayTakeName } from "../open/access-check.ts";
import { lookupStatusOf } from "../errno-status.ts";
import { parsePathFor } from "../open/posix-open.ts";

/** The object at the new name, as far as `checkTarget` needs it. */
interface FoundTarget {
  readonly node:
    { readonly identity: string; readonly stat: Pick<FileStat, "kind" | "attributes"> } | undefined;
}

const KNOWN_FLAGS = Object.values(RenameFlag).reduce<number>((all, flag) => all | flag, 0);

/** Opens of the file that was replaced at `path` stay valid, but the file has lost this name. */
export function detachReplaced(opens: OpenTable, path: string, found: Found, identity: string): void {
  if (found.node === undefined || found.node.identity === identity) return;
  const replaced = opens.findFile(found.node.identity);
  if (replaced !== undefined) opens.removeName(replaced, path);
}

/** A new name, and what it may replace. */
export interface NewName {
  readonly components: readonly string[];
  readonly replace: boolean;
  /** An open file may be replaced as well; its opens stay valid. */
  readonly replacesOpen: boolean;
  readonly replacesReadOnly: boolean;
}

/**
 * Decodes the new name of a rename or link; or returns the status that refuses it. `replacesOpen`: as if the
 * client had asked for POSIX semantics.
 */
export function decodeTarget(
  open: Open,
  { flags, name }: RenameInformation,
  replacesOpen = false,
): NewName | NtStatus {
  // The flags about storage reserves and cloud files are accepted and have no effect.
  if ((flags & ~KNOWN_FLAGS) !== 0) return Status.INVALID_PARAMETER;
  // smbclient sends a link's target with a leading backslash, which Samba accepts.
  const path = parsePathFor(open, name.startsWith("\\") ? name.slice(1) : name);
  if (typeof path === "number") return path;
  if (path.stream !== undefined) return Status.NOT_SUPPORTED;
  if (path.components.length === 0) return Status.OBJECT_NAME_INVALID;
  return {
    components: path.components,
    replace: (flags & RenameFlag.REPLACE_IF_EXISTS) !== 0,
    replacesOpen: replacesOpen || (flags & RenameFlag.POSIX_SEMANTICS) !== 0,
    replacesReadOnly: (flags & RenameFlag.IGNORE_READONLY_ATTRIBUTE) !== 0,
  };
}

/** STATUS_SHARING_VIOLATION if another open of `file` with data access does not share deletion. */
export function checkSharing(file: SharedFile, open: Open): NtStatus {
  for (const other of file.opens) {
    if (other === open || !hasDataAccess(other.sharingAccess)) continue;
    if ((other.shareAccess & ShareAccess.DELETE) === 0) return Status.SHARING_VIOLATION;
  }
  return Status.SUCCESS;
}

/** Looks the new name up and returns it with its node closed; or returns the status that refuses it. */
export function lookUpNewName(
  open: Open,
  store: FileStore,
  node: FileNode,
  components: readonly string[],
): MaybePromise<Found | NtStatus> {
  return andThen(store.lookup(components), (found) => {
    if (typeof found === "number") return lookupStatusOf(found);
    const allowed = mayTakeName(open.tree, store, components, node, found.node);
    return andThen(allowed, (status) => {
      found.node?.close();
      return status === Status.SUCCESS ? found : status;
    });
  });
}

/**
 * Decides if the object at the new name may be replaced by `node`; [MS-FSA] 2.1.5.15.11. STATUS_SUCCESS also
 * if there is none.
 */
export function checkTarget(
  opens: Pick<OpenTable, "findFile">,
  open: Open,
  node: Pick<FileNode, "identity">,
  found: FoundTarget,
  newName: NewName,
): NtStatus {
  const target = found.node;
  if (target === undefined) return Status.SUCCESS;
  // A rename that changes only the case finds the file itself.
  if (target.identity === node.identity) return Status.SUCCESS;
  if (!newName.replace) return Status.OBJECT_NAME_COLLISION;
  // rename(2) decides: it may replace an empty directory by another, and open files.
  if (open.isPosix) return Status.SUCCESS;
  const openTarget = opens.findFile(target.identity);
  if (target.stat.kind === FileKind.DIRECTORY) {
    if (!open.isDirectory) return Status.ACCESS_DENIED;
    // As in smbd rename(2) decides, which replaces an empty directory by another. The ACCESS_DENIED of
    // Windows becomes EACCES in Linux, where programs expect ENOTEMPTY or success.
    return openTarget === undefined ? Status.SUCCESS : checkSharing(openTarget, open);
  }
  if ((target.stat.attributes & FileAttribute.READONLY) !== 0 && !newName.replacesReadOnly)
    return Status.ACCESS_DENIED;
  if (openTarget === undefined) return Status.SUCCESS;
  // With POSIX semantics an open file is replaced if all its opens share deletion; otherwise never.
  return newName.replacesOpen ? checkSharing(openTarget, open) : Status.ACCESS_DENIED;
}
