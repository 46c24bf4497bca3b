// How opens, trees and sessions end, wanted or not: tables first, then delete-on-close, then descriptors;
// [MS-SMB2] 3.3.5.10, 3.3.5.6, 3.3.5.8, 3.3.7.1 and [MS-FSA] 2.1.5.5.
import { Errno } from "../../../linux/errno.ts";
import type { MaybePromise } from "../../../port/port.ts";
import { CompletionFilter } from "../../../wire/command/change-notify.ts";
import { NotifyAction } from "../../../wire/fscc/notify.ts";
import { channelsOf } from "../../connection/channels.ts";
import type { EngineContext } from "../../connection/context.ts";
import { type Session, SessionState, type Tree } from "../../state/session.ts";
import type { CachingHolder } from "../../state/caching-holder.ts";
import { mayOutlive } from "../../state/durable-opens.ts";
import { nameFilter } from "../../state/notify.ts";
import type { Open, SharedFile } from "../../state/open.ts";
import { absolutePath } from "../../state/open-table.ts";
import { releaseLocks } from "../lock/lock.ts";
import { andThen } from "../../and-then.ts";
import { type Failure, FileKind, type FileStore } from "../../vfs/store.ts";
import { StreamHandle } from "../../vfs/stream/stream-handle.ts";
import { entryChanged, listingChanged } from "../open/cache-breaks.ts";
import { reportStream } from "../open/modified.ts";

const STREAM_WRITTEN = CompletionFilter.STREAM_SIZE | CompletionFilter.STREAM_WRITE;

/** Closes an open. A promise where the file's name has to be removed and the disk has to be asked. */
export function closeOpen(context: EngineContext, open: Open): MaybePromise<void> {
  if (open.isClosed) return undefined;
  const hadWaiting = context.notify.remove(open);
  const ended = endOpen(context, open);
  // Who waited for a change is answered first.
  return hadWaiting ? new Promise((resolve) => setImmediate(() => resolve(ended))) : ended;
}

function endOpen(context: EngineContext, open: Open): MaybePromise<void> {
  const { file, tree, node } = open;
  if (open.isPosix && open.deleteOnClose) open.deletesAtOnce = true;
  if (file !== undefined && open.deleteOnClose && !file.deletePending && file.hasName) {
    context.opens.doom(file, open);
    file.deleterParentKey = open.parentLeaseKey;
    context.notify.deletePending(file);
    // Nobody can be kept waiting by a close: others are told, and may close before the name goes.
    context.caching.breakHandles(file.caching, open);
  }
  if (open.hasWritten) entryChanged(context, open);
  if (context.notify.count > 0 && file !== undefined) reportClose(context, open, file);
  releaseLocks(open);
  const wasLast = context.opens.remove(open);
  context.durables.forget(open);
  if (open.pipe >= 0) context.manager.closePipe({ pipe: open.pipe });
  const doomed = wasLast || open.deletesAtOnce ? findDoomed(file, open) : undefined;
  if (doomed === undefined || file === undefined || tree.store === undefined || node === undefined) {
    if (wasLast && file !== undefined && (file.base ?? file).isGoing === false)
      context.opens.dropIfUnused(file);
    open.close();
    context.caching.release(open);
    leaveLostTree(context, tree);
    return undefined;
  }
  if (doomed.base !== undefined) return removeStreamOf(context, open);
  doomed.isGoing = true;
  // What holds the object keeps its number on disks that give it out anew; open data would keep the file from going.
  const { release } = open.closeData();
  const remove = (): MaybePromise<void> =>
    andThen(removeNameOf(context, open, file, doomed, wasLast), () => release());
  // Where it lies then is not where it lies now.
  return doomed.moving === undefined ? remove() : doomed.moving.then(remove);
}

function removeNameOf(
  context: EngineContext,
  open: Open,
  file: SharedFile,
  doomed: SharedFile,
  wasLast: boolean,
): MaybePromise<void> {
  const { tree } = open;
  const store = tree.store as FileStore;
  const path = doomed.pathBelow(tree.grant.path, doomed.doomedEntry);
  const isDirectory = open.node?.stat.kind === FileKind.DIRECTORY;
  const removed = isDirectory
    ? store.remove(path, doomed.identity, true)
    : store.discard(path, doomed.identity);
  const whole = absolutePath(tree.grant.path, path);
  const gone = andThen(removed, (outcome) => {
    doomed.isGoing = false;
    const movedTo = typeof outcome === "number" ? undefined : outcome.movedTo;
    const result = typeof outcome === "number" ? outcome : 0;
    forgetDoomed(context, file);
    reportRemoval(context, path, result);
    if (result === 0) {
      if (!wasLast) context.opens.loseName(doomed, whole);
      if (movedTo !== undefined) context.notify.renamed(whole, absolutePath(tree.grant.path, movedTo), false);
      else context.notify.changed(NotifyAction.REMOVED, whole, nameFilter(isDirectory));
    }
    // The directory's lease stays only with the client that asked for the deletion and ends it as well.
    const parentKey = doomed.deleterParentKey === open.parentLeaseKey ? open.parentLeaseKey : undefined;
    if (result === 0) listingChanged(context, whole, parentKey);
    if (movedTo !== undefined) listingChanged(context, absolutePath(tree.grant.path, movedTo), undefined);
    // Not before: who waits for the file must not find a name that is about to go.
    context.caching.release(open);
    leaveLostTree(context, tree);
  });
  const ended = context.notify.during(gone, whole);
  // Who gives that name to another object waits: what is removed must be this one.
  if (ended instanceof Promise) {
    const forget = (): void => {
      doomed.moving = undefined;
    };
    doomed.moving = ended.then(forget, forget);
  }
  return ended;
}

