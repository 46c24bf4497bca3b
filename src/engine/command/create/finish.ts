// The last steps of CREATE, after the open is in the open table: truncation, preallocation, caching,
// durability, the response. [MS-SMB2] 3.3.5.9, [MS-FSA] 2.1.5.1.2.
import { Errno } from "../../../linux/errno.ts";
import type { MaybePromise } from "../../../port/port.ts";
import { CompletionFilter } from "../../../wire/command/change-notify.ts";
import { CreateAction, CreateDisposition } from "../../../wire/command/create.ts";
import { FileAttribute, SETTABLE_ATTRIBUTES } from "../../../wire/fscc/attributes.ts";
import { NotifyAction } from "../../../wire/fscc/notify.ts";
import { type NtStatus, Status } from "../../../wire/status.ts";
import type { Open, SharedFile } from "../../state/open.ts";
import { andThen } from "../../and-then.ts";
import type { FileNode, FileStat, Failure } from "../../vfs/store.ts";
import { removeStreams } from "../../vfs/stream/stream-change.ts";
import { entryChanged } from "../open/cache-breaks.ts";
import { writeCreateAnswer } from "./answer.ts";
import type { Creation } from "./creation.ts";
import { grantDurability } from "./durable.ts";
import { statusOf } from "../errno-status.ts";
import { limitToDirectory } from "./caching-request.ts";
import { statOfOpen, noteReserved } from "../open/stat.ts";
import { applyCreateAttributes } from "./extended-attributes.ts";

/** The CHANGE_NOTIFY filter of a file whose data was replaced. */
const OVERWRITTEN = CompletionFilter.ATTRIBUTES | CompletionFilter.SIZE | CompletionFilter.LAST_WRITE;

/** Supersedes or overwrites the file: its data, streams and attributes; [MS-FSA] 2.1.5.1.2. */
export function truncate(creation: Creation, open: Open, node: FileNode): MaybePromise<NtStatus> {
  const { createDisposition, fileAttributes } = creation.request;
  creation.action =
    createDisposition === CreateDisposition.SUPERSEDE ? CreateAction.SUPERSEDED : CreateAction.OVERWRITTEN;
  const { notify } = creation.exchange.context;
  const emptied = andThen(emptyFile(creation, node), (result) => {
    if (result < 0) return statusOf(result);
    breakReaders(creation, open);
    const attributes = (fileAttributes & SETTABLE_ATTRIBUTES) | FileAttribute.ARCHIVE;
    // Failure is ignored: a file system without attributes can still store the data.
    return andThen(node.setAttributes(attributes), () => {
      if (notify.count > 0 && open.file) notify.changed(NotifyAction.MODIFIED, open.file.path, OVERWRITTEN);
      return Status.SUCCESS;
    });
  });
  const reported = open.file === undefined ? emptied : notify.during(emptied, open.file.path);
  return andThen(reported, (status) => (status === Status.SUCCESS ? preallocate(creation, open) : status));
}

/** Removes the data and the named streams of the file. */
function emptyFile(creation: Creation, node: FileNode): MaybePromise<0 | Failure> {
  return andThen(creation.handle?.truncate(0) ?? 0, (result) => {
    if (result < 0 || !creation.tree.grant.streams) return result;
    // Who is not a Mac and copies a folder of one has written `._NAME`, as a file, just before NAME.
    const removed = removeStreams(node.values, !creation.tree.session.isApple);
    return andThen(removed, (failure) => (failure === -Errno.EOPNOTSUPP ? 0 : failure));
  });
}

/**
 * Breaks the read caching of other opens: they may have cached the old data while the disk was truncating.
 * The new open has no holder yet; a lease with its key stays.
 */
export function breakReaders(creation: Creation, open: Open): void {
  const caching = open.file?.caching;
  if (caching !== undefined && caching.active > 0)
    creation.exchange.context.caching.breakReading(caching, creation.leaseHolder());
}

/** Reserves the AllocationSize of the request for a new or overwritten file, then goes on to the answer. */
export function preallocate(creation: Creation, open: Open): MaybePromise<NtStatus> {
  const size = creation.request.contexts.allocationSize ?? 0;
  const isNew = creation.action !== CreateAction.OPENED;
  if (size === 0 || !isNew || creation.handle === undefined || open.isDirectory)
    return answer(creation, open);
  if (size >= 2 ** 53) return Status.DISK_FULL;
  return andThen(creation.handle.allocate(size), (result) => {
    // A file system without preallocation is no error, a full disk is.
    const status = result < 0 ? statusOf(result) : Status.SUCCESS;
    if (result >= 0) noteReserved(open, size);
    return status === Status.DISK_FULL ? status : answer(creation, open);
  });
}

function answer(creation: Creation, open: Open): MaybePromise<NtStatus> {
  const node = open.node as FileNode;
  if (creation.action === CreateAction.OPENED && creation.stream === undefined) {
    creation.exchange.predecessor.stat = node.stat;
    return finish(creation, open, node, node.stat);
  }
  entryChanged(creation.exchange.context, open);
  const { file, isDirectory } = open;
  if (file !== undefined && file.base === undefined && !isDirectory) file.isMarked = true;
  if (isAsCreated(creation)) return finish(creation, open, node, node.stat);
  return andThen(applyCreateAttributes(creation, node), (status) => {
    if (status !== Status.SUCCESS) return status;
    return andThen(statOfOpen(open, node), (stat) =>
      typeof stat === "number" ? statusOf(stat) : finish(creation, open, node, stat),
    );
  });
}

/** True if nothing has changed the new object since its creation, so that its stat is current. */
function isAsCreated(creation: Creation): boolean {
  const { contexts } = creation.request;
  return (
    creation.action === CreateAction.CREATED &&
    creation.stream === undefined &&
    creation.initialDescriptor === undefined &&
    !creation.recordsCreator &&
    !creation.hasWaited &&
    (contexts.allocationSize ?? 0) === 0 &&
    (contexts.extendedAttributes?.length ?? 0) === 0
  );
}

function finish(creation: Creation, open: Open, node: FileNode, stat: FileStat): NtStatus {
  if (open.isClosed) return Status.FILE_CLOSED;
  const status = grantCaching(creation, open);
  if (status !== Status.SUCCESS) return status;
  open.createAction = creation.action;
  grantDurability(creation.exchange, creation.request, creation.tree, open);
  writeCreateAnswer(creation.exchange, creation.request.contexts, open, node, stat, creation.action);
  return Status.SUCCESS;
}

function grantCaching(creation: Creation, open: Open): NtStatus {
  const file = open.file as SharedFile;
  const known = creation.leaseHolder();
  // Another request used the same lease key for another file during a wait.
  if (known !== undefined && known.file !== file.caching) return Status.INVALID_PARAMETER;
  const isFixed = !creation.tree.grant.followSymlinks;
  const { wanted, lease, epoch } = open.isDirectory
    ? limitToDirectory(creation.exchange, creation.caching, isFixed)
    : creation.caching;
  // A file with byte-range locks must not be cached.
  const allowed = file.locks === undefined ? wanted : 0;
  creation.exchange.context.caching.grant(file.caching, open, allowed, lease, epoch);
  return Status.SUCCESS;
}
