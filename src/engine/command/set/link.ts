// SET_INFO of FileLinkInformation and FileLinkInformationEx: hard links ([MS-FSA] 2.1.5.15.6).
import type { MaybePromise } from "../../../port/port.ts";
import {
  decodeRenameInformation,
  decodeRenameInformationEx,
  type RenameInformation,
} from "../../../wire/fscc/rename.ts";
import { type NtStatus, Status } from "../../../wire/status.ts";
import type { Exchange } from "../../connection/exchange.ts";
import type { Open } from "../../state/open.ts";
import { absolutePath } from "../../state/open-table.ts";
import { andThen } from "../../and-then.ts";
import type { FileNode, FileStore, Found } from "../../vfs/store.ts";
import { listingChanged } from "../open/cache-breaks.ts";
import { statusOf } from "../errno-status.ts";
import { storeOf } from "../open/posix-open.ts";
import { detachReplaced, decodeTarget, lookUpNewName, checkTarget } from "./new-name.ts";

export function linkFile(
  exchange: Exchange,
  open: Open,
  node: FileNode,
  buffer: Uint8Array,
): MaybePromise<NtStatus> {
  return addLink(exchange, open, node, decodeRenameInformation(buffer));
}

export function linkFileEx(
  exchange: Exchange,
  open: Open,
  node: FileNode,
  buffer: Uint8Array,
): MaybePromise<NtStatus> {
  return addLink(exchange, open, node, decodeRenameInformationEx(buffer));
}

function addLink(
  exchange: Exchange,
  open: Open,
  node: FileNode,
  information: RenameInformation,
): MaybePromise<NtStatus> {
  const store = storeOf(open);
  const target = decodeTarget(open, information);
  if (typeof target === "number") return target;
  if (store === undefined) return Status.INVALID_PARAMETER;
  if (open.tree.grant.readOnly) return Status.ACCESS_DENIED;
  if (open.file?.base !== undefined) return Status.INVALID_PARAMETER;
  if (open.isDirectory) return Status.FILE_IS_A_DIRECTORY;
  return andThen(lookUpNewName(open, store, node, target.components), (found) => {
    if (typeof found === "number") return found;
    const status = checkTarget(exchange.context.opens, open, node, found, target);
    return status === Status.SUCCESS ? link(exchange, open, store, node, found, target.replace) : status;
  });
}

function link(
  exchange: Exchange,
  open: Open,
  store: FileStore,
  node: FileNode,
  found: Found,
  replace: boolean,
): MaybePromise<NtStatus> {
  // Both names already belong to the same file.
  if (found.node?.identity === node.identity) return replace ? Status.SUCCESS : Status.OBJECT_NAME_COLLISION;
  const newPath = absolutePath(open.tree.grant.path, found.path);
  const linked = andThen(store.link(node, found, replace), (result) => {
    if (result < 0) return statusOf(result);
    detachReplaced(exchange.context.opens, newPath, found, node.identity);
    exchange.context.notify.linked(newPath, found.node !== undefined);
    listingChanged(exchange.context, newPath, open.parentLeaseKey);
    return Status.SUCCESS;
  });
  return exchange.context.notify.during(linked, newPath);
}
