// CREATE: opening the data, the sharing check, breaks of other clients' caches, and the entry in the open
// table; [MS-SMB2] 3.3.5.9, [MS-FSA] 2.1.5.1.2.
import type { MaybePromise } from "../../../port/port.ts";
import { CreateAction, CreateOption } from "../../../wire/command/create.ts";
import { type NtStatus, Status } from "../../../wire/status.ts";
import { Open, type SharedFile } from "../../state/open.ts";
import { absolutePath, hasDataAccess } from "../../state/open-table.ts";
import { FileKind, type FileNode, type Found } from "../../vfs/store.ts";
import { makeReadOnly } from "../open/access-check.ts";
import { waitForCaching } from "../open/cache-breaks.ts";
import { dataModeOf } from "../open/data-mode.ts";
import { withInterim } from "../open/long-work.ts";
import { preallocate, truncate } from "./finish.ts";
import { type Creation, overwrites } from "./creation.ts";
import { parentKeyOf } from "./caching-request.ts";
import { Access } from "../../../wire/security/access.ts";
import { andThen } from "../../and-then.ts";
import { statusOf } from "../errno-status.ts";
import { finishStream, sharedStreamOf } from "./stream-entry.ts";

/**
 * Checks sharing, breaks other clients' caches and adds the open to the table, all in one turn of the event
 * loop so that no other request comes between. [MS-SMB2] 3.3.5.9; [MS-FSA] 2.1.5.1.2.
 */
export function register(creation: Creation, found: Found, node: FileNode): MaybePromise<NtStatus> {
  const { opens, caching } = creation.exchange.context;
  // The session may have ended during a wait.
  if (!creation.isTreeAlive) return Status.NETWORK_NAME_DELETED;
  const rootPath = creation.snapshotPath ?? creation.tree.grant.path;
  const base = opens.takeFile(node.identity, absolutePath(rootPath, found.path));
  creation.file = base;
  // [MS-FSA] 2.1.5.1.2: a delete-pending file refuses opens of its streams too.
  if (base.deletePending) return Status.DELETE_PENDING;
  const file = creation.stream === undefined ? base : sharedStreamOf(creation.stream, opens, base);
  creation.file = file;
  if (file.deletePending) return Status.DELETE_PENDING;
  const late = opens.late.of(file);
  if (late !== undefined && hasDataAccess(creation.granted)) return waitForLate(creation, late);
  const known = creation.leaseHolder();
  if (known !== undefined && known.file !== file.caching) return Status.INVALID_PARAMETER;
  const { shareAccess } = creation.request;
  const conflicts = opens.conflicts(file, creation.granted, shareAccess, creation.truncates);
  const mustWait = caching.admit(file.caching, {
    leaseId: creation.caching.lease?.id,
    access: creation.granted,
    overwrites: creation.truncates,
    conflicts,
    isFirstTry: !creation.hasWaited,
  });
  if (mustWait) return waitFor(creation, file, found, node);
  // Checked again: `admit` may have closed opens of clients that can no longer be asked.
  if (conflicts && opens.conflicts(file, creation.granted, shareAccess, creation.truncates)) {
    const holder = findHolder(creation, file);
    return holder === undefined ? Status.SHARING_VIOLATION : waitFor(creation, holder, found, node);
  }
  const open = addOpen(creation, file, node);
  opens.addName(open, absolutePath(rootPath, found.path));
  if (creation.stream !== undefined) return finishStream(creation, open, creation.stream);
  return creation.truncates ? truncate(creation, open, node) : preallocate(creation, open);
}

/**
 * For a conflict between the file and one of its streams (see `OpenTable.conflicts`): the other one, where
 * its client may close it at a handle lease break.
 */
function findHolder(creation: Creation, file: SharedFile): SharedFile | undefined {
  const { caching } = creation.exchange.context;
  const { base } = file;
  if (base !== undefined)
    return base.uses[2] > 0 && caching.breakHandles(base.caching, undefined) ? base : undefined;
  for (const stream of file.streams?.values() ?? []) {
    if (stream.refusals[2] > 0 && caching.breakHandles(stream.caching, undefined)) return stream;
  }
  return undefined;
}

function waitFor(creation: Creation, file: SharedFile, found: Found, node: FileNode): MaybePromise<NtStatus> {
  creation.hasWaited = true;
  const isNewFile = creation.action === CreateAction.CREATED && creation.stream?.hasNewFile !== false;
  // Holds nothing while it waits: the client that gives up its cache may rename, delete or replace the file.
  if (!isNewFile) creation.undo();
  return waitForCaching(creation.exchange, file.caching, () => {
    if (!creation.isTreeAlive) return Status.NETWORK_NAME_DELETED;
    if (isNewFile) return register(creation, found, node);
    creation.rounds = 0;
    return creation.restart(creation);
  });
}

/**
 * Late changes come before the CREATE: a truncation would not last, and what the client reads and caches
 * would not stay right.
 */
function waitForLate(creation: Creation, late: Promise<unknown>): Promise<NtStatus> {
  const { exchange } = creation;
  creation.undo();
  const again = late.then(() => {
    if (!creation.isTreeAlive) return Status.NETWORK_NAME_DELETED;
    creation.rounds = 0;
    return creation.restart(creation);
  });
  return withInterim(exchange, () => exchange.connection.sendInterim(exchange), again);
}

function addOpen(creation: Creation, file: SharedFile, node: FileNode): Open {
  const { clock, opens } = creation.exchange.context;
  const { shareAccess, createOptions } = creation.request;
  const open = new Open({
    id: opens.nextId(),
    session: creation.tree.session,
    tree: creation.tree,
    connectionId: creation.exchange.connection.id,
    node,
    file,
    handle: creation.handle,
    pipe: -1,
    grantedAccess: creation.granted >>> 0,
    shareAccess,
    createOptions,
    isDirectory: node.stat.kind === FileKind.DIRECTORY && creation.stream === undefined,
  });
  open.openedMs = clock.now();
  open.unusableAccess = creation.granted & creation.unusable;
  open.isPosix = creation.isPosix;
  open.snapshotPath = creation.snapshotPath;
  open.deleteOnClose = (createOptions & CreateOption.DELETE_ON_CLOSE) !== 0;
  open.parentLeaseKey = parentKeyOf(creation.exchange, creation.request);
  creation.open = open;
  opens.add(open);
  // A reload may have made the share read-only since the access check.
  if (creation.tree.grant.readOnly) makeReadOnly(open);
  return open;
}

/** Opens the file's data or the directory if the granted access needs it, then registers the open. */
export function openData(creation: Creation, found: Found, node: FileNode): MaybePromise<NtStatus> {
  if (creation.handle !== undefined) return register(creation, found, node);
  // A snapshot accepts opens for writing and refuses the writes.
  const writes =
    creation.snapshotPath === undefined &&
    (overwrites(creation.request) || (creation.granted & (Access.WRITE_DATA | Access.APPEND_DATA)) !== 0);
  const mode = dataModeOf(creation.tree, node, creation.granted, writes, creation.isWriteThrough);
  if (mode === undefined) return register(creation, found, node);
  return andThen(node.open(mode), (handle) => {
    if (typeof handle === "number") return statusOf(handle);
    creation.handle = handle;
    return register(creation, found, node);
  });
}
