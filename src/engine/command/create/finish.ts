// CREATE: what is left when the open is in the tables: truncation, preallocation, caching, durability, the answer.
// [MS-SMB2] 3.3.5.9, [MS-FSA] 2.1.5.1.2.
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
import { removeStreams } from "../../vfs/stream/stored-stream.ts";
import { entryChanged } from "../open/cache-breaks.ts";
import { writeCreateAnswer } from "./answer.ts";
import type { Creation } from "./creation.ts";
import { grantDurability } from "./durable.ts";
import { statusOf } from "../errno-status.ts";
import { forDirectory } from "./caching-request.ts";
import { statOfOpen, noteReserved } from "../open/stat.ts";
import { applyCreateAttributes } from "./extended-attributes.ts";

/** What is reported of a file whose data was replaced. */
const OVERWRITTEN = CompletionFilter.ATTRIBUTES | CompletionFilter.SIZE | CompletionFilter.LAST_WRITE;

/** [MS-FSA] 2.1.5.1.2: the old data goes, and the attributes with it. */
export function truncate(creation: Creation, open: Open, node: FileNode): MaybePromise<NtStatus> {
  const { createDisposition, fileAttributes } = creation.request;
  creation.action =
    createDisposition === CreateDisposition.SUPERSEDE ? CreateAction.SUPERSEDED : CreateAction.OVERWRITTEN;
  const { notify } = creation.exchange.context;
  const emptied = andThen(emptyFile(creation, node), (result) => {
    if (result < 0) return statusOf(result);
    breakReaders(creation, open);
    const attributes = (fileAttributes & SETTABLE_ATTRIBUTES) | FileAttribute.ARCHIVE;
    // A disk that keeps no attributes still takes the data.
    return andThen(node.setAttributes(attributes), () => {
      if (notify.count > 0 && open.file) notify.changed(NotifyAction.MODIFIED, open.file.path, OVERWRITTEN);
      return Status.SUCCESS;
    });
  });
  const told = open.file === undefined ? emptied : notify.during(emptied, open.file.path);
  return andThen(told, (status) => (status === Status.SUCCESS ? preallocate(creation, open) : status));
}

/** Its streams go with a file's data; those without it would be another file's. */
function emptyFile(creation: Creation, node: FileNode): MaybePromise<0 | Failure> {
  return andThen(creation.handle?.truncate(0) ?? 0, (result) => {
    if (result < 0 || !creation.tree.grant.streams) return result;
    return andThen(removeStreams(node.values), (removed) => (removed === -Errno.EOPNOTSUPP ? 0 : removed));
  });
}

// Who came while the disk was at work may have read, and cached, what is gone now.
export function breakReaders(creation: Creation, open: Open): void {
  const caching = open.file?.caching;
  if (caching !== undefined && caching.active > 0)
    creation.exchange.context.caching.breakReading(caching, open);
}

/** The size that the client says it will write. */
export function preallocate(creation: Creation, open: Open): MaybePromise<NtStatus> {
  const size = creation.request.contexts.allocationSize ?? 0;
  const isNew = creation.action !== CreateAction.OPENED;
  if (size === 0 || !isNew || creation.handle === undefined || open.isDirectory)
    return answer(creation, open);
  if (size >= 2 ** 53) return Status.DISK_FULL;
  return andThen(creation.handle.allocate(size), (result) => {
    // Reserving is a hint where the file system cannot do it; a full disk is no hint.
    const status = result < 0 ? statusOf(result) : Status.SUCCESS;
    if (result >= 0) noteReserved(open, size);
    return status === Status.DISK_FULL ? status : answer(creation, open);
  });
}

function answer(creation: Creation, open: Open): MaybePromise<NtStatus> {
  const node = open.node as FileNode;
  if (creation.action === CreateAction.OPENED && creation.stream === undefined) {
    return finish(creation, open, node, node.stat);
  }
  entryChanged(creation.exchange.context, open);
  const { file, isDirectory } = open;
  if (file !== undefined && file.base === undefined && !isDirectory) file.isMarked = true;
  if (isAsMade(creation)) return finish(creation, open, node, node.stat);
  return andThen(applyCreateAttributes(creation, node), (status) => {
    if (status !== Status.SUCCESS) return status;
    return andThen(statOfOpen(open, node), (stat) =>
      typeof stat === "number" ? statusOf(stat) : finish(creation, open, node, stat),
    );
  });
}

/** Nothing has touched what was just made: its stat is what it was made with. */
function isAsMade(creation: Creation): boolean {
  const { contexts } = creation.request;
  return (
    creation.action === CreateAction.CREATED &&
    creation.stream === undefined &&
    creation.initialDescriptor === undefined &&
    !creation.namesCreator &&
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
  // The same key came with another file while the disk was asked.
  if (known !== undefined && known.file !== file.caching) return Status.INVALID_PARAMETER;
  const isFixed = !creation.tree.grant.followSymlinks;
  const { wanted, lease, epoch } = open.isDirectory
    ? forDirectory(creation.exchange, creation.caching, isFixed)
    : creation.caching;
  // Nobody may cache reads of what others have locked.
  const allowed = file.locks === undefined ? wanted : 0;
  creation.exchange.context.caching.grant(file.caching, open, allowed, lease, epoch);
  return Status.SUCCESS;
}
