// Reparse tag and symlink target as clients see them, for objects that are neither file nor directory.
import { ReparseTag } from "../../../wire/fscc/attributes.ts";
import { FileKind, type FileStore } from "../../vfs/store.ts";

/** The reparse tag of an object, 0 for a file or a directory. */
export function reparseTagOf(kind: FileKind): number {
  if (kind === FileKind.SYMLINK) return ReparseTag.SYMLINK;
  if (kind === FileKind.DFS_LINK) return ReparseTag.DFS;
  return kind === FileKind.OTHER ? ReparseTag.NFS : 0;
}

/** A symlink target in the client's syntax: backslashes, and names as the store shows them. */
export function clientTarget(store: FileStore, target: string): string {
  const components = target.split("/");
  return components.map((name) => (/^\.{0,2}$/.test(name) ? name : store.clientPath(name))).join("\\");
}
