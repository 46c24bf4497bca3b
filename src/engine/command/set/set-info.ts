// SMB2 SET_INFO: a table of information classes ([MS-SMB2] 3.3.5.21, [MS-FSA] 2.1.5.15).
import { Errno } from "../../../linux/errno.ts";
import type { MaybePromise } from "../../../port/port.ts";
import { Access } from "../../../wire/security/access.ts";
import { CreateOption } from "../../../wire/command/create.ts";
import { CompletionFilter } from "../../../wire/command/change-notify.ts";
import { FileAttribute, SETTABLE_ATTRIBUTES } from "../../../wire/fscc/attributes.ts";
import {
  type BasicChange,
  decodeBasicChange,
  decodeSizeInformation,
  decodeUint32Information,
  type TimeRequest,
} from "../../../wire/fscc/file-information.ts";
import { FileInfoClass, FsInfoClass, setFileSize } from "../../../wire/fscc/info-class.ts";
import { NotifyAction } from "../../../wire/fscc/notify.ts";
import { InfoType } from "../../../wire/command/query-info.ts";
import {
  decodeSetInfoRequest,
  encodeSetInfoResponse,
  type SetInfoRequest,
} from "../../../wire/command/set-info.ts";
import { type NtStatus, Status } from "../../../wire/status.ts";
import type { Exchange } from "../../connection/exchange.ts";
import { paysFor } from "../../connection/credits.ts";
import type { Open } from "../../state/open.ts";
import { andThen } from "../../and-then.ts";
import { type FileNode, MAX_FILE_OFFSET } from "../../vfs/store.ts";
import { dataChanged, entryChanged } from "../open/cache-breaks.ts";
import { setDisposition, setDispositionEx } from "./disposition.ts";
import { statusOf } from "../errno-status.ts";
import { type ByClass, handlerOf } from "../open/file-classes.ts";
import { afterLate } from "../open/long-work.ts";
import { fixTimes, holdChangeTime, noteModified, reportStream } from "../open/modified.ts";
import { renameFile, renameFileEx } from "./rename.ts";
import { setSecurity } from "./security.ts";
import { setShortName } from "./short-name.ts";
import { changesSnapshot } from "../open/snapshot-writes.ts";
import { setExtendedAttributes } from "./extended-attributes.ts";
import { noteReserved } from "../open/stat.ts";
import { linkFile, linkFileEx } from "./link.ts";

const SYNCHRONOUS = CreateOption.SYNCHRONOUS_IO_ALERT | CreateOption.SYNCHRONOUS_IO_NONALERT;
/** Mode bits that a client may set; [MS-FSA] 2.1.5.15.8. */
const SETTABLE_MODE_BITS = CreateOption.WRITE_THROUGH | CreateOption.SEQUENTIAL_ONLY | SYNCHRONOUS;

export type SetHandler = (
  exchange: Exchange,
  open: Open,
  node: FileNode,
  buffer: Uint8Array,
) => MaybePromise<NtStatus>;

interface SetClass {
  /** Rights of which the open must have one; 0 if it needs none or `apply` checks. */
  readonly access: number;
  readonly apply: SetHandler;
  /** It changes what a listing of the file's directory shows. */
  readonly changesListing?: boolean;
}

const classes: ByClass<"set", SetClass> = {
  [FileInfoClass.BASIC]: { access: Access.WRITE_ATTRIBUTES, apply: setBasic, changesListing: true },
  [FileInfoClass.RENAME]: { access: Access.DELETE, apply: renameFile },
  [FileInfoClass.LINK]: { access: 0, apply: linkFile },
  [FileInfoClass.DISPOSITION]: { access: Access.DELETE, apply: setDisposition },
  [FileInfoClass.DISPOSITION_EX]: { access: Access.DELETE, apply: setDispositionEx },
  [FileInfoClass.RENAME_EX]: { access: Access.DELETE, apply: renameFileEx },
  [FileInfoClass.LINK_EX]: { access: 0, apply: linkFileEx },
  // [MS-FSA] 2.1.5.15.14: takes a privilege that no user has, which counts before the kind of object.
  [FileInfoClass.VALID_DATA_LENGTH]: { access: 0, apply: () => Status.PRIVILEGE_NOT_HELD },
  [FileInfoClass.SHORT_NAME]: { access: 0, apply: setShortName },
  [FileInfoClass.POSITION]: { access: 0, apply: setPosition },
  [FileInfoClass.MODE]: { access: 0, apply: setMode },
  [FileInfoClass.ALLOCATION]: { access: Access.WRITE_DATA, apply: setAllocation, changesListing: true },
  [FileInfoClass.END_OF_FILE]: { access: Access.WRITE_DATA, apply: setEndOfFile, changesListing: true },
  [FileInfoClass.FULL_EA]: { access: Access.WRITE_EA, apply: setExtendedAttributes, changesListing: true },
};

