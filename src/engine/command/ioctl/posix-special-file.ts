// FSCTL_SET_REPARSE_POINT by a client with the SMB3 POSIX extensions: symlink(2) and mknod(2). The share's
// configuration decides if the server follows such a symlink; manager/config/link-rules.ts separates `wide
// links` from it. [MS-FSA] 2.1.5.10.37; [MS-FSCC] 2.1.2.4, 2.1.2.6.
import type { MaybePromise } from "../../../port/port.ts";
import { CompletionFilter } from "../../../wire/command/change-notify.ts";
import { CreateAction } from "../../../wire/command/create.ts";
import { EMPTY, WireError } from "../../../wire/cursor.ts";
import { ReparseTag } from "../../../wire/fscc/attributes.ts";
import { NotifyAction } from "../../../wire/fscc/notify.ts";
import {
  decodeNfsReparse,
  decodeReparseBuffer,
  decodeSymlinkReparse,
  NfsInodeType,
} from "../../../wire/fscc/reparse.ts";
import type { IoctlRequest } from "../../../wire/command/ioctl.ts";
import { type NtStatus, Status } from "../../../wire/status.ts";
import type { Exchange } from "../../connection/exchange.ts";
import type { Open } from "../../state/open.ts";
import { andThen } from "../../and-then.ts";
import { isDfsTarget } from "../../vfs/name/dfs-target.ts";
import { toDiskName } from "../../vfs/name/names.ts";
import type { SpecialFile } from "../../vfs/store.ts";
import { entryChanged } from "../open/cache-breaks.ts";
import { statusOf } from "../errno-status.ts";
import { answerIoctl } from "./answer.ts";
import { storeOf } from "../open/posix-open.ts";

/**
 * Replaces the empty file that `open` has just created by the symlink, FIFO or socket of the request.
 * STATUS_ACCESS_DENIED unless this open created the file and is its only open.
 */
export function makeSpecialFile(
  exchange: Exchange,
  open: Open,
  request: IoctlRequest,
): MaybePromise<NtStatus> {
  const special = decodeSpecialFile(request.input);
  if (typeof special === "number") return special;
  const { file } = open;
  const store = storeOf(open);
  if (file === undefined || store?.replaceBySpecial === undefined) return Status.NOT_SUPPORTED;
  // Replacing an existing file would need the right to delete it; this open may only have the right to write.
  if (open.createAction !== CreateAction.CREATED) return Status.ACCESS_DENIED;
  // Another open would keep the removed file.
  if (file.opens.size !== 1 || file.streams !== undefined || open.isDirectory || !file.hasName) {
    return Status.ACCESS_DENIED;
  }
  const replaced = store.replaceBySpecial(open.pathBelow(open.rootPath), file.identity, special);
  const done = andThen(replaced, (node) => {
    if (typeof node === "number") return statusOf(node);
    if (open.isClosed) {
      node.close();
      return Status.FILE_CLOSED;
    }
    const { context } = exchange;
    context.opens.replaceIdentity(file, node.identity);
    open.replaceNode(node);
    entryChanged(context, open);
    if (context.notify.count > 0)
      context.notify.changed(NotifyAction.MODIFIED, file.path, CompletionFilter.ATTRIBUTES);
    answerIoctl(exchange, request, EMPTY);
    return Status.SUCCESS;
  });
  return exchange.context.notify.during(done, file.path);
}

function decodeSpecialFile(input: Uint8Array): SpecialFile | NtStatus {
  try {
    const { tag, data } = decodeReparseBuffer(input);
    if (tag === ReparseTag.SYMLINK) return decodeSymlink(data);
    if (tag !== ReparseTag.NFS) return Status.NOT_SUPPORTED;
    const { type } = decodeNfsReparse(data);
    if (type === NfsInodeType.FIFO) return { kind: "fifo" };
    // Device files are left to administrators.
    return type === NfsInodeType.SOCKET ? { kind: "socket" } : Status.NOT_SUPPORTED;
  } catch (error) {
    if (error instanceof WireError) return Status.IO_REPARSE_DATA_INVALID;
    throw error;
  }
}

function decodeSymlink(data: Uint8Array): SpecialFile | NtStatus {
  const { isRelative, substituteName } = decodeSymlinkReparse(data);
  if (substituteName === "" || substituteName.includes("\0")) return Status.IO_REPARSE_DATA_INVALID;
  // The Linux client omits the leading slash of an absolute target, and maps reserved characters.
  const path = isRelative || substituteName.startsWith("/") ? substituteName : `/${substituteName}`;
  const target = path
    .split("/")
    .map((name) => toDiskName(name) ?? name)
    .join("/");
  // In a share with `msdfs root` it would be a DFS link, by which other users' clients log on to a server of
  // this client's choice. Only programs on the server make DFS links.
  if (isDfsTarget(target)) return Status.ACCESS_DENIED;
  return { kind: "symlink", target };
}
