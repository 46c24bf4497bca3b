// CREATE: opening the data of the object that was found or made.
import type { MaybePromise } from "../../port/port.ts";
import { Access } from "../../wire/access.ts";
import { FileKind, type FileNode, type Found } from "../vfs/store.ts";
import { andThen } from "../vfs/maybe-promise.ts";
import { overwrites } from "./create-existing.ts";
import { register } from "./create-register.ts";
import type { Creation } from "./creation.ts";
import { statusOf } from "./errno-status.ts";

/** Opens the data, where the granted access works on any. */
export function openData(creation: Creation, found: Found, node: FileNode): MaybePromise<number> {
  if (creation.handle !== undefined) return register(creation, found, node);
  const { kind } = node.stat;
  const isDirectory = kind === FileKind.DIRECTORY;
  // A reparse point is opened itself, and has no data.
  if (!isDirectory && kind !== FileKind.FILE) return register(creation, found, node);
  // A snapshot opens for writing, and does not take it.
  const write =
    !isDirectory &&
    creation.snapshotPath === undefined &&
    (overwrites(creation.request) || (creation.granted & (Access.WRITE_DATA | Access.APPEND_DATA)) !== 0);
  // A program is run by reading it; who may only pass through a directory may not list it.
  const readers = isDirectory ? Access.LIST_DIRECTORY : Access.READ_DATA | Access.EXECUTE;
  const read = (creation.granted & readers) !== 0;
  if (!write && !read) return register(creation, found, node);
  // READ_DATA by mode has just been granted for what the disk lets be read.
  const isByMode = creation.tree.grant.security.acl !== "nt" && (creation.granted & Access.READ_DATA) !== 0;
  const canRead = isDirectory || isByMode || (node.access() & 4) !== 0;
  const mode = { read: read && canRead, write, writeThrough: creation.isWriteThrough };
  if (!mode.read && !mode.write) return register(creation, found, node);
  return andThen(node.open(mode), (handle) => {
    if (typeof handle === "number") return statusOf(handle);
    creation.handle = handle;
    return register(creation, found, node);
  });
}
