// FSCTL_GET_REPARSE_POINT, FSCTL_SET_REPARSE_POINT, FSCTL_DELETE_REPARSE_POINT: symlinks and special files as
// reparse points. Only clients with the SMB3 POSIX extensions can create them. [MS-FSA] 2.1.5.10.5,
// 2.1.5.10.14, 2.1.5.10.35.
import { Errno } from "../../../linux/errno.ts";
import type { MaybePromise } from "../../../port/port.ts";
import { Access } from "../../../wire/security/access.ts";
import { Reader, Writer } from "../../../wire/cursor.ts";
import { ReparseTag } from "../../../wire/fscc/attributes.ts";
import { encodeNfsReparse, encodeSymlinkReparse, NfsInodeType } from "../../../wire/fscc/reparse.ts";
import type { IoctlRequest } from "../../../wire/command/ioctl.ts";
import { type NtStatus, Status } from "../../../wire/status.ts";
import type { Exchange } from "../../connection/exchange.ts";
import type { Open } from "../../state/open.ts";
import { andThen } from "../../and-then.ts";
import { type Failure, FileKind, type FileNode } from "../../vfs/store.ts";
import { statusOf } from "../errno-status.ts";
import { answerIoctl } from "./answer.ts";
import { makeSpecialFile } from "./posix-special-file.ts";
import { clientTarget, reparseTagOf } from "../open/reparse-tag.ts";

/** Size of a REPARSE_DATA_BUFFER without data; a smaller output buffer is refused, 2.1.5.10.14. */
const MIN_OUTPUT_BYTES = 8;
/** The fixed part, and twice a target of PATH_MAX characters (substitute name and print name). */
const MAX_BUFFER_BYTES = 64 + 4 * 4096;
/** Tag, ReparseDataLength, Reserved. */
const HEADER_BYTES = 8;
/** Reserved bits of a tag; [MS-FSCC] 2.1.2.1. */
const TAG_RESERVED = 0x0fff_0000;

/** By S_IFMT bits. */
const inodeTypes: ReadonlyMap<number, number> = new Map([
  [0o010000, NfsInodeType.FIFO],
  [0o020000, NfsInodeType.CHARACTER],
  [0o060000, NfsInodeType.BLOCK],
  [0o140000, NfsInodeType.SOCKET],
]);

export function getReparsePoint(
  exchange: Exchange,
  open: Open,
  request: IoctlRequest,
): MaybePromise<NtStatus> {
  const { node } = open;
  if (node === undefined) return Status.NOT_SUPPORTED;
  if (reparseTagOf(node.stat.kind) === 0) return Status.NOT_A_REPARSE_POINT;
  if (request.maxOutputResponse < MIN_OUTPUT_BYTES) return Status.BUFFER_TOO_SMALL;
  return andThen(encodeReparseBuffer(open, node), (buffer) => {
    if (typeof buffer === "number") return statusOf(buffer);
    const fits = buffer.length <= request.maxOutputResponse;
    answerIoctl(exchange, request, fits ? buffer : buffer.subarray(0, request.maxOutputResponse));
    return fits ? Status.SUCCESS : Status.BUFFER_OVERFLOW;
  });
}

/** Returns the REPARSE_DATA_BUFFER of a symlink or special file; -errno on failure. */
function encodeReparseBuffer(open: Open, node: FileNode): MaybePromise<Uint8Array | Failure> {
  const writer = new Writer(new Uint8Array(MAX_BUFFER_BYTES));
  const { stat } = node;
  if (stat.kind !== FileKind.SYMLINK) {
    const type = inodeTypes.get(stat.format);
    if (type === undefined) return -Errno.EOPNOTSUPP;
    return andThen(node.deviceNumbers?.() ?? [0, 0], (numbers) => {
      if (typeof numbers === "number") return numbers;
      encodeNfsReparse(writer, { type, major: numbers[0] ?? 0, minor: numbers[1] ?? 0 });
      return writer.bytes.subarray(0, writer.position);
    });
  }
  return andThen(node.readLink?.() ?? -Errno.EOPNOTSUPP, (target) => {
    if (typeof target === "number") return target;
    const { store } = open.tree;
    const name = open.isPosix || store === undefined ? target : clientTarget(store, target);
    encodeSymlinkReparse(writer, {
      isRelative: !target.startsWith("/"),
      substituteName: name,
      printName: name,
    });
    return writer.bytes.subarray(0, writer.position);
  });
}

/** Only a client with the SMB3 POSIX extensions may set a reparse point. */
export function setReparsePoint(
  exchange: Exchange,
  open: Open,
  request: IoctlRequest,
): MaybePromise<NtStatus> {
  const status = checkChange(open, request);
  if (typeof status === "number") return status;
  if (open.isPosix) return makeSpecialFile(exchange, open, request);
  // 2.1.5.10.35: no user has SeCreateSymbolicLinkPrivilege.
  return status.tag === ReparseTag.SYMLINK ? Status.ACCESS_DENIED : Status.NOT_SUPPORTED;
}

/** Always refused: a symlink without its target cannot exist. A client can delete the whole object. */
export function deleteReparsePoint(_exchange: Exchange, open: Open, request: IoctlRequest): NtStatus {
  const status = checkChange(open, request);
  if (typeof status === "number") return status;
  if (status.length !== 0) return Status.IO_REPARSE_DATA_INVALID;
  const tag = reparseTagOf(status.node.stat.kind);
  if (tag === 0) return Status.NOT_A_REPARSE_POINT;
  return tag === status.tag ? Status.ACCESS_DENIED : Status.IO_REPARSE_TAG_MISMATCH;
}

/**
 * Checks what SET and DELETE share. Returns tag and ReparseDataLength, or the status that refuses the
 * request.
 */
function checkChange(
  open: Open,
  request: IoctlRequest,
): NtStatus | { readonly node: FileNode; readonly tag: number; readonly length: number } {
  const { node } = open;
  if (node === undefined) return Status.NOT_SUPPORTED;
  if ((open.grantedAccess & (Access.WRITE_DATA | Access.WRITE_ATTRIBUTES)) === 0) return Status.ACCESS_DENIED;
  if (request.input.length < HEADER_BYTES) return Status.IO_REPARSE_DATA_INVALID;
  const reader = new Reader(request.input);
  const tag = reader.u32();
  const length = reader.u16();
  if (tag <= 1 || (tag & TAG_RESERVED) !== 0) return Status.IO_REPARSE_TAG_INVALID;
  return { node, tag, length };
}
