// Ends opens, trees and sessions, by request or by a lost connection: first the tables, then delete-on-close,
// then the descriptors. [MS-SMB2] 3.3.5.10, 3.3.5.6, 3.3.5.8, 3.3.7.1 and [MS-FSA] 2.1.5.5.
import { Errno } from "../../../linux/errno.ts";
import { eventLoop } from "../../../loop/event-loop.ts";
import type { MaybePromise } from "../../../port/port.ts";
import { CompletionFilter } from "../../../wire/command/change-notify.ts";
import { NotifyAction } from "../../../wire/fscc/notify.ts";
import { type NtStatus, Status } from "../../../wire/status.ts";
import { channelsOf } from "../../connection/channels.ts";
import type { EngineContext } from "../../connection/context.ts";
import { type Session, SessionState, type Tree } from "../../state/session.ts";
import type { CachingHolder } from "../../state/caching-holder.ts";
import { survivesDisconnect } from "../../state/durable-opens.ts";
import { nameFilter } from "../../state/notify.ts";
import type { Open, SharedFile } from "../../state/open.ts";
import { absolutePath } from "../../state/open-table.ts";
import { releaseLocks } from "../lock/lock.ts";
import { andThen } from "../../and-then.ts";
import { type Failure, FileKind, type FileStore } from "../../vfs/store.ts";
import { StreamHandle } from "../../vfs/stream/stream-handle.ts";
import { storeOf } from "../open/posix-open.ts";
import { entryChanged, listingChanged } from "../open/cache-breaks.ts";
import { reportStream } from "../open/modified.ts";
import { statusOf } from "../errno-status.ts";

/**
 * Milliseconds for which closing a client's opens keeps the event loop: less than a turn (TURN_MS), since
 * nobody waits for it and one open may have thousands of locks.
 */
const CLOSING_MS = 1;
const STREAM_WRITTEN = CompletionFilter.STREAM_SIZE | CompletionFilter.STREAM_WRITE;

/**
 * Closes an open; it is closed whatever the status. The status is that of what the close had to do: remove a
 * delete-pending name or stream, and store written data where the file system does so at close(2). Returns a
 * promise when it has to wait for one of these or for a CHANGE_NOTIFY answer.
 */
export function closeOpen(context: EngineContext, open: Open): MaybePromise<NtStatus> {
  if (open.isClosed) return Status.SUCCESS;
  const hadWaiting = context.notify.remove(open);
  const ended = endOpen(context, open);
  // The CHANGE_NOTIFY requests of this open are answered before its CLOSE.
  return hadWaiting ? eventLoop.pause().then(() => ended) : ended;
}

function endOpen(context: EngineContext, open: Open): MaybePromise<NtStatus> {
  const { file, tree, node } = open;
  if (file !== undefined) context.opens.late.keep(file, open.handle?.changing);
  if (open.isPosix && open.deleteOnClose) open.deletesAtOnce = true;
  if (file !== undefined && open.deleteOnClose && !file.deletePending && file.hasName) {
    context.opens.setDeletePending(file, open);
    file.deleterParentKey = open.parentLeaseKey;
    context.notify.deletePending(file);
    // CLOSE does not wait for handle lease breaks; holders may still close before the name is removed.
    context.caching.breakHandles(file.caching, open);
  }
  if (open.hasWritten) entryChanged(context, open);
  if (context.notify.count > 0 && file !== undefined) reportClose(context, open, file);
  releaseLocks(open);
  const wasLast = context.opens.remove(open);
  context.durables.forget(open);
  if (open.pipe >= 0) context.manager.closePipe({ pipe: open.pipe });
  const removable = wasLast || open.deletesAtOnce ? findRemovable(file, open) : undefined;
  const store = storeOf({ tree, isPosix: removable?.isDeleterPosix === true });
  if (removable === undefined || file === undefined || store === undefined || node === undefined) {
    if (wasLast && file !== undefined && (file.base ?? file).isBeingRemoved === false)
      context.opens.dropIfUnused(file);
    const stored = open.hasWritten ? open.closeWritten() : 0;
    open.close();
    context.caching.release(open);
    return andThen(stored, (result) => {
      closeStoreIfUnused(context, tree);
      return statusOfStored(context, open, result);
    });
  }
  if (removable.base !== undefined) return removeStreamOf(context, open);
  removable.isBeingRemoved = true;
  // The O_PATH descriptor stays open until the removal, so that the disk cannot reuse the inode number; the
  // data is closed before, because an open file may not be removable.
  const { release } = open.closeData();
  const remove = (): MaybePromise<NtStatus> =>
    andThen(removeNameOf(context, open, store, file, removable, wasLast), (result) => {
      release();
      return andThen(node.closing, () => statusOfRemoval(result));
    });
  // A rename or removal in progress must end first: it changes the path.
  return removable.moving === undefined ? remove() : removable.moving.then(remove);
}

