// How an open's data is opened on disk.
import { Access } from "../../../wire/security/access.ts";
import type { Tree } from "../../state/session.ts";
import { FileKind, type FileNode, type OpenMode } from "../../vfs/store.ts";

/** The mode for an open of `node` with the access `granted`; undefined where it needs no data. */
export function dataModeOf(
  tree: Tree,
  node: FileNode,
  granted: number,
  writes: boolean,
  writeThrough: boolean,
): OpenMode | undefined {
  const { kind } = node.stat;
  const isDirectory = kind === FileKind.DIRECTORY;
  // A reparse point has no data.
  if (!isDirectory && kind !== FileKind.FILE) return undefined;
  const write = writes && !isDirectory;
  // EXECUTE on a file reads it; TRAVERSE on a directory (the same bit) does not list it.
  const readers = isDirectory ? Access.LIST_DIRECTORY : Access.READ_DATA | Access.EXECUTE;
  const read = (granted & readers) !== 0;
  if (!write && !read) return undefined;
  // READ_DATA granted by mode bits implies that the disk lets the user read.
  const isByMode = tree.grant.security.acl !== "nt" && (granted & Access.READ_DATA) !== 0;
  const canRead = isDirectory || isByMode || (node.access() & 4) !== 0;
  const mode = { read: read && canRead, write, writeThrough };
  return mode.read || mode.write ? mode : undefined;
}
