// CREATE by a client with the POSIX extensions: which store and which rules.
// "SMB3 POSIX Extensions" 3.3.5.9.
import type { NtStatus } from "../../../wire/status.ts";
import type { CreateRequest } from "../../../wire/command/create.ts";
import type { Exchange } from "../../connection/exchange.ts";
import type { Tree } from "../../state/session.ts";
import { type ParsedPath, parsePath, parsePosixPath } from "../../vfs/name/client-path.ts";
import type { FileStore } from "../../vfs/store.ts";
import type { Creation } from "./creation.ts";

/** Whether the request is to be treated by POSIX's rules: agreed on by NEGOTIATE, and asked for by the request. */
export function asksForPosix(exchange: Exchange, request: CreateRequest, tree: Tree): boolean {
  return (
    request.contexts.posix !== undefined &&
    tree.grant.posixExtensions &&
    exchange.connection.negotiated?.hasPosixExtensions === true
  );
}

/** The store and the name of a CREATE, by the rules that its client goes by. */
export function pathOfCreate(
  request: CreateRequest,
  store: FileStore,
  isPosix: boolean,
): { readonly store: FileStore; readonly path: ParsedPath | NtStatus } {
  if (!isPosix) return { store, path: parsePath(request.name) };
  return { store: store.posixView?.() ?? store, path: parsePosixPath(request.name) };
}

/** What Linux sends where it has no mode in mind: (umode_t)-1. */
const NO_MODE = 0xffff;

/** Marks a CREATE that `asksForPosix`. */
export function byPosixRules(creation: Creation): void {
  creation.isPosix = true;
  const mode = creation.request.contexts.posix?.mode ?? NO_MODE;
  creation.permissions = (mode & 0xffff) === NO_MODE ? undefined : mode & 0o7777;
}
