// CREATE: sharing, the breaks of what others cache, and the entry into the tables; [MS-SMB2] 3.3.5.9,
// [MS-FSA] 2.1.5.1.2.
import type { MaybePromise } from "../../port/port.ts";
import { CreateAction, CreateOption } from "../../wire/create.ts";
import { Status } from "../../wire/status.ts";
import { Open } from "../state/open.ts";
import { joinPath, type SharedFile } from "../state/open-table.ts";
import { FileKind, type FileNode, type Found } from "../vfs/store.ts";
import { waitForCaching } from "./caching.ts";
import { preallocate, truncate } from "./create-finish.ts";
import { finishStream, shareStream } from "./create-stream.ts";
import type { Creation } from "./creation.ts";
import { parentKeyOf } from "./lease-request.ts";

/**
 * Sharing check, breaks of what others cache, and entry into the tables in one go: nothing can come between.
 * [MS-SMB2] 3.3.5.9; [MS-FSA] 2.1.5.1.2.
 */
export function register(creation: Creation, found: Found, node: FileNode): MaybePromise<number> {
  const { opens, caching } = creation.exchange.context;
  // The session may have ended while the disk or another client was asked.
  if (!creation.isTreeAlive) return Status.NETWORK_NAME_DELETED;
  const rootPath = creation.snapshotPath ?? creation.tree.grant.path;
  const base = opens.takeFile(node.identity, joinPath(rootPath, found.path));
  creation.file = base;
  // [MS-FSA] 2.1.5.1.2: a file that is to go takes its streams with it.
  if (base.deletePending) return Status.DELETE_PENDING;
  const file = creation.stream === undefined ? base : shareStream(creation.stream, opens, base);
  creation.file = file;
  if (file.deletePending) return Status.DELETE_PENDING;
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
  // Looked at again: who could not be asked any more may have been closed.
  if (conflicts && opens.conflicts(file, creation.granted, shareAccess, creation.truncates)) {
    const holder = findHolder(creation, file);
    return holder === undefined ? Status.SHARING_VIOLATION : waitFor(creation, holder, found, node);
  }
  const open = enter(creation, file, node);
  opens.addName(open, joinPath(rootPath, found.path));
  if (creation.stream !== undefined) return finishStream(creation, open, creation.stream);
  return creation.truncates ? truncate(creation, open, node) : preallocate(creation, open);
}

/** A stream that is in the way of `file`'s deletion, and perhaps only because its client keeps the handle. */
function findHolder(creation: Creation, file: SharedFile): SharedFile | undefined {
  const { caching } = creation.exchange.context;
  for (const stream of file.streams?.values() ?? []) {
    if (stream.refusals[2] > 0 && caching.breakHandles(stream.caching, undefined)) return stream;
  }
  return undefined;
}

function waitFor(creation: Creation, file: SharedFile, found: Found, node: FileNode): MaybePromise<number> {
  creation.hasWaited = true;
  const isOurs = creation.action === CreateAction.CREATED && creation.stream?.hasNewFile !== false;
  // Nothing is held meanwhile: the file may be renamed, deleted or replaced by who gives it up.
  if (!isOurs) creation.undo();
  return waitForCaching(creation.exchange, file.caching, () => {
    if (!creation.isTreeAlive) return Status.NETWORK_NAME_DELETED;
    if (isOurs) return register(creation, found, node);
    creation.rounds = 0;
    return creation.again(creation);
  });
}

function enter(creation: Creation, file: SharedFile, node: FileNode): Open {
  const { opens } = creation.exchange.context;
  const { shareAccess, createOptions } = creation.request;
  const open = new Open({
    id: opens.nextId(),
    session: creation.tree.session,
    tree: creation.tree,
    node,
    file,
    handle: creation.handle,
    pipe: -1,
    grantedAccess: creation.granted >>> 0,
    shareAccess,
    createOptions,
    isDirectory: node.stat.kind === FileKind.DIRECTORY && creation.stream === undefined,
  });
  open.isPosix = creation.isPosix;
  open.snapshotPath = creation.snapshotPath;
  open.deleteOnClose = (createOptions & CreateOption.DELETE_ON_CLOSE) !== 0;
  open.parentLeaseKey = parentKeyOf(creation.exchange, creation.request);
  creation.open = open;
  opens.add(open);
  return open;
}
