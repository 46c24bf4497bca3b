// CREATE with the SMB3 POSIX extensions: store, path syntax and mode; "SMB3 POSIX Extensions" 3.3.5.9.
import type { NtStatus } from "../../../wire/status.ts";
import type { CreateRequest } from "../../../wire/command/create.ts";
import type { Exchange } from "../../connection/exchange.ts";
import type { Tree } from "../../state/session.ts";
import { type ParsedPath, parsePath, parsePosixPath } from "../../vfs/name/client-path.ts";
import type { FileStore } from "../../vfs/store.ts";
import type { Creation } from "./creation.ts";

/**
 * True if NEGOTIATE agreed on the POSIX extensions, the share allows them and the request has their context.
 */
export function asksForPosix(exchange: Exchange, request: CreateRequest, tree: Tree): boolean {
  return (
    request.contexts.posix !== undefined &&
    tree.grant.posixExtensions &&
    exchange.connection.negotiated?.hasPosixExtensions === true
  );
}

/**
 * The store and the parsed path for a CREATE, with POSIX or Windows names. The look-up refuses a component
 * that is too long.
 */
export function pathOfCreate(
  request: CreateRequest,
  store: FileStore,
  isPosix: boolean,
): { readonly store: FileStore; readonly path: ParsedPath | NtStatus } {
  if (!isPosix) return { store, path: parsePath(request.name, Number.MAX_SAFE_INTEGER) };
  return { store: store.posixView?.() ?? store, path: parsePosixPath(request.name) };
}

/** Linux sends (umode_t)-1 when it requests no mode. */
const NO_MODE = 0xffff;

/** Applies the POSIX rules and the requested mode to a CREATE that `asksForPosix`. */
export function applyPosixRules(creation: Creation): void {
  creation.isPosix = true;
  const mode = creation.request.contexts.posix?.mode ?? NO_MODE;
  creation.permissions = (mode & 0xffff) === NO_MODE ? undefined : mode & 0o7777;
}