export function handleSetInfo(exchange: Exchange, open: Open): MaybePromise<NtStatus> {
  const request = decodeSetInfoRequest(exchange.message);
  if (request.buffer.length > exchange.context.settings.maxTransactBytes) return Status.INVALID_PARAMETER;
  if (!paysFor(exchange, request.buffer.length)) return Status.INVALID_PARAMETER;
  if (open.node === undefined) return setPipe(open, request);
  if (changesSnapshot(open, request)) return Status.MEDIA_WRITE_PROTECTED;
  if (request.infoType === InfoType.SECURITY) return setSecurity(exchange, open, open.node, request);
  if (request.infoType === InfoType.FILESYSTEM) return refuseFileSystem(request.infoClass);
  // Quotas cannot be set.
  if (request.infoType === InfoType.QUOTA) return Status.NOT_SUPPORTED;
  if (request.infoType !== InfoType.FILE) return Status.INVALID_PARAMETER;
  const row = handlerOf(classes, "set", request.infoClass, open);
  if (typeof row === "number") return row;
  if (request.buffer.length < (setFileSize(request.infoClass) ?? 0)) return Status.INFO_LENGTH_MISMATCH;
  if (row.access !== 0 && (open.grantedAccess & row.access) === 0) return Status.ACCESS_DENIED;
  return andThen(row.apply(exchange, open, open.node, request.buffer), (status) => {
    if (status !== Status.SUCCESS) return status;
    if (row.changesListing) entryChanged(exchange.context, open);
    encodeSetInfoResponse(exchange.reserve(2));
    return status;
  });
}

/** Nothing of a pipe can be set. */
function setPipe(open: Open, { infoType, infoClass }: SetInfoRequest): NtStatus {
  if (infoType !== InfoType.FILE) return Status.NOT_SUPPORTED;
  const row = handlerOf(classes, "set", infoClass, open);
  return typeof row === "number" ? row : Status.NOT_SUPPORTED;
}

/** [MS-FSCC] 2.5: two classes can be set, which takes an administrator of the volume; [MS-FSA] 2.1.5.16. */
function refuseFileSystem(infoClass: number): NtStatus {
  const isSettable = infoClass === FsInfoClass.CONTROL || infoClass === FsInfoClass.OBJECT_ID;
  return isSettable ? Status.ACCESS_DENIED : Status.INVALID_INFO_CLASS;
}

function setBasic(
  exchange: Exchange,
  open: Open,
  node: FileNode,
  buffer: Uint8Array,
): MaybePromise<NtStatus> {
  const change = decodeBasicChange(buffer);
  const { context } = exchange;
  const done = andThen(fixTimes(context, open, node, change), () =>
    andThen(applyBasic(open, node, change), (status) => {
      if (status !== Status.SUCCESS) return status;
      const filter = filterOf(change);
      if (filter !== 0) reportModified(exchange, open, filter);
      return andThen(holdChangeTime(context, open), () => status);
    }),
  );
  return open.file === undefined ? done : context.notify.during(done, open.file.path);
}

/** CompletionFilter bits that a change of attributes and times concerns. */
function filterOf(change: BasicChange): number {
  let filter = change.attributes === 0 ? 0 : CompletionFilter.ATTRIBUTES;
  if (explicitTime(change.birth) !== undefined) filter |= CompletionFilter.CREATION;
  if (explicitTime(change.access) !== undefined) filter |= CompletionFilter.LAST_ACCESS;
  if (explicitTime(change.modify) !== undefined) filter |= CompletionFilter.LAST_WRITE;
  return filter;
}

function reportModified(exchange: Exchange, open: Open, filter: number): void {
  const { notify } = exchange.context;
  if (open.file?.stream !== undefined && filter === CompletionFilter.SIZE) {
    reportStream(exchange.context, open, NotifyAction.MODIFIED_STREAM, CompletionFilter.STREAM_SIZE);
  } else if (notify.count > 0 && open.file !== undefined) {
    notify.changed(NotifyAction.MODIFIED, open.file.path, filter);
  }
}

function applyBasic(open: Open, node: FileNode, change: BasicChange): MaybePromise<NtStatus> {
  const { attributes } = change;
  if (!open.isDirectory && (attributes & FileAttribute.DIRECTORY) !== 0) return Status.INVALID_PARAMETER;
  if (open.isDirectory && (attributes & FileAttribute.TEMPORARY) !== 0) return Status.INVALID_PARAMETER;
  if (attributes === 0) return setTimes(node, change);
  const wanted = attributes & SETTABLE_ATTRIBUTES;
  if (open.file !== undefined) (open.file.base ?? open.file).isMarked = false;
  return andThen(node.setAttributes(wanted), (result) => {
    const failed = result < 0 && !(result === -Errno.EOPNOTSUPP && sameVisibleAttributes(node, wanted));
    return failed ? statusOf(result) : setTimes(node, change);
  });
}

