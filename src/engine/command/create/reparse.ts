// CREATE of a symlink that the share does not follow, a FIFO, a socket or a device. Clients see them as
// reparse points, which can be opened as such and never for data. [MS-SMB2] 2.2.2.2.1, 3.3.5.9; [MS-FSA]
// 2.1.5.1.
import { Errno } from "../../../linux/errno.ts";
import type { MaybePromise } from "../../../port/port.ts";
import { Access, mapGenericAccess } from "../../../wire/security/access.ts";
import { CreateDisposition, CreateOption, type CreateRequest } from "../../../wire/command/create.ts";
import { EMPTY, Writer } from "../../../wire/cursor.ts";
import { encodeErrorResponse, encodeSymlinkError, ErrorId } from "../../../wire/command/error-response.ts";
import { type NtStatus, Status } from "../../../wire/status.ts";
import type { Exchange } from "../../connection/exchange.ts";
import { andThen } from "../../and-then.ts";
import { type Failure, FileKind, type FileNode, type FileStore } from "../../vfs/store.ts";
import { lookupStatusOf, statusOf } from "../errno-status.ts";
import { clientTarget } from "../open/reparse-tag.ts";

/** Error context header, fixed part of the symlink error, and the target twice; PATH_MAX is 4096 bytes. */
const LINK_ERROR_ROOM = 64 + 4 * 4096;
const DATA_ACCESS = Access.READ_DATA | Access.WRITE_DATA | Access.APPEND_DATA | Access.EXECUTE;
const LINK_CHANGES = Access.DELETE | Access.WRITE_ATTRIBUTES | Access.SYNCHRONIZE;

/** True if the CREATE must fail at `node`: a reparse point that the request does not open itself. */
export function stopsAtReparse(request: CreateRequest, node: FileNode, isPosix: boolean): boolean {
  const { kind } = node.stat;
  if (kind === FileKind.FILE || kind === FileKind.DIRECTORY) return false;
  if ((request.createOptions & CreateOption.OPEN_REPARSE_POINT) !== 0) return false;
  // With the POSIX extensions everything but a symlink is opened itself.
  if (isPosix) return kind === FileKind.SYMLINK && !changesSymlinkItself(request);
  if (kind === FileKind.SYMLINK) return !deletesSymlinkItself(request);
  return request.createDisposition !== CreateDisposition.CREATE && !opensWithoutData(request);
}

/** Changing a symlink's times or name without reading means the symlink: lutimes(3), rename(2). */
function changesSymlinkItself({ desiredAccess, createDisposition }: CreateRequest): boolean {
  const others = mapGenericAccess(desiredAccess) & ~LINK_CHANGES;
  return createDisposition === CreateDisposition.OPEN && others === 0;
}

/**
 * Deleting or renaming a symlink means the symlink itself, also from clients that do not know reparse points.
 */
function deletesSymlinkItself(request: CreateRequest): boolean {
  return (mapGenericAccess(request.desiredAccess) & Access.DELETE) !== 0 && opensWithoutData(request);
}

/** Linux's client before 6.7 opens special files only this way, and could not remove them otherwise. */
function opensWithoutData({ desiredAccess, createDisposition }: CreateRequest): boolean {
  if (createDisposition !== CreateDisposition.OPEN) return false;
  return (mapGenericAccess(desiredAccess) & (DATA_ACCESS | Access.MAXIMUM_ALLOWED)) === 0;
}

/**
 * Answers an open that stops at the reparse point `node`: STOPPED_ON_SYMLINK with the target for a symlink,
 * else IO_REPARSE_TAG_NOT_HANDLED. `unparsedBytes` is the length of the path behind the symlink in UTF-16
 * bytes.
 */
export function answerReparse(
  exchange: Exchange,
  store: FileStore,
  node: FileNode,
  isPosix: boolean,
  unparsedBytes = 0,
): MaybePromise<NtStatus> {
  if (node.stat.kind !== FileKind.SYMLINK) return Status.IO_REPARSE_TAG_NOT_HANDLED;
  return andThen(node.readLink?.() ?? -Errno.EOPNOTSUPP, (target) => {
    if (typeof target === "number") return statusOf(target);
    const name = isPosix ? target : clientTarget(store, target);
    const writer = new Writer(new Uint8Array(LINK_ERROR_ROOM));
    encodeSymlinkError(writer, {
      unparsedPathLength: unparsedBytes,
      isRelative: !target.startsWith("/"),
      substituteName: name,
      printName: name,
    });
    const data = writer.bytes.subarray(0, writer.position);
    // 2.2.2: since 3.1.1 error data is wrapped in an error context.
    const hasContexts = exchange.connection.negotiated?.dialect.hasNegotiateContexts === true;
    const contexts = hasContexts ? [{ errorId: ErrorId.DEFAULT, data }] : [];
    encodeErrorResponse(exchange.reserve(LINK_ERROR_ROOM), { data: hasContexts ? EMPTY : data, contexts });
    return Status.STOPPED_ON_SYMLINK;
  });
}

/**
 * Answers a look-up that failed with `failure`. If a symlink inside the path caused it, the answer is
 * STOPPED_ON_SYMLINK with that symlink's target.
 */
export function answerFailedLookup(
  exchange: Exchange,
  store: FileStore,
  components: readonly string[],
  isPosix: boolean,
  failure: Failure,
): MaybePromise<NtStatus> {
  if (failure !== -Errno.ELOOP && failure !== -Errno.EXDEV) return lookupStatusOf(failure);
  return answerSymlinkInPath(exchange, store, components, isPosix, failure);
}

async function answerSymlinkInPath(
  exchange: Exchange,
  store: FileStore,
  components: readonly string[],
  isPosix: boolean,
  failure: Failure,
): Promise<NtStatus> {
  for (let count = 1; count < components.length; count++) {
    const found = await store.lookup(components.slice(0, count));
    if (typeof found === "number" || found.node === undefined) break;
    const { node } = found;
    try {
      if (node.stat.kind !== FileKind.SYMLINK) continue;
      const rest = components.slice(count).reduce((bytes, name) => bytes + 2 * (name.length + 1), 0);
      return await answerReparse(exchange, store, node, isPosix, rest);
    } finally {
      node.close();
    }
  }
  return lookupStatusOf(failure);
}