/**
 * What goes now that `open` is closed: a file together with the last of its streams, or a stream alone; a file that
 * others have open where it was to go by this very open.
 */
function findDoomed(file: SharedFile | undefined, open: Open): SharedFile | undefined {
  if (file === undefined) return undefined;
  const whole = file.base ?? file;
  if (whole.isGoing) return undefined;
  if (whole.deletePending && (!whole.isOpen || (open.deletesAtOnce && whole === file))) return whole;
  if (file.opens.size > 0) return undefined;
  return file.base !== undefined && file.deletePending ? file : undefined;
}

/** The name is gone, or stays for good: it can be opened again, what is left of it. */
function forgetDoomed(context: EngineContext, file: SharedFile): void {
  const whole = file.base ?? file;
  if (!whole.isOpen) context.opens.spare(whole);
  context.opens.dropIfUnused(file);
  context.opens.dropIfUnused(whole);
}

function removeStreamOf(context: EngineContext, open: Open): MaybePromise<void> {
  const { file, handle, tree } = open;
  // The descriptor serves until the stream is gone.
  open.beginUse();
  open.close();
  const removed = handle instanceof StreamHandle ? handle.remove() : 0;
  const gone = andThen(removed, (result) => {
    open.endUse();
    if (file !== undefined) context.opens.dropIfUnused(file);
    if (result === 0) reportStream(context, open, NotifyAction.REMOVED_STREAM, CompletionFilter.STREAM_NAME);
    else if (result !== -Errno.ENODATA)
      reportRemoval(context, `${file?.path ?? ""}:${file?.stream?.name ?? ""}`, result);
    context.caching.release(open);
    leaveLostTree(context, tree);
  });
  return file === undefined ? gone : context.notify.during(gone, file.path);
}

/** 2.1.5.5: what was written shows in the directory when the open that wrote it closes. */
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

/** The last open that waited for its client takes the store with it. */
export function leaveLostTree(context: EngineContext, tree: Tree): void {
  if (tree.isLost && context.opens.ofTree(tree).size === 0) tree.store?.close();
}

// The handle is gone by now and nobody can be told; a folder that was filled meanwhile simply stays.
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

/**
 * Ends a session that logs off or lost its last connection: its trees, its id, and its opens but for durable ones,
 * which wait for their client; 3.3.5.6, 3.3.7.1. Requests of it that wait are told so by their own means.
 */
export function loseSession(context: EngineContext, session: Session): MaybePromise<void> {
  session.state = SessionState.EXPIRED;
  context.sessions.delete(session.id);
  endWaits(context, session, undefined);
  for (const id of session.connectionIds) context.connections.get(id)?.dropSession(session);
  session.connectionIds.clear();
  const trees = [...session.trees.values()];
  session.trees.clear();
  if (session.identity !== undefined) context.manager.notify({ event: "logoff", identity: session.identity });
  detachOpens(context, session);
  return closeAll(context, context.opens.ofSession(session), () => {
    for (const tree of trees) {
      tree.isLost = true;
      leaveLostTree(context, tree);
    }
  });
}

/** Others need what a client without a connection cached: what it held by that right is given up; 3.3.4.6, 3.3.4.7. */
export function closeUnreachable(context: EngineContext, holder: CachingHolder): void {
  for (const { id } of [...holder.opens]) {
    const open = context.opens.find(id);
    if (open === undefined || !context.durables.isDetached(open) || mayOutlive(open)) continue;
    const done = closeOpen(context, open);
    if (done instanceof Promise)
      done.catch((error: unknown) => context.log.error(`closing: ${String(error)}`));
  }
}

function detachOpens(context: EngineContext, session: Session): void {
  for (const open of [...context.opens.ofSession(session)]) {
    if (!mayOutlive(open)) continue;
    context.opens.detach(open);
    context.durables.detach(open, context.clock.now());
  }
}

/** Ends the requests that wait without an open of their own: a CREATE behind an oplock. 3.3.5.6, 3.3.5.8. */
function endWaits(context: EngineContext, session: Session, tree: Tree | undefined): void {
  for (const channel of channelsOf(context.connections, session)) channel.cancelCreates(session, tree);
}

function closeAll(context: EngineContext, opens: ReadonlySet<Open>, after: () => void): MaybePromise<void> {
  const waits: Promise<void>[] = [];
  for (const open of [...opens]) {
    const done = closeOpen(context, open);
    if (done !== undefined) waits.push(done);
  }
  if (waits.length === 0) return after();
  return Promise.all(waits).then(after);
}
