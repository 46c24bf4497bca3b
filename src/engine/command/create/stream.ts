// CREATE of a named stream: its file is found or created first; the stream has sharing and caching of its
// own. [MS-FSA] 2.1.5.1 (phases 5 to 7), 2.1.5.1.1, 2.1.5.1.2, [MS-SMB2] 3.3.5.9.
import type { MaybePromise } from "../../../port/port.ts";
import { Access } from "../../../wire/security/access.ts";
import {
  CreateAction,
  CreateDisposition,
  CreateOption,
  type CreateRequest,
} from "../../../wire/command/create.ts";
import { FileAttribute } from "../../../wire/fscc/attributes.ts";
import { type NtStatus, Status } from "../../../wire/status.ts";
import type { Tree } from "../../state/session.ts";
import { streamIdentity } from "../../state/open-table.ts";
import { andThen } from "../../and-then.ts";
import { foldName } from "../../vfs/name/names.ts";
import type { ParsedPath } from "../../vfs/name/client-path.ts";
import { FileKind, type FileNode, type Found } from "../../vfs/store.ts";
import { StreamName } from "../../vfs/stream/stream-handle.ts";
import {
  findStream,
  isAfpInfoName,
  isForkName,
  type StoredStream,
  streamKey,
} from "../../vfs/stream/stored-stream.ts";
import { maximalAccessOf, unusableAccessOf } from "../open/access-check.ts";
import { makeHandle, type SeenStream, seeStream } from "./apple-stream.ts";
import { decideAccess } from "./existing.ts";
import { register } from "./register.ts";
import { type Creation, overwrites } from "./creation.ts";
import { closeOpensOfApplication } from "./durable.ts";
import { streamStatusOf } from "./stream-entry.ts";

/**
 * Adds the option that the stream type in the name implies: DIRECTORY_FILE for `::$INDEX_ALLOCATION`,
 * NON_DIRECTORY_FILE for `::$DATA` and named streams. Returns a status when the request's options contradict
 * it.
 */
export function applyNamedKind(
  request: CreateRequest,
  tree: Tree,
  path: ParsedPath,
): CreateRequest | NtStatus {
  const { createOptions } = request;
  const { stream, kind } = path;
  if (stream === undefined && kind === "any") return request;
  // A share without streams refuses every name with a colon, as Samba does (smb2.create_no_streams).
  if (!tree.grant.streams) return Status.OBJECT_NAME_INVALID;
  if (kind === "directory") {
    const isOpen = request.createDisposition === CreateDisposition.OPEN;
    // Where nothing has the name, that counts before the contradiction: the look-up decides.
    if ((createOptions & CreateOption.NON_DIRECTORY_FILE) !== 0 && !isOpen) return Status.FILE_IS_A_DIRECTORY;
    if (overwrites(request)) return Status.INVALID_PARAMETER;
    return { ...request, createOptions: createOptions | CreateOption.DIRECTORY_FILE };
  }
  if ((createOptions & CreateOption.DIRECTORY_FILE) !== 0) return Status.NOT_A_DIRECTORY;
  return { ...request, createOptions: createOptions | CreateOption.NON_DIRECTORY_FILE };
}

/** Opens or creates the stream `name` of the existing object `node`. */
export function openStream(
  creation: Creation,
  name: string,
  found: Found,
  node: FileNode,
): MaybePromise<NtStatus> {
  const { kind } = node.stat;
  if (kind !== FileKind.FILE && kind !== FileKind.DIRECTORY) return Status.ACCESS_DENIED;
  return andThen(findStream(node.values, name), (stored) => {
    if (typeof stored === "number") return streamStatusOf(stored);
    return andThen(seeStream(creation, node, name, stored), (seen) =>
      typeof seen === "number" ? streamStatusOf(seen) : openSeenStream(creation, name, found, node, seen),
    );
  });
}