// Clients must be able to copy files to a file system that stores no attributes: only a change of attributes
// that a user would miss is refused.
function sameVisibleAttributes(node: FileNode, wanted: number): boolean {
  const visible = FileAttribute.READONLY | FileAttribute.HIDDEN | FileAttribute.SYSTEM;
  return ((node.stat.attributes ^ wanted) & visible) === 0;
}

function setTimes(node: FileNode, change: BasicChange): MaybePromise<NtStatus> {
  const times = {
    access: explicitTime(change.access),
    modify: explicitTime(change.modify),
    birth: explicitTime(change.birth),
  };
  if (times.access === undefined && times.modify === undefined && times.birth === undefined)
    return Status.SUCCESS;
  return andThen(node.setTimes(times), (result) => (result < 0 ? statusOf(result) : Status.SUCCESS));
}

function explicitTime(time: TimeRequest): { seconds: number; nanoseconds: number } | undefined {
  return typeof time === "object" ? time : undefined;
}

function setPosition(_exchange: Exchange, open: Open, _node: FileNode, buffer: Uint8Array): NtStatus {
  open.position = decodeSizeInformation(buffer);
  return Status.SUCCESS;
}

/** [MS-FSA] 2.1.5.15.8: an open stays synchronous or asynchronous, and keeps NO_INTERMEDIATE_BUFFERING. */
function setMode(_exchange: Exchange, open: Open, _node: FileNode, buffer: Uint8Array): NtStatus {
  const mode = decodeUint32Information(buffer);
  if ((mode & ~SETTABLE_MODE_BITS) !== 0) return Status.INVALID_PARAMETER;
  const isSynchronous = (mode & SYNCHRONOUS) !== 0;
  if (isSynchronous !== ((open.mode & SYNCHRONOUS) !== 0)) return Status.INVALID_PARAMETER;
  if ((mode & SYNCHRONOUS) === SYNCHRONOUS) return Status.INVALID_PARAMETER;
  const isUnbuffered = (open.mode & CreateOption.NO_INTERMEDIATE_BUFFERING) !== 0;
  const settable = isUnbuffered ? SETTABLE_MODE_BITS & ~CreateOption.WRITE_THROUGH : SETTABLE_MODE_BITS;
  open.mode = (open.mode & ~settable) | (mode & settable);
  return Status.SUCCESS;
}

function setEndOfFile(
  exchange: Exchange,
  open: Open,
  _node: FileNode,
  buffer: Uint8Array,
): MaybePromise<NtStatus> {
  const size = decodeSizeInformation(buffer);
  if (open.isDirectory || open.handle === undefined) return Status.INVALID_PARAMETER;
  if (size > MAX_FILE_OFFSET) return Status.DISK_FULL;
  const { file, handle } = open;
  return andThen(
    afterLate(exchange, file, () => (open.isClosed ? -Errno.EBADF : handle.truncate(size))),
    (result) => {
      dataChanged(exchange.context, open);
      return result < 0 ? statusOf(result) : sizeChanged(exchange, open);
    },
  );
}

function sizeChanged(exchange: Exchange, open: Open): MaybePromise<NtStatus> {
  reportModified(exchange, open, CompletionFilter.SIZE);
  return andThen(noteModified(exchange.context, open, true), () => Status.SUCCESS);
}

/** [MS-FSA] 2.1.5.15.1: a size below the end of the file truncates, a larger one reserves blocks. */
function setAllocation(
  exchange: Exchange,
  open: Open,
  _node: FileNode,
  buffer: Uint8Array,
): MaybePromise<NtStatus> {
  const size = decodeSizeInformation(buffer);
  const { handle } = open;
  if (open.isDirectory || handle === undefined) return Status.INVALID_PARAMETER;
  if (size > MAX_FILE_OFFSET) return Status.DISK_FULL;
  const found = afterLate(exchange, open.file, () => handle.stat());
  return andThen(found, (stat) => {
    if (typeof stat === "number") return statusOf(stat);
    if (open.isClosed) return Status.FILE_CLOSED;
    const change = size < stat.size ? handle.truncate(size) : handle.allocate(size);
    return andThen(change, (result) => {
      dataChanged(exchange.context, open);
      // Reservation is a hint that some file systems do not support.
      if (result === -Errno.EOPNOTSUPP && size >= stat.size) return Status.SUCCESS;
      if (result < 0) return statusOf(result);
      noteReserved(open, size);
      return size >= stat.size ? Status.SUCCESS : sizeChanged(exchange, open);
    });
  });
}
