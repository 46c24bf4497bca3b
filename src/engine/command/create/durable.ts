// Durable opens: requests, reconnects after a lost connection, and replayed CREATEs; [MS-SMB2] 3.3.5.9.6 and
// .10 (requests), .7 and .12 (reconnects), .13 (application instances).
import type { MaybePromise } from "../../../port/port.ts";
import { CreateAction, type CreateRequest, OplockLevel } from "../../../wire/command/create.ts";
import type { LeaseContext } from "../../../wire/context/create-context.ts";
import type { FileId } from "../../../wire/file-id.ts";
import { HeaderFlag } from "../../../wire/header.ts";
import { type NtStatus, Status } from "../../../wire/status.ts";
import { takeSequence } from "../../connection/channel-sequence.ts";
import type { Exchange } from "../../connection/exchange.ts";
import type { Session, Tree } from "../../state/session.ts";
import {
  grantedTimeoutMs,
  hasHandleCaching,
  MAX_BACKUP_TIMEOUT_MS,
  MAX_DURABLE_TIMEOUT_MS,
} from "../../state/durable-opens.ts";
import type { Open } from "../../state/open.ts";
import { andThen } from "../../and-then.ts";
import { foldName } from "../../vfs/name/names.ts";
import { parsePath, parsePosixPath } from "../../vfs/name/client-path.ts";
import { closeOpen, closeStoreIfUnused } from "../close/teardown.ts";
import { writeCreateAnswer } from "./answer.ts";
import { statusOf } from "../errno-status.ts";
import { grantedLevel } from "./caching-request.ts";
import { makeReadOnly } from "../open/access-check.ts";
import { reopen } from "./reopen.ts";
import { statOfOpen } from "../open/stat.ts";

const NO_GUID = "0".repeat(32);

/** INVALID_PARAMETER for durable contexts that exclude each other, else SUCCESS; 3.3.5.9.6, .7, .10, .12. */
export function checkDurableContexts({ contexts }: CreateRequest): NtStatus {
  const { durableRequest, durableReconnect, durableRequestV2, durableReconnectV2 } = contexts;
  const hasOld = durableRequest !== undefined || durableReconnect !== undefined;
  const hasNew = durableRequestV2 !== undefined || durableReconnectV2 !== undefined;
  if (hasOld && hasNew) return Status.INVALID_PARAMETER;
  if (durableRequestV2 !== undefined && durableReconnectV2 !== undefined) return Status.INVALID_PARAMETER;
  return Status.SUCCESS;
}

/**
 * Answers a CREATE that reconnects a durable open; undefined for any other CREATE. OBJECT_NAME_NOT_FOUND when
 * no detached open matches, ACCESS_DENIED for another user.
 */
export function reconnectOpen(
  exchange: Exchange,
  request: CreateRequest,
  tree: Tree,
): MaybePromise<NtStatus> | undefined {
  const { durableReconnect, durableReconnectV2 } = request.contexts;
  const wanted: FileId | undefined = durableReconnectV2?.fileId ?? durableReconnect;
  if (wanted === undefined) return undefined;
  const open = exchange.context.opens.find(wanted.persistentLow);
  if (open === undefined || wanted.persistentHigh !== 0) return Status.OBJECT_NAME_NOT_FOUND;
  const guid = durableReconnectV2 === undefined ? undefined : durableReconnectV2.createGuid.toHex();
  const status = checkReconnect(exchange, request, tree, open, guid);
  if (status !== Status.SUCCESS) return status;
  // Of the server before, an open has no descriptors yet.
  const reopened = open.node === undefined ? reopen(exchange.context, open, tree) : Status.SUCCESS;
  return andThen(reopened, (result) =>
    result === Status.SUCCESS ? attachOpen(exchange, tree, open) : result,
  );
}

function attachOpen(exchange: Exchange, tree: Tree, open: Open): MaybePromise<NtStatus> {
  const { node } = open;
  if (node === undefined) return Status.OBJECT_NAME_NOT_FOUND;
  return andThen(statOfOpen(open, node), (stat) => {
    if (typeof stat === "number") return statusOf(stat);
    if (open.isClosed || !exchange.context.durables.isDetached(open)) return Status.OBJECT_NAME_NOT_FOUND;
    if (!tree.session.trees.has(tree.id)) return Status.NETWORK_NAME_DELETED;
    attach(exchange, open, tree);
    writeCreateAnswer(exchange, {}, open, node, stat, CreateAction.OPENED);
    return Status.SUCCESS;
  });
}

