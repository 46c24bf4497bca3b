// Extended attributes asked for, set, and given with CREATE; [MS-SMB2] 3.3.5.20.1, 3.3.5.21.1, [MS-FSA] 2.1.5.12.12,
// 2.1.5.15.5, 2.1.5.1.
import { Errno } from "../../linux/errno.ts";
import type { MaybePromise } from "../../port/port.ts";
import { Access } from "../../wire/access.ts";
import { beginBufferResponse, finishBufferResponse } from "../../wire/buffer-response.ts";
import { CompletionFilter } from "../../wire/change-notify.ts";
import { CreateAction, CreateOption, type CreateRequest } from "../../wire/create.ts";
import { WireError } from "../../wire/cursor.ts";
import {
  appendExtendedAttribute,
  decodeAttributeNames,
  decodeExtendedAttributes,
  type ExtendedAttribute,
  extendedAttributeSize,
  NEED_EA,
} from "../../wire/fscc/extended-attribute.ts";
import { NotifyAction } from "../../wire/fscc/notify.ts";
import { QueryInfoFlag, type QueryInfoRequest } from "../../wire/query-info.ts";
import { Status } from "../../wire/status.ts";
import type { Exchange } from "../connection/exchange.ts";
import type { Tree } from "../session/session.ts";
import type { Open } from "../state/open.ts";
import { andThen } from "../vfs/maybe-promise.ts";
import { FileKind, type FileNode } from "../vfs/store.ts";
import {
  attributesSize,
  changeUserAttributes,
  foldAttributeName,
  isReservedName,
  needsKnowledge,
  readUserAttributes,
  toStoredName,
} from "../vfs/user-attributes.ts";
import type { Creation } from "./creation.ts";
import { statusOf } from "./errno-status.ts";
import { holdChangeTime } from "./modified.ts";

/** Header of the response, and what one entry may stand away from the one before. */
const HEAD_ROOM = 16;
const NO_VALUE = new Uint8Array(0);

/** FileFullEaInformation of QUERY_INFO. */
export function queryExtendedAttributes(
  exchange: Exchange,
  open: Open,
  node: FileNode,
  request: QueryInfoRequest,
): MaybePromise<number> {
  if ((open.grantedAccess & Access.READ_EA) === 0) return Status.ACCESS_DENIED;
  if (!open.tree.grant.eaSupport) return Status.EAS_NOT_SUPPORTED;
  const { inputBuffer, flags } = request;
  const names = inputBuffer.length === 0 ? undefined : decodeList(inputBuffer, decodeAttributeNames);
  if (typeof names === "number") return names;
  return andThen(readUserAttributes(node.values), (all) => {
    if (typeof all === "number") return statusOf(all);
    if (names !== undefined) {
      const found = pick(all, names);
      return typeof found === "number" ? found : answer(exchange, request, found).status;
    }
    const start = startOf(open, request, all.length);
    if (start < 0) return Status.NONEXISTENT_EA_ENTRY;
    if (all.length === 0) return Status.NO_EAS_ON_FILE;
    if (start >= all.length) return Status.NO_MORE_EAS;
    const isSingle = (flags & QueryInfoFlag.RETURN_SINGLE_ENTRY) !== 0;
    const { status, count } = answer(exchange, request, all.slice(start, isSingle ? start + 1 : undefined));
    open.nextAttribute = start + count;
    return status;
  });
}

/** Where the scan goes on, or -1 for an index that is no entry's; the index counts from one. */
function startOf(open: Open, request: QueryInfoRequest, count: number): number {
  const { flags, additionalInformation } = request;
  if ((flags & QueryInfoFlag.INDEX_SPECIFIED) !== 0) {
    return additionalInformation > count + 1 ? -1 : additionalInformation - 1;
  }
  return (flags & QueryInfoFlag.RESTART_SCAN) === 0 ? open.nextAttribute : 0;
}

/** The attributes named, in that order and each once; one that the file lacks has an empty value. */
function pick(
  all: readonly ExtendedAttribute[],
  names: readonly string[],
): readonly ExtendedAttribute[] | number {
  const byName = new Map(all.map((attribute) => [foldAttributeName(attribute.name), attribute]));
  const found = new Map<string, ExtendedAttribute>();
  for (const name of names) {
    if (toStoredName(name) === undefined) return Status.INVALID_EA_NAME;
    const key = foldAttributeName(name);
    found.set(key, byName.get(key) ?? { flags: 0, name, value: NO_VALUE });
  }
  return [...found.values()];
}

/** Writes as many whole entries as the client takes: SUCCESS, BUFFER_OVERFLOW for a part, BUFFER_TOO_SMALL for none. */
function answer(
  exchange: Exchange,
  request: QueryInfoRequest,
  attributes: readonly ExtendedAttribute[],
): { readonly status: number; readonly count: number } {
  let size = 0;
  let count = 0;
  for (const { name, value } of attributes) {
    const end = ((size + 3) & ~3) + extendedAttributeSize(name.length, value.length);
    if (end > request.outputBufferLength) break;
    size = end;
    count++;
  }
  if (count === 0) return { status: Status.BUFFER_TOO_SMALL, count };
  const writer = exchange.reserve(HEAD_ROOM + size);
  const mark = beginBufferResponse(writer);
  let previous = -1;
  for (const attribute of attributes.slice(0, count)) {
    previous = appendExtendedAttribute(writer, attribute, previous);
  }
  finishBufferResponse(writer, mark);
  return { status: count < attributes.length ? Status.BUFFER_OVERFLOW : Status.SUCCESS, count };
}

