// CREATE of a named stream: the file it is of is found or made first, the stream has its own sharing and caching;
// [MS-FSA] 2.1.5.1 (phases 5 to 7), 2.1.5.1.1, 2.1.5.1.2, [MS-SMB2] 3.3.5.9.
import type { MaybePromise } from "../../port/port.ts";
import { Access } from "../../wire/access.ts";
import { CompletionFilter } from "../../wire/change-notify.ts";
import { CreateAction, CreateDisposition, CreateOption, type CreateRequest } from "../../wire/create.ts";
import { FileAttribute } from "../../wire/fscc/attributes.ts";
import { NotifyAction } from "../../wire/fscc/notify.ts";
import { Status } from "../../wire/status.ts";
import type { Tree } from "../session/session.ts";
import type { Open } from "../state/open.ts";
import { type OpenTable, type SharedFile, streamIdentity } from "../state/open-table.ts";
import { andThen } from "../vfs/maybe-promise.ts";
import { foldName } from "../vfs/names.ts";
import type { ParsedPath } from "../vfs/path.ts";
import { FileKind, type FileNode, type Found } from "../vfs/store.ts";
import { StreamHandle, StreamPlace } from "../vfs/stream-handle.ts";
import { findStream, type StoredStream, streamKey } from "../vfs/stream-values.ts";
import { maximalAccessOf } from "./access-check.ts";
import { decideAccess, overwrites } from "./create-existing.ts";
import { breakReaders, preallocate } from "./create-finish.ts";
import { createNew } from "./create-new.ts";
import { register } from "./create-register.ts";
import { finishSecurity, prepareSecurity } from "./create-security.ts";
import type { Creation, StreamCreation } from "./creation.ts";
import { closeOfApplication } from "./durable.ts";
import { statusOf } from "./errno-status.ts";
import { reportStream } from "./stream-changes.ts";

const EEXIST = -17;
const ERANGE = -34;
const EOPNOTSUPP = -95;
const OVERWRITTEN = CompletionFilter.STREAM_SIZE | CompletionFilter.STREAM_WRITE;

/**
 * The request with what its name says of the object: `::$DATA` is a file, `::$INDEX_ALLOCATION` a directory, a named
 * stream neither. Or the status where the options say otherwise.
 */
export function applyNamedKind(request: CreateRequest, tree: Tree, path: ParsedPath): CreateRequest | number {
  const { createOptions } = request;
  const { stream, kind } = path;
  if (stream === undefined && kind === "any") return request;
  // Without streams a colon is part of no name, as Samba answers it (smb2.create_no_streams).
  if (!tree.grant.streams) return Status.OBJECT_NAME_INVALID;
  if (kind === "directory") {
    if ((createOptions & CreateOption.NON_DIRECTORY_FILE) !== 0) return Status.FILE_IS_A_DIRECTORY;
    if (overwrites(request)) return Status.INVALID_PARAMETER;
    return { ...request, createOptions: createOptions | CreateOption.DIRECTORY_FILE };
  }
  if ((createOptions & CreateOption.DIRECTORY_FILE) !== 0) return Status.NOT_A_DIRECTORY;
  return { ...request, createOptions: createOptions | CreateOption.NON_DIRECTORY_FILE };
}

/** Opens or makes the stream `name` of what was found. */
export function openStream(creation: Creation, name: string, found: Found): MaybePromise<number> {
  const key = streamKey(name);
  if (key === undefined) return Status.OBJECT_NAME_INVALID;
  const { node } = found;
  if (node === undefined) return createNew(creation, found);
  const { kind } = node.stat;
  if (kind !== FileKind.FILE && kind !== FileKind.DIRECTORY) return Status.ACCESS_DENIED;
  return andThen(findStream(node.values, name), (stored) => {
    if (typeof stored === "number") return streamStatusOf(stored);
    const status = decide(creation, node, stored !== undefined);
    if (status !== Status.SUCCESS) return status;
    const identity = streamIdentity(node, foldName(stored?.name ?? name));
    return andThen(closeOfApplication(creation.exchange, creation.request, creation.tree, identity), () =>
      enterStream(creation, stored ?? { name, key }, found, node, { isMissing: stored === undefined }),
    );
  });
}

/** 2.1.5.1.1 and 2.1.5.1.2 for a stream of a file that is there. */
function decide(creation: Creation, node: FileNode, exists: boolean): number {
  const { request, tree } = creation;
  const { createDisposition } = request;
  if (exists && createDisposition === CreateDisposition.CREATE) return Status.OBJECT_NAME_COLLISION;
  if (!exists && !mayCreate(createDisposition)) return Status.OBJECT_NAME_NOT_FOUND;
  const { status, granted } = decideAccess(request, tree, node);
  if (status !== Status.SUCCESS) return status;
  creation.granted = granted;
  if (exists && !overwrites(request)) return Status.SUCCESS;
  if (tree.grant.readOnly || (node.stat.attributes & FileAttribute.READONLY) !== 0)
    return Status.ACCESS_DENIED;
  if (exists) return Status.SUCCESS;
  // A stream more changes the file.
  creation.action = CreateAction.CREATED;
  const mayWrite = (maximalAccessOf(tree, node) & Access.WRITE_DATA) !== 0;
  return mayWrite ? Status.SUCCESS : Status.ACCESS_DENIED;
}