function checkReconnect(
  exchange: Exchange,
  request: CreateRequest,
  tree: Tree,
  open: Open,
  createGuid: string | undefined,
): NtStatus {
  const { durability } = open;
  const { session } = tree;
  if (durability === undefined || !exchange.context.durables.isDetached(open))
    return Status.OBJECT_NAME_NOT_FOUND;
  // An open without a CreateGuid counts as one of zeros, so both forms of reconnect find it.
  const known = open.createKey === "" ? NO_GUID : open.createKey.slice(durability.clientGuid.length);
  if (createGuid !== undefined && createGuid !== known) return Status.OBJECT_NAME_NOT_FOUND;
  if (durability.share !== tree.grant.name || open.tree.grant.path !== tree.grant.path)
    return Status.OBJECT_NAME_NOT_FOUND;
  const lease = open.caching?.lease;
  // A lease belongs to a client. Without one, any client with FileId, CreateGuid and password may reconnect.
  const isSameClient = durability.clientGuid === session.terms.clientGuid;
  if (lease !== undefined && !isSameClient) return Status.OBJECT_NAME_NOT_FOUND;
  const leaseStatus = checkLease(request, open, tree);
  if (leaseStatus !== Status.SUCCESS) return leaseStatus;
  return durability.user === session.identity?.user ? Status.SUCCESS : Status.ACCESS_DENIED;
}

// 3.3.5.9.7: an open with a lease requires its lease key and file name; an oplock requires no name.
function checkLease(request: CreateRequest, open: Open, tree: Tree): NtStatus {
  const lease = open.caching?.lease;
  const given: LeaseContext | undefined = request.contexts.lease;
  if (lease === undefined) return given === undefined ? Status.SUCCESS : Status.OBJECT_NAME_NOT_FOUND;
  if (given === undefined || given.version !== lease.version) return Status.OBJECT_NAME_NOT_FOUND;
  if (given.key.toHex() !== lease.keyText) return Status.OBJECT_NAME_NOT_FOUND;
  return isNameOf(request.name, open, tree) ? Status.SUCCESS : Status.INVALID_PARAMETER;
}

function isNameOf(name: string, open: Open, { grant, store }: Tree): boolean {
  const path = open.isPosix ? parsePosixPath(name) : parsePath(name);
  if (typeof path === "number") return false;
  const below = open.pathBelow(grant.path);
  if (open.isPosix) return path.components.join("/") === below;
  const known = store?.clientPath(below) ?? "";
  if (known.toUpperCase() !== path.components.join("\\").toUpperCase()) return false;
  return foldName(open.file?.stream?.name ?? "") === foldName(path.stream ?? "");
}

/** Moves the open to the new session and tree; locks and oplock or lease stay as they are. */
function attach(exchange: Exchange, open: Open, tree: Tree): void {
  const lost = open.tree;
  const { context } = exchange;
  context.opens.attach(open, tree, exchange.connection.id);
  if (tree.grant.readOnly) makeReadOnly(open);
  // The disk may still have requests of the lost connection.
  takeSequence(open, exchange.channelSequence);
  context.durables.attach(open);
  closeStoreIfUnused(context, lost);
}

/**
 * Handles a CREATE whose CreateGuid is known: repeats the answer if it is a replay, else DUPLICATE_OBJECTID;
 * FILE_NOT_AVAILABLE while the first one is in progress. Undefined for an unknown CreateGuid. 3.3.5.9.10.
 */
export function answerReplay(
  exchange: Exchange,
  session: Session,
  request: CreateRequest,
): MaybePromise<NtStatus> | undefined {
  const guid = request.contexts.durableRequestV2?.createGuid.toHex();
  if (guid === undefined || !exchange.connection.isAtLeast3) return undefined;
  const { durables } = exchange.context;
  const { clientGuid } = session.terms;
  const isReplay = (exchange.flags & HeaderFlag.REPLAY_OPERATION) !== 0;
  if (durables.isPending(clientGuid, guid))
    return isReplay ? Status.FILE_NOT_AVAILABLE : Status.DUPLICATE_OBJECTID;
  const open = durables.findByCreateGuid(clientGuid, guid);
  if (open === undefined) return undefined;
  if (!isReplay) return Status.DUPLICATE_OBJECTID;
  const status = checkReplay(exchange, request, session, open);
  if (status !== Status.SUCCESS) return status;
  const { node } = open;
  if (node === undefined) return Status.DUPLICATE_OBJECTID;
  return andThen(statOfOpen(open, node), (stat) => {
    if (typeof stat === "number") return statusOf(stat);
    if (open.isClosed) return Status.FILE_CLOSED;
    // A replay with another oplock level gets that level in the response; the open keeps its own.
    const level = request.oplockLevel === grantedLevel(open) ? undefined : request.oplockLevel;
    writeCreateAnswer(
      exchange,
      level === undefined ? request.contexts : {},
      open,
      node,
      stat,
      open.createAction,
      level,
    );
    return Status.SUCCESS;
  });
}

