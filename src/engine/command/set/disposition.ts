// FileDispositionInformation and FileDispositionInformationEx: set or clear delete-pending.
// [MS-FSA] 2.1.5.15.3 and 2.1.5.15.4; [MS-FSCC] 2.4.
import type { MaybePromise } from "../../../port/port.ts";
import { Access } from "../../../wire/security/access.ts";
import { FileAttribute } from "../../../wire/fscc/attributes.ts";
import {
  decodeDispositionInformation,
  decodeUint32Information,
  DispositionFlag,
} from "../../../wire/fscc/file-information.ts";
import { type NtStatus, Status } from "../../../wire/status.ts";
import type { Exchange } from "../../connection/exchange.ts";
import type { Open, SharedFile } from "../../state/open.ts";
import { andThen } from "../../and-then.ts";
import type { FileNode } from "../../vfs/store.ts";
import { waitForCaching } from "../open/cache-breaks.ts";
import { statusOf } from "../errno-status.ts";

const { DELETE, POSIX_SEMANTICS, FORCE_IMAGE_SECTION_CHECK, ON_CLOSE, IGNORE_READONLY_ATTRIBUTE } =
  DispositionFlag;
const KNOWN_FLAGS =
  DELETE | POSIX_SEMANTICS | FORCE_IMAGE_SECTION_CHECK | ON_CLOSE | IGNORE_READONLY_ATTRIBUTE;

export function setDisposition(
  exchange: Exchange,
  open: Open,
  node: FileNode,
  buffer: Uint8Array,
): MaybePromise<NtStatus> {
  return applyDisposition(exchange, open, node, decodeDispositionInformation(buffer) ? DELETE : 0);
}

export function setDispositionEx(
  exchange: Exchange,
  open: Open,
  node: FileNode,
  buffer: Uint8Array,
): MaybePromise<NtStatus> {
  const flags = decodeUint32Information(buffer);
  // FORCE_IMAGE_SECTION_CHECK has no effect: there are no image sections.
  return (flags & ~KNOWN_FLAGS) !== 0
    ? Status.INVALID_PARAMETER
    : applyDisposition(exchange, open, node, flags);
}

function applyDisposition(
  exchange: Exchange,
  open: Open,
  node: FileNode,
  flags: number,
): MaybePromise<NtStatus> {
  if (open.isClosed) return Status.FILE_CLOSED;
  const { file, tree } = open;
  if (file === undefined || tree.store === undefined) return Status.INVALID_PARAMETER;
  // The name was already removed while this open remained.
  if (!file.hasName) return Status.FILE_DELETED;
  if ((flags & DELETE) === 0) return clearDisposition(exchange, open, file, flags);
  if (file.base === undefined && open.pathBelow(tree.grant.path) === "") return Status.CANNOT_DELETE;
  // [MS-FSA] 2.1.4.12: clients with handle caching are asked to close the file first.
  if (exchange.context.caching.breakHandles(file.caching, open)) {
    return waitForCaching(exchange, file.caching, () => applyDisposition(exchange, open, node, flags));
  }
  return andThen(checkDeletion(open, node, flags), (status) => {
    if (status !== Status.SUCCESS) return status;
    // Its CLOSE deletes nothing any more: others would, when they close the file.
    if (open.isClosed) return Status.FILE_CLOSED;
    open.deletesAtOnce = open.isPosix || (flags & POSIX_SEMANTICS) !== 0;
    if ((flags & ON_CLOSE) !== 0) {
      open.deleteOnClose = true;
      return status;
    }
    if (open.isDirectory) exchange.context.notify.deletePending(file);
    exchange.context.opens.setDeletePending(file, open);
    file.deleterParentKey = open.parentLeaseKey;
    return status;
  });
}

function clearDisposition(exchange: Exchange, open: Open, file: SharedFile, flags: number): NtStatus {
  open.deletesAtOnce = false;
  if ((flags & ON_CLOSE) !== 0) open.deleteOnClose = false;
  else exchange.context.opens.clearDeletePending(file);
  return Status.SUCCESS;
}

/** STATUS_CANNOT_DELETE for a read-only object, STATUS_DIRECTORY_NOT_EMPTY for a directory with entries. */
function checkDeletion(open: Open, node: FileNode, flags: number): MaybePromise<NtStatus> {
  // A client that may set attributes could clear READONLY first.
  const maySetAttributes = (open.grantedAccess & Access.WRITE_ATTRIBUTES) !== 0;
  const ignoresReadOnly = (flags & IGNORE_READONLY_ATTRIBUTE) !== 0 && maySetAttributes;
  return andThen(node.refresh(), (stat) => {
    if (typeof stat === "number") return statusOf(stat);
    if ((stat.attributes & FileAttribute.READONLY) !== 0 && !ignoresReadOnly) return Status.CANNOT_DELETE;
    // Refused here because few clients show the status of the CLOSE that would fail.
    if (stat.isPinned === true) return Status.ACCESS_DENIED;
    if (!open.isDirectory) return Status.SUCCESS;
    return andThen(open.tree.store?.isEmpty(node) ?? false, (isEmpty) => {
      if (typeof isEmpty === "number") return statusOf(isEmpty);
      return isEmpty ? Status.SUCCESS : Status.DIRECTORY_NOT_EMPTY;
    });
  });
}