function mayCreate(disposition: number): boolean {
  return disposition !== CreateDisposition.OPEN && disposition !== CreateDisposition.OVERWRITE;
}

/** The file was made for the stream `name` of it. */
export function enterNewStream(
  creation: Creation,
  found: Found,
  node: FileNode,
  name: string,
): MaybePromise<number> {
  creation.handle?.close();
  creation.handle = undefined;
  // `openStream` has seen that it is a name.
  const key = streamKey(name) ?? "";
  return enterStream(creation, { name, key }, found, node, { isMissing: true, hasNewFile: true });
}

function enterStream(
  creation: Creation,
  stored: StoredStream,
  found: Found,
  node: FileNode,
  { isMissing, hasNewFile = false }: { readonly isMissing: boolean; readonly hasNewFile?: boolean },
): MaybePromise<number> {
  const writes =
    overwrites(creation.request) || (creation.granted & (Access.WRITE_DATA | Access.APPEND_DATA)) !== 0;
  const place = new StreamPlace(stored.name, stored.key);
  const handle = new StreamHandle(
    node,
    place,
    creation.tree.grant.streamForm,
    writes,
    creation.isWriteThrough,
  );
  creation.stream = { handle, folded: foldName(stored.name), isMissing, hasNewFile };
  creation.handle = handle;
  return andThen(register(creation, found, node), (status) => {
    if (status === Status.SUCCESS || !hasNewFile) return status;
    return andThen(takeBack(creation, found, node), () => status);
  });
}

/** Nothing is left of a request that failed: the file goes again, unless somebody else has it open by now. */
function takeBack(creation: Creation, found: Found, node: FileNode): MaybePromise<unknown> {
  const { opens } = creation.exchange.context;
  const { identity } = node;
  creation.undo();
  return opens.findFile(identity) === undefined
    ? creation.store.remove(found.path, identity, false)
    : undefined;
}

/** The shared state of the stream, which all who have it open see alike. */
export function shareStream(stream: StreamCreation, opens: OpenTable, base: SharedFile): SharedFile {
  const { place } = stream.handle;
  let file = opens.takeStream(base, stream.folded);
  // Other programs can make two streams whose names are equal here: they still are not one.
  if (!stream.isMissing && file.stream !== undefined && file.stream.key !== place.key) {
    file = opens.takeStream(base, `${stream.folded}\0${place.key}`);
  }
  file.stream ??= place;
  stream.handle.place = file.stream;
  return file;
}

/** The open is in the tables: the stream is made or emptied. */
export function finishStream(creation: Creation, open: Open, stream: StreamCreation): MaybePromise<number> {
  const { context } = creation.exchange;
  if (stream.isMissing) {
    const made = context.notify.quietly(stream.handle.create(), open.file?.path);
    return andThen(made, (result) => {
      // Somebody who has it open already was faster.
      if (result === EEXIST) {
        if (creation.request.createDisposition === CreateDisposition.CREATE)
          return Status.OBJECT_NAME_COLLISION;
        creation.action = CreateAction.OPENED;
        return creation.truncates ? emptyStream(creation, open, stream) : preallocate(creation, open);
      }
      if (result < 0) return streamStatusOf(result);
      reportStream(context, open, NotifyAction.ADDED_STREAM, CompletionFilter.STREAM_NAME);
      return preallocate(creation, open);
    });
  }
  return creation.truncates ? emptyStream(creation, open, stream) : preallocate(creation, open);
}

function emptyStream(creation: Creation, open: Open, stream: StreamCreation): MaybePromise<number> {
  const isSuperseded = creation.request.createDisposition === CreateDisposition.SUPERSEDE;
  creation.action = isSuperseded ? CreateAction.SUPERSEDED : CreateAction.OVERWRITTEN;
  const { notify } = creation.exchange.context;
  return andThen(notify.quietly(stream.handle.truncate(0), open.file?.path), (result) => {
    if (result < 0) return streamStatusOf(result);
    breakReaders(creation, open);
    reportStream(creation.exchange.context, open, NotifyAction.MODIFIED_STREAM, OVERWRITTEN);
    return preallocate(creation, open);
  });
}

/** A disk that keeps no streams cannot have one of that name; nor of one that is too long for it. */
function streamStatusOf(failure: number): number {
  return failure === EOPNOTSUPP || failure === ERANGE ? Status.OBJECT_NAME_INVALID : statusOf(failure);
}
