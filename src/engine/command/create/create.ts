// SMB2 CREATE as named steps in the order of the specification; `Creation.undo` releases what a failed CREATE
// took. [MS-SMB2] 2.2.13, 2.2.14, 3.3.5.9; [MS-FSA] 2.1.5.1.
import { streamKey } from "../../vfs/stream/stored-stream.ts";
import type { MaybePromise } from "../../../port/port.ts";
import { Access, mapGenericAccess } from "../../../wire/security/access.ts";
import {
  CreateAction,
  CreateOption,
  type CreateRequest,
  decodeCreateRequest,
} from "../../../wire/command/create.ts";
import { type NtStatus, Status } from "../../../wire/status.ts";
import type { Exchange } from "../../connection/exchange.ts";
import type { Tree } from "../../state/session.ts";
import { andThen } from "../../and-then.ts";
import { MAX_COMPONENT_UNITS, type ParsedPath } from "../../vfs/name/client-path.ts";
import type { FileNode, FileStore, Found } from "../../vfs/store.ts";
import { loadRights, mayRemove, needsRightsOnDisk, unusableAccessOf } from "../open/access-check.ts";
import { DESCRIPTORS_PER_DIRECTORY } from "../../state/open-usage.ts";
import { withinLimits } from "./admit.ts";
import { markApple } from "./apple.ts";
import { checkCreateRequest } from "./check-request.ts";
import { checkExisting, decideAccess } from "./existing.ts";
import { createNew } from "./new.ts";
import { applyNamedKind, openStream } from "./stream.ts";
import { Creation, MAX_ROUNDS, overwrites } from "./creation.ts";
import {
  answerReplay,
  beginPendingCreate,
  checkDurableContexts,
  closeOpensOfApplication,
  reconnectOpen,
} from "./durable.ts";
import { withoutDfsPrefix } from "./dfs-name.ts";
import { openPipe } from "./pipe.ts";
import { asksForPosix, applyPosixRules, pathOfCreate } from "./posix.ts";
import { stopsAtReparse, answerFailedLookup, answerReparse } from "./reparse.ts";
import { openData } from "./register.ts";
import { reparseTagOf } from "../open/reparse-tag.ts";
import { checkSnapshotRequest, findTime, openSnapshot } from "./snapshot.ts";
import { checkEaKnowledge } from "./extended-attributes.ts";

export function handleCreate(exchange: Exchange, tree: Tree): MaybePromise<NtStatus> {
  const request = withoutDfsPrefix(exchange, tree, decodeCreateRequest(exchange.message));
  const { store } = tree;
  // Re-authentication has given the session to a user who may not use the share.
  if (tree.maximalAccess === 0) return Status.ACCESS_DENIED;
  if (store === undefined) return openPipe(exchange, tree, request);
  const durableStatus = checkDurableContexts(request);
  if (durableStatus !== Status.SUCCESS) return durableStatus;
  // 3.3.5.9.7, 3.3.5.9.12: a reconnect ignores the other fields of the request.
  const reconnected = reconnectOpen(exchange, request, tree);
  if (reconnected !== undefined) return reconnected;
  const refusal = checkCreateRequest(request, tree);
  if (refusal !== Status.SUCCESS) {
    if (refusal === Status.ACCESS_DENIED && tree.grant.readOnly) reportReadOnly(exchange, tree);
    return refusal;
  }
  const replayed = answerReplay(exchange, tree.session, request);
  if (replayed !== undefined) return replayed;
  return withinLimits(exchange.context, tree.session, DESCRIPTORS_PER_DIRECTORY, () =>
    createOpen(exchange, request, tree, store),
  );
}

/** For the log: a client has asked for access that a read-only share does not give. */
function reportReadOnly({ connection }: Exchange, tree: Tree): void {
  connection.reportRefusal(tree, "the share is read-only for this user");
}

function createOpen(
  exchange: Exchange,
  request: CreateRequest,
  tree: Tree,
  shareStore: FileStore,
): MaybePromise<NtStatus> {
  const { apple } = request.contexts;
  if (apple !== undefined) markApple(exchange.context, tree.session, apple);
  const isPosix = asksForPosix(exchange, request, tree);
  const { store, path } = pathOfCreate(request, shareStore, isPosix);
  if (typeof path === "number") return path;
  // [MS-FSA] 2.1.5.1 phase 6: a name that ends with a backslash is not a file's.
  const isFile = (request.createOptions & CreateOption.NON_DIRECTORY_FILE) !== 0;
  if (isFile && !isPosix && request.name.endsWith("\\")) return Status.OBJECT_NAME_INVALID;
  const named = applyNamedKind(request, tree, path);
  if (typeof named === "number") return named;
  const timed = findTime(named, path, tree.grant);
  if (typeof timed === "number") return timed;
  if (timed.seconds !== undefined)
    return inSnapshot(exchange, named, tree, timed.path, timed.seconds, isPosix);
  const creation = new Creation(exchange, named, tree, store, path, lookUp);
  if (isPosix) applyPosixRules(creation);
  return run(creation);
}

function inSnapshot(
  exchange: Exchange,
  request: CreateRequest,
  tree: Tree,
  path: ParsedPath,
  seconds: number,
  isPosix: boolean,
): MaybePromise<NtStatus> {
  return andThen(openSnapshot(tree, seconds, isPosix), (snapshot) => {
    if (typeof snapshot === "number") return snapshot;
    // A missing snapshot fails with OBJECT_NAME_NOT_FOUND before the request is checked for changes.
    const refusal = checkSnapshotRequest(request);
    if (refusal !== Status.SUCCESS) return refusal;
    const creation = new Creation(exchange, request, tree, snapshot.store, path, lookUp);
    creation.snapshotPath = snapshot.path;
    if (isPosix) applyPosixRules(creation);
    return run(creation);
  });
}

