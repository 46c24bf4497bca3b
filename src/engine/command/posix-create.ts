// CREATE by a client with the POSIX extensions: which store and which rules, and what happens at a symlink.
// "SMB3 POSIX Extensions" 3.3.5.9; [MS-SMB2] 2.2.2.2.1, 3.3.5.9.
import type { MaybePromise } from "../../port/port.ts";
import { CreateOption, type CreateRequest } from "../../wire/create.ts";
import { EMPTY, Writer } from "../../wire/cursor.ts";
import { encodeErrorResponse, encodeSymlinkError, ErrorId } from "../../wire/error-response.ts";
import { Status } from "../../wire/status.ts";
import type { Exchange } from "../connection/exchange.ts";
import type { Tree } from "../session/session.ts";
import type { Open } from "../state/open.ts";
import { andThen } from "../vfs/maybe-promise.ts";
import { parsePosixPath } from "../vfs/posix-path.ts";
import { type ParsedPath, parsePath } from "../vfs/path.ts";
import { FileKind, type FileNode, type FileStore } from "../vfs/store.ts";
import type { Creation } from "./creation.ts";
import { statusOf } from "./errno-status.ts";

const EOPNOTSUPP = -95;
/** The head of an error's context, the link's fixed part, and its target twice; PATH_MAX is 4096 bytes. */
const LINK_ERROR_ROOM = 64 + 4 * 4096;

/** Whether the request is to be treated by POSIX's rules: agreed on by NEGOTIATE, and asked for by the request. */
export function asksForPosix(exchange: Exchange, request: CreateRequest, tree: Tree): boolean {
  return (
    request.contexts.posix !== undefined &&
    tree.grant.posixExtensions &&
    exchange.connection.negotiated?.hasPosixExtensions === true
  );
}

/** The store and the name of a CREATE, by the rules that its client goes by. */
export function placeOf(
  request: CreateRequest,
  store: FileStore,
  isPosix: boolean,
): { readonly store: FileStore; readonly path: ParsedPath | number } {
  if (!isPosix) return { store, path: parsePath(request.name) };
  return { store: store.posixView?.() ?? store, path: parsePosixPath(request.name) };
}

/** Marks a CREATE that `asksForPosix`. */
export function byPosixRules(creation: Creation): void {
  creation.isPosix = true;
  creation.permissions = (creation.request.contexts.posix?.mode ?? 0) & 0o7777;
}

/** The store by whose rules an open goes. */
export function storeOf(open: Open): FileStore | undefined {
  const { store } = open.tree;
  return open.isPosix ? (store?.posixView?.() ?? store) : store;
}

/** A path in a request on `open`: a new name, by the rules that the open goes by. */
export function parsePathFor(open: Open, name: string): ParsedPath | number {
  return open.isPosix ? parsePosixPath(name) : parsePath(name);
}

/** Whether `node` is a symlink that the client wants followed, which by these rules is its own affair. */
export function stopsAtLink(request: CreateRequest, node: FileNode): boolean {
  return (
    node.stat.kind === FileKind.SYMLINK && (request.createOptions & CreateOption.OPEN_REPARSE_POINT) === 0
  );
}

/** Tells the client where the symlink leads: STOPPED_ON_SYMLINK with the target as it stands. */
export function tellLink(exchange: Exchange, node: FileNode): MaybePromise<number> {
  return andThen(node.readLink?.() ?? EOPNOTSUPP, (target) => {
    if (typeof target === "number") return statusOf(target);
    const data = new Writer(new Uint8Array(LINK_ERROR_ROOM));
    encodeSymlinkError(data, {
      unparsedPathLength: 0,
      isRelative: !target.startsWith("/"),
      substituteName: target,
      printName: target,
    });
    // Opened by what speaks 3.1.1 alone, so that error data stands in a context; 2.2.2.
    encodeErrorResponse(exchange.reserve(LINK_ERROR_ROOM), {
      data: EMPTY,
      contexts: [{ errorId: ErrorId.DEFAULT, data: data.bytes.subarray(0, data.position) }],
    });
    return Status.STOPPED_ON_SYMLINK;
  });
}