function removeNameOf(
  context: EngineContext,
  open: Open,
  store: FileStore,
  file: SharedFile,
  removed: SharedFile,
  wasLast: boolean,
): MaybePromise<0 | Failure> {
  const { tree } = open;
  const path = removed.pathBelow(tree.grant.path, removed.deletePendingEntry);
  const isDirectory = open.node?.stat.kind === FileKind.DIRECTORY;
  const removal = isDirectory
    ? store.remove(path, removed.identity, true)
    : store.discard(path, removed.identity);
  const absolute = absolutePath(tree.grant.path, path);
  const done = andThen(removal, (outcome) => {
    removed.isBeingRemoved = false;
    const movedTo = typeof outcome === "number" ? undefined : outcome.movedTo;
    const result = typeof outcome === "number" ? outcome : 0;
    endDeletePending(context, file);
    reportRemoval(context, absolute, result);
    if (result === 0) {
      if (!wasLast) context.opens.removeName(removed, absolute);
      if (movedTo !== undefined)
        context.notify.renamed(absolute, absolutePath(tree.grant.path, movedTo), false);
      else context.notify.changed(NotifyAction.REMOVED, absolute, nameFilter(isDirectory));
    }
    // The parent directory keeps its lease only if this open and the one that set delete-pending have the
    // same parent lease key.
    const parentKey = removed.deleterParentKey === open.parentLeaseKey ? open.parentLeaseKey : undefined;
    if (result === 0) listingChanged(context, absolute, parentKey);
    if (movedTo !== undefined) listingChanged(context, absolutePath(tree.grant.path, movedTo), undefined);
    // Only now: requests that wait for the file must not find a name that is about to be removed.
    context.caching.release(open);
    closeStoreIfUnused(context, tree);
    return result;
  });
  const ended = context.notify.during(done, absolute);
  // Renames to or from this name wait until the removal has ended, so that it removes this object.
  if (ended instanceof Promise) {
    const forget = (): void => {
      removed.moving = undefined;
    };
    removed.moving = ended.then(forget, forget);
  }
  return ended;
}

/**
 * The delete-pending file or stream to remove now that `open` is closed: a file once it and its streams have
 * no other open, or at once if this open deletes with POSIX semantics; a stream once it has no other open.
 */
function findRemovable(file: SharedFile | undefined, open: Open): SharedFile | undefined {
  if (file === undefined) return undefined;
  const base = file.base ?? file;
  if (base.isBeingRemoved) return undefined;
  if (base.deletePending && (!base.isOpen || (open.deletesAtOnce && base === file))) return base;
  if (file.opens.size > 0) return undefined;
  return file.base !== undefined && file.deletePending ? file : undefined;
}

/** Ends delete-pending after the removal succeeded or failed, and drops table entries without opens. */
function endDeletePending(context: EngineContext, file: SharedFile): void {
  const base = file.base ?? file;
  if (!base.isOpen) context.opens.clearDeletePending(base);
  context.opens.dropIfUnused(file);
  context.opens.dropIfUnused(base);
}

function removeStreamOf(context: EngineContext, open: Open): MaybePromise<NtStatus> {
  const { file, handle, tree } = open;
  // Keeps the descriptor open until the stream is removed.
  open.beginUse();
  open.close();
  const removed = handle instanceof StreamHandle ? handle.remove() : 0;
  const done = andThen(removed, (result) => {
    open.endUse();
    if (file !== undefined) context.opens.dropIfUnused(file);
    if (result === 0) reportStream(context, open, NotifyAction.REMOVED_STREAM, CompletionFilter.STREAM_NAME);
    else if (result !== -Errno.ENODATA)
      reportRemoval(context, `${file?.path ?? ""}:${file?.stream?.name ?? ""}`, result);
    context.caching.release(open);
    closeStoreIfUnused(context, tree);
    return result === -Errno.ENODATA ? Status.SUCCESS : statusOfRemoval(result);
  });
  return file === undefined ? done : context.notify.during(done, file.path);
}

/** [MS-FSA] 2.1.5.5: reports the changes of size and time when the open that wrote closes. */
function reportClose(context: EngineContext, open: Open, file: SharedFile): void {
  const { notify } = context;
  const { path } = file;
  if (file.base !== undefined) {
    if (open.hasWritten && !file.deletePending)
      reportStream(context, open, NotifyAction.MODIFIED_STREAM, STREAM_WRITTEN);
    return;
  }
  if (open.hasWritten && !file.deletePending) {
    notify.changed(NotifyAction.MODIFIED, path, CompletionFilter.SIZE | CompletionFilter.LAST_WRITE);
  }
  if (open.handle?.canWrite === true) open.beforeRelease = () => notify.closing(path);
}

/** Closes the store of a lost tree when its last durable open has ended. */
export function closeStoreIfUnused(context: EngineContext, tree: Tree): void {
  if (tree.isLost && context.opens.ofTree(tree).size === 0) tree.store?.close();
}

/** A name that has gone, or belongs to another object by now, needs no removal. */
function statusOfRemoval(result: 0 | Failure): NtStatus {
  return result === 0 || result === -Errno.ENOENT ? Status.SUCCESS : statusOf(result);
}