function run(creation: Creation): MaybePromise<NtStatus> {
  const outcome = lookUp(creation);
  if (typeof outcome === "number") return undoOnFailure(creation, outcome);
  // A replay that arrives while this CREATE waits must not create the file a second time.
  const endPending = beginPendingCreate(creation.exchange, creation.tree.session, creation.request);
  return outcome.finally(endPending).then(
    (status) => undoOnFailure(creation, status),
    (error: unknown) => {
      creation.undo();
      throw error;
    },
  );
}

function undoOnFailure(creation: Creation, status: NtStatus): NtStatus {
  if (status !== Status.SUCCESS) creation.undo();
  return status;
}

function lookUp(creation: Creation): MaybePromise<NtStatus> {
  if (++creation.rounds > MAX_ROUNDS) return Status.SHARING_VIOLATION;
  // The look-up restarts when another program created the name first: the action is no longer CREATED.
  creation.action = CreateAction.OPENED;
  const { exchange, tree } = creation;
  const wanted = wantedOf(creation);
  const asksRights = needsRightsOnDisk(tree, wanted);
  return andThen(creation.store.lookup(creation.components, asksRights), (found) => {
    if (typeof found === "number") {
      return answerFailedLookup(exchange, creation.store, creation.components, creation.isPosix, found);
    }
    creation.node = found.node;
    if (found.node === undefined) {
      const name = creation.components.at(-1) ?? "";
      return name.length > MAX_COMPONENT_UNITS ? Status.OBJECT_NAME_INVALID : openFound(creation, found);
    }
    // The rights that the descriptor of the object grants and, if needed, that of its parent directory.
    const { store, components } = creation;
    const loaded = loadRights(tree, store, components, found.node, wanted, found.rights);
    return andThen(loaded, (status) => (status === Status.SUCCESS ? openFound(creation, found) : status));
  });
}

/** The rights that the request needs on an object that exists; -1 for all. */
function wantedOf({ tree, path, request }: Creation): number {
  const { desiredAccess, contexts, createOptions } = request;
  const wantsMaximalAccess =
    (desiredAccess & Access.MAXIMUM_ALLOWED) !== 0 || contexts.maximalAccess !== undefined;
  const deletion = (createOptions & CreateOption.DELETE_ON_CLOSE) !== 0 ? Access.DELETE : 0;
  const overwriting = overwrites(request) ? Access.WRITE_DATA : 0;
  const wanted = wantsMaximalAccess ? -1 : mapGenericAccess(desiredAccess) | deletion | overwriting;
  // A stream is stored in the file: without descriptors only who may write the file removes one.
  const isInFile = path.stream !== undefined && tree.grant.security.acl !== "nt";
  return isInFile ? wanted & ~Access.DELETE : wanted;
}

function openFound(creation: Creation, found: Found): MaybePromise<NtStatus> {
  if (creation.path.stream !== undefined) {
    // A reparse point has no streams.
    if (found.node !== undefined && reparseTagOf(found.node.stat.kind) !== 0)
      return Status.OBJECT_NAME_NOT_FOUND;
    if (streamKey(creation.path.stream, creation.tree.grant.names.reserved) === undefined)
      return Status.OBJECT_NAME_INVALID;
    if (found.node === undefined) return createNew(creation, found);
    return openStream(creation, creation.path.stream, found, found.node);
  }
  return found.node === undefined ? createNew(creation, found) : openExisting(creation, found, found.node);
}

function openExisting(creation: Creation, found: Found, node: FileNode): MaybePromise<NtStatus> {
  const { request, tree, components, isPosix } = creation;
  if (stopsAtReparse(request, node, isPosix)) {
    return answerReparse(creation.exchange, creation.store, node, isPosix);
  }
  const refusal = checkExisting(request, tree, components, node);
  if (refusal !== Status.SUCCESS) return refusal;
  const { status, granted } = decideAccess(request, tree, node);
  if (status !== Status.SUCCESS) return status;
  creation.granted = granted;
  creation.unusable = unusableAccessOf(tree, node, granted);
  return andThen(checkEaKnowledge(creation, node), (eaStatus) =>
    eaStatus === Status.SUCCESS ? checkRemoval(creation, found, node) : eaStatus,
  );
}

function checkRemoval(creation: Creation, found: Found, node: FileNode): MaybePromise<NtStatus> {
  const { request, tree, components } = creation;
  const requestsDelete = (mapGenericAccess(request.desiredAccess) & Access.DELETE) !== 0;
  // The share's root cannot be deleted, as in smbd.
  const deletesOnClose = (request.createOptions & CreateOption.DELETE_ON_CLOSE) !== 0;
  if (deletesOnClose && components.length === 0) return Status.ACCESS_DENIED;
  const grantsDelete = requestsDelete || (creation.granted & Access.DELETE) !== 0;
  if (!grantsDelete || components.length === 0) return openExistingData(creation, found, node);
  return andThen(mayRemove(creation.store, tree, components, node), (allowed) => {
    if (allowed === Status.SUCCESS) return openExistingData(creation, found, node);
    if (requestsDelete) return allowed;
    // MAXIMUM_ALLOWED must not grant a DELETE that the directory forbids: few clients show
    // the status of a CLOSE.
    creation.granted &= ~Access.DELETE;
    return openExistingData(creation, found, node);
  });
}

function openExistingData(creation: Creation, found: Found, node: FileNode): MaybePromise<NtStatus> {
  return andThen(
    closeOpensOfApplication(creation.exchange, creation.request, creation.tree, node.identity),
    () => openData(creation, found, node),
  );
}