function checkReplay(exchange: Exchange, request: CreateRequest, session: Session, open: Open): NtStatus {
  if (exchange.context.durables.isDetached(open) || open.session !== session)
    return Status.DUPLICATE_OBJECTID;
  const lease = open.caching?.lease;
  const given = request.contexts.lease;
  const asksLease = request.oplockLevel === OplockLevel.LEASE && given !== undefined;
  if (asksLease !== (lease !== undefined)) return Status.ACCESS_DENIED;
  if (given !== undefined && lease !== undefined && given.key.toHex() !== lease.keyText)
    return Status.ACCESS_DENIED;
  return Status.SUCCESS;
}

/** Marks the request's CreateGuid as in progress; the returned function ends that. */
export function beginPendingCreate(exchange: Exchange, session: Session, request: CreateRequest): () => void {
  const guid = request.contexts.durableRequestV2?.createGuid.toHex();
  if (guid === undefined || !exchange.connection.isAtLeast3) return () => undefined;
  const { durables } = exchange.context;
  const { clientGuid } = session.terms;
  durables.beginCreate(clientGuid, guid);
  return () => durables.endCreate(clientGuid, guid);
}

/** Makes `open` durable if the request asks for it and its oplock or lease includes handle caching. */
export function grantDurability(exchange: Exchange, request: CreateRequest, tree: Tree, open: Open): void {
  // Snapshots are read-only: a client that lost its connection loses nothing by opening the file again.
  if (open.snapshotPath !== undefined) return;
  const { contexts } = request;
  const { settings, durables } = exchange.context;
  const { terms, identity } = tree.session;
  const asked = contexts.durableRequestV2;
  if (contexts.appInstanceId !== undefined) open.appInstanceId = contexts.appInstanceId.toHex();
  if (asked !== undefined && exchange.connection.isAtLeast3) {
    durables.remember(open, terms.clientGuid, asked.createGuid.toHex());
  }
  const version = asked !== undefined && exchange.connection.isAtLeast3 ? 2 : contexts.durableRequest ? 1 : 0;
  const isAllowed = settings.durableHandles || tree.grant.isTimeMachine;
  if (version === 0 || !isAllowed || !hasHandleCaching(open) || identity === undefined) return;
  if (identity.isGuest || identity.isAnonymous) return;
  open.durability = {
    version,
    timeoutMs: grantedTimeoutMs(
      asked?.timeoutMs ?? 0,
      tree.grant.isTimeMachine ? MAX_BACKUP_TIMEOUT_MS : MAX_DURABLE_TIMEOUT_MS,
    ),
    clientGuid: terms.clientGuid,
    user: identity.user,
    share: tree.grant.name,
  };
}

/**
 * Closes the opens that the same application instance has on this file from another client: it fails over to
 * this one. 3.3.5.9.13.
 */
export function closeOpensOfApplication(
  exchange: Exchange,
  request: CreateRequest,
  tree: Tree,
  identity: string,
): MaybePromise<void> {
  const id = request.contexts.appInstanceId?.toHex();
  if (id === undefined) return undefined;
  const { context } = exchange;
  const waits: Promise<unknown>[] = [];
  for (const open of [...context.durables.ofApplication(id)]) {
    const isElsewhere = open.session.terms.clientGuid !== tree.session.terms.clientGuid;
    const isSameUser = open.session.identity?.user === tree.session.identity?.user;
    if (
      !isElsewhere ||
      !isSameUser ||
      open.tree.grant.name !== tree.grant.name ||
      open.file?.identity !== identity
    )
      continue;
    const done = closeOpen(context, open);
    if (done instanceof Promise) waits.push(done);
  }
  return waits.length === 0 ? undefined : Promise.all(waits).then(() => undefined);
}