/** EaSize of an open file. */
export function eaSizeOf(open: Open, node: FileNode): MaybePromise<number> {
  if (!open.tree.grant.eaSupport) return 0;
  return andThen(readUserAttributes(node.values), (attributes) =>
    typeof attributes === "number" ? 0 : attributesSize(attributes),
  );
}

/** FileFullEaInformation of SET_INFO. */
export function setExtendedAttributes(
  exchange: Exchange,
  open: Open,
  node: FileNode,
  buffer: Uint8Array,
): MaybePromise<number> {
  if (!open.tree.grant.eaSupport) return Status.EAS_NOT_SUPPORTED;
  const attributes = decodeList(buffer, decodeExtendedAttributes);
  if (typeof attributes === "number") return attributes;
  const refusal = checkAttributes(attributes);
  if (refusal !== Status.SUCCESS) return refusal;
  const { notify } = exchange.context;
  const done = andThen(change(open.tree, node, attributes), (status) => {
    if (status !== Status.SUCCESS) return status;
    if (notify.count > 0 && open.file !== undefined) {
      notify.changed(NotifyAction.MODIFIED, open.file.path, CompletionFilter.EA);
    }
    return andThen(holdChangeTime(exchange.context, open), () => status);
  });
  return open.file === undefined ? done : notify.during(done, open.file.path);
}

function change(tree: Tree, node: FileNode, attributes: readonly ExtendedAttribute[]): MaybePromise<number> {
  if (node.stat.kind === FileKind.SYMLINK) return Status.EAS_NOT_SUPPORTED;
  return andThen(changeUserAttributes(node.values, attributes), (result) => {
    if (result === -Errno.EOPNOTSUPP) return Status.EAS_NOT_SUPPORTED;
    if (result === -Errno.E2BIG) return Status.EA_TOO_LARGE;
    // The kernel's limit of names is counted in bytes that ours has seen already: what is left is a value.
    if (result === -Errno.ERANGE) return Status.INVALID_EA_NAME;
    if (result === -Errno.ENOSPC && tree.store !== undefined) {
      // ext4 says the same of a full disk and of a value that does not fit the inode's room.
      return andThen(tree.store.volume(node), (volume) =>
        typeof volume === "number" || volume.availableBytes > 0 ? Status.EA_TOO_LARGE : Status.DISK_FULL,
      );
    }
    return result < 0 ? statusOf(result) : Status.SUCCESS;
  });
}

/** SUCCESS, or why these cannot be set. */
function checkAttributes(attributes: readonly ExtendedAttribute[]): number {
  for (const { flags, name } of attributes) {
    const stored = toStoredName(name);
    if (stored === undefined || (flags & ~NEED_EA) !== 0) return Status.INVALID_EA_NAME;
    if (isReservedName(stored)) return Status.ACCESS_DENIED;
  }
  return Status.SUCCESS;
}

function decodeList<T>(data: Uint8Array, decode: (data: Uint8Array) => T[]): T[] | number {
  try {
    return decode(data);
  } catch (error) {
    if (error instanceof WireError) return Status.EA_LIST_INCONSISTENT;
    throw error;
  }
}

/** SUCCESS, or why a CREATE with these attributes is refused before any file is looked at. */
export function checkCreateAttributes(request: CreateRequest, tree: Tree): number {
  const data = request.contexts.extendedAttributes;
  if (data === undefined || data.length === 0) return Status.SUCCESS;
  if (!tree.grant.eaSupport) return Status.EAS_NOT_SUPPORTED;
  // 2.1.5.1: who knows nothing of them cannot give any.
  if ((request.createOptions & CreateOption.NO_EA_KNOWLEDGE) !== 0) return Status.ACCESS_DENIED;
  const attributes = decodeList(data, decodeExtendedAttributes);
  return typeof attributes === "number" ? attributes : checkAttributes(attributes);
}

/** 2.1.5.1.2: a file whose attributes must be known is not for who knows nothing of them. */
export function checkKnowledge(creation: Creation, node: FileNode): MaybePromise<number> {
  const { request, tree } = creation;
  const hasNone = (request.createOptions & CreateOption.NO_EA_KNOWLEDGE) !== 0;
  if (!hasNone || !tree.grant.eaSupport) return Status.SUCCESS;
  return andThen(needsKnowledge(node.values), (needs) => (needs ? Status.ACCESS_DENIED : Status.SUCCESS));
}

/**
 * Sets what CREATE has brought for a file that it made or overwrote; others keep what they have. A file that was made
 * goes again where that fails.
 */
export function applyCreateAttributes(creation: Creation, node: FileNode): MaybePromise<number> {
  const data = creation.request.contexts.extendedAttributes;
  if (data === undefined || data.length === 0 || creation.action === CreateAction.OPENED)
    return Status.SUCCESS;
  const attributes = decodeExtendedAttributes(data);
  return andThen(change(creation.tree, node, attributes), (status) => {
    const { file, store, tree } = creation;
    const isNew = creation.action === CreateAction.CREATED;
    if (status === Status.SUCCESS || !isNew || file === undefined) return status;
    const isDirectory = node.stat.kind === FileKind.DIRECTORY;
    return andThen(store.remove(file.pathBelow(tree.grant.path), file.identity, isDirectory), () => status);
  });
}
