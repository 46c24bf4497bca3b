// The new name of a rename or hard link: decoding, look-up, and what may be replaced.
import type { MaybePromise } from "../../../port/port.ts";
import { ShareAccess } from "../../../wire/command/create.ts";
import { FileAttribute } from "../../../wire/fscc/attributes.ts";
import { RenameFlag, type RenameInformation } from "../../../wire/fscc/rename.ts";
import { type NtStatus, Status } from "../../../wire/status.ts";
import type { Exchange } from "../../connection/exchange.ts";
import type { Open, SharedFile } from "../../state/open.ts";
import { hasDataAccess } from "../../state/open-table.ts";
import { andThen } from "../../and-then.ts";
import { FileKind, type FileNode, type FileStore, type Found } from "../../vfs/store.ts";
import { mayTakeName } from "../open/access-check.ts";
import { lookupStatusOf } from "../errno-status.ts";
import { parsePathFor } from "../open/posix-open.ts";

const KNOWN_FLAGS = Object.values(RenameFlag).reduce<number>((all, flag) => all | flag, 0);

/** Who has the replaced file open keeps it, but not its name. */
export function detachReplaced(exchange: Exchange, path: string, found: Found, identity: string): void {
  const { opens } = exchange.context;
  if (found.node === undefined || found.node.identity === identity) return;
  const replaced = opens.findFile(found.node.identity);
  if (replaced !== undefined) opens.loseName(replaced, path);
}

/** A new name, and what it may do to whom it belongs to now. */
interface NewName {
  readonly components: readonly string[];
  readonly replace: boolean;
  /** What is open may be replaced too: those who have it open keep it. */
  readonly replacesOpen: boolean;
  readonly replacesReadOnly: boolean;
}

export function decodeTarget(open: Open, { flags, name }: RenameInformation): NewName | NtStatus {
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
export function checkSharing(file: SharedFile, open: Open): NtStatus {
  for (const other of file.opens) {
    if (other === open || !hasDataAccess(other.grantedAccess)) continue;
    if ((other.shareAccess & ShareAccess.DELETE) === 0) return Status.SHARING_VIOLATION;
  }
  return Status.SUCCESS;
}

/** The place of a new name, with its node closed, or the status that refuses it. */
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

export function checkTarget(
  exchange: Exchange,
  open: Open,
  node: FileNode,
  found: Found,
  to: NewName,
): NtStatus {
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
