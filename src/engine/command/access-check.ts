// Which access mask a user gets on an object: the share's limit, the file system's mode bits, DOS attributes;
// [MS-FSA] 2.1.5.1.2.1, [MS-SMB2] 3.3.5.9. Where no security descriptor is kept, mode bits are all there is.
import { Access, FileGeneric } from "../../wire/access.ts";
import { FileAttribute } from "../../wire/fscc/attributes.ts";
import type { Tree } from "../session/session.ts";
import { FileKind, type FileNode } from "../vfs/store.ts";

/** What everybody who may reach an object may do with it. */
const ALWAYS = Access.READ_ATTRIBUTES | Access.READ_CONTROL | Access.SYNCHRONIZE;
// Reading a program is running it: a client cannot be kept from executing what it read.
const BY_READ = Access.READ_DATA | Access.READ_EA | Access.EXECUTE;
const BY_WRITE =
  Access.WRITE_DATA |
  Access.APPEND_DATA |
  Access.WRITE_EA |
  Access.WRITE_ATTRIBUTES |
  Access.DELETE_CHILD |
  Access.DELETE;
/** The owner may change mode and times whatever the bits say, as chmod(2) and utime(2) have it. */
const BY_OWNING =
  Access.WRITE_ATTRIBUTES | Access.WRITE_EA | Access.WRITE_DAC | Access.WRITE_OWNER | Access.DELETE;

/** The rights of a share that may only be read. */
export const READ_ONLY_ACCESS = FileGeneric.READ | FileGeneric.EXECUTE;

/** Everything that the user of `tree` could be granted on `node`. */
export function maximalAccessOf(tree: Tree, node: FileNode): number {
  const bits = node.access();
  let mask: number = ALWAYS;
  if ((bits & 4) !== 0) mask |= BY_READ;
  if ((bits & 2) !== 0) mask |= BY_WRITE;
  // A directory that can only be searched can still be passed through.
  if ((bits & 1) !== 0) mask |= Access.EXECUTE;
  const { credentials } = tree.grant;
  if (credentials === null || credentials.uid === 0 || credentials.uid === node.stat.uid) mask |= BY_OWNING;
  return (mask & tree.maximalAccess) >>> 0;
}

/** The part of `access` that a READONLY file refuses. */
export function refusedByReadOnly(node: FileNode, access: number): boolean {
  if ((node.stat.attributes & FileAttribute.READONLY) === 0 || node.stat.kind === FileKind.DIRECTORY)
    return false;
  return (access & (Access.WRITE_DATA | Access.APPEND_DATA)) !== 0;
}