function openSeenStream(
  creation: Creation,
  name: string,
  found: Found,
  node: FileNode,
  { stored, exists, isAfpInfo }: SeenStream,
): MaybePromise<NtStatus> {
  const status = decideStreamAccess(creation, node, exists);
  if (status !== Status.SUCCESS) return status;
  const identity = streamIdentity(node, foldName(stored?.name ?? name));
  return andThen(closeOpensOfApplication(creation.exchange, creation.request, creation.tree, identity), () =>
    registerStream(creation, stored ?? newStreamName(creation, name), found, node, {
      isMissing: !exists,
      isAfpInfo,
    }),
  );
}

/** Checks disposition and access for a stream of an existing file; [MS-FSA] 2.1.5.1.1, 2.1.5.1.2. */
function decideStreamAccess(creation: Creation, node: FileNode, exists: boolean): NtStatus {
  const { request, tree } = creation;
  const { createDisposition } = request;
  if (exists && createDisposition === CreateDisposition.CREATE) return Status.OBJECT_NAME_COLLISION;
  if (!exists && !mayCreate(createDisposition)) return Status.OBJECT_NAME_NOT_FOUND;
  const { status, granted } = decideAccess(request, tree, node);
  if (status !== Status.SUCCESS) return status;
  creation.granted = granted;
  creation.unusable = unusableAccessOf(tree, node, granted);
  if (exists && !overwrites(request)) return Status.SUCCESS;
  if (tree.grant.readOnly || (node.stat.attributes & FileAttribute.READONLY) !== 0)
    return Status.ACCESS_DENIED;
  if (exists) return Status.SUCCESS;
  // Creating a stream changes the file.
  creation.action = CreateAction.CREATED;
  const mayWrite = (maximalAccessOf(tree, node) & Access.WRITE_DATA) !== 0;
  return mayWrite ? Status.SUCCESS : Status.ACCESS_DENIED;
}

function mayCreate(disposition: number): boolean {
  return disposition !== CreateDisposition.OPEN && disposition !== CreateDisposition.OVERWRITE;
}

/** Continues with the stream `name` of a file that this CREATE has just made for it. */
export function registerNewStream(
  creation: Creation,
  found: Found,
  node: FileNode,
  name: string,
): MaybePromise<NtStatus> {
  creation.handle?.close();
  creation.handle = undefined;
  const isAfpInfo = isAfpInfoName(name);
  return registerStream(creation, newStreamName(creation, name), found, node, {
    isMissing: true,
    isAfpInfo,
    hasNewFile: true,
  });
}

/** A stream that does not exist yet. `openFound` has checked that the name has a key. */
function newStreamName({ tree }: Creation, name: string): StoredStream {
  return { name, key: streamKey(name, tree.grant.names.reserved) ?? "" };
}

function registerStream(
  creation: Creation,
  stored: StoredStream,
  found: Found,
  node: FileNode,
  {
    isMissing,
    isAfpInfo,
    hasNewFile = false,
  }: { readonly isMissing: boolean; readonly isAfpInfo: boolean; readonly hasNewFile?: boolean },
): MaybePromise<NtStatus> {
  const writes =
    overwrites(creation.request) || (creation.granted & (Access.WRITE_DATA | Access.APPEND_DATA)) !== 0;
  const streamName = new StreamName(stored.name, stored.key);
  const handle = makeHandle(creation, node, streamName, isAfpInfo, writes);
  const mayExist = creation.tree.session.isApple || isForkName(stored.name);
  creation.stream = { handle, folded: foldName(stored.name), isMissing, mayExist, hasNewFile };
  creation.handle = handle;
  return andThen(register(creation, found, node), (status) => {
    if (status === Status.SUCCESS || !hasNewFile) return status;
    return andThen(removeNewFile(creation, found, node), () => status);
  });
}

/** Undoes a failed CREATE and removes the file that it made, unless another open has it by now. */
function removeNewFile(creation: Creation, found: Found, node: FileNode): MaybePromise<unknown> {
  const { opens } = creation.exchange.context;
  const { identity } = node;
  creation.undo();
  return opens.findFile(identity) === undefined
    ? creation.store.remove(found.path, identity, false)
    : undefined;
}
