// FSCTL_SET_REPARSE_POINT by a client with the POSIX extensions: symlink(2) and mknod(2). Whether the server itself
// follows such a symlink is the share's to say; manager/config/link-rules.ts keeps `wide links` apart from this.
// [MS-FSA] 2.1.5.10.37; [MS-FSCC] 2.1.2.4, 2.1.2.6.
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
import { toDiskName } from "../../vfs/name/names.ts";
import type { SpecialFile } from "../../vfs/store.ts";
import { entryChanged } from "../open/cache-breaks.ts";
import { statusOf } from "../errno-status.ts";
import { answerIoctl } from "./answer.ts";
import { storeOf } from "../open/posix-open.ts";

/** Makes the empty file that `open` has just created into what the request says. */
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
  // What was there before is not replaced by who may merely write to it: that is for who may delete it.
  if (open.createAction !== CreateAction.CREATED) return Status.ACCESS_DENIED;
  // Who else has it open has a file, and would keep that.
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
    context.opens.renew(file, node.identity);
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
    // Devices are for administrators.
    return type === NfsInodeType.SOCKET ? { kind: "socket" } : Status.NOT_SUPPORTED;
  } catch (error) {
    if (error instanceof WireError) return Status.IO_REPARSE_DATA_INVALID;
    throw error;
  }
}

function decodeSymlink(data: Uint8Array): SpecialFile | NtStatus {
  const { isRelative, substituteName } = decodeSymlinkReparse(data);
  if (substituteName === "" || substituteName.includes("\0")) return Status.IO_REPARSE_DATA_INVALID;
  // Linux's client leaves the first slash out, and maps characters as in every name.
  const path = isRelative || substituteName.startsWith("/") ? substituteName : `/${substituteName}`;
  const target = path
    .split("/")
    .map((name) => toDiskName(name) ?? name)
    .join("/");
  return { kind: "symlink", target };
}