function statusOfStored(context: EngineContext, open: Open, result: 0 | Failure): NtStatus {
  if (result === 0) return Status.SUCCESS;
  context.log.warn?.(
    `data written to "${open.file?.path ?? ""}" could not be stored: close(2) failed with errno ${-result}`,
  );
  return statusOf(result);
}

/**
 * Logs a failed removal; few clients show the status of a CLOSE. A directory that is not empty is no error.
 */
function reportRemoval(context: EngineContext, path: string, result: Failure): void {
  if (result < 0 && result !== -Errno.ENOTEMPTY) {
    context.log.warn?.(`delete on close of "${path}" failed with errno ${-result}`);
  }
}

export function closeTree(context: EngineContext, tree: Tree): MaybePromise<void> {
  tree.session.trees.delete(tree.id);
  endWaits(context, tree.session, tree);
  return closeAll(context, context.opens.ofTree(tree), () => tree.store?.close());
}

/** How soon Windows gives up a guest's session that it does not accept. */
const GUEST_GIVEN_UP_MS = 5_000;

function reportEnd(
  { clock, manager }: EngineContext,
  { hasAskedForShares, identity, startedMs }: Session,
): void {
  if (identity === undefined) return;
  const isShort = clock.now() - startedMs < GUEST_GIVEN_UP_MS;
  if (identity.isGuest && !identity.isAnonymous && isShort && !hasAskedForShares)
    manager.notify({ event: "guestLeft", identity });
  manager.notify({ event: "logoff", identity });
}

/**
 * Ends a session that logged off or lost its last connection: its id, its trees and its opens. Durable opens
 * are detached and wait for their client. [MS-SMB2] 3.3.5.6, 3.3.7.1.
 */
export function loseSession(context: EngineContext, session: Session): MaybePromise<void> {
  session.state = SessionState.EXPIRED;
  context.sessions.delete(session.id);
  endWaits(context, session, undefined);
  for (const id of session.connectionIds) context.connections.get(id)?.dropSession(session);
  session.connectionIds.clear();
  const trees = [...session.trees.values()];
  session.trees.clear();
  reportEnd(context, session);
  detachOpens(context, session);
  return closeAll(context, context.opens.ofSession(session), () => {
    for (const tree of trees) {
      tree.isLost = true;
      closeStoreIfUnused(context, tree);
    }
  });
}

/**
 * Closes the detached opens of a holder whose break found no connection. [MS-SMB2] 3.3.4.7 keeps those whose
 * lease has HANDLE left; as on Windows and in smbd, they are closed, too: what such a client has cached of
 * its writes would replace newer data when it came back (smb2.durable-open.lease).
 */
export function closeUnreachable(context: EngineContext, holder: CachingHolder): void {
  for (const { id } of [...holder.opens]) {
    const open = context.opens.find(id);
    if (open === undefined || !context.durables.isDetached(open)) continue;
    const done = closeOpen(context, open);
    if (done instanceof Promise)
      done.catch((error: unknown) => context.log.error(`closing: ${String(error)}`));
  }
}

function detachOpens(context: EngineContext, session: Session): void {
  for (const open of [...context.opens.ofSession(session)]) {
    if (!survivesDisconnect(open)) continue;
    // Its client sends again what was not answered.
    if (open.file !== undefined) context.opens.late.keep(open.file, open.handle?.changing);
    context.opens.detach(open);
    context.durables.detach(open, context.clock.now());
  }
}

/**
 * Cancels waiting requests that end with no open: CREATEs and, of a session, those on durable opens.
 * [MS-SMB2] 3.3.5.6, 3.3.5.8.
 */
function endWaits(context: EngineContext, session: Session, tree: Tree | undefined): void {
  for (const channel of channelsOf(context.connections, session)) channel.cancelWaits(session, tree);
}

/** Closes the opens in turns of the event loop: a client may have thousands, each with locks. */
function closeAll(context: EngineContext, opens: ReadonlySet<Open>, after: () => void): MaybePromise<void> {
  const closing = new Closing(context, opens);
  return closing.proceed() ? closing.finish(after) : closing.continue(after);
}

class Closing {
  private readonly context: EngineContext;
  private readonly opens: readonly Open[];
  private at = 0;
  private readonly waits: Promise<unknown>[] = [];

  constructor(context: EngineContext, opens: ReadonlySet<Open>) {
    this.context = context;
    this.opens = [...opens];
  }

  /** Closes opens until the turn is over; true when all are closed. */
  proceed(): boolean {
    const { clock } = this.context;
    const startedMs = clock.now();
    while (this.at < this.opens.length) {
      const open = this.opens[this.at++];
      const done = open && closeOpen(this.context, open);
      if (done instanceof Promise) this.waits.push(done);
      if (clock.now() - startedMs >= CLOSING_MS) break;
    }
    return this.at >= this.opens.length;
  }

  async continue(after: () => void): Promise<void> {
    do await this.context.turns.next();
    while (!this.proceed());
    return this.finish(after);
  }

  finish(after: () => void): MaybePromise<void> {
    if (this.waits.length === 0) return after();
    return Promise.all(this.waits).then(after);
  }
}
